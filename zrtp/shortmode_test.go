package zrtp_test

import (
	"bytes"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// Hostile cases of the modes without DHPart, and ends of sessions that a handset never chooses.

// streams joins a further stream of a secure pair; A leads.
func streams(t *testing.T, seed uint64, tap func(q *zrtptest.Pair) func(int, []byte) [][]byte) *zrtptest.Pair {
	t.Helper()
	p := pair(t, seed, x255AndMult)
	mustSecure(t, p)
	q := addStream(t, p, 1)
	q.Wire.Tap = tap(q)
	q.Start()
	return q
}

func TestMultistreamH0Wrong(t *testing.T) {
	q := streams(t, 900, func(q *zrtptest.Pair) func(int, []byte) [][]byte {
		return edit(sideA, "Commit", func(m []byte) []byte { q.A.Session.BreakH0(); return m })
	})
	unmoved(t, q, q.B, zrtp.ErrPreimage)
	q = streams(t, 901, func(q *zrtptest.Pair) func(int, []byte) [][]byte {
		return edit(sideB, "Hello", func(m []byte) []byte { q.B.Session.BreakH0(); return m })
	})
	unmoved(t, q, q.A, zrtp.ErrPreimage)
}

// TestMultistreamCommitMACWrong: the sender itself made it wrong, so that only H0 shows it.
func TestMultistreamCommitMACWrong(t *testing.T) {
	q := streams(t, 902, func(q *zrtptest.Pair) func(int, []byte) [][]byte {
		return edit(sideA, "Commit", func([]byte) []byte { return bytes.Clone(q.A.Session.BreakCommit()) })
	})
	q.Run(10*time.Second, nil)
	if q.B.Failed == nil || q.B.Failed.Code != zrtp.CodeHelloMismatch || alerts(q.B)[0] != zrtp.AlertMessageMAC {
		t.Errorf("%v", q.B.Failed)
	}
}

// TestMultistreamAgainstDH: "a software error has occurred and the ZRTP negotiation should be terminated."
func TestMultistreamAgainstDH(t *testing.T) {
	p := pair(t, 903, x255AndMult)
	p.Wire.Tap = func(from int, b []byte) [][]byte {
		if from == sideB && zrtptest.MessageType(b) == "Commit" {
			b = repack(b, func([]byte) []byte {
				return p.B.Session.ForgeCommit(zrtp.Algorithms{Hash: zrtp.HashS256, Cipher: zrtp.CipherAES1,
					AuthTag: zrtp.AuthTagHS80, KeyAgreement: zrtp.KeyAgreementMult, SAS: zrtp.SASB32}, fill(16, 255), nil)
			})
		}
		return [][]byte{b}
	}
	refused(t, p, p.A, zrtp.CodeSoftware, 0)
}

// TestDHOnFurtherStream: "When adding additional media streams to an existing call, Multistream mode MUST be used."
func TestDHOnFurtherStream(t *testing.T) {
	p := pair(t, 904, x255AndMult)
	mustSecure(t, p)
	c := zrtptest.Config('A', 9100) // the attacker opens a call of his own with the same ZID towards B's stream
	x255AndMult(c, c)
	c.SSRC = 0x999
	a, err := zrtp.NewSession(c, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.B.Session.AddStream(zrtp.Stream{SSRC: 0x998}, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	q := zrtptest.Join(a, b, p.Now)
	q.Wire.Tap = leader
	q.Start()
	q.Run(20*time.Second, nil)
	if q.B.Failed == nil || q.B.Failed.Code != zrtp.CodeSoftware || p.B.Session.State() != zrtp.StateSecure {
		t.Errorf("%v", q.B.Failed)
	}
}

// TestCleared: our GoClear is acknowledged, or never answered: ZRTPSess is replaced, the keys are gone, the session over.
func TestCleared(t *testing.T) {
	for _, acknowledged := range []bool{true, false} {
		p := secured(t, 905, nil)
		old := bytes.Clone(p.A.Session.SessionKey())
		p.Wire.Tap = func(int, []byte) [][]byte { return nil }
		if err := p.A.Session.RequestClear(p.Now); err != nil {
			t.Fatal(err)
		}
		if acknowledged {
			if err := p.Inject(sideA, packet(zrtp.Frame("ClearACK", 12), 1, ssrcOf(p.B))); err != nil {
				t.Fatal(err)
			}
		}
		p.Run(20*time.Second, nil)
		if e := p.A.Events[len(p.A.Events)-1]; e != (zrtp.Cleared{}) || p.A.Session.State() != zrtp.StateClosed {
			t.Errorf("last event %T, state %v", e, p.A.Session.State())
		}
		if n := count(p.A, "GoClear"); acknowledged && n != 1 || !acknowledged && n != 11 {
			t.Errorf("%d GoClear", n)
		}
		if key := p.A.Session.SessionKey(); len(key) != 32 || bytes.Equal(key, old) {
			t.Error("ZRTPSess not replaced")
		}
		if p.A.Session.RequestClear(p.Now) == nil {
			t.Error("cleared twice")
		}
	}
}

// TestUnaskedClearACK does nothing.
func TestUnaskedClearACK(t *testing.T) {
	p := secured(t, 906, nil)
	if err := p.Inject(sideA, packet(zrtp.Frame("ClearACK", 12), 1, ssrcOf(p.B))); err != nil {
		t.Fatal(err)
	}
	if p.A.Session.State() != zrtp.StateSecure {
		t.Error(p.A.Session.State())
	}
}

// TestRejectSASAfterMismatch: the old secret, which is not this caller's, stays.
func TestRejectSASAfterMismatch(t *testing.T) {
	c := newCouple(t)
	c.call()
	old := bytes.Clone(c.a[zidB].RS1)
	c.b = zrtptest.Cache{}
	p := c.call()
	if err := p.A.Session.RejectSAS(); err != nil {
		t.Fatal(err)
	}
	if err := p.A.Session.Unverify(); err != nil || !bytes.Equal(c.a[zidB].RS1, old) {
		t.Errorf("%v, secret %x", err, []byte(c.a[zidB].RS1))
	}
}

// TestBeforeSecure: acts of the user need a secure session.
func TestBeforeSecure(t *testing.T) {
	p := pair(t, 907, x255)
	s := p.A.Session
	for name, err := range map[string]error{"SetVerified": s.SetVerified(p.Now), "Unverify": s.Unverify(),
		"RejectSAS": s.RejectSAS(), "Enroll": s.Enroll(), "RequestClear": s.RequestClear(p.Now),
		"RelaySAS": s.RelaySAS(zrtp.SASB32, nil, false, false, p.Now)} {
		if err != zrtp.ErrNotSecure {
			t.Errorf("%s: %v", name, err)
		}
	}
}
