package zrtp_test

import (
	"errors"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// TestSetPeerHelloHash: the caller learns the hash with the answer, after it made its own; it counts as one given at once.
func TestSetPeerHelloHash(t *testing.T) {
	for _, right := range []bool{true, false} {
		a, b := zrtptest.Config('A', 910), zrtptest.Config('B', 910)
		x255(a, b)
		p, err := zrtptest.NewPair(a, b)
		if err != nil {
			t.Fatal(err)
		}
		hash := p.B.Session.HelloHash()
		if !right {
			hash[31] ^= 1
		}
		if _, known := p.A.Session.PeerSSRC(); known {
			t.Error("SSRC of a peer that nobody met")
		}
		if err := p.A.Session.SetPeerHelloHash(hash[:31], false); !errors.Is(err, zrtp.ErrConfig) {
			t.Errorf("31 octets: %v", err)
		}
		if err := p.A.Session.SetPeerHelloHash(hash[:], false); err != nil {
			t.Fatal(err)
		}
		p.Start().Run(20*time.Second, p.Settled)
		if p.Secure() != right || right != (len(alerts(p.A)) == 0) {
			t.Errorf("right %v: secure %v, alerts %v", right, p.Secure(), alerts(p.A))
		}
		if ssrc, known := p.A.Session.PeerSSRC(); right && (!known || ssrc != b.SSRC) {
			t.Errorf("peer's SSRC %x", ssrc)
		}
		if err := p.A.Session.SetPeerHelloHash(hash[:], false); !errors.Is(err, zrtp.ErrConfig) {
			t.Errorf("running session: %v", err)
		}
	}
}
