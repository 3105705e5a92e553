//go:build interop

package reach

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
	"sotto/tools/wire"
)

const (
	measured = 5   // calls of each kind
	inARow   = 3   // of one address in a minute: a telephone refuses more, until it is started anew
	gathered = 1e9 // nanoseconds that a call rings before it is answered: what is gathered early is there by then
)

// TestGatheringWhileItRings measures how long the answer takes from the key to the wire, by ICE with a server next door and by a
// relay that is 100 ms away: for a stranger's call, and for that of a contact whose code was compared. And it looks at all that
// leaves the called telephone before the answer: nothing but SIP for the one; for the other its own server is asked besides.
func TestGatheringWhileItRings(t *testing.T) {
	lab(t)
	servers(t)
	speech, err := filepath.Abs(root + "/tools/call/speech")
	if err != nil {
		t.Fatal(err)
	}
	contact := func(name string) string {
		return fmt.Sprintf("%s=sip:%s@%s:%d", name, strings.ToLower(name), sipName, sipPort)
	}
	for route, delay := range map[string]time.Duration{"direct": 0, "relay": 50 * time.Millisecond} {
		t.Run(route, func(t *testing.T) {
			c := scenario{route, "", route, "udp"}
			relay := fmt.Sprintf("turn:hs:secret@%s:%d", turnName, far(t, delay))
			memory := t.TempDir()
			var last *puppet.Handset
			bob := func() *puppet.Handset {
				if last != nil {
					last.Stop()
				}
				last = c.ringIn(t, memory, bobs, "bob", speech+"/bob.wav", "--turn", relay, "--contact", contact("Alice"))
				return last
			}
			carol := c.ring(t, alices, "carol", speech+"/alice.wav", "--turn", relay, "--contact", contact("Bob"))
			stranger := measure(t, carol, bob, false)
			carol.Stop()
			alice := c.ring(t, alices, "alice", speech+"/alice.wav", "--turn", relay, "--contact", contact("Bob"))
			compare(t, alice, bob())
			known := measure(t, alice, bob, true)
			t.Logf("%s, server %v away: from the key to the answer on the wire, median of %d calls: stranger %.0f ms, compared %.0f ms; to `answered` at the caller %.0f and %.0f ms",
				route, 2*delay, measured, 1000*stranger[0], 1000*known[0], 1000*stranger[1], 1000*known[1])
			if delay > 0 && known[0] > stranger[0]-2*delay.Seconds() {
				t.Errorf("it saves less than one round trip to the relay, %v", 2*delay)
			}
			cancel(t, alice, bob())
		})
	}
}

// far lets the TURN server seem away: it is at another port, and each datagram takes as long as told.
func far(t *testing.T, delay time.Duration) (port int) {
	t.Helper()
	if delay == 0 {
		return turnPort
	}
	var front net.PacketConn
	var ways []net.Conn // to the server, one for each port that asks
	inside(t, serverHost, func() (err error) {
		front, err = net.ListenPacket("udp4", registrarsIP+":0")
		for len(ways) < 100 && err == nil {
			var c net.Conn
			c, err = net.Dial("udp4", net.JoinHostPort(registrarsIP, fmt.Sprint(turnPort)))
			ways = append(ways, c)
		}
		return err
	})
	t.Cleanup(func() {
		front.Close()
		for _, c := range ways {
			c.Close()
		}
	})
	go func() {
		taken := map[string]net.Conn{}
		buf := make([]byte, 1500)
		for {
			n, from, err := front.ReadFrom(buf)
			if err != nil {
				return
			}
			way := taken[from.String()]
			if way == nil {
				way = ways[len(taken)] // a hundred are more than the calls have ports
				taken[from.String()] = way
				go back(way, front, from, delay)
			}
			p := bytes.Clone(buf[:n])
			time.AfterFunc(delay, func() { way.Write(p) })
		}
	}()
	return front.LocalAddr().(*net.UDPAddr).Port
}

// back passes on what the server says to one port.
func back(way net.Conn, front net.PacketConn, to net.Addr, delay time.Duration) {
	buf := make([]byte, 1500)
	for {
		n, err := way.Read(buf)
		if err != nil {
			return
		}
		p := bytes.Clone(buf[:n])
		time.AfterFunc(delay, func() { front.WriteTo(p, to) })
	}
}

// measure lets one telephone call another a few times and returns two medians, in seconds from the key that answers: to the
// answer on the called one's wire, and to the caller's word that it has come.
func measure(t *testing.T, caller *puppet.Handset, start func() *puppet.Handset, early bool) (median [2]float64) {
	t.Helper()
	atCaller, atCalled := watch(t, alices), watch(t, bobs)
	var called *puppet.Handset
	var pressed, heard []float64
	for i := range measured {
		if i%inARow == 0 {
			called = start()
		}
		idle(t, caller, called)
		caller.Say("hold 2")
		must(t, called, "ringing")
		time.Sleep(gathered)
		pressed = append(pressed, stamp(time.Now()))
		called.Say("press call")
		heard = append(heard, must(t, caller, "answered").T-pressed[len(pressed)-1])
		a, b := must(t, caller, "secure"), must(t, called, "secure")
		if a.SAS != b.SAS || a.Verified != early || b.Verified != early {
			t.Fatalf("%+v, %+v", a, b)
		}
		caller.Say("press end")
		must(t, called, "ended")
	}
	answers := beforeAnswers(t, atCalled.all(), pressed, early)
	for i := range answers {
		answers[i] -= pressed[i]
	}
	for _, told := range windows(atCaller.all()) {
		answer := len(told) - 1
		if tells := wire.Tells(told[:answer], alices.addr, bobs.addr); len(tells) > 0 {
			t.Errorf("the caller was told before the answer: %q", tells)
		}
		if len(wire.Tells(told[answer:], alices.addr, bobs.addr)) == 0 {
			t.Error("not even the answer tells where the called is: the test sees nothing")
		}
	}
	slices.Sort(answers)
	slices.Sort(heard)
	return [2]float64{answers[measured/2], heard[measured/2]}
}

// windows are the parts of a recording from an INVITE of the caller to its answer, the answer included.
func windows(all []wire.Datagram) (parts [][]wire.Datagram) {
	from := -1
	for i, d := range all {
		switch kind := wire.Kind(d.Payload); {
		case kind == "SIP INVITE" && from < 0:
			from = i
		case from >= 0 && strings.HasPrefix(kind, "SIP 200") && bytes.Contains(d.Payload, []byte(" INVITE\r\n")):
			parts = append(parts, all[from:i+1])
			from = -1
		}
	}
	return parts
}

// beforeAnswers looks at all that the called one sent before each answer's key was pressed, and returns when the answers went out.
// Every packet is SIP to the registrar, without candidates; with a contact whose code was compared there are also those that ask
// the relay, and where it is.
func beforeAnswers(t *testing.T, all []wire.Datagram, pressed []float64, early bool) (answers []float64) {
	t.Helper()
	registrar := netip.MustParseAddr(registrarsIP)
	parts := windows(all)
	if len(parts) != len(pressed) {
		t.Fatalf("%d answers are in the recording", len(parts))
	}
	for i, part := range parts {
		answers = append(answers, stamp(part[len(part)-1].Time))
		rang, asked := false, 0
		var names []wire.Datagram
		for _, d := range part {
			kind := wire.Kind(d.Payload)
			switch {
			case d.Src.Addr() != bobs.addr || stamp(d.Time) > pressed[i]:
			case d.Dst == netip.AddrPortFrom(registrar, sipPort):
				rang = rang || strings.HasPrefix(kind, "SIP 180")
				if bytes.Contains(d.Payload, []byte("a=candidate")) {
					t.Errorf("%s with candidates before the answer", kind)
				}
			case early && d.Dst.Addr() == registrar && kind == "STUN":
				asked++
			case early && d.Dst.Port() == 53:
				names = append(names, d)
			default:
				t.Errorf("before the answer: %s to %v", kind, d.Dst)
			}
		}
		if asked := wire.Asked(names); len(asked) > 1 || len(asked) == 1 && asked[0] != turnName {
			t.Errorf("before the answer a name server was asked for %q", asked)
		}
		if !rang || (asked > 0) != early {
			t.Errorf("early %v: rang %v, and %d packets asked the relay before the answer", early, rang, asked)
		}
	}
	return answers
}

func stamp(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// cancel lets a call ring and go: what was gathered for it is given back. RFC 8656, Section 7.1: a Refresh with a LIFETIME of 0.
func cancel(t *testing.T, caller, called *puppet.Handset) {
	t.Helper()
	atCalled := watch(t, bobs)
	idle(t, caller, called)
	caller.Say("hold 2")
	must(t, called, "ringing")
	time.Sleep(gathered)
	caller.Say("press end")
	must(t, called, "ended")
	time.Sleep(gathered / 2)
	const refresh, lifetime = "\x00\x04", "\x00\x0d\x00\x04\x00\x00\x00\x00"
	for _, d := range atCalled.all() {
		if wire.Kind(d.Payload) == "STUN" && d.Src.Addr() == bobs.addr && string(d.Payload[:2]) == refresh && bytes.Contains(d.Payload, []byte(lifetime)) {
			return
		}
	}
	t.Error("the relay keeps the port of a call that nobody answered")
}

// idle clears the screens, and waits until both can call.
func idle(t *testing.T, all ...*puppet.Handset) {
	t.Helper()
	for _, h := range all {
		h.Say("press end", "sleep 200ms", "press end")
	}
	time.Sleep(time.Second) // or the last key would refuse the next call
	for _, h := range all {
		screen(t, h, "^Ready")
		h.Forget()
	}
}

// screen waits until pattern stands on it.
func screen(t *testing.T, h *puppet.Handset, pattern string) {
	t.Helper()
	if err := h.Shows(10*time.Second, pattern); err != nil {
		t.Fatal(err)
	}
}

// compare is a call in which both type the other's half of the code.
func compare(t *testing.T, caller, called *puppet.Handset) {
	t.Helper()
	idle(t, caller, called)
	caller.Say("hold 2")
	must(t, called, "ringing")
	called.Say("press call")
	a, b := must(t, caller, "secure"), must(t, called, "secure")
	if a.SAS != b.SAS || len(a.SAS) != 4 {
		t.Fatalf("codes %q and %q", a.SAS, b.SAS)
	}
	own, theirs := a.Halves()
	caller.Say("press softL")
	called.Say("press softL")
	caller.TypeCode(theirs)
	called.TypeCode(own)
	for _, h := range []*puppet.Handset{caller, called} {
		screen(t, h, "^SECURE ")
	}
	caller.Say("press end")
	must(t, called, "ended")
}
