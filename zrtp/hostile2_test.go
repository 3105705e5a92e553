package zrtp_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// count is how many packets of a type a side sent.
func count(e *zrtptest.End, name string) (n int) {
	for _, p := range e.Sent {
		if zrtptest.MessageType(p) == name {
			n++
		}
	}
	return n
}

// secured is a pair that is secure.
func secured(t *testing.T, seed uint64, change func(a, b *zrtp.Config)) *zrtptest.Pair {
	t.Helper()
	p := pair(t, seed, func(a, b *zrtp.Config) {
		x255(a, b)
		if change != nil {
			change(a, b)
		}
	})
	p.Wire.Tap = leader
	mustSecure(t, p)
	return p
}

func ssrcOf(e *zrtptest.End) uint32 { return binary.BigEndian.Uint32(e.Sent[0][8:]) }

func TestGoClear(t *testing.T) {
	for _, forged := range []bool{true, false} {
		p := secured(t, 30, nil)
		m := p.A.Session.ForgeGoClear()
		if forged {
			m[19] ^= 1
		}
		before := len(p.B.Sent)
		_ = p.Inject(sideB, packet(m, 9, ssrcOf(p.A))) // what matters is what B sends
		if p.B.Session.State() != zrtp.StateSecure || count(p.B, "ClearACK") != 0 {
			t.Errorf("forged %v: state %v, %d ClearACK", forged, p.B.Session.State(), count(p.B, "ClearACK"))
		}
		if forged && (len(p.B.Sent) != before || alerts(p.B)[0] != zrtp.AlertForgedGoClear) {
			t.Errorf("forged GoClear: %d answers, alerts %v", len(p.B.Sent)-before, alerts(p.B))
		}
		if last := p.B.Sent[len(p.B.Sent)-1]; !forged && (zrtptest.MessageType(last) != "Error" ||
			binary.BigEndian.Uint32(last[24:]) != 0x100) {
			t.Errorf("authentic GoClear answered by %x", last)
		}
	}
}

func TestRequestClear(t *testing.T) {
	p := secured(t, 31, nil)
	if err := p.A.Session.RequestClear(p.Now); err != nil {
		t.Fatal(err)
	}
	p.Run(3*time.Second, nil)
	if e := p.A.Events[len(p.A.Events)-1]; e != (zrtp.ClearRefused{}) {
		t.Errorf("last event %T", e)
	}
	if n := count(p.A, "GoClear"); n != 1 || p.A.Session.State() != zrtp.StateSecure {
		t.Errorf("%d GoClear, state %v", n, p.A.Session.State())
	}
}

// TestUntrustedRelay: SASrelay from a peer without M, or with M but without pbxsecret, is acknowledged and never shown.
func TestUntrustedRelay(t *testing.T) {
	for _, mitm := range []bool{false, true} {
		p := secured(t, 32, func(a, b *zrtp.Config) {
			if a.PBX.MiTM = mitm; !mitm {
				a.PBX.Secret, b.PBX.Secret = fill(32, 7), fill(32, 7)
			}
		})
		if err := p.Inject(sideB, packet(p.A.Session.ForgeRelay([32]byte{1}), 9, ssrcOf(p.A))); err != nil {
			t.Error(err)
		}
		for _, e := range p.B.Events {
			if _, shown := e.(zrtp.RelayedSAS); shown {
				t.Errorf("M %v: relayed SAS shown", mitm)
			}
		}
		if count(p.B, "RelayACK") != 1 || count(p.B, "Error") != 0 || alerts(p.B)[0] != zrtp.AlertUntrustedRelay {
			t.Errorf("M %v: %d RelayACK, alerts %v", mitm, count(p.B, "RelayACK"), alerts(p.B))
		}
	}
}

func TestForgedRelay(t *testing.T) {
	p := secured(t, 33, func(a, b *zrtp.Config) {
		a.PBX.MiTM, a.PBX.Secret, b.PBX.Secret = true, fill(32, 7), fill(32, 7)
	})
	m := p.A.Session.ForgeRelay([32]byte{1})
	m[40] ^= 1
	if err := p.Inject(sideB, packet(m, 9, ssrcOf(p.A))); err != zrtp.ErrForged || count(p.B, "RelayACK") != 0 {
		t.Errorf("%v, %d RelayACK", err, count(p.B, "RelayACK"))
	}
}

// TestErrorMidExchange: ErrorACK, end, no cache change.
func TestErrorMidExchange(t *testing.T) {
	for _, at := range []string{"Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2"} {
		caches := [2]zrtptest.Cache{{}, {}}
		p := pair(t, 34, func(a, b *zrtp.Config) { x255(a, b); a.Cache, b.Cache = caches[0], caches[1] })
		p.Wire.Tap = leader
		if !p.Run(time.Second, func() bool { return count(p.A, at)+count(p.B, at) > 0 }) {
			t.Fatal(at)
		}
		for side, victim := range []*zrtptest.End{p.A, p.B} {
			if victim.Session.State() == zrtp.StateSecure {
				t.Fatal("too late")
			}
			other := p.B
			if side == sideB {
				other = p.A
			}
			_ = p.Inject(side, packet(zrtp.CreateError(0x20), 9, ssrcOf(other))) // it is in Failed
			if victim.Failed == nil || !victim.Failed.Remote || victim.Failed.Code != 0x20 || count(victim, "ErrorACK") != 1 {
				t.Errorf("%s: %v, %d ErrorACK", at, victim.Failed, count(victim, "ErrorACK"))
			}
		}
		p.Run(30*time.Second, nil)
		if len(caches[0])+len(caches[1]) != 0 || p.A.SAS != nil || p.B.SAS != nil {
			t.Errorf("%s: cache or SAS", at)
		}
	}
}

// TestErrorWhenSecure: an unauthenticated Error must not end a call.
func TestErrorWhenSecure(t *testing.T) {
	p := secured(t, 35, nil)
	if err := p.Inject(sideB, packet(zrtp.CreateError(0x100), 9, ssrcOf(p.A))); err != nil {
		t.Error(err)
	}
	if p.B.Session.State() != zrtp.StateSecure || count(p.B, "ErrorACK") != 1 || p.B.Failed != nil {
		t.Errorf("state %v, failed %v", p.B.Session.State(), p.B.Failed)
	}
}

// foreign makes n sound Hellos of different strangers.
func foreign(t *testing.T, n int) (out [][]byte) {
	for i := range n {
		c := zrtptest.Config('X', uint64(1000+i))
		c.ZID[0], c.ZID[1], c.SSRC = byte(i), byte(i>>8), 0x7000_0000+uint32(i)
		s, err := zrtp.NewSession(c, zrtptest.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		s.Start(zrtptest.Epoch)
		var buf [zrtp.MaxPacketSize]byte
		m, ok := s.Outgoing(buf[:])
		if !ok {
			t.Fatal("no Hello")
		}
		out = append(out, append([]byte(nil), buf[:m]...))
	}
	return out
}

// helloHash is what a session of zrtptest.Config(n, seed) with x255 would announce.
func helloHash(t *testing.T, n byte, seed uint64) []byte {
	t.Helper()
	c := zrtptest.Config(n, seed)
	x255(c, c)
	s, err := zrtp.NewSession(c, zrtptest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	hash := s.HelloHash()
	return hash[:]
}

// TestForeignHellos: 2000 strangers shout first, to either side; the true peer still gets through, with and without a
// zrtp-hash, and little is remembered.
func TestForeignHellos(t *testing.T) {
	shout := foreign(t, 2000)
	for side := range 2 {
		for _, hashed := range []bool{false, true} {
			a, b := zrtptest.Config('A', 36), zrtptest.Config('B', 36)
			x255(a, b)
			if hashed {
				a.PeerHelloHash, b.PeerHelloHash = helloHash(t, 'B', 36), helloHash(t, 'A', 36)
			}
			p, err := zrtptest.NewPair(a, b)
			if err != nil {
				t.Fatal(err)
			}
			p.Start()
			victim := p.A
			if side == sideB {
				victim = p.B
			}
			for _, q := range shout {
				_ = p.Inject(side, q) // refused or kept, as it likes
			}
			if n := victim.Session.Candidates(); n > 16 || hashed && n != 0 {
				t.Errorf("%d Hellos kept", n)
			}
			mustSecure(t, p)
			if len(victim.Events) > 20 {
				t.Errorf("%d events", len(victim.Events))
			}
		}
	}
}

// TestStrangersDoNotEvict: a passive endpoint that knows its peer waits for the Commit while strangers shout.
func TestStrangersDoNotEvict(t *testing.T) {
	p := pair(t, 41, func(a, b *zrtp.Config) { x255(a, b); b.Passive = true })
	held := true
	p.Wire.Tap = func(_ int, q []byte) [][]byte {
		if held && zrtptest.MessageType(q) == "Commit" {
			return nil
		}
		return [][]byte{q}
	}
	p.Run(100*time.Millisecond, nil)
	if st := p.B.Session.State(); st != zrtp.StateWaitCommit {
		t.Fatal(st)
	}
	for _, q := range foreign(t, 100) {
		_ = p.Inject(sideB, q) // refused or kept, as it likes
	}
	held = false
	mustSecure(t, p)
}

// TestGarbage: 2000 datagrams of noise, truncated and altered messages with right CRCs reach both sides during the whole
// exchange, from strangers. It completes.
func TestGarbage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := pair(t, 37, x255)
	p.Drain()
	names := []string{"Hello", "HelloACK", "Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK", "Error",
		"ErrorACK", "GoClear", "ClearACK", "SASrelay", "RelayACK", "Ping", "PingACK", "Unknown"}
	noise := func() []byte {
		switch r.IntN(3) {
		case 0:
			b := make([]byte, r.IntN(100))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			return b
		case 1: // a frame with noise inside
			name := names[r.IntN(len(names)-1)]
			m := zrtp.Frame(name, 12+4*r.IntN(60))
			for i := 12; i < len(m); i++ {
				m[i] = byte(r.Uint32())
			}
			return packet(m, uint16(r.Uint32()), r.Uint32()|1<<31)
		}
		e := p.A
		if r.IntN(2) == 0 {
			e = p.B
		}
		q := e.Sent[r.IntN(len(e.Sent))] // a real message, cut and changed
		m := append([]byte(nil), q[12:16+4*r.IntN((len(q)-16)/4)]...)
		m[r.IntN(len(m))] ^= 1 << r.IntN(8)
		return packet(m, 1, r.Uint32()|1<<31)
	}
	for range 1000 {
		_ = p.Inject(sideA, noise()) // refused, silently or not
		_ = p.Inject(sideB, noise())
		p.Run(time.Millisecond/10, nil)
	}
	mustSecure(t, p)
}

// TestConf2ACKNeverSent: 10 resends of Confirm2, then failure, unless SRTP was seen.
func TestConf2ACKNeverSent(t *testing.T) {
	silence := edit(sideB, "Conf2ACK", func([]byte) []byte { return nil })
	t.Run("nothing", func(t *testing.T) {
		p := pair(t, 38, x255)
		p.Wire.Tap = silence
		p.Run(30*time.Second, nil)
		if n := count(p.A, "Confirm2"); n != 11 || p.A.Failed == nil || p.A.Failed.Code != zrtp.CodeTimeout {
			t.Errorf("%d Confirm2, %v", n, p.A.Failed)
		}
	})
	t.Run("SRTP", func(t *testing.T) {
		p := pair(t, 38, x255)
		p.Wire.Tap = silence
		p.Run(2*time.Second, func() bool { return p.B.Secure != nil })
		p.A.Session.PeerSentSRTP(p.Now)
		p.Run(30*time.Second, nil)
		if p.A.Secure == nil || p.A.Failed != nil {
			t.Errorf("not secure: %v", p.A.Failed)
		}
	})
}

// TestSilentInitiator: the responder gives up after 10 s, and says so.
func TestSilentInitiator(t *testing.T) {
	p := pair(t, 39, x255)
	p.Wire.Tap = edit(sideA, "DHPart2", func([]byte) []byte { return nil })
	p.Run(5*time.Second, func() bool { return p.A.Session.State() == zrtp.StateWaitConfirm1 })
	p.Wire.Drop = 1
	p.Wire.Rand = rand.New(rand.NewPCG(1, 1))
	start := p.Now
	if !p.Run(30*time.Second, func() bool { return p.B.Failed != nil }) || p.B.Failed.Code != zrtp.CodeTimeout {
		t.Fatalf("%v", p.B.Failed)
	}
	if d := p.Now.Sub(start); d < 9*time.Second || d > 11*time.Second {
		t.Errorf("gave up after %v", d)
	}
}

// TestNobodyThere: NoPeer after the Hello schedule, 20 resends.
func TestNobodyThere(t *testing.T) {
	s, err := zrtp.NewSession(zrtptest.Config('A', 40), zrtptest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	p := zrtptest.Join(s, s, zrtptest.Epoch)
	p.Wire.Tap = func(int, []byte) [][]byte { return nil }
	s.Start(p.Now)
	if !p.Run(20*time.Second, func() bool { return len(p.A.Events)+len(p.B.Events) > 0 }) {
		t.Fatal("no event")
	}
	if d := p.Now.Sub(zrtptest.Epoch); d < 3750*time.Millisecond || d > 4*time.Second {
		t.Errorf("NoPeer after %v", d)
	}
	if n := count(p.A, "Hello") + count(p.B, "Hello"); n != 21 {
		t.Errorf("%d Hello", n)
	}
}
