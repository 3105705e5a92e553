package zrtp_test

import (
	"bytes"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// addStream joins a further stream of both sides.
func addStream(t testing.TB, p *zrtptest.Pair, n uint32) *zrtptest.Pair {
	t.Helper()
	a, err := p.A.Session.AddStream(zrtp.Stream{SSRC: 0x100 + n}, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.B.Session.AddStream(zrtp.Stream{SSRC: 0x200 + n}, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	return zrtptest.Join(a, b, p.Now)
}

func TestMultistream(t *testing.T) {
	p := pair(t, 200, nil)
	mustSecure(t, p)
	seen := map[string]bool{string(p.A.Keys.Send.Key): true, string(p.A.Keys.Receive.Key): true}
	for i := range uint32(5) {
		q := addStream(t, p, i)
		q.Start()
		mustSecure(t, q)
		if q.A.Secure.Mode != zrtp.ModeMultistream || q.A.SAS != nil {
			t.Errorf("mode %v, SAS %v", q.A.Secure.Mode, q.A.SAS)
		}
		for _, k := range [][]byte{q.A.Keys.Send.Key, q.A.Keys.Receive.Key} {
			if seen[string(k)] {
				t.Error("a key came twice")
			}
			seen[string(k)] = true
		}
	}
}

// TestMultistreamWaits: streams started before the first is secure commit by themselves when it is.
func TestMultistreamWaits(t *testing.T) {
	p := pair(t, 201, nil)
	q := addStream(t, p, 1)
	q.Start()
	q.Run(time.Second, nil)
	if count(q.A, "Commit")+count(q.B, "Commit") != 0 {
		t.Fatal("committed before the first stream was secure")
	}
	mustSecure(t, p)
	if q.A.Session.Deadline().IsZero() {
		t.Error("no deadline although the first stream is secure")
	}
	mustSecure(t, q)
}

// TestMultistreamNonceReuse: 0x80.
func TestMultistreamNonceReuse(t *testing.T) {
	p := pair(t, 202, x255AndMult)
	mustSecure(t, p)
	nonce := fill(16, 9)
	for i := range uint32(2) {
		q := addStream(t, p, i)
		q.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte {
			copy(m[76:92], nonce)
			return q.A.Session.Sign(m, 1)
		})
		q.Start()
		if i == 0 {
			q.Run(time.Second, nil) // the attacker's own keys do not fit, but the nonce is used
			continue
		}
		q.Run(20*time.Second, nil)
		if q.B.Failed == nil || q.B.Failed.Code != zrtp.CodeNonceReuse || alerts(q.B)[0] != zrtp.AlertNonceReuse {
			t.Errorf("failed %v", q.B.Failed)
		}
	}
}

func x255AndMult(a, b *zrtp.Config) {
	x255(a, b)
	a.KeyAgreements = []zrtp.KeyAgreement{zrtp.KeyAgreementX255, zrtp.KeyAgreementMult}
	b.KeyAgreements = a.KeyAgreements
}

// TestMultistreamOtherZID: a stream from another ZID than the first's is no part of the call.
func TestMultistreamOtherZID(t *testing.T) {
	p := pair(t, 203, x255AndMult)
	mustSecure(t, p)
	c := zrtptest.Config('A', 9000)
	x255AndMult(c, c)
	c.ZID, c.SSRC = zrtp.ZID{'X'}, 0x900
	a, err := zrtp.NewStream(p.A.Session, c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.B.Session.AddStream(zrtp.Stream{SSRC: 0x901}, p.Now)
	if err != nil {
		t.Fatal(err)
	}
	q := zrtptest.Join(a, b, p.Now)
	q.Start()
	q.Run(20*time.Second, nil)
	if q.B.Secure != nil || b.Candidates() != 0 || len(alerts(q.B)) != 1 || alerts(q.B)[0] != zrtp.AlertZIDChanged {
		t.Errorf("alerts %v", alerts(q.B))
	}
}

// TestMultistreamUnsupported: the peer does not list Mult.
func TestMultistreamUnsupported(t *testing.T) {
	p := pair(t, 204, x255)
	mustSecure(t, p)
	q := addStream(t, p, 1)
	q.Start()
	q.Run(20*time.Second, q.Settled)
	if q.A.Failed == nil || q.A.Failed.Code != zrtp.CodeKeyAgreement {
		t.Errorf("%v", q.A.Failed)
	}
	if p.A.Session.State() != zrtp.StateSecure {
		t.Error("the first stream suffered")
	}
}

func preshared(a, b *zrtp.Config) {
	kas := []zrtp.KeyAgreement{zrtp.KeyAgreementX255, zrtp.KeyAgreementPrsh, zrtp.KeyAgreementMult}
	a.KeyAgreements, b.KeyAgreements = kas, kas
	a.Preshared, b.Preshared = true, true
}

func TestPreshared(t *testing.T) {
	c := newCouple(t)
	c.cfg = preshared
	p := c.call()
	if p.A.Secure.Mode != zrtp.ModeDH {
		t.Fatalf("first call in mode %v", p.A.Secure.Mode)
	}
	rs2 := c.a[zidB].RS2
	for range 3 {
		old := c.a[zidB].RS1
		p = c.call()
		if p.A.Secure.Mode != zrtp.ModePreshared || p.A.SAS.CacheMismatch || p.B.SAS.CacheMismatch {
			t.Fatalf("mode %v, %+v", p.A.Secure.Mode, p.A.SAS)
		}
		c.synced()
		if bytes.Equal(old, c.a[zidB].RS1) || !bytes.Equal(rs2, c.a[zidB].RS2) {
			t.Error("rs1 kept, or rs2 touched: the old rs1 value is not saved in Preshared mode")
		}
	}
	q := addStream(t, p, 1)
	q.Start()
	mustSecure(t, q)
}

// TestPresharedFallback: the responder tries without auxsecret, without pbxsecret, without both; then DH.
func TestPresharedFallback(t *testing.T) {
	aux, pbx := fill(16, 1), fill(32, 2)
	for _, x := range []struct {
		name     string
		cfg      func(a, b *zrtp.Config)
		aux, pbx bool
	}{
		{"all", func(a, b *zrtp.Config) { a.AuxSecret, b.AuxSecret, a.PBX.Secret, b.PBX.Secret = aux, aux, pbx, pbx }, true, true},
		{"B alone has aux", func(a, b *zrtp.Config) { b.AuxSecret, a.PBX.Secret, b.PBX.Secret = aux, pbx, pbx }, false, true},
		{"B alone has pbx", func(a, b *zrtp.Config) { a.AuxSecret, b.AuxSecret, b.PBX.Secret = aux, aux, pbx }, true, false},
		{"B alone has both", func(a, b *zrtp.Config) { b.AuxSecret, b.PBX.Secret = aux, pbx }, false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCouple(t)
			c.call()
			c.cfg = func(a, b *zrtp.Config) { preshared(a, b); x.cfg(a, b); b.Preshared = false }
			c.tap = func(*zrtptest.Pair) func(int, []byte) [][]byte { return leader }
			p := c.call()
			for _, s := range []*zrtp.Secure{p.A.Secure, p.B.Secure} {
				if s.Mode != zrtp.ModePreshared || s.AuxMatch != x.aux || s.PBXMatch != x.pbx {
					t.Errorf("%+v", s)
				}
			}
		})
	}
	t.Run("no match", func(t *testing.T) {
		c := newCouple(t)
		c.call()
		c.cfg = func(a, b *zrtp.Config) { preshared(a, b); a.AuxSecret = aux }
		p := c.call()
		if p.A.Secure.Mode != zrtp.ModeDH || p.A.SAS.CacheMismatch {
			t.Errorf("mode %v", p.A.Secure.Mode)
		}
	})
}

// TestPresharedContention: DH beats Preshared; among two Preshared the phone leads the PBX.
func TestPresharedContention(t *testing.T) {
	c := newCouple(t)
	c.call()
	for range 8 { // whatever hvi and nonce
		c.cfg = func(a, b *zrtp.Config) { preshared(a, b); b.Preshared = false }
		if p := c.call(); p.A.Secure.Mode != zrtp.ModeDH || p.A.Secure.Role != zrtp.Responder {
			t.Errorf("%+v", p.A.Secure)
		}
	}
	for range 8 { // whatever the nonces
		c.cfg = func(a, b *zrtp.Config) { preshared(a, b); b.PBX.MiTM = true }
		if p := c.call(); p.A.Secure.Mode != zrtp.ModePreshared || p.A.Secure.Role != zrtp.Initiator {
			t.Errorf("%+v", p.A.Secure)
		}
	}
}

func TestAux(t *testing.T) {
	for _, x := range []struct {
		a, b         []byte
		match        bool
		toldA, toldB bool
	}{{fill(9, 1), fill(9, 1), true, false, false}, {fill(9, 1), fill(9, 2), false, true, true},
		{fill(9, 1), nil, false, true, false}, {nil, nil, false, false, false}} {
		p := pair(t, 210, func(a, b *zrtp.Config) { x255(a, b); a.AuxSecret, b.AuxSecret = x.a, x.b })
		mustSecure(t, p)
		if p.A.Secure.AuxMatch != x.match || p.B.Secure.AuxMatch != x.match || told(p.A) != x.toldA || told(p.B) != x.toldB {
			t.Errorf("%+v: match %v, told %v %v", x, p.A.Secure.AuxMatch, told(p.A), told(p.B))
		}
	}
}

func told(e *zrtptest.End) bool {
	for _, ev := range e.Events {
		if _, ok := ev.(zrtp.AuxMismatch); ok {
			return true
		}
	}
	return false
}

// TestSRTPS: the key of the signaling, mixed in as auxsecret, in either role.
func TestSRTPS(t *testing.T) {
	for _, salt := range []byte{1, 2} {
		p := pair(t, 211, func(a, b *zrtp.Config) {
			x255(a, b)
			a.SDES = zrtp.SDES{Key: fill(16, 5), Salt: fill(14, 1)}
			b.SDES = zrtp.SDES{Key: fill(16, 5), Salt: fill(14, salt)}
		})
		mustSecure(t, p)
		if p.A.Secure.AuxMatch != (salt == 1) || p.B.Secure.AuxMatch != (salt == 1) {
			t.Errorf("salt %d: match %v", salt, p.A.Secure.AuxMatch)
		}
	}
}

// TestEnrollment: offered by E, stored by the phone only when the user says so; then SASrelay is rendered.
func TestEnrollment(t *testing.T) {
	c := newCouple(t) // A is the PBX
	c.cfg = func(a, b *zrtp.Config) { a.PBX.MiTM, a.PBX.Enroll = true, true }
	p := c.call()
	if c.b[zidA].PBX != nil {
		t.Fatal("stored without the user")
	}
	if len(c.a[zidB].PBX) != 32 {
		t.Fatal("the PBX has nothing")
	}
	if err := p.B.Session.Enroll(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.a[zidB].PBX, c.b[zidA].PBX) {
		t.Fatal("pbxsecret differs")
	}
	c.cfg = func(a, b *zrtp.Config) { a.PBX.MiTM = true }
	p = c.call()
	if !p.A.Secure.PBXMatch || !p.B.Secure.PBXMatch {
		t.Fatal("no match")
	}
	if err := p.B.Session.Enroll(); err == nil {
		t.Error("enrolled although nothing was offered")
	}
	sas := append([]byte{0xde, 0xad, 0xbe, 0xef}, make([]byte, 28)...)
	if err := p.A.Session.RelaySAS(zrtp.SASB256, sas, true, false, p.Now); err != nil {
		t.Fatal(err)
	}
	p.Run(5*time.Second, nil)
	want := zrtp.RelayedSAS{SAS: "tactics:perceptive", Type: zrtp.SASB256, Verified: true}
	if got := p.B.Events[len(p.B.Events)-1]; got != want {
		t.Errorf("%+v", got)
	}
	if n := count(p.A, "SASrelay"); n != 1 {
		t.Errorf("%d SASrelay", n)
	}
}

// TestRelayLost: SASrelay is resent until acknowledged, and shown once.
func TestRelayLost(t *testing.T) {
	p := secured(t, 212, func(a, b *zrtp.Config) {
		a.PBX.MiTM, a.PBX.Secret, b.PBX.Secret = true, fill(32, 7), fill(32, 7)
	})
	drop := 2
	p.Wire.Tap = func(_ int, q []byte) [][]byte {
		if zrtptest.MessageType(q) == "RelayACK" && drop > 0 {
			drop--
			return nil
		}
		return [][]byte{q}
	}
	if err := p.A.Session.RelaySAS(zrtp.SASB32, fill(32, 1), false, true, p.Now); err != nil {
		t.Fatal(err)
	}
	p.Run(20*time.Second, nil)
	shown := 0
	for _, e := range p.B.Events {
		if r, ok := e.(zrtp.RelayedSAS); ok && r.Disclosure {
			shown++
		}
	}
	if n := count(p.A, "SASrelay"); n != 3 || shown != 1 {
		t.Errorf("%d SASrelay, shown %d times", n, shown)
	}
}

// TestPhoneCannotEnroll: E counts only from who set M.
func TestPhoneCannotEnroll(t *testing.T) {
	c := newCouple(t)
	c.cfg = func(a, b *zrtp.Config) { a.PBX.Enroll = true }
	p := c.call()
	if err := p.B.Session.Enroll(); err == nil {
		t.Error("enrolled with a phone")
	}
}

func TestDisclosure(t *testing.T) {
	p := pair(t, 213, func(a, b *zrtp.Config) { x255(a, b); a.Disclosure = true })
	mustSecure(t, p)
	if !p.B.Secure.Disclosure || p.A.Secure.Disclosure {
		t.Errorf("%v %v", p.A.Secure.Disclosure, p.B.Secure.Disclosure)
	}
}

func TestExport(t *testing.T) {
	p := pair(t, 214, x255)
	if _, err := p.A.Session.Export("x", 16); err == nil {
		t.Error("exported before secure")
	}
	mustSecure(t, p)
	a, errA := p.A.Session.Export("chat", 32)
	b, errB := p.B.Session.Export("chat", 32)
	other, errC := p.A.Session.Export("file", 32)
	if errA != nil || errB != nil || errC != nil || !bytes.Equal(a, b) || bytes.Equal(a, other) || len(a) != 32 {
		t.Errorf("%x %x %x, %v %v %v", []byte(a), []byte(b), []byte(other), errA, errB, errC)
	}
	if _, err := p.A.Session.Export("chat", 33); err == nil {
		t.Error("longer than the hash")
	}
}

// TestPassive: a passive endpoint never commits, two of them fail.
func TestPassive(t *testing.T) {
	p := pair(t, 215, func(a, b *zrtp.Config) { x255(a, b); a.Passive = true })
	mustSecure(t, p)
	if count(p.A, "Commit") != 0 || p.A.Secure.Role != zrtp.Responder {
		t.Error("passive endpoint committed")
	}
	p = pair(t, 216, func(a, b *zrtp.Config) { x255(a, b); a.Passive, b.Passive = true, true })
	p.Run(time.Minute, p.Settled)
	if p.A.Failed == nil || p.A.Failed.Code != zrtp.CodeTimeout {
		t.Errorf("%v", p.A.Failed)
	}
}
