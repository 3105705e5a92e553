package zrtp_test

import (
	"bytes"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// between is a man in the middle of a couple, with caches of his own.
func between(t *testing.T, seed uint64, c *couple, left, right zrtptest.Cache) *zrtptest.MiTM {
	t.Helper()
	a, b := zrtptest.Config('A', seed), zrtptest.Config('B', seed)
	toA, toB := zrtptest.Config('B', seed+1<<20), zrtptest.Config('A', seed+1<<21) // he borrows their ZIDs
	for _, cfg := range []*zrtp.Config{a, b, toA, toB} {
		x255(cfg, cfg)
		cfg.SASTypes = []zrtp.SASType{zrtp.SASB32}
	}
	a.Cache, b.Cache, toA.Cache, toB.Cache = c.a, c.b, left, right
	m, err := zrtptest.NewMiTM(a, toA, toB, b)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Run(10 * time.Second) {
		t.Fatalf("%v %v %v %v", m.Left.A.Failed, m.Left.B.Failed, m.Right.A.Failed, m.Right.B.Failed)
	}
	return m
}

// TestTwoLegs: the SAS of the two legs are equal once in 2^20 only.
func TestTwoLegs(t *testing.T) {
	equal := 0
	for seed := range uint64(200) {
		c := newCouple(t)
		m := between(t, 1000+seed, c, zrtptest.Cache{}, zrtptest.Cache{})
		if m.Left.A.SAS.SAS == m.Right.B.SAS.SAS {
			equal++
		}
	}
	if equal > 1 {
		t.Errorf("%d of 200 equal", equal)
	}
}

// TestMiTMComesLate: after a clean call the man in the middle lacks the retained secret, and both are told. He cannot move
// a verified flag to himself, nor poison the caches for the next clean call.
func TestMiTMComesLate(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	for _, e := range []*zrtptest.End{p.A, p.B} {
		if err := e.Session.SetVerified(p.Now); err != nil {
			t.Fatal(err)
		}
	}
	m := between(t, 2000, c, zrtptest.Cache{}, zrtptest.Cache{})
	for _, e := range []*zrtptest.End{m.Left.A, m.Right.B} {
		if !e.SAS.CacheMismatch || e.SAS.Verified || e.SAS.NewDevice {
			t.Errorf("%+v", e.SAS)
		}
	}
	if p = c.call(); p.A.SAS.CacheMismatch || p.B.SAS.CacheMismatch || !p.A.SAS.Verified {
		t.Errorf("next clean call: %+v", p.A.SAS)
	}
}

// TestMiTMLeaves: present in the first call, he must stay for ever: the first call without him shows.
func TestMiTMLeaves(t *testing.T) {
	c := newCouple(t)
	left, right := zrtptest.Cache{}, zrtptest.Cache{}
	between(t, 3000, c, left, right)
	m := between(t, 3001, c, left, right) // staying shows nothing but a different SAS
	if m.Left.A.SAS.CacheMismatch || m.Right.B.SAS.CacheMismatch || m.Left.A.SAS.SAS == m.Right.B.SAS.SAS {
		t.Errorf("%+v %+v", m.Left.A.SAS, m.Right.B.SAS)
	}
	if p := c.call(); !p.A.SAS.CacheMismatch || !p.B.SAS.CacheMismatch {
		t.Errorf("he left unnoticed: %+v", p.A.SAS)
	}
}

// TestMiTMWithOwnZID: he does not borrow the ZID. No alarm can be raised, but it is a new device without a verified flag.
func TestMiTMWithOwnZID(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	for _, e := range []*zrtptest.End{p.A, p.B} {
		if err := e.Session.SetVerified(p.Now); err != nil {
			t.Fatal(err)
		}
	}
	c.cfg = func(a, b *zrtp.Config) { b.ZID = zrtp.ZID{'M'}; b.Cache = zrtptest.Cache{} }
	if p = c.call(); !p.A.SAS.NewDevice || p.A.SAS.Verified {
		t.Errorf("%+v", p.A.SAS)
	}
}

// TestRelayedMessagesAltered: a man in the middle who only relays and flips any one bit of any message: no secure state
// with an altered message, never a wrong SAS, and the state of the receiver does not move for Hello..Conf2ACK with a bad
// preimage or frame.
func TestRelayedMessagesAltered(t *testing.T) {
	reference := pair(t, 4000, x255)
	reference.Wire.Tap = leader
	mustSecure(t, reference)
	cases := 0
	for side, e := range []*zrtptest.End{reference.A, reference.B} {
		for name, m := range byName(e) {
			if side == sideA && name == "HelloACK" { // the leader's is dropped
				continue
			}
			for bit := range len(m) * 8 {
				flipBit(t, side, name, bit)
				cases++
			}
		}
	}
	t.Logf("%d flipped bits", cases)
}

// flipBit flips one bit of every message of a type, with the CRC made right.
func flipBit(t *testing.T, side int, name string, bit int) {
	p := pair(t, 4000, x255)
	p.Wire.Tap = edit(side, name, func(m []byte) []byte { m[bit/8] ^= 1 << (bit % 8); return m })
	p.Run(1500*time.Millisecond, p.Settled)
	victim := p.B
	if side == sideB {
		victim = p.A
	}
	if p.Secure() {
		agree(t, p) // an acknowledgement that is not needed
		if name != "HelloACK" && name != "Conf2ACK" {
			t.Errorf("%s bit %d altered, and secure", name, bit)
		}
		return
	}
	if victim.Secure != nil || victim.SAS != nil || victim.Keys != nil && name != "Conf2ACK" {
		t.Errorf("%s bit %d: victim has keys, SAS or is secure", name, bit)
	}
}

// TestBitFlipsMoveNothing flips every bit of every packet, header and CRC included, in the state that waits for it, then
// delivers the right one: the exchange goes on as if nothing had been there.
func TestBitFlipsMoveNothing(t *testing.T) {
	ref := pair(t, 4001, x255)
	ref.Wire.Tap = leader
	mustSecure(t, ref)
	sas := ref.A.SAS.SAS
	for _, name := range []string{"Hello", "HelloACK", "Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK"} {
		p := pair(t, 4001, x255)
		flips := 0
		p.Wire.Tap = func(from int, q []byte) [][]byte {
			if leader(from, q) == nil {
				return nil
			}
			out := [][]byte{}
			if zrtptest.MessageType(q) == name {
				for bit := range len(q) * 8 {
					f := bytes.Clone(q)
					f[bit/8] ^= 1 << (bit % 8)
					out = append(out, f)
				}
				flips += len(out)
			}
			return append(out, q)
		}
		mustSecure(t, p)
		if p.A.SAS.SAS != sas || len(alerts(p.A))+len(alerts(p.B)) != 0 || flips == 0 {
			t.Errorf("%s: SAS %s, want %s; alerts %v %v", name, p.A.SAS.SAS, sas, alerts(p.A), alerts(p.B))
		}
	}
}
