package media

import (
	"crypto/rand"
	"runtime"
	"testing"
	"time"

	"sotto/codec/ring"
	"sotto/zrtp"
)

// Whatever a stranger sends, 10,000 datagrams a second, the call goes on and memory stays flat.
func TestFlood(t *testing.T) {
	alice, bob, a, _ := call(t, nil)
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	await[Hearing](t, alice, 2*time.Second)
	bob.SetMuted(false)
	junk := [][]byte{}
	for i, first := range [][]byte{{0x80, 96}, {0x80, 200}, {0x80, 201}, {0x10, 0}, {0x00, 1}, {0x16, 0xfe}, {0x40}, {0xff}, {0x90, 96}} {
		for n := range 8 {
			p := make([]byte, []int{1, 7, 12, 16, 60, 172, 1400, 2048}[n])
			rand.Read(p)
			copy(p, first)
			if first[0] == 0x10 && len(p) > 8 {
				copy(p[4:], "ZRTP")
			}
			if first[0] == 0x80 && len(p) >= 12 && i == 0 { // as near to real speech as a stranger can come
				copy(p[8:], []byte{byte(bob.config.SSRC >> 24), byte(bob.config.SSRC >> 16), byte(bob.config.SSRC >> 8), byte(bob.config.SSRC)})
			}
			junk = append(junk, p)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, routines, loud := heap(), runtime.NumGoroutine(), a.loud.Load()
	const seconds = 2
	end := time.Now().Add(seconds * time.Second)
	sent := 0
	for time.Now().Before(end) {
		for range 10 {
			select {
			case alice.wire.in <- junk[sent%len(junk)]:
				sent++
			default:
			}
			select {
			case alice.rtcp.in <- junk[sent%len(junk)]:
			default:
			}
		}
		time.Sleep(time.Millisecond)
	}
	if sent < 2000*seconds {
		t.Fatalf("only %d datagrams in %d s", sent, seconds)
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("%d datagrams left %d kB of heap", sent, (after-before)>>10)
	}
	if n := runtime.NumGoroutine(); n > routines {
		t.Errorf("%d goroutines more", n-routines)
	}
	a.hears(t, loud+100)
	alice.mu.Lock()
	defer alice.mu.Unlock()
	for _, e := range alice.events {
		switch e.(type) {
		case Broken, PeerLeft:
			t.Errorf("the flood caused %T", e)
		}
	}
}

// FuzzReceive: any datagram, with and without keys, leaves the loops alive.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18})
	f.Add([]byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 1, 2, 3, 4, 0x50, 0x5a, 0, 3})
	f.Add([]byte{0x80, 201, 0, 1, 1, 2, 3, 4, 0x80, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	r := newReceiver(&Config{PayloadType: 96, EventType: 101}, ring.New[speechPacket](4))
	open := Protector(bare{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, keys := range []*Protector{nil, &open} {
			r.keys.Store(keys)
			r.take(packet, time.Unix(1, 0))
			for s := r.speech.Peek(); s != nil; s = r.speech.Peek() {
				if keys == nil {
					t.Fatal("speech without keys")
				}
				r.speech.Release()
			}
			for _, box := range []mailbox{r.zrtp, r.rtcp} {
				for d := box.Peek(); d != nil; d = box.Peek() {
					box.Release()
				}
			}
		}
	})
}

// bare is a Protector that believes everything: what an authentic but malicious peer can send.
type bare struct{}

func (bare) ProtectRTP(dst, p []byte) ([]byte, error)    { return append(dst[:0], p...), nil }
func (bare) UnprotectRTP(dst, p []byte) ([]byte, error)  { return append(dst[:0], p...), nil }
func (bare) ProtectRTCP(dst, p []byte) ([]byte, error)   { return append(dst[:0], p...), nil }
func (bare) UnprotectRTCP(dst, p []byte) ([]byte, error) { return append(dst[:0], p...), nil }

// sink is a Transport that keeps the last datagram.
type sink struct{ last []byte }

func (s *sink) ReadPacket([]byte) (int, error) { select {} }
func (s *sink) WritePacket(p []byte) error {
	s.last = append(s.last[:0], p...)
	return nil
}
