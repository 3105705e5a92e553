package protect

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	ssrcA = 0xa1a2a3a4
	ssrcB = 0xb1b2b3b4
)

func seq(n int, first byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// pair returns both ends of one call.
func pair(t testing.TB, p Profile) (a, b *Context) {
	t.Helper()
	n := p.KeyLen()
	a, err := New(Keys{p, seq(n, 1), seq(14, 100), seq(n, 50), seq(14, 150), ssrcB, false})
	if err != nil {
		t.Fatal(err)
	}
	b, err = New(Keys{p, seq(n, 50), seq(14, 150), seq(n, 1), seq(14, 100), ssrcA, false})
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func rtpPacket(ssrc uint32, seq uint16, payload string) []byte {
	p := []byte{0x80, 96, byte(seq >> 8), byte(seq), 0, 0, byte(seq >> 8), byte(seq),
		byte(ssrc >> 24), byte(ssrc >> 16), byte(ssrc >> 8), byte(ssrc)}
	return append(p, payload...)
}

func rtcpPacket(ssrc uint32) []byte {
	p := []byte{0x80, 200, 0, 6, byte(ssrc >> 24), byte(ssrc >> 16), byte(ssrc >> 8), byte(ssrc)}
	return append(p, make([]byte, 20)...)
}

func eachProfile(t *testing.T, f func(t *testing.T, p Profile)) {
	for p := AES1HS80; p.valid(); p++ {
		t.Run(p.String(), func(t *testing.T) { f(t, p) })
	}
}

func TestThereAndBack(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		a, b := pair(t, p)
		for i := range uint16(1000) {
			clear := rtpPacket(ssrcA, 65000+i, "speech of constant length")
			wire, err := a.ProtectRTP(nil, clear)
			if err != nil {
				t.Fatal(err)
			}
			if len(wire) != len(clear)+profiles[p].tagLen {
				t.Fatalf("%d bytes became %d", len(clear), len(wire))
			}
			if bytes.Contains(wire, clear[12:]) {
				t.Fatal("the payload is on the wire in clear")
			}
			got, err := b.UnprotectRTP(nil, wire)
			if err != nil || !bytes.Equal(got, clear) {
				t.Fatalf("packet %d: %x, %v", i, got, err)
			}
			wire, err = b.ProtectRTCP(nil, rtcpPacket(ssrcB))
			if err != nil || len(wire) != 28+14 {
				t.Fatalf("%d bytes, %v", len(wire), err)
			}
			got, err = a.UnprotectRTCP(nil, wire)
			if err != nil || !bytes.Equal(got, rtcpPacket(ssrcB)) {
				t.Fatalf("RTCP packet %d: %x, %v", i, got, err)
			}
		}
	})
}

// RFC 3711, Appendix B.3 derives the session keys of a master key; B.2 shows the AES-CM key stream of a session key. A
// packet that was made with the master key of B.3 by libsrtp (the "rtp" test of its srtp_driver, which uses these values
// with SSRC 0xcafebabe) must come out the same here.
func TestVector(t *testing.T) {
	key, _ := hex.DecodeString("e1f97a0d3e018be0d64fa32c06de4139")
	salt, _ := hex.DecodeString("0ec675ad498afeebb6960b3aabe6")
	clear, _ := hex.DecodeString("800f1234decafbadcafebabe" + strings.Repeat("ab", 16))
	want, _ := hex.DecodeString("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
	c, err := New(Keys{AES1HS80, key, salt, key, salt, 0xcafebabe, false})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.ProtectRTP(nil, clear)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %x, want %x (%v)", got, want, err)
	}
	back, err := c.UnprotectRTP(nil, want)
	if err != nil || !bytes.Equal(back, clear) {
		t.Fatalf("got %x, want %x (%v)", back, clear, err)
	}
}

// A flip of any bit of a packet is noticed, and the true packet still passes afterwards.
func TestEveryBit(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		a, b := pair(t, p)
		rtp, _ := a.ProtectRTP(nil, rtpPacket(ssrcA, 7, "sixteen bytes ok"))
		rtcp, _ := a.ProtectRTCP(nil, rtcpPacket(ssrcA))
		for i := range len(rtp) * 8 {
			forged := bytes.Clone(rtp)
			forged[i/8] ^= 1 << (i % 8)
			if _, err := b.UnprotectRTP(nil, forged); err == nil {
				t.Fatalf("RTP passed with bit %d flipped", i)
			}
		}
		for i := range len(rtcp) * 8 {
			forged := bytes.Clone(rtcp)
			forged[i/8] ^= 1 << (i % 8)
			if _, err := b.UnprotectRTCP(nil, forged); err == nil {
				t.Fatalf("RTCP passed with bit %d flipped", i)
			}
		}
		if _, err := b.UnprotectRTP(nil, rtp); err != nil {
			t.Fatal("forged packets spoilt the state: ", err)
		}
		if _, err := b.UnprotectRTCP(nil, rtcp); err != nil {
			t.Fatal("forged packets spoilt the state: ", err)
		}
	})
}

func TestReplay(t *testing.T) {
	a, b := pair(t, AES3HS80)
	var wires [][]byte
	for i := range uint16(200) {
		w, _ := a.ProtectRTP(nil, rtpPacket(ssrcA, i, "x"))
		wires = append(wires, w)
	}
	for _, i := range []int{0, 2, 1, 100, 99} { // reordering inside the window is no replay
		if _, err := b.UnprotectRTP(nil, wires[i]); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	for _, i := range []int{0, 1, 2, 99, 100, 30} { // seen, or older than 64 packets
		if _, err := b.UnprotectRTP(nil, wires[i]); !errors.Is(err, ErrRejected) {
			t.Fatalf("packet %d again: %v", i, err)
		}
	}
	w, _ := a.ProtectRTCP(nil, rtcpPacket(ssrcA))
	if _, err := b.UnprotectRTCP(nil, w); err != nil {
		t.Fatal(err)
	}
	if _, err := b.UnprotectRTCP(nil, w); !errors.Is(err, ErrRejected) {
		t.Fatal("RTCP replayed: ", err)
	}
}

func TestRefused(t *testing.T) {
	a, b := pair(t, AES1HS80)
	foreign, _ := a.ProtectRTP(nil, rtpPacket(ssrcA+1, 1, "right key, wrong source"))
	if _, err := b.UnprotectRTP(nil, foreign); !errors.Is(err, ErrSSRC) {
		t.Error("foreign SSRC: ", err)
	}
	foreignRTCP, _ := a.ProtectRTCP(nil, rtcpPacket(ssrcA+1))
	if _, err := b.UnprotectRTCP(nil, foreignRTCP); !errors.Is(err, ErrSSRC) {
		t.Error("foreign SSRC: ", err)
	}
	if _, err := b.UnprotectRTP(nil, rtpPacket(ssrcA, 1, "clear speech that nobody protected")); !errors.Is(err, ErrRejected) {
		t.Error("clear RTP: ", err)
	}
	// SRTCP may say with its E bit that it is not encrypted; it must still be authenticated.
	if _, err := b.UnprotectRTCP(nil, append(rtcpPacket(ssrcA), make([]byte, 14)...)); !errors.Is(err, ErrRejected) {
		t.Error("clear RTCP: ", err)
	}
	for n := range 22 {
		if _, err := b.UnprotectRTP(nil, make([]byte, n)); !errors.Is(err, ErrShort) {
			t.Errorf("RTP of %d bytes: %v", n, err)
		}
		if _, err := b.UnprotectRTCP(nil, make([]byte, n)); !errors.Is(err, ErrShort) {
			t.Errorf("RTCP of %d bytes: %v", n, err)
		}
	}
	if _, err := a.ProtectRTP(nil, make([]byte, 11)); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
	if _, err := a.ProtectRTP(nil, append([]byte{0x8f}, make([]byte, 20)...)); !errors.Is(err, ErrPacket) {
		t.Error("15 contributing sources in 21 bytes: ", err)
	}
	if _, err := a.ProtectRTCP(nil, make([]byte, 7)); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
	if _, err := a.ProtectRTCP(nil, make([]byte, 8)); !errors.Is(err, ErrPacket) {
		t.Error("RTCP of version 0: ", err)
	}
}

func TestBadKeys(t *testing.T) {
	good := Keys{AES3HS32, seq(32, 1), seq(14, 1), seq(32, 2), seq(14, 2), 1, false}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Keys){
		"no profile":      func(k *Keys) { k.Profile = 0 },
		"unknown profile": func(k *Keys) { k.Profile = 99 },
		"short key":       func(k *Keys) { k.SendKey = k.SendKey[:31] },
		"long key":        func(k *Keys) { k.RecvKey = seq(33, 1) },
		"no salt":         func(k *Keys) { k.SendSalt = nil },
		"long salt":       func(k *Keys) { k.RecvSalt = seq(15, 1) },
	} {
		k := good
		spoil(&k)
		if _, err := New(k); !errors.Is(err, ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The caller wipes its keys after New.
func TestKeysAreCopied(t *testing.T) {
	a, b := pair(t, AES1HS80)
	k := Keys{AES1HS80, seq(16, 1), seq(14, 100), seq(16, 50), seq(14, 150), ssrcB, false}
	wiped, err := New(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [][]byte{k.SendKey, k.SendSalt, k.RecvKey, k.RecvSalt} {
		clear(s)
	}
	want, _ := a.ProtectRTP(nil, rtpPacket(ssrcA, 1, "payload"))
	got, _ := wiped.ProtectRTP(nil, rtpPacket(ssrcA, 1, "payload"))
	if !bytes.Equal(got, want) {
		t.Error("wiping the keys changed the packets")
	}
	fromB, _ := b.ProtectRTP(nil, rtpPacket(ssrcB, 1, "payload"))
	if _, err := wiped.UnprotectRTP(nil, fromB); err != nil {
		t.Error(err)
	}
}

func TestKeysHideThemselves(t *testing.T) {
	k := Keys{AES1HS80, []byte("secretsecretsecr"), seq(14, 1), []byte("secretsecretsecr"), seq(14, 1), 1, false}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if s := fmt.Sprintf(verb, k); s != "protect.Keys{AES1/HS80}" {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		a, b := pair(t, p)
		clear := rtpPacket(ssrcA, 0, strings.Repeat("x", 80))
		report := rtcpPacket(ssrcA)
		wire := make([]byte, 0, 1500)
		plain := make([]byte, 0, 1500)
		var n uint16
		allocs := testing.AllocsPerRun(1000, func() {
			clear[2], clear[3] = byte(n>>8), byte(n)
			n++
			w, err := a.ProtectRTP(wire, clear)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.UnprotectRTP(plain, w); err != nil {
				t.Fatal(err)
			}
			if w, err = a.ProtectRTCP(wire, report); err != nil {
				t.Fatal(err)
			}
			if _, err := b.UnprotectRTCP(plain, w); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations for one RTP and one RTCP packet", allocs)
		}
	})
}

// Whatever a stranger sends to the media port is refused, and the next true packet still passes.
func FuzzUnprotect(f *testing.F) {
	a, _ := pair(f, AES1HS32)
	w, _ := a.ProtectRTP(nil, rtpPacket(ssrcA, 1, "payload"))
	f.Add(w[:len(w)-1])
	w, _ = a.ProtectRTCP(nil, rtcpPacket(ssrcA))
	f.Add(w[:len(w)-1])
	f.Add(rtpPacket(ssrcA, 1, "clear"))
	f.Fuzz(func(t *testing.T, p []byte) {
		a, b := pair(t, AES1HS80) // the seeds are of another profile: none of them is a true packet
		if _, err := b.UnprotectRTP(nil, p); err == nil {
			t.Errorf("RTP passed: %x", p)
		}
		if _, err := b.UnprotectRTCP(nil, p); err == nil {
			t.Errorf("RTCP passed: %x", p)
		}
		w, _ := a.ProtectRTP(nil, rtpPacket(ssrcA, 1, "payload"))
		if _, err := b.UnprotectRTP(nil, w); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkProtectRTP(b *testing.B) {
	for p := AES1HS80; p.valid(); p++ {
		b.Run(p.String(), func(b *testing.B) {
			a, _ := pair(b, p)
			clear := rtpPacket(ssrcA, 0, strings.Repeat("x", 80))
			dst := make([]byte, 0, 1500)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.ProtectRTP(dst, clear); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
