package zrtp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// seeds are the messages of the vectors and of the published trace, by type.
func seeds(f *testing.F) (out [][]byte) {
	for _, v := range vectors(f).Sessions {
		for _, m := range []octets{v.Initiator.Hello, v.Responder.Hello, v.Commit, v.DHPart1, v.DHPart2, v.Confirm1, v.Confirm2,
			v.GoClearI, v.Relay, v.Multistream.Commit, v.Preshared.Commit} {
			out = append(out, m)
		}
	}
	var trace struct{ Trace map[string]octets }
	readJSON(f, "published-bzrtp-patterns.json", &trace)
	for _, p := range trace.Trace {
		out = append(out, p[headerSize:len(p)-crcSize])
	}
	return append(out, createError(CodeTimeout), createPing(ZID{1}), createPingACK(ZID{1}, make([]byte, 8), 7), helloACK)
}

// FuzzConsume parses arbitrary messages. What parses is made again octet by octet from what was parsed.
func FuzzConsume(f *testing.F) {
	for _, m := range seeds(f) {
		f.Add(m)
	}
	signed := confirm{sigType: SignaturePGP, sig: make([]byte, 12)}
	for _, plain := range [][]byte{signed.plaintext(), (&sasRelay{sigType: SignatureX509}).plaintext()} {
		f.Add(append(createFrame(msgConfirm1, minMessageSize+len(plain))[:minMessageSize], plain...))
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		kind, err := consumeFrame(m)
		if err != nil {
			return
		}
		var chain hashChain
		switch kind {
		case msgHello:
			if h, err := consumeHello(m); err == nil && (h.hashes.n > maxAlgorithms+1 || h.tags.n > maxAlgorithms+2) {
				t.Fatal("lists grow")
			}
		case msgCommit:
			if c, err := consumeCommit(m); err == nil && c.alg.KeyAgreement.group() != nil {
				copy(chain[2][:], c.h2)
				sameButMAC(t, m, createCommit(&c, &chain))
			}
		case msgDHPart1, msgDHPart2:
			for i := range groups {
				if d, err := consumeDHPart(m, groups[i].part1Size); err == nil {
					copy(chain[1][:], d.h1)
					sameButMAC(t, m, createDHPart(kind, &d.ids, d.pv, &chain))
				}
			}
		case msgConfirm1, msgConfirm2, msgSASrelay:
			fuzzPlain(t, m[minMessageSize:])
		case msgError:
			if code, err := consumeError(m); err == nil && !bytes.Equal(createError(code), m) {
				t.Fatal("Error")
			}
		case msgGoClear:
			_, _ = consumeGoClear(m) // it must not panic
		case msgPing:
			_, _ = consumePing(m)
		case msgPingACK:
			_, _ = consumePingACK(m, ZID{1}, 7)
		}
	})
}

func sameButMAC(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got[:len(got)-macSize], want[:len(want)-macSize]) {
		t.Fatalf("parsed and made again:\n%x\n%x", got, want)
	}
}

// fuzzPlain parses what a peer that has the keys can put into a Confirm or SASrelay.
func fuzzPlain(t *testing.T, plain []byte) {
	if c, err := consumeConfirm(plain); err == nil {
		again := c.plaintext()
		plain := bytes.Clone(plain)
		plain[32], plain[33] = 0, plain[33]&1 // 15 unused bits
		if !bytes.Equal(again, plain) {
			t.Fatalf("Confirm parsed and made again:\n%x\n%x", plain, again)
		}
	}
	if r, err := consumeRelay(plain); err == nil {
		again := r.plaintext()
		plain := bytes.Clone(plain)
		plain[0], plain[1] = 0, plain[1]&1
		if !bytes.Equal(again, plain) {
			t.Fatalf("SASrelay parsed and made again:\n%x\n%x", plain, again)
		}
	}
}

// fuzzPair are two sessions in the state that steps packets lead to.
func fuzzPair(steps int) (a, b *Session, now time.Time) {
	now = time.Unix(1<<30, 0)
	kas := []KeyAgreement{KeyAgreementX255, KeyAgreementPrsh, KeyAgreementMult}
	var ends [2]*Session
	for i := range ends {
		c := Config{ZID: ZID{byte(i + 1)}, SSRC: uint32(i + 1), Rand: &counter{n: byte(i)}, KeyAgreements: kas, Cache: memory{}}
		s, err := NewSession(&c, now)
		if err != nil {
			panic(err)
		}
		s.Start(now)
		ends[i] = s
	}
	var buf [MaxPacketSize]byte
	for idle := 0; steps > 0 && idle < 2; {
		idle++
		for i, s := range ends {
			if n, ok := s.Outgoing(buf[:]); ok {
				_ = ends[1-i].Handle(slices.Clone(buf[:n]), now) // both are honest
				steps, idle = steps-1, 0
			}
		}
	}
	return ends[0], ends[1], now
}

// counter is a cheap reproducible Rand that never repeats.
type counter struct {
	n    byte
	seen uint32
}

func (c *counter) Read(b []byte) (int, error) {
	for i := 0; i < len(b); i += sha256.Size {
		c.seen++
		sum := sha256.Sum256([]byte{c.n, byte(c.seen >> 16), byte(c.seen >> 8), byte(c.seen)})
		copy(b[i:], sum[:])
	}
	return len(b), nil
}

type memory map[ZID]RetainedSecrets

func (m memory) Lookup(z ZID) (RetainedSecrets, bool) { r, ok := m[z]; return r, ok }
func (m memory) Store(z ZID, r RetainedSecrets) error { m[z] = r.clone(); return nil }

// FuzzSession gives a session, in each of its states, three arbitrary messages with right CRC from the peer's SSRC or a
// stranger's, and lets time pass. Nothing panics, memory stays bounded, and no keys come of it that the true peer does
// not have.
func FuzzSession(f *testing.F) {
	for i, m := range seeds(f) {
		for steps := range uint8(14) {
			if (i+int(steps))%7 == 0 {
				f.Add(steps, uint32(1+i%3), m, m, helloACK)
			}
		}
	}
	f.Fuzz(func(t *testing.T, steps uint8, ssrc uint32, m1, m2, m3 []byte) {
		a, _, now := fuzzPair(int(steps) % 16)
		had := a.ex.keys.mac[0] != nil
		state := a.state
		var buf [65536]byte
		for i, m := range [][]byte{m1, m2, m3} {
			if len(m) > 4000 {
				return
			}
			n := createPacket(buf[:], m, uint16(i), ssrc)
			_ = a.Handle(buf[:n], now) // refused or not
			now = now.Add(time.Duration(i) * time.Second)
			a.Tick(now)
		}
		if len(a.peers.list) > maxPeers || a.out.n > queueSize || len(a.events) > maxEvents || len(a.call.nonces) > 8 {
			t.Fatal("memory grows")
		}
		if a.state == StateSecure && state != StateSecure && state != StateWaitConf2ACK && !had {
			t.Fatalf("secure from %v by forged messages", state)
		}
		if d := a.Deadline(); !d.IsZero() && d.Before(now.Add(-time.Second)) {
			t.Fatalf("deadline %v in the past", d)
		}
	})
}

// FuzzPacket takes datagrams apart.
func FuzzPacket(f *testing.F) {
	var buf [MaxPacketSize]byte
	for _, m := range seeds(f) {
		f.Add(slices.Clone(buf[:createPacket(buf[:], m, 1, 2)]))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		ssrc, m, err := consumePacket(p)
		if err != nil {
			return
		}
		again := make([]byte, len(p))
		createPacket(again, m, binary.BigEndian.Uint16(p[2:]), ssrc)
		if !bytes.Equal(again[2:len(p)-crcSize], p[2:len(p)-crcSize]) {
			t.Fatal("packet parsed and made again differs")
		}
	})
}

// TestParserAllocatesNothing: an attacker's octets cost no memory before they are believed.
func TestParserAllocatesNothing(t *testing.T) {
	v := vectors(t).Sessions[4]
	var buf [MaxPacketSize]byte
	n := createPacket(buf[:], v.Initiator.Hello, 1, 2)
	size := KeyAgreementX255.group().part1Size
	for name, f := range map[string]func() error{
		"packet":  func() error { _, _, err := consumePacket(buf[:n]); return err },
		"frame":   func() error { _, err := consumeFrame(v.DHPart1); return err },
		"hello":   func() error { _, err := consumeHello(v.Initiator.Hello); return err },
		"commit":  func() error { _, err := consumeCommit(v.Commit); return err },
		"dhpart":  func() error { _, err := consumeDHPart(v.DHPart2, size); return err },
		"error":   func() error { _, err := consumeError(createError16[:]); return err },
		"ping":    func() error { _, err := consumePing(ping24[:]); return err },
		"confirm": func() error { _, err := consumeConfirm(plain40[:]); return err },
		"relay":   func() error { _, err := consumeRelay(plain40[:]); return err },
	} {
		if err := f(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := testing.AllocsPerRun(100, func() { _ = f() }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

var (
	createError16 [errorSize]byte
	ping24        [pingSize]byte
	plain40       [confirmPlainSize]byte
)
