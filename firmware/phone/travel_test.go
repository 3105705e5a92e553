package phone

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/hal"
	"sotto/net/link"
	"sotto/net/signaling"
)

// A port is taken away from under a reader and a writer, who notice nothing; Close still ends the reader.
func TestWireBecomesAnother(t *testing.T) {
	a, err := openWire(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := openWire(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got, ended := make(chan string), make(chan error, 1)
	go func() {
		buf := make([]byte, 100)
		for {
			n, err := a.ReadPacket(buf)
			if err != nil {
				ended <- err
				return
			}
			got <- string(buf[:n])
		}
	}()
	buf := make([]byte, 100)
	for _, ip := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.1"} {
		next, err := openWire(netip.AddrPortFrom(netip.MustParseAddr(ip), 0))
		if err != nil {
			t.Fatal(err)
		}
		before := a.addr()
		begin := time.Now()
		a.become(next)
		if took := time.Since(begin); took > 300*time.Millisecond || a.addr().Addr().String() != ip {
			t.Errorf("after %v it is at %v", took, a.addr())
		}
		if err := a.WritePacket([]byte("to nobody")); err != nil {
			t.Errorf("before the peer is known again: %v", err)
		}
		a.setRemote(b.addr())
		if err := a.WritePacket([]byte("out")); err != nil {
			t.Fatal(err)
		}
		if n, err := b.ReadPacket(buf); err != nil || string(buf[:n]) != "out" {
			t.Fatalf("%q %v", buf[:n], err)
		}
		b.setRemote(before)
		b.WritePacket([]byte("to the old port"))
		b.setRemote(a.addr())
		if err := b.WritePacket([]byte("in")); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != "in" {
			t.Errorf("got %q", s)
		}
	}
	a.Close()
	if err := <-ended; err == nil {
		t.Error("the reader goes on")
	}
	late, err := openWire(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	a.become(late) // closes it
	if err := late.WritePacket([]byte("x")); err != nil {
		t.Errorf("nobody is the peer of a port that is gone: %v", err)
	}
}

// TestACallOutlivesItsAddress takes the network from under a call, gives it back, gives another address and back again. The
// call goes on, speech and signaling with it.
func TestACallOutlivesItsAddress(t *testing.T) {
	at := freePort(t)
	bob := run(t, Config{Listen: at})
	ann := run(t, Config{Listen: netip.AddrPortFrom(netip.Addr{}, freePort(t).Port()), Contacts: []Contact{{"Bob", "sip:test@" + at.String()}}})
	here, there := link.Status{Address: netip.MustParsePrefix("127.0.0.1/8")}, link.Status{Address: netip.MustParsePrefix("127.0.0.2/8")}
	ann.network <- here
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	bob.keys.Press(hal.KeyCall)
	bob.wait(t, `^SECURE\?`)
	ann.wait(t, `^SECURE\?`)
	ann.network <- link.Status{}
	ann.wait(t, "Network lost")
	ann.network <- here
	ann.wait(t, "Say yours, type theirs")
	for _, s := range []link.Status{there, {}, here, there} {
		ann.network <- s
		if s.Up() {
			for bob.await(t, "alert").Why != "media moved" {
			}
		}
	}
	time.Sleep(1500 * time.Millisecond)
	bob.keys.Press(hal.KeyEnd)
	ann.wait(t, "Peer hung up")
	a, b := ann.await(t, "stats").Stats.(callStats), bob.await(t, "stats").Stats.(callStats)
	for name, heard := range map[string][2]callStats{"ann": {a, b}, "bob": {b, a}} {
		// On a machine with much else to do 1.5 s of time are fewer than 75 packets.
		s, sent := heard[0], min(heard[1].Sent, 50)
		if s.Received < 10 || s.Received+5 < sent || s.Junk > 0 {
			t.Errorf("%s heard %d packets of %d, and %d that were nothing", name, s.Received, heard[1].Sent, s.Junk)
		}
	} // Who hangs up without a network, or has not agreed on keys yet, waits for nothing.
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	ann.network <- link.Status{}
	ann.wait(t, "No network")
	ann.network <- there
	bob.keys.Press(hal.KeySoftRight)
	bob.wait(t, "^Ready") // or the next call's wait would see this one's screen
	ann.keys.Press(hal.KeyEnd)
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	bob.keys.Press(hal.KeyCall)
	ann.wait(t, `^SECURE\?`)
	ann.network <- link.Status{}
	ann.wait(t, "Network lost")
	ann.keys.Press(hal.KeyEnd)
	if n := ann.await(t, "ended"); n.Cause != string(call.HungUp) {
		t.Errorf("ended with %q", n.Cause)
	}
	ann.network <- here
	ann.keys.Press(hal.KeyEnd)
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call") // the loopback is never away: bob heard of the end
}

// TestNewsOfTheRadioInACall: what ails it is no change of the network. A call goes on as it was, and one that waits for a network
// goes on waiting, and is told so once.
func TestNewsOfTheRadioInACall(t *testing.T) {
	at := freePort(t)
	bob := run(t, Config{Listen: at})
	ann := run(t, Config{Listen: netip.AddrPortFrom(netip.Addr{}, freePort(t).Port()), Contacts: []Contact{{"Bob", "sip:test@" + at.String()}}})
	here := netip.MustParsePrefix("127.0.0.1/8")
	joined, away := link.Air{Radio: true, Joined: true}, link.Air{Radio: true, Trouble: link.OutOfReach}
	ann.network <- link.Status{Address: here, Air: joined}
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	bob.keys.Press(hal.KeyCall)
	ann.wait(t, `^SECURE\?`)
	for _, s := range []link.Status{{Address: here, Air: away}, {Address: here, Air: joined}, {Air: joined}, {Air: away}, {Air: joined}} {
		ann.network <- s
	}
	var lost int
	var back, over bool
	limit := time.AfterFunc(15*time.Second, func() { ann.notes <- Note{Event: "ended", Cause: "nothing more"} })
	defer limit.Stop()
	for n := range ann.notes {
		switch {
		case n.Event == "alert" && n.Why == "network lost":
			lost++
		case n.Event == "screen" && !back && strings.Contains(n.Text, "Network lost"):
			back = true
			ann.network <- link.Status{Address: here, Air: joined}
		case n.Event == "screen" && back && !over && strings.Contains(n.Text, "Say yours, type theirs"):
			over = true
			bob.keys.Press(hal.KeyEnd)
		case n.Event == "ended":
			if lost != 1 || !over || n.Cause != string(call.PeerHungUp) {
				t.Errorf("ended with %q, having lost the network %d times", n.Cause, lost)
			}
			return
		}
	}
}

// Where a router rewrites calls, or somebody on the way what they announce, the peer may give up first: the reason is that all the
// same, but not once there are keys.
func TestTheNetworkIsTheReason(t *testing.T) {
	var none *voice
	for _, c := range []struct {
		v     *voice
		cause signaling.Cause
		want  call.Cause
	}{
		{&voice{travel: travel{rewritten: true}}, signaling.PeerHungUp, call.Rewritten},
		{&voice{travel: travel{rewritten: true}, secure: true}, signaling.PeerHungUp, call.PeerHungUp},
		{&voice{travel: travel{rewritten: true}}, signaling.Busy, call.Busy},
		{&voice{replaced: true}, signaling.PeerHungUp, call.KeyFailed},
		{&voice{replaced: true, secure: true}, signaling.PeerHungUp, call.PeerHungUp},
		{&voice{}, signaling.PeerHungUp, call.PeerHungUp},
		{none, signaling.PeerHungUp, call.PeerHungUp},
	} {
		if got := c.v.ended(c.cause); got != c.want {
			t.Errorf("%+v, %v: %q, want %q", c.v, c.cause, got, c.want)
		}
	}
}
