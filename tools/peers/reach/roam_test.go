//go:build interop

package reach

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/hal/haltest"
	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
	"sotto/tools/wire"
)

// What a call may lose when its network is replaced by another. The address is away for a second in each case.
const (
	away         = time.Second
	longestHole  = 10 * time.Second
	listen       = 8 * time.Second // after it is over: what a piece of speech needs to be found and judged (stoi)
	intelligible = 0.6             // while the buffer still gets over the hole; 0.95 and more after it
)

// Alice's second cable, and her other address on the first.
const (
	otherAddress = "10.92.1.3"
	otherDevice  = "srew"
	otherNetwork = "10.92.3."
)

// replaceAddress gives alice another address on the same cable.
func replaceAddress(t *testing.T) {
	run(t, "ip", "-n", alices.ns, "addr", "flush", "dev", alices.dev)
	time.Sleep(away)
	run(t, "ip", "-n", alices.ns, "addr", "add", otherAddress+"/24", "dev", alices.dev)
	run(t, "ip", "-n", alices.ns, "route", "replace", "default", "via", alices.addr.Prev().String())
}

// replaceCable takes the first interface down and another up, as when the Wi-Fi goes and a cable comes.
func replaceCable(t *testing.T) {
	run(t, "ip", "-n", alices.ns, "link", "set", alices.dev, "down")
	time.Sleep(away)
	run(t, "ip", "-n", alices.ns, "addr", "add", otherNetwork+"2/24", "dev", otherDevice)
	run(t, "ip", "-n", alices.ns, "link", "set", otherDevice, "up")
	run(t, "ip", "-n", alices.ns, "route", "replace", "default", "via", otherNetwork+"1")
}

// secondCable lies there, unplugged.
func secondCable(t *testing.T) {
	run(t, "ip", "link", "add", otherDevice, "netns", alices.ns, "type", "veth", "peer", "name", otherDevice+"s", "netns", serverHost)
	run(t, "ip", "-n", serverHost, "addr", "add", otherNetwork+"1/24", "dev", otherDevice+"s")
	run(t, "ip", "-n", serverHost, "link", "set", otherDevice+"s", "up")
}

// TestCallOutlivesItsNetwork: two handsets talk through the servers; the caller's address is replaced by another, then its
// interface by another. The call goes on with the same keys, both can be understood again, and nothing was ever in clear.
func TestCallOutlivesItsNetwork(t *testing.T) {
	for _, c := range []struct {
		scenario
		changes []func(*testing.T)
	}{
		{scenario{"signaling by TCP", "direct", "direct", "tcp"}, []func(*testing.T){replaceAddress, replaceCable}},
		{scenario{"plain", "", "direct", "udp"}, []func(*testing.T){replaceCable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lab(t)
			secondCable(t)
			servers(t)
			speech, err := filepath.Abs(root + "/tools/call/speech")
			if err != nil {
				t.Fatal(err)
			}
			atBob := watch(t, bobs)
			bob := c.ring(t, bobs, "bob", speech+"/bob.wav", "--mic-loop")
			alice := c.ring(t, alices, "alice", speech+"/alice.wav", "--mic-loop", "--roam", "--contact", fmt.Sprintf("Bob=sip:bob@%s:%d", sipName, sipPort))
			alice.Say("hold 2")
			must(t, bob, "ringing")
			time.Sleep(500 * time.Millisecond)
			bob.Say("press call")
			a, b := must(t, alice, "secure"), must(t, bob, "secure")
			if a.SAS != b.SAS || a.SAS == "" {
				t.Fatalf("codes %q and %q", a.SAS, b.SAS)
			}
			starts := map[*puppet.Handset][2]float64{}
			for _, h := range []*puppet.Handset{alice, bob} {
				starts[h] = [2]float64{must(t, h, "mic-start").T, must(t, h, "speaker-start").T}
			}
			time.Sleep(2 * time.Second)
			var over []float64 // when each change was
			for i, change := range c.changes {
				alice.Forget()
				bob.Forget()
				began := float64(time.Now().UnixMilli()) / 1000
				change(t)
				must(t, alice, "registered")
				for must(t, bob, "alert").Why != "media moved" {
					bob.Forget() // that nothing was heard of the peer for a while
				}
				if c.way != "" {
					must(t, alice, "way")
					must(t, bob, "way")
				}
				over = append(over, float64(time.Now().UnixMilli())/1000)
				time.Sleep(listen)
				for _, h := range []*puppet.Handset{alice, bob} {
					for _, e := range h.Said() {
						t.Logf("change %d: %s: %+.2f s %s %s", i+1, h.Name, e.T-began, e.Kind, e.Why)
					}
					stillSecure(t, h)
				}
			}
			bob.Say("press end")
			must(t, alice, "ended")
			for who, from := range map[*puppet.Handset]*puppet.Handset{alice: bob, bob: alice} {
				for i, at := range over {
					if v := understood(t, speech+"/"+from.Name+".wav", who.Speaker, at-1-starts[from][0], at-1-starts[who][1]); v < intelligible {
						t.Errorf("%s understands %s with STOI %.3f after change %d", who.Name, from.Name, v, i+1)
					} else {
						t.Logf("%s understands %s with STOI %.3f after change %d", who.Name, from.Name, v, i+1)
					}
				}
			}
			judgeRoaming(t, atBob.all(), len(c.changes))
		})
	}
}

// stillSecure says that a handset has agreed on no other keys, has not ended the call and shows no alarm.
func stillSecure(t *testing.T, h *puppet.Handset) {
	t.Helper()
	for _, e := range h.Said() {
		if e.Kind == "secure" || e.Kind == "ended" {
			t.Errorf("%s: %s %s", h.Name, e.Kind, e.Cause)
		}
	}
	screen, err := h.Screen(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(screen, "SECURE?") || strings.Contains(screen, "Network lost") {
		t.Errorf("%s shows %q", h.Name, screen)
	}
}

// understood compares what was said, over and over, with what was heard, each from a moment on.
func understood(t *testing.T, said, heard string, from, to float64) float64 {
	t.Helper()
	cut := func(pcm []int16, at float64) []int16 {
		i := max(0, int(at*48000))
		return pcm[min(i, len(pcm)):min(i+int(listen.Seconds()*48000), len(pcm))]
	}
	once, err := haltest.ReadWAV(said)
	if err != nil {
		t.Fatal(err)
	}
	var source []int16
	for len(source) < int((from+listen.Seconds())*48000) {
		source = append(source, once...)
	}
	recording, err := haltest.ReadWAV(heard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := stoi.Measure(cut(source, from), cut(recording, to))
	if err != nil {
		t.Error(err)
	}
	return r.Mean
}

// judgeRoaming looks at the wire of the one who stayed: how long each hole was, either way, and that nothing was in clear.
func judgeRoaming(t *testing.T, all []wire.Datagram, changes int) {
	t.Helper()
	all = wire.Unwrap(all)
	if r := wire.Judge(all); r.Media < 500 || len(r.Leaks) > 0 {
		t.Errorf("%d packets of media, leaks %v", r.Media, r.Leaks)
	}
	var peer netip.Addr
	var heard, lost time.Time // alice, last; and when she was lost, zero once bob has followed her
	moves := 0
	hole := func(way string, d time.Duration) {
		switch {
		case d > longestHole:
			t.Errorf("%s: nothing for %v", way, d)
		case d > away:
			t.Logf("%s: a hole of %.2f s", way, d.Seconds())
		}
	}
	for _, d := range all {
		switch there := d.Src.Addr(); {
		case wire.Kind(d.Payload) != "RTP":
		case there == bobs.addr:
			if d.Dst.Addr() == peer && !lost.IsZero() {
				hole("to alice", d.Time.Sub(lost))
				lost = time.Time{}
			}
		default:
			if peer.IsValid() {
				hole("from alice", d.Time.Sub(heard))
			}
			if there != peer {
				moves++
				if peer.IsValid() {
					lost = heard
				}
				peer = there
			}
			heard = d.Time
		}
	}
	if !lost.IsZero() {
		t.Error("bob never spoke to where alice was")
	}
	if moves != changes+1 {
		t.Errorf("alice spoke from %d addresses, want %d", moves, changes+1)
	}
}
