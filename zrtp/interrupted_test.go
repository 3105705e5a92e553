package zrtp_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// cut is where a call breaks: from this message on nothing passes in either direction, and both hang up.
type cut string

const (
	cutSRTP   cut = "SRTP"       // Conf2ACK arrived; the initiator's SRTP does not
	cutAnswer cut = "early SRTP" // Conf2ACK is lost, but the responder's SRTP says the same; the initiator's does not arrive
	uncut     cut = ""
)

var cuts = []cut{"Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK", cutSRTP, cutAnswer, uncut}

// interrupted makes a call with A or B as the initiator that breaks at c, and tells whether either side gave alarm.
func (c *couple) interrupted(at cut, leader byte) (alarm bool) {
	c.t.Helper()
	c.cfg = func(a, b *zrtp.Config) { a.Passive, b.Passive = leader == 'B', leader == 'A' }
	broken := false
	last := at
	if at == cutAnswer {
		last = "Conf2ACK"
	}
	c.tap = func(*zrtptest.Pair) func(int, []byte) [][]byte {
		return func(_ int, q []byte) [][]byte {
			if broken = broken || zrtptest.MessageType(q) == string(last); broken {
				return nil
			}
			return [][]byte{q}
		}
	}
	p := c.start()
	p.Run(5*time.Second, p.Secure)
	initiator, responder := p.A, p.B
	if leader == 'B' {
		initiator, responder = p.B, p.A
	}
	if at == cutAnswer && responder.Secure != nil {
		initiator.Session.PeerSentSRTP(p.Now)
	}
	if at == uncut {
		mustSecure(c.t, p)
		initiator.Session.PeerSentSRTP(p.Now)
		responder.Session.PeerSentSRTP(p.Now)
	}
	p.Drain()
	if reached := map[cut]bool{uncut: true, cutSRTP: true, cutAnswer: true}[at]; reached != (initiator.Secure != nil) {
		c.t.Fatalf("cut at %q: the initiator is in %v", at, initiator.Session.State())
	}
	p.A.Session.Close()
	p.B.Session.Close()
	for _, e := range []*zrtptest.End{p.A, p.B} {
		alarm = alarm || e.SAS != nil && e.SAS.CacheMismatch
	}
	return alarm
}

// fork is a couple with copies of both caches.
func (c *couple) fork() *couple { return &couple{t: c.t, a: c.a.Clone(), b: c.b.Clone(), n: c.n} }

// TestInterruptedCallsGiveNoAlarm breaks calls at every message, in every order of three and with each side leading: two
// honest telephones never tell their owners that the key has changed, from their very first call on.
func TestInterruptedCallsGiveNoAlarm(t *testing.T) {
	calls := 0
	var follow func(c *couple, history string, depth int)
	follow = func(c *couple, history string, depth int) {
		for _, leader := range []byte{'A', 'B'} {
			for _, at := range cuts {
				if depth == 1 && at != uncut { // the last call is a whole one
					continue
				}
				if early := !slices.Contains([]cut{"Conf2ACK", cutSRTP, cutAnswer, uncut}, at); early && history != "" {
					continue // nobody has stored anything yet: once is enough
				}
				next, what := c.fork(), fmt.Sprintf("%s, %c leads to %q", history, leader, at)
				calls++
				if next.interrupted(at, leader) {
					t.Errorf("alarm after%s", what)
				} else if depth > 1 {
					follow(next, what, depth-1)
				}
			}
		}
	}
	follow(newCouple(t), "", 4)
	if calls < 2000 {
		t.Errorf("only %d calls were tried", calls)
	}
}

// TestUnprovenIsNoLicence: what spares honest telephones an alarm spares no thief. Once the peer was heard, or the code was
// compared, or an older secret is known, another device under its ZID is an alarm; and a secret that was never
// proven never counts as verified.
func TestUnprovenIsNoLicence(t *testing.T) {
	first := func() *couple {
		c := newCouple(t)
		c.interrupted("Conf2ACK", 'A')
		if !c.b[zidA].Unproven || c.b[zidA].Verified || len(c.a) != 0 {
			t.Fatalf("after a broken first call: %+v", c.b[zidA])
		}
		return c
	}
	thief := func(c *couple) *zrtptest.Pair {
		c.a, c.tap, c.cfg = zrtptest.Cache{}, nil, nil
		return c.call()
	}
	if p := thief(first()); p.B.SAS.CacheMismatch || !p.B.SAS.NewDevice || p.B.SAS.Verified {
		t.Errorf("never heard: %+v is not a first call", p.B.SAS)
	}
	heard := first()
	heard.interrupted(uncut, 'A')
	if p := thief(heard); heard.b[zidA].Unproven || !p.B.SAS.CacheMismatch {
		t.Errorf("heard: %+v", p.B.SAS)
	}
	paired := newCouple(t) // the secret of the pairing number was equal, and then the line broke
	paired.tap, paired.cfg = nil, func(a, b *zrtp.Config) { b.Passive = true }
	broken := paired.start()
	mustSecure(t, broken)
	if err := broken.B.Session.SetVerified(broken.Now); err != nil || !paired.b[zidA].Unproven {
		t.Fatalf("%v: %+v", err, paired.b[zidA])
	}
	if p := thief(paired); p.B.SAS.Verified || paired.b[zidA].Verified || !p.B.SAS.NewDevice {
		t.Errorf("verified, but never heard: %+v", p.B.SAS)
	}
	older := newCouple(t)
	older.interrupted(uncut, 'A')
	older.interrupted("Conf2ACK", 'A')
	if p := thief(older); !p.B.SAS.CacheMismatch {
		t.Errorf("an older secret: %+v", p.B.SAS)
	}
	compared := newCouple(t)
	p := compared.call()
	for _, e := range []*zrtptest.End{p.A, p.B} {
		if err := e.Session.SetVerified(p.Now); err != nil {
			t.Fatal(err)
		}
	}
	if p := thief(compared); !p.B.SAS.CacheMismatch {
		t.Errorf("compared: %+v", p.B.SAS)
	}
}
