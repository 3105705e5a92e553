//go:build !race

// The race detector allocates on its own account; `make test` counts without it.

package media

import (
	"testing"
	"time"

	"sotto/codec"
	"sotto/codec/jitter"
	"sotto/codec/opus"
	"sotto/codec/ring"
	"sotto/hal/haltest"
	"sotto/net/protect"
)

// From the microphone's samples to the wire and from the wire to the speaker's samples: no allocation of ours a frame,
// with copies and without.
func TestNoAllocationAFrame(t *testing.T) {
	key := func(b byte, n int) []byte {
		k := make([]byte, n)
		for i := range k {
			k[i] = b
		}
		return k
	}
	out, err := protect.New(protect.Keys{Profile: protect.AES3HS80, SendKey: key(1, 32), SendSalt: key(2, 14), RecvKey: key(3, 32), RecvSalt: key(4, 14), RemoteSSRC: 9})
	if err != nil {
		t.Fatal(err)
	}
	in, err := protect.New(protect.Keys{Profile: protect.AES3HS80, SendKey: key(3, 32), SendSalt: key(4, 14), RecvKey: key(1, 32), RecvSalt: key(2, 14), RemoteSSRC: 7})
	if err != nil {
		t.Fatal(err)
	}
	wire, free := &sink{}, newHandsFree()
	c := Config{PCM: haltest.NewSinePCM(300), RTP: wire, SSRC: 7, PayloadType: 96, Ptime: 20}
	enc, err := opus.NewEncoder(opus.DefaultEncoder())
	if err != nil {
		t.Fatal(err)
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSender(&c, enc, newCapture(&c, free))
	if err != nil {
		t.Fatal(err)
	}
	speech := ring.New[speechPacket](speechSlots)
	r := newReceiver(&c, speech)
	p := newPlayout(&c, free, speech, jitter.NewPlayer(dec))
	keys := Protector(in)
	r.keys.Store(&keys)
	f, now := &micFrame{n: codec.FrameSamples(20)}, time.Now()
	frame := func() {
		s.frame(out, f)
		f.at += uint32(f.n)
		r.take(wire.last, now)
		for range 4 {
			p.fill(now)
			now = now.Add(5 * time.Millisecond)
		}
	}
	for _, copies := range []int{0, 2} {
		s.plan.Store(uint32(copies)<<8 | 1)
		for range 200 {
			frame()
		}
		if n := testing.AllocsPerRun(300, frame); n != 0 {
			t.Errorf("%d copies: %v allocations a frame", copies, n)
		}
	}
	if got := r.reception.received.Load(); got < 1000 || r.junk.Load() != 0 {
		t.Fatalf("%d packets received, %d refused", got, r.junk.Load())
	}
}
