package rtpmux

import (
	"testing"
)

func packet(n int, first ...byte) []byte {
	p := make([]byte, n)
	copy(p, first)
	return p
}

func zrtp(n int, first byte) []byte { return packet(n, first, 0, 0, 1, 'Z', 'R', 'T', 'P') }

func stun(n int, first byte) []byte { return packet(n, first, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42) }

func TestClassify(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want Kind
	}{
		{"nothing", nil, Unknown},
		{"one byte of RTP", packet(1, 0x80), Unknown},
		{"STUN binding request", stun(20, 0), STUN},
		{"STUN of the last class", stun(20, 3), STUN},
		{"STUN cut short", stun(19, 0), Unknown},
		{"STUN without cookie (RFC 3489)", packet(20, 0, 1), Unknown},
		{"reserved 4", stun(20, 4), Unknown},
		{"ZRTP", zrtp(16, 0x10), ZRTP},
		{"ZRTP with unused bits set", zrtp(200, 0x13), ZRTP},
		{"ZRTP cut short", zrtp(15, 0x10), Unknown},
		{"ZRTP with a wrong cookie", packet(16, 0x10, 0, 0, 1, 'Z', 'R', 'T', 'Q'), Unknown},
		{"ZRTP cookie under another first byte", zrtp(16, 0x0f), Unknown},
		{"DTLS handshake", packet(13, 22, 254, 253), DTLS},
		{"DTLS cut short", packet(12, 22, 254, 253), Unknown},
		{"TURN channel data", packet(4, 64), TURN},
		{"TURN cut short", packet(3, 79), Unknown},
		{"QUIC range", packet(20, 80), Unknown},
		{"RTP opus", packet(12, 0x80, 96), RTP},
		{"RTP opus with marker", packet(12, 0x80, 0x80|96), RTP},
		{"RTP static type", packet(12, 0xbf, 0), RTP},
		{"RTP cut short", packet(11, 0x80, 96), Unknown},
		{"RTCP sender report", packet(28, 0x80, 200), RTCP},
		{"RTCP bye alone", packet(8, 0x81, 203), RTCP},
		{"RTCP cut short", packet(7, 0x80, 200), Unknown},
		{"lowest RTCP type", packet(12, 0x80, 192), RTCP},
		{"highest RTCP type", packet(12, 0x80, 223), RTCP},
		{"above RTCP", packet(12, 0x80, 224), RTP},
		{"RTP version 3", packet(12, 0xc0, 96), Unknown},
		{"text", []byte("hello, is anybody there?"), Unknown},
	}
	for _, tt := range tests {
		if got := Classify(tt.in); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Each first byte belongs to exactly one range of RFC 7983, whatever follows it.
func TestRanges(t *testing.T) {
	allowed := func(b int) []Kind {
		switch {
		case b <= 3:
			return []Kind{STUN}
		case b >= 16 && b <= 19:
			return []Kind{ZRTP}
		case b >= 20 && b <= 63:
			return []Kind{DTLS}
		case b >= 64 && b <= 79:
			return []Kind{TURN}
		case b >= 128 && b <= 191:
			return []Kind{RTP, RTCP}
		}
		return nil
	}
	for b := range 256 {
		seen := 0
		for _, p := range [][]byte{zrtp(60, byte(b)), stun(60, byte(b)), packet(60, byte(b), 200), packet(60, byte(b), 96)} {
			got := Classify(p)
			if got == Unknown {
				continue
			}
			seen++
			ok := false
			for _, k := range allowed(b) {
				ok = ok || k == got
			}
			if !ok {
				t.Errorf("first byte %d classified as %v", b, got)
			}
		}
		if want := len(allowed(b)) > 0; want != (seen > 0) {
			t.Errorf("first byte %d: reachable %v, want %v", b, seen > 0, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	p := zrtp(60, 0x10)
	if n := testing.AllocsPerRun(100, func() { Classify(p) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func TestString(t *testing.T) {
	if RTCP.String() != "RTCP" || Kind(200).String() != "unknown" {
		t.Error("wrong names")
	}
}

// No datagram makes Classify read past its end or answer with a kind that does not exist.
func FuzzClassify(f *testing.F) {
	f.Add(zrtp(16, 0x10))
	f.Add(stun(20, 0))
	f.Add(packet(12, 0x80, 96))
	f.Fuzz(func(t *testing.T, p []byte) {
		if k := Classify(p[:len(p):len(p)]); k > RTCP {
			t.Errorf("kind %d", k)
		}
	})
}
