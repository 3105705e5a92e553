package zrtp_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// The list below the table of required reactions.

// TestReplay: a whole earlier exchange, replayed into a new one from the same addresses, moves nothing.
func TestReplay(t *testing.T) {
	old := secured(t, 50, nil)
	p := pair(t, 51, x255)
	p.Wire.Tap = leader
	for !p.Secure() {
		for i := range max(len(old.A.Sent), len(old.B.Sent)) {
			if i < len(old.A.Sent) && zrtptest.MessageType(old.A.Sent[i]) != "Hello" {
				_ = p.Inject(sideB, old.A.Sent[i]) // refused
			}
			if i < len(old.B.Sent) && zrtptest.MessageType(old.B.Sent[i]) != "Hello" {
				_ = p.Inject(sideA, old.B.Sent[i])
			}
		}
		if p.A.Failed != nil || p.B.Failed != nil {
			if p.A.Failed != nil && p.A.Failed.Code == zrtp.CodeConfirmMAC || p.B.Failed != nil && p.B.Failed.Code == zrtp.CodeConfirmMAC {
				return // a replayed Confirm from the right address is a bad MAC: Error 0x70, as the table says
			}
			t.Fatalf("%v %v", p.A.Failed, p.B.Failed)
		}
		if !p.Run(5*time.Millisecond, p.Secure) && p.Now.Sub(zrtptest.Epoch) > 5*time.Second {
			t.Fatal("not secure")
		}
	}
	agree(t, p)
}

// TestDuplicatesAreIdempotent delivers every packet three times: the answers repeat, octet by octet, and nothing else
// happens.
func TestDuplicatesAreIdempotent(t *testing.T) {
	p := pair(t, 52, x255)
	p.Wire.Tap = func(from int, q []byte) [][]byte {
		if leader(from, q) == nil {
			return nil
		}
		return [][]byte{q, slices.Clone(q), slices.Clone(q)}
	}
	mustSecure(t, p)
	p.Run(5*time.Second, nil)
	for _, e := range []*zrtptest.End{p.A, p.B} {
		first := byName(e)
		for _, q := range e.Sent {
			if name := zrtptest.MessageType(q); !bytes.Equal(q[zrtp.HeaderSize:len(q)-zrtp.CRCSize], first[name]) {
				t.Errorf("two different %s", name)
			}
		}
		keys := 0
		for _, ev := range e.Events {
			if _, ok := ev.(zrtp.KeysReady); ok {
				keys++
			}
		}
		if keys != 1 {
			t.Errorf("%d KeysReady", keys)
		}
	}
}

// TestSequenceNumbers: each packet has the next number, resends too, while the message stays the same.
func TestSequenceNumbers(t *testing.T) {
	p := pair(t, 53, x255)
	p.Wire.Tap = func(int, []byte) [][]byte { return nil }
	p.Run(3*time.Second, nil)
	if len(p.A.Sent) < 10 {
		t.Fatalf("%d packets", len(p.A.Sent))
	}
	for i, q := range p.A.Sent[1:] {
		prev := p.A.Sent[i]
		if uint16(q[2])<<8|uint16(q[3]) != uint16(prev[2])<<8|uint16(prev[3])+1 {
			t.Fatalf("packet %d: sequence %x after %x", i+1, q[2:4], prev[2:4])
		}
		if !bytes.Equal(q[12:len(q)-4], prev[12:len(prev)-4]) {
			t.Fatal("a resent Hello differs")
		}
	}
}

// TestEveryMessageInEveryState feeds each of the 16 types, empty, short and plausible, from the peer's own SSRC, into
// each state. Nothing panics and nothing becomes secure by it.
func TestEveryMessageInEveryState(t *testing.T) {
	types := map[string]int{"Hello": 88, "HelloACK": 12, "Commit": 116, "DHPart1": 116, "DHPart2": 116, "Confirm1": 76,
		"Confirm2": 76, "Conf2ACK": 12, "Error": 16, "ErrorACK": 12, "GoClear": 20, "ClearACK": 12, "SASrelay": 76,
		"RelayACK": 12, "Ping": 24, "PingACK": 36}
	seen := map[zrtp.State]bool{}
	cases := 0
	for name, size := range types {
		for _, n := range []int{12, 16, size, size + 4, size - 4} {
			for stop := range 40 { // packets delivered before the message comes
				p := pair(t, 54, x255)
				left := stop
				p.Wire.Tap = func(from int, q []byte) [][]byte {
					if left--; left < 0 {
						return nil
					}
					return [][]byte{q}
				}
				p.Run(300*time.Millisecond, nil)
				for side, e := range []*zrtptest.End{p.A, p.B} {
					other := p.B
					if side == sideB {
						other = p.A
					}
					seen[e.Session.State()] = true
					wasSecure, wasKeys := e.Secure != nil, e.Keys != nil
					_ = p.Inject(side, packet(zrtp.Frame(name, max(n, 12)), 1, ssrcOf(other))) // any answer but the below
					cases++
					if conf2ack := name == "Conf2ACK"; e.Secure != nil != wasSecure && !conf2ack || e.Keys != nil != wasKeys {
						t.Fatalf("%s of %d octets after %d packets: secure or keys", name, n, stop)
					}
				}
			}
		}
	}
	for s := range zrtp.NumStates {
		switch st := zrtp.State(s); st {
		case zrtp.StateInitial, zrtp.StateWaitErrorACK, zrtp.StateClosed, zrtp.StateWaitCommit, zrtp.StateAckDetected:
		default:
			if !seen[st] {
				t.Errorf("state %v never met", st)
			}
		}
	}
	t.Logf("%d cases in %d states", cases, len(seen))
}

// TestStrippedHello: a man in the middle takes the strong algorithms out of a Hello and makes its MAC right. From the
// responder's Hello hvi shows it; from the initiator's, which total_hash does not cover, the responder's policy does.
func TestStrippedHello(t *testing.T) {
	rich := func(a, b *zrtp.Config) {
		for _, c := range []*zrtp.Config{a, b} {
			c.KeyAgreements = []zrtp.KeyAgreement{zrtp.KeyAgreementEC38, zrtp.KeyAgreementX255}
			c.Hashes = []zrtp.Hash{zrtp.HashS384, zrtp.HashS256}
			c.Ciphers = []zrtp.Cipher{zrtp.CipherAES3, zrtp.CipherAES1}
		}
	}
	strip := func(e *zrtptest.End, what ...string) func(m []byte) []byte {
		return func(m []byte) []byte {
			for i := 0; i < len(what); i += 2 {
				m = bytes.Replace(m, []byte(what[i]), []byte(what[i+1]), 1)
			}
			return e.Session.Sign(m, 2) // he learns H2 from Commit or DHPart1 in time, if he holds the Hello back
		}
	}
	all := []string{"EC38", "X255", "S384", "S256", "AES3", "AES1"}
	t.Run("responder's", func(t *testing.T) {
		p := pair(t, 55, rich)
		p.Wire.Tap = edit(sideB, "Hello", func(m []byte) []byte { return strip(p.B, all...)(m) })
		p.Run(20*time.Second, nil)
		if p.Secure() || p.B.Failed == nil || p.B.Failed.Code != zrtp.CodeCommitment && p.B.Failed.Code != zrtp.CodeKeyAgreement {
			t.Errorf("A %v, B %v", p.A.Failed, p.B.Failed)
		}
		if len(alerts(p.B)) == 0 {
			t.Error("no alert")
		}
	})
	for _, what := range [][]string{all, all[:2], all[2:4], all[4:]} {
		t.Run("initiator's "+what[0], func(t *testing.T) {
			p := pair(t, 55, rich)
			p.Wire.Tap = edit(sideA, "Hello", func(m []byte) []byte { return strip(p.A, what...)(m) })
			refused(t, p, p.B, zrtp.CodeHelloMismatch, zrtp.AlertDowngrade)
		})
	}
}

// TestWeakerCommit: the initiator commits to less than the rule gives, though both offered it.
func TestWeakerCommit(t *testing.T) {
	p := pair(t, 56, func(a, b *zrtp.Config) {
		a.KeyAgreements = []zrtp.KeyAgreement{zrtp.KeyAgreementX255}
		b.KeyAgreements = []zrtp.KeyAgreement{zrtp.KeyAgreementXM76, zrtp.KeyAgreementX255}
		x := []zrtp.Hash{zrtp.HashS384}
		a.Hashes, b.Hashes = x, x
	})
	p.Wire.Tap = edit(sideA, "Hello", func(m []byte) []byte { // A's Hello says it can do the hybrid, and prefers it
		at := bytes.Index(m, []byte("X255"))
		copy(m[at:], "XM76")
		m = append(m[:at+4], append([]byte("X255"), m[at+4:]...)...)
		m[3]++
		m[79] += 0x10
		return p.A.Session.Sign(m, 2)
	})
	refused(t, p, p.B, zrtp.CodeKeyAgreement, zrtp.AlertDowngrade)
}

// TestReflection sends every packet back to its sender.
func TestReflection(t *testing.T) {
	p := pair(t, 57, x255)
	p.Wire.Tap = func(int, []byte) [][]byte { return nil }
	for range 50 {
		p.Run(20*time.Millisecond, nil)
		for _, q := range p.A.Sent {
			_ = p.Inject(sideA, q) // refused
		}
		if len(p.A.Sent) > 100 {
			t.Fatal("answers itself without end")
		}
	}
	if p.A.Secure != nil || p.A.Keys != nil || p.A.Failed == nil || p.A.Failed.Code != zrtp.CodeSSRCCollision {
		t.Errorf("failed %v", p.A.Failed)
	}
}

// TestReflectionMidExchange: once the peer is known, echoes of our own packets are strangers' and end nothing.
func TestReflectionMidExchange(t *testing.T) {
	p := pair(t, 58, x255)
	p.Wire.Tap = func(from int, q []byte) [][]byte {
		e := p.A
		if from == sideB {
			e = p.B
		}
		if e.Session.Candidates() > 0 {
			_ = e.Session.Handle(q, p.Now) // refused
		}
		return [][]byte{q}
	}
	mustSecure(t, p)
}

// TestPingFlood: Pings are answered, at a rate.
func TestPingFlood(t *testing.T) {
	p := secured(t, 59, nil)
	for range 1000 {
		if err := p.Inject(sideB, packet(zrtp.CreatePing(zrtp.ZID{1}), 1, 77)); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(p.B, "PingACK"); n < 1 || n > 10 {
		t.Errorf("%d PingACK at once", n)
	}
	p.Run(time.Second, nil)
	before := count(p.B, "PingACK")
	for range 1000 {
		_ = p.Inject(sideB, packet(zrtp.CreatePing(zrtp.ZID{1}), 1, 77)) // nil, as above
	}
	if n := count(p.B, "PingACK") - before; n < 5 || n > 10 {
		t.Errorf("%d PingACK after a second", n)
	}
}

func TestPing(t *testing.T) {
	p := secured(t, 60, nil)
	p.A.Session.Ping(p.Now)
	p.Run(time.Second, nil)
	if e, ok := p.A.Events[len(p.A.Events)-1].(zrtp.PingAnswered); !ok || e.RTT != 10*time.Millisecond {
		t.Errorf("last event %#v", p.A.Events[len(p.A.Events)-1])
	}
}

// TestHelloHash: the right one is reported, a wrong one rejects the Hello and raises the alert.
func TestHelloHash(t *testing.T) {
	right := helloHash(t, 'B', 61)
	for _, ok := range []bool{true, false} {
		p := pair(t, 61, func(a, b *zrtp.Config) {
			x255(a, b)
			a.PeerHelloHash = slices.Clone(right)
			if !ok {
				a.PeerHelloHash[0] ^= 1
			}
		})
		p.Run(20*time.Second, p.Settled)
		if p.Secure() != ok {
			t.Errorf("hash right %v: secure %v", ok, p.Secure())
		}
		if ok && !p.A.Events[0].(zrtp.PeerFound).HelloHash {
			t.Error("match not reported")
		}
		if got := alerts(p.A); ok != (len(got) == 0) || !ok && got[0] != zrtp.AlertHelloHash {
			t.Errorf("alerts %v", got)
		}
	}
}

// TestOneDiffieHellman: whatever is sent, an exchange costs one result: none for a DHPart whose preimage does not fit,
// one for the true one and its repetitions.
func TestOneDiffieHellman(t *testing.T) {
	for side, name := range []string{"DHPart1", "DHPart2"} {
		p := pair(t, 62, x255)
		p.Wire.Tap = leader
		victim, other, wait := p.A, p.B, zrtp.StateCommitSent
		if side == sideB {
			victim, other, wait = p.B, p.A, zrtp.StateWaitDHPart2
		}
		p.Run(time.Second, func() bool { return victim.Session.State() == wait })
		n := victim.Session.CountDH()
		m := zrtp.Frame(name, 116)
		for i := range 500 {
			m[12], m[13], m[80] = byte(i), byte(i>>8), 9
			if err := p.Inject(side, packet(m, 1, ssrcOf(other))); err != zrtp.ErrPreimage {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if *n != 0 {
			t.Errorf("%d results for forged %s", *n, name)
		}
		p.Wire.Tap = func(from int, q []byte) [][]byte {
			if leader(from, q) == nil {
				return nil
			}
			return [][]byte{q, slices.Clone(q), slices.Clone(q)}
		}
		mustSecure(t, p)
		if *n != 1 {
			t.Errorf("%d results in an exchange", *n)
		}
	}
}
