//go:build tor && interop

package tornet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/net/onion"
	"sotto/tools/puppet"
)

// screenOf is the text on a handset's screen.
func screenOf(t *testing.T, h *puppet.Handset) string {
	t.Helper()
	screen, err := h.Screen(15 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return screen
}

// shows waits until a handset's screen has a text.
func shows(t *testing.T, h *puppet.Handset, text string) {
	t.Helper()
	var screen string
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if screen = screenOf(t, h); strings.Contains(strings.Join(strings.Fields(screen), " "), text) {
			return
		}
	}
	t.Errorf("%s does not show %q but\n%s", h.Name, text, screen)
}

// guest is a third handset, which knows bob by what it was given only.
func guest(t *testing.T, n *Network, name, at string, args ...string) *puppet.Handset {
	t.Helper()
	torrc := filepath.Join(t.TempDir(), "torrc")
	if err := os.WriteFile(torrc, []byte(strings.Join(n.Torrc(), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.MkdirTemp("", "h") // not t.TempDir: a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	h, err := puppet.Start(simulator, out, name, at+":5060", speech+"alice.wav",
		append(args, "--onion", "--torrc", torrc, "--route", "tor", "--onion-patience", "9s")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop(); os.RemoveAll(out) })
	heard(t, h, "tor-ready")
	return h
}

// asks lets a handset call its speed dial 2 and tells how that went.
func asks(t *testing.T, h *puppet.Handset) string {
	t.Helper()
	h.Forget()
	began := time.Now()
	h.Say("hold 2")
	e := heard(t, h, "ended", "ringing")
	took := time.Since(began)
	t.Logf("%s: %s %s after %v", h.Name, e.Kind, e.Cause, took)
	if e.Kind == "ringing" {
		return e.Kind
	}
	if took > 10*time.Second {
		return fmt.Sprintf("%s only after %v", e.Cause, took)
	}
	return e.Cause
}

// tells lets a handset call until it is told so within ten seconds. The first time the machine may be slow or the network
// between two sets of directories.
func tells(t *testing.T, h *puppet.Handset, want string) {
	t.Helper()
	for i := 1; ; i++ {
		got := asks(t, h)
		if got == want {
			return
		}
		if i == calls {
			t.Errorf("%s: %q, want %q", h.Name, got, want)
			return
		}
		h.Say("press end", "sleep 1s", "press end")
	}
}

var invitation = regexp.MustCompile(`sip:handset@[a-z2-7]{56}\.onion;key=[a-z2-7]{52}`)

// invited: bob invites carol, who calls by what his screen shows and nothing else; the same with another's key is not let
// in; and nor is carol once bob has revoked it. Each is told so in words.
func invited(t *testing.T, n *Network) {
	busy(t)
	p := handsets(t, n, "tor-direct", "--contact", "Carol=sip:carol@192.0.2.9:5060", "--onion-patience", "9s")
	p.bob.Say("press softR")
	choose(t, p.bob, "Carol")
	choose(t, p.bob, "Invite by Tor")
	var address string
	for until := time.Now().Add(20 * time.Second); address == "" && time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		address = invitation.FindString(strings.Join(strings.Fields(screenOf(t, p.bob)), ""))
	}
	if address == "" {
		t.Fatalf("no invitation on the screen:\n%s", screenOf(t, p.bob))
	}
	p.bob.Say("press end", "press end")
	forged := strings.Split(address, ";key=")[0] + ";key=" + strings.ToLower(key(t).Secret())
	carol := guest(t, n, "carol", "127.0.1.4", "--contact", "Bob="+address)
	mallory := guest(t, n, "mallory", "127.0.1.5", "--contact", "Bob="+forged)
	until := time.Now().Add(60 * time.Second) // for the directories to have the new description
	for asks(t, carol) != "ringing" {
		if time.Now().After(until) {
			t.Fatal("carol was invited and cannot call")
		}
		carol.Say("press end", "sleep 1s", "press end")
	}
	heard(t, p.bob, "ringing")
	p.bob.Say("press call")
	if a, b := heard(t, carol, "secure"), heard(t, p.bob, "secure"); a.SAS == "" || a.SAS != b.SAS {
		t.Errorf("SAS %q and %q", a.SAS, b.SAS)
	}
	carol.Say("press end")
	heard(t, p.bob, "ended")
	tells(t, mallory, "not let in")
	shows(t, mallory, "Not let in by Tor")

	p.bob.Say("sleep 1s", "press end", "press end", "press softR")
	choose(t, p.bob, "Carol")
	choose(t, p.bob, "Revoke Tor access")
	p.bob.Say("press softL")
	until = time.Now().Add(60 * time.Second)
	for asks(t, carol) != "not let in" {
		if time.Now().After(until) {
			t.Fatal("carol was revoked and can call")
		}
		carol.Say("press end", "sleep 1s", "press end")
	}
	shows(t, carol, "Not let in by Tor")
	p.bob.Stop()
	tells(t, p.alice, "unreachable")
	shows(t, p.alice, "Phone not reached")
}

// rings: from the key on the caller's handset to its first ring is not much longer than a bare dial to the called's own
// service, over circuits as fresh, in turn with it. Some circuits are slow, so medians count, of more rounds when need be.
func rings(t *testing.T, n *Network) {
	const rounds, most = 3, 6 // a stranger's fourth call in a row is refused; new handsets know nothing of it
	k := key(t)
	p := handsets(t, n, "tor", "--onion-client", k.ID().String())
	probe := client(t, n)
	until(t, probe, "ready", onion.Status.Ready)
	done := alone(t)
	defer done()
	var bare, whole []time.Duration
	for i := 1; i <= most; i++ {
		if i > 1 && i%rounds == 1 {
			p.alice.Stop()
			p.bob.Stop()
			p = handsets(t, n, "tor", "--onion-client", k.ID().String())
		}
		bare = append(bare, p.bareDial(t, probe, onion.Target{Address: p.seed.Address(), Port: sipPort, Key: &k, Circuit: fmt.Sprint("bare", i)}))
		whole = append(whole, p.onceRung(t))
		t.Logf("bare dial %v, ring %v", bare[i-1], whole[i-1])
		if i%rounds > 0 {
			continue
		}
		ratio := float64(middle(whole)) / float64(middle(bare))
		t.Logf("%d rounds: median dial %v, median ring %v: %.2f times", i, middle(bare), middle(whole), ratio)
		if ratio <= 1.5 {
			return
		}
		// What one more exchange over the circuit takes is in ring, which stands at 1.5. Here two whole handsets compute besides,
		// and a burdened machine makes them late.
		if i == most && ratio > 2.5 {
			t.Error("from the key to the first ring takes more than 2.5 times as long as a bare dial, even for a slow machine")
		}
	}
}

// bareDial opens a stream and closes it, and tells how long the opening took. See dial for the second try.
func (p pair) bareDial(t *testing.T, probe *onion.Tor, to onion.Target) time.Duration {
	t.Helper()
	for i := 1; ; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		began := time.Now()
		c, err := probe.Dial(ctx, to)
		took := time.Since(began)
		cancel()
		if err == nil {
			c.Close()
			return took
		}
		if i == calls {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
	}
}

// middle is the median.
func middle(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// onceRung makes a call and ends it, and tells how long it took from the key to the ring.
func (p pair) onceRung(t *testing.T) time.Duration {
	t.Helper()
	p.alice.Forget()
	p.bob.Forget()
	took := p.ring(t)
	p.bob.Say("press call")
	heard(t, p.alice, "secure")
	p.alice.Say("press end")
	heard(t, p.bob, "ended")
	p.alice.Say("sleep 500ms", "press end", "sleep 500ms")
	time.Sleep(1500 * time.Millisecond)
	return took
}
