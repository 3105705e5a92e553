package media

import (
	"slices"
	"testing"
	"time"

	"sotto/net/protect"
	"sotto/zrtp"
)

// serverKeys are those of a description, for one end or the other.
func serverKeys(t *testing.T, first bool) *Server {
	t.Helper()
	k := protect.Keys{Profile: protect.AES1HS80, SendKey: slices.Repeat([]byte{1}, 16), SendSalt: slices.Repeat([]byte{2}, 14),
		RecvKey: slices.Repeat([]byte{3}, 16), RecvSalt: slices.Repeat([]byte{4}, 14), AnySSRC: true}
	if !first {
		k.SendKey, k.SendSalt, k.RecvKey, k.RecvSalt = k.RecvKey, k.RecvSalt, k.SendKey, k.SendSalt
	}
	voice, err := protect.New(k)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := protect.New(k)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{voice, reports}
}

// noZRTP loses what is ZRTP's: so does a gateway.
func noZRTP(p *pipe) { p.tap = func(b []byte) bool { return kindOf(b) != kindZRTP } }

func count[E Event](s *side) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

// Where nobody answers in ZRTP the server's keys are taken, after a while, and both ends hear each other and their reports.
func TestServerOnly(t *testing.T) {
	wa, wb := newPipes()
	ra, rb := newPipes()
	noZRTP(wa)
	noZRTP(wb)
	a, b := newEar(400), newEar(700)
	began := time.Now()
	alice := newSide(t, a, wa, ra, func(c *Config) { c.Server = serverKeys(t, true) })
	bob := newSide(t, b, wb, rb, func(c *Config) { c.Server = serverKeys(t, false) })
	t.Cleanup(func() { alice.Close(); bob.Close(); a.Close(); b.Close() })
	for _, s := range []*side{alice, bob} {
		await[ServerOnly](t, s, 5*time.Second)
		if d := time.Since(began); d < serverAfter {
			t.Errorf("fell back after %v", d)
		}
		s.SetMuted(false)
	}
	a.hears(t, 50)
	b.hears(t, 50)
	await[Hearing](t, alice, 5*time.Second)
	for _, s := range []*side{alice, bob} {
		if n := count[Agreement](s); n != 0 {
			t.Errorf("%d agreements", n)
		}
	}
}

// A peer that answers in ZRTP is never spoken to with keys that the server has, whoever else has them.
func TestZRTPForgetsTheServersKeys(t *testing.T) {
	alice, bob, _, _ := call(t, func(c *Config) { c.Server = serverKeys(t, true) })
	agreement[zrtp.Secure](t, alice, 10*time.Second)
	agreement[zrtp.Secure](t, bob, 10*time.Second)
	time.Sleep(serverAfter + 300*time.Millisecond)
	for _, s := range []*side{alice, bob} {
		if count[ServerOnly](s) != 0 {
			t.Error("fell back beside ZRTP")
		}
	}
}

// Who was found, and goes no further, is not given up for the server's keys: whoever holds ZRTP back gains nothing.
func TestHeldBackZRTPFallsNowhere(t *testing.T) {
	wa, wb := newPipes()
	seen := false
	wb.tap = func(b []byte) bool { // one Hello, and nothing more of ZRTP
		if kindOf(b) != kindZRTP {
			return true
		}
		first := !seen
		seen = true
		return first
	}
	a, b := newEar(400), newEar(700)
	alice := newSide(t, a, wa, nil, func(c *Config) { c.Server = serverKeys(t, true) })
	bob := newSide(t, b, wb, nil, nil)
	t.Cleanup(func() { alice.Close(); bob.Close(); a.Close(); b.Close() })
	agreement[zrtp.PeerFound](t, alice, 5*time.Second)
	alice.SetMuted(false)
	time.Sleep(serverAfter + 300*time.Millisecond)
	if count[ServerOnly](alice) != 0 || alice.sender.keys.Load() != nil {
		t.Error("fell back on a peer that speaks ZRTP")
	}
}
