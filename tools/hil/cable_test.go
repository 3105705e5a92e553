//go:build hil

package hil

import (
	"bytes"
	"testing"
	"time"
)

// cable puts the cable in or pulls it: the machine's Ethernet chip sees the carrier come and go.
func (m *machine) cable(in bool) { m.do("set_link", map[string]any{"name": "n", "up": in}) }

// speaks is how many frames with speech a machine has sent: UDP to another handset, not SIP.
func (h *hub) speaks(p *port) int {
	n := 0
	for _, f := range h.seen() {
		if f[12] == 8 && f[13] == 0 && bytes.Equal(f[26:30], p.addr.AsSlice()) && f[23] == 17 && f[30] == 10 && f[31] == 77 &&
			f[33] != 1 && f[42]>>6 == 2 {
			n++
		}
	}
	return n
}

// TestCable pulls the cable: of an idle handset, for a moment during a call, and for good during a call.
func TestCable(t *testing.T) {
	h := newHub(t)
	note("## The cable is pulled\n")
	alice := start(t, setup{name: "alice", card: cardOf(t, "qemuvirt"), port: h.plug(), sound: "alice", words: "sotto.direct=1"})
	bob := start(t, setup{name: "bob", card: cardOf(t, "qemuvirt"), port: h.plug(), sound: "bob", words: "sotto.direct=1"})
	for _, m := range []*machine{alice, bob} {
		m.rest(120 * time.Second)
	}
	alice.cable(false)
	out := time.Now()
	note("Idle: the screen says so after %.1f s. ", alice.waitTop(noNetwork(), "No network", 10*time.Second).Sub(out).Seconds())
	alice.shot("no cable")
	alice.cable(true)
	in := time.Now()
	note("The cable is back, and the screen says so after %.1f s. ", alice.waitTop(ready(), "Ready again", 30*time.Second).Sub(in).Seconds())
	alice.shot("cable is back")

	connect(alice, bob)
	h.cut.Store(true) // a switch on the way loses its power: the cable's light stays on
	time.Sleep(4 * time.Second)
	alice.shot("4 s of silence")
	h.cut.Store(false)
	in = time.Now()
	before := [2]int{h.speaks(alice.setup.port), h.speaks(bob.setup.port)}
	for h.speaks(alice.setup.port) < before[0]+50 || h.speaks(bob.setup.port) < before[1]+50 {
		if time.Since(in) > slow*20*time.Second {
			t.Fatalf("the call does not go on: %d and %d packets since the way is open",
				h.speaks(alice.setup.port)-before[0], h.speaks(bob.setup.port)-before[1])
		}
		time.Sleep(50 * time.Millisecond)
	}
	note("\n\nIn a call the way is cut for 4 s: 50 packets of speech have come each way %.1f s after. ", time.Since(in).Seconds())
	for _, m := range []*machine{alice, bob} {
		m.waitBar(barUnsure, "the call, still secure", 5*time.Second)
	}
	alice.shot("the call goes on")

	bob.cable(false)
	out = time.Now()
	for !shows(bob.screen(), over(), topWords) {
		if time.Since(out) > slow*30*time.Second {
			bob.shot("never over")
			t.Fatal("a call without cable neither goes on nor ends with a cause")
		}
		time.Sleep(50 * time.Millisecond)
	}
	note("\n\nIn a call the cable is pulled: the call is over %.1f s later, and the screen says why. ", time.Since(out).Seconds())
	bob.shot("no cable in a call")
	alice.press("end")
	bob.press("end")
	bob.waitTop(noNetwork(), "No network", 20*time.Second)
	bob.cable(true)
	bob.waitTop(ready(), "Ready", 60*time.Second)
	alice.waitTop(ready(), "Ready", 60*time.Second)
	connect(alice, bob)
	alice.shot("the next call")
	for _, m := range []*machine{alice, bob} {
		saveLog(t, m)
	}
}
