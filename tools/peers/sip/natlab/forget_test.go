//go:build interop

package natlab

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
	"sotto/tools/wire"
)

// forget restarts all translators of a telephone.
func (l *lab) forget(n string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.chain[n] {
		b.Forget()
	}
}

// hear counts the packets of media that come to the two telephones in a while, within TURN, too.
func (l *lab) hear(while time.Duration) (a, b int) {
	l.mu.Lock()
	l.came = map[string][]wire.Datagram{}
	l.mu.Unlock()
	time.Sleep(while)
	l.mu.Lock()
	defer l.mu.Unlock()
	count := func(n string) (media int) {
		for _, d := range wire.Unwrap(l.came[n]) {
			if wire.Kind(d.Payload) == "RTP" {
				media++
			}
		}
		return media
	}
	return count("a"), count("b")
}

// unplug takes the network from a telephone for a second, in which its router forgets it, too.
func (l *lab) unplug(t *testing.T, n string) {
	run(t, "ip", "-n", "ntlab"+n, "addr", "flush", "dev", "ntlab"+n)
	time.Sleep(time.Second)
	l.forget(n)
	run(t, "ip", "-n", "ntlab"+n, "addr", "add", l.addr[n].String()+"/32", "dev", "ntlab"+n)
	run(t, "ip", "-n", "ntlab"+n, "route", "replace", "default", "dev", "ntlab"+n)
}

// longestSilence is how long a call may hear nothing: two seconds or three make a silence, and the way is found in another.
const longestSilence = 7 * time.Second

// A router that is restarted forgets a telephone behind it. While the telephone rests it can be called again within half a
// minute; a call goes on by another way, with the same keys, whether the other side still hears us or not, and also when the
// telephone's own network was away meanwhile and came back with the same address.
func TestForgottenByTheRouter(t *testing.T) {
	l := newLab(t)
	startTURN(t)
	ca := startRegistrar(t)
	for _, c := range []struct {
		transport, at, other string
		rests, away          bool
	}{
		{"udp", "port-restricted", "port-restricted", true, false},
		{"tls", "port-restricted", "public", true, false},
		{"tls", "symmetric", "symmetric", false, false},
		{"tls", "carrier-grade", "full cone", false, true},
	} {
		t.Run(fmt.Sprintf("%s, %s and %s, cable out %v", c.transport, c.at, c.other, c.away), func(t *testing.T) {
			l.set(c.at, c.other)
			l.record()
			port := map[string]int{"udp": 5060, "tls": 5061}[c.transport]
			alice := l.handset(t, "a", "alice", c.transport, ca, "--mic-loop", "--roam")
			bob := l.handset(t, "b", "bob", c.transport, ca, "--mic-loop", "--contact", fmt.Sprintf("P=sip:alice@%v:%d", serverAddr, port))
			began := time.Now()
			if c.rests {
				l.forget("a")
				if _, err := alice.Await(45*time.Second, "rerouted"); err != nil {
					t.Fatal(err)
				}
				t.Logf("at rest: the server knows the new way after %.1f s", time.Since(began).Seconds())
			}
			bob.Say("hold 2")
			await(t, alice, "ringing")
			alice.Say("press call")
			if a, b := await(t, alice, "secure"), await(t, bob, "secure"); a.SAS != b.SAS || a.SAS == "" {
				t.Fatalf("codes %q and %q", a.SAS, b.SAS)
			}
			time.Sleep(3 * time.Second)
			alice.Forget()
			bob.Forget()
			began = time.Now()
			if c.away {
				l.unplug(t, "a")
			} else {
				l.forget("a")
			}
			for back := false; !back; {
				a, b := l.hear(500 * time.Millisecond)
				back = a >= 20 && b >= 20
				if silence := time.Since(began); back {
					t.Logf("in a call: both are heard again after %.1f s", silence.Seconds())
				} else if silence > longestSilence {
					t.Fatalf("after %v: packets of media to alice %d, to bob %d in half a second", silence, a, b)
				}
			}
			l.stillSecure(t, began, alice, bob)
			bob.Say("press end")
			await(t, alice, "ended")
			if r := wire.Judge(wire.Unwrap(l.recorded())); len(r.Leaks) > 0 || r.Media < 300 {
				t.Errorf("%d packets of media, leaks %v", r.Media, r.Leaks)
			}
		})
	}
}

// sweepEvery makes a translator forget what was idle for 16 to 32 s, as many do.
const sweepEvery = 16 * time.Second

// Somebody takes two thirds of a minute to come to the telephone, which is longer than translators remember an idle port. Both ends
// keep what they have told each other alive: by the relay alone there would be no other way.
func TestAnsweredLate(t *testing.T) {
	l := newLab(t)
	startTURN(t)
	ca := startRegistrar(t)
	l.set("port-restricted", "symmetric")
	relay := []string{"--route", "relay"}
	alice := l.handset(t, "a", "alice", "tls", ca, append(relay, "--contact", fmt.Sprintf("P=sip:bob@%v:5061", serverAddr))...)
	bob := l.handset(t, "b", "bob", "tls", ca, relay...)
	alice.Say("hold 2")
	await(t, bob, "ringing")
	for range 3 {
		time.Sleep(sweepEvery / 2)
		l.mu.Lock()
		for _, chain := range l.chain {
			for _, b := range chain {
				b.Sweep()
			}
		}
		l.mu.Unlock()
		time.Sleep(sweepEvery / 2)
	}
	bob.Say("press call")
	if a, b := await(t, alice, "secure"), await(t, bob, "secure"); a.SAS != b.SAS || a.SAS == "" {
		t.Errorf("codes %q and %q", a.SAS, b.SAS)
	}
	if way := await(t, alice, "way"); way.Text != "relay" {
		t.Errorf("media goes %s", way.Text)
	}
}

// stillSecure says that nobody has agreed on other keys, that the call has not ended, and that no screen complains.
func (l *lab) stillSecure(t *testing.T, began time.Time, both ...*puppet.Handset) {
	t.Helper()
	for _, h := range both {
		for _, e := range h.Said() {
			if e.Kind == "secure" || e.Kind == "ended" {
				t.Errorf("%s: %s %s", h.Name, e.Kind, e.Cause)
			} else if e.Kind != "screen" {
				t.Logf("%s: %+.2f s %s %s%s", h.Name, e.T-float64(began.UnixMilli())/1000, e.Kind, e.Why, e.Text)
			}
		}
		h.Forget()
		s, err := h.Screen(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(s, "SECURE?") || strings.Contains(s, "Network lost") {
			t.Errorf("%s shows %q", h.Name, s)
		}
	}
}
