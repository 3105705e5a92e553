package sipua

import (
	"errors"
	"net/netip"
	"testing"

	"sotto/net/signaling"
)

// The line goes to another address in a running call, and back: the call stays, both ends can change and end it.
func TestRebind(t *testing.T) {
	for _, transport := range []string{";transport=udp", ";transport=tcp"} {
		alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
		moves := 0
		a, b := connect(t, alice, bob, bob.uri()+transport)
		first := alice.Addr()
		second := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), first.Port())
		for _, at := range []netip.AddrPort{second, second, first} {
			for _, there := range []netip.AddrPort{first, second, first, second, at} { // each is free at once
				if err := alice.Rebind(there); err != nil {
					t.Fatal(err)
				}
			}
			d := describe(4000)
			d.RTP = netip.AddrPortFrom(at.Addr(), d.RTP.Port()+uint16(moves))
			moves++
			alice.Update(a, d)
			if m := want[signaling.Moved](bob); m.Remote.RTP != d.RTP || alice.Addr() != at {
				t.Errorf("at %v, told %v, want %v", alice.Addr(), m.Remote.RTP, at)
			}
			alice.quiet() // until all is acknowledged
		}
		if err := alice.Rebind(netip.MustParseAddrPort("203.0.113.77:5060")); err == nil || alice.Addr() != first {
			t.Errorf("%v on an address that is not ours: %v", alice.Addr(), err)
		}
		var listen *ListenError
		if err := alice.Rebind(bob.Addr()); !errors.As(err, &listen) {
			t.Errorf("on a port in use: %v", err)
		}
		bob.Hangup(b, signaling.HungUp)
		bob.wantEnd(signaling.HungUp)
		alice.wantEnd(signaling.PeerHungUp)
		again, _ := connect(t, alice, bob, bob.uri()+transport)
		alice.Hangup(again, signaling.HungUp)
	}
}
