package zrtp

import (
	"crypto/rand"
	"testing"
	"time"
)

// benchSessions makes two sessions that agree by ka alone, each with a cache.
func benchSessions(tb testing.TB, ka KeyAgreement, now time.Time) [2]*Session {
	var out [2]*Session
	h := HashS256
	if ka == KeyAgreementEC38 {
		h = HashS384
	}
	for i := range out {
		c := Config{ZID: ZID{byte(i + 1)}, SSRC: uint32(i + 1), Rand: rand.Reader, Cache: memory{},
			KeyAgreements: []KeyAgreement{ka}, Hashes: []Hash{h}, Ciphers: []Cipher{CipherAES1}}
		s, err := NewSession(&c, now)
		if err != nil {
			tb.Fatal(err)
		}
		s.Start(now)
		out[i] = s
	}
	return out
}

// handshake runs a whole exchange, contention included, packets and CRCs included.
func handshake(tb testing.TB, ka KeyAgreement) {
	now := time.Unix(1<<30, 0)
	ends := benchSessions(tb, ka, now)
	var buf [MaxPacketSize]byte
	for moved := true; moved; {
		moved = false
		for i, s := range ends {
			for n, ok := s.Outgoing(buf[:]); ok; n, ok = s.Outgoing(buf[:]) {
				if err := ends[1-i].Handle(buf[:n], now); err != nil {
					tb.Fatal(err)
				}
				moved = true
			}
		}
	}
	if ends[0].state != StateSecure || ends[1].state != StateSecure {
		tb.Fatal("not secure")
	}
}

// bare does the public-key operations of a handshake and nothing else: two key pairs, two results.
func bare(tb testing.TB, ka KeyAgreement) {
	g := ka.group()
	a, err := g.make(rand.Reader, Initiator, 32)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := g.make(rand.Reader, Responder, 32)
	if err != nil {
		tb.Fatal(err)
	}
	part1, err := b.part1(a.commitKey(), HashS256)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err = b.result(a.part2(), HashS256); err != nil {
		tb.Fatal(err)
	}
	if _, err = a.result(part1, HashS256); err != nil {
		tb.Fatal(err)
	}
}

var benchKAs = []KeyAgreement{KeyAgreementX255, KeyAgreementDH3k, KeyAgreementEC25, KeyAgreementEC38, KeyAgreementX448,
	KeyAgreementXM76}

func BenchmarkHandshake(b *testing.B) {
	for _, ka := range benchKAs {
		b.Run(ka.String(), func(b *testing.B) {
			for b.Loop() {
				handshake(b, ka)
			}
		})
	}
}

func BenchmarkPublicKey(b *testing.B) {
	for _, ka := range benchKAs {
		b.Run(ka.String(), func(b *testing.B) {
			for b.Loop() {
				bare(b, ka)
			}
		})
	}
}

func BenchmarkParseHello(b *testing.B) {
	m := vectors(b).Sessions[0].Initiator.Hello
	b.ReportAllocs()
	for b.Loop() {
		if _, err := consumeHello(m); err != nil {
			b.Fatal(err)
		}
	}
}
