package protect

import (
	"bytes"
	"errors"
	"testing"
)

// late returns one end whose peer is known, and the other that is to find out who speaks.
func late(t testing.TB, p Profile) (a, b *Context) {
	t.Helper()
	n := p.KeyLen()
	a, err := New(Keys{Profile: p, SendKey: seq(n, 1), SendSalt: seq(14, 100), RecvKey: seq(n, 50), RecvSalt: seq(14, 150), RemoteSSRC: ssrcB})
	if err != nil {
		t.Fatal(err)
	}
	b, err = New(Keys{Profile: p, SendKey: seq(n, 50), SendSalt: seq(14, 150), RecvKey: seq(n, 1), RecvSalt: seq(14, 100), AnySSRC: true})
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// The first authentic packet names the source, and a gateway may go on with another one. What was heard of the first cannot
// be played again after that.
func TestLateBinding(t *testing.T) {
	eachProfile(t, func(t *testing.T, p Profile) {
		a, b := late(t, p)
		var first []byte
		for _, ssrc := range []uint32{ssrcA, 7} {
			for i := range uint16(100) {
				clear := rtpPacket(ssrc, 65500+i, "speech")
				wire, err := a.ProtectRTP(nil, clear)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := b.UnprotectRTP(nil, wire); err != nil || !bytes.Equal(got, clear) {
					t.Fatalf("%x, packet %d: %v", ssrc, i, err)
				}
				if first == nil {
					first = wire
				}
				if _, err := b.UnprotectRTP(nil, wire); !errors.Is(err, ErrRejected) {
					t.Fatalf("%x, packet %d again: %v", ssrc, i, err)
				}
			}
			if _, err := b.UnprotectRTP(nil, first); !errors.Is(err, ErrRejected) {
				t.Fatalf("played again: %v", err)
			}
			wire, _ := a.ProtectRTCP(nil, rtcpPacket(ssrc))
			if got, err := b.UnprotectRTCP(nil, wire); err != nil || !bytes.Equal(got, rtcpPacket(ssrc)) {
				t.Fatalf("RTCP of %x: %v", ssrc, err)
			}
		}
	})
}

// Strangers, however many sources they claim to be, take no place from the peer, and the peer itself cannot be many.
func TestLateBindingIsBounded(t *testing.T) {
	a, b := late(t, AES1HS80)
	for i := range uint32(1000) {
		if _, err := b.UnprotectRTP(nil, append(rtpPacket(i, 1, "noise"), make([]byte, 10)...)); !errors.Is(err, ErrRejected) {
			t.Fatalf("stranger %d: %v", i, err)
		}
	}
	if b.sources.n != 0 || b.sources.trials > maxTrials {
		t.Fatalf("%d sources, %d trials", b.sources.n, b.sources.trials)
	}
	for i := range uint32(maxSources + 1) {
		wire, _ := a.ProtectRTP(nil, rtpPacket(1000+i, 1, "speech"))
		_, err := b.UnprotectRTP(nil, wire)
		if want := i == maxSources; errors.Is(err, ErrSSRC) != want || err != nil && !want {
			t.Fatalf("source %d: %v", i, err)
		}
	}
}

func TestWipe(t *testing.T) {
	k := Keys{Profile: AES1HS80, SendKey: seq(16, 1), SendSalt: seq(14, 2), RecvKey: seq(16, 3), RecvSalt: seq(14, 4), AnySSRC: true}
	c, err := New(k)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := New(Keys{Profile: AES1HS80, SendKey: seq(16, 3), SendSalt: seq(14, 4), RecvKey: seq(16, 1), RecvSalt: seq(14, 2)})
	k.Wipe()
	for _, b := range [][]byte{k.SendKey, k.SendSalt, k.RecvKey, k.RecvSalt} {
		if !bytes.Equal(b, make([]byte, len(b))) {
			t.Error("a key is still there")
		}
	}
	wire, _ := a.ProtectRTP(nil, rtpPacket(ssrcA, 1, "speech"))
	if _, err := c.UnprotectRTP(nil, wire); err != nil {
		t.Errorf("the context lost its keys: %v", err)
	}
}
