package media

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sotto/hal"
	"sotto/hal/haltest"
	"sotto/net/protect"
	"sotto/zrtp"
)

// pipe is one end of a wire in memory. Every datagram that is sent passes through tap.
type pipe struct {
	in, out chan []byte
	done    chan struct{}
	once    *sync.Once
	tap     func(packet []byte) bool // false: lost
}

func newPipes() (a, b *pipe) {
	x, y := make(chan []byte, 4096), make(chan []byte, 4096)
	keep := func([]byte) bool { return true }
	return &pipe{x, y, make(chan struct{}), new(sync.Once), keep}, &pipe{y, x, make(chan struct{}), new(sync.Once), keep}
}

func (p *pipe) ReadPacket(dst []byte) (int, error) {
	select {
	case b := <-p.in:
		return copy(dst, b), nil
	case <-p.done:
		return 0, errors.New("pipe: closed")
	}
}

func (p *pipe) WritePacket(b []byte) error {
	if p.tap(b) {
		select {
		case p.out <- append([]byte(nil), b...):
		default:
		}
	}
	return nil
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// side is one handset of a test call.
type side struct {
	*Call
	wire   *pipe
	rtcp   *pipe
	mu     sync.Mutex
	events []Event
}

func (s *side) listen() {
	for e := range s.Events() {
		s.mu.Lock()
		s.events = append(s.events, e)
		s.mu.Unlock()
	}
}

// await returns the first event of type E.
func await[E Event](t *testing.T, s *side, limit time.Duration) E {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		for _, e := range s.events {
			if found, ok := e.(E); ok {
				s.mu.Unlock()
				return found
			}
		}
		s.mu.Unlock()
	}
	var none E
	t.Fatalf("no %T within %v; %v", none, limit, s.events)
	return none
}

// agreement returns the first ZRTP event of type E.
func agreement[E zrtp.Event](t *testing.T, s *side, limit time.Duration) E {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		for _, e := range s.events {
			if a, ok := e.(Agreement); ok {
				if found, ok := a.Event.(E); ok {
					s.mu.Unlock()
					return found
				}
			}
		}
		s.mu.Unlock()
	}
	var none E
	t.Fatalf("no %T within %v; %v", none, limit, s.events)
	return none
}

func profileOf(k Keys) protect.Profile {
	switch {
	case k.Cipher == zrtp.CipherAES1 && k.AuthTag == zrtp.AuthTagHS80:
		return protect.AES1HS80
	case k.Cipher == zrtp.CipherAES1:
		return protect.AES1HS32
	case k.AuthTag == zrtp.AuthTagHS80:
		return protect.AES3HS80
	}
	return protect.AES3HS32
}

func newProtector(k Keys) (Protector, error) {
	return protect.New(protect.Keys{Profile: profileOf(k), SendKey: k.Send.Key, SendSalt: k.Send.Salt,
		RecvKey: k.Receive.Key, RecvSalt: k.Receive.Salt, RemoteSSRC: k.RemoteSSRC})
}

func newSide(t testing.TB, pcm hal.PCM, wire, rtcp *pipe, change func(*Config)) *side {
	t.Helper()
	var id [16]byte
	rand.Read(id[:])
	ssrc := binary.BigEndian.Uint32(id[12:])
	session, err := zrtp.NewSession(&zrtp.Config{ZID: zrtp.ZID(id[:12]), SSRC: ssrc, ClientID: "test", Rand: rand.Reader,
		KeyAgreements: []zrtp.KeyAgreement{zrtp.KeyAgreementX255}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := Config{PCM: pcm, RTP: wire, Session: session, Protect: newProtector, SSRC: ssrc, PayloadType: 96, EventType: 101, Kin: "test"}
	if rtcp != nil {
		c.RTCP = rtcp
	}
	if change != nil {
		change(&c)
	}
	call, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &side{Call: call, wire: wire, rtcp: rtcp}
	go s.listen()
	return s
}

// ear is a card of the test: it speaks a tone and measures what it hears.
type ear struct {
	hal.PCM
	loud atomic.Int64 // frames heard that were loud
}

func (e *ear) WriteFrame(src []int16) error {
	var sum float64
	for _, s := range src {
		sum += float64(s) * float64(s)
	}
	if math.Sqrt(sum/float64(len(src))) > 1000 {
		e.loud.Add(1)
	}
	return e.PCM.WriteFrame(src)
}

// hears waits until n loud periods were heard.
func (e *ear) hears(t *testing.T, n int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); e.loud.Load() < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("heard %d loud periods, want %d", e.loud.Load(), n)
		}
	}
}

func newEar(hertz float64) *ear { return &ear{PCM: haltest.NewSinePCM(hertz)} }

// call connects two handsets; alice hears bob's tone and the other way round.
func call(t *testing.T, change func(*Config)) (alice, bob *side, a, b *ear) {
	t.Helper()
	wa, wb := newPipes()
	ra, rb := newPipes()
	a, b = newEar(400), newEar(700)
	alice = newSide(t, a, wa, ra, change)
	bob = newSide(t, b, wb, rb, change)
	t.Cleanup(func() { alice.Close(); bob.Close(); a.Close(); b.Close() })
	return alice, bob, a, b
}
