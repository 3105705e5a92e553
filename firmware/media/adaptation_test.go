package media

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"sotto/codec"
	"sotto/codec/repeat"
	"sotto/hal/haltest"
	"sotto/zrtp"
)

func newAdaptation(t *testing.T, ours bool) (*adaptation, *sender) {
	t.Helper()
	c := &Config{PCM: haltest.NewSinePCM(1), RTP: &sink{}, Bitrate: codec.DefaultBitrate, Ptime: 20}
	s, err := newSender(c, nil, newCapture(c, newHandsFree()))
	if err != nil {
		t.Fatal(err)
	}
	a := &adaptation{}
	a.init(c)
	a.ours = ours
	return a, s
}

func (s *sender) planned() repeat.Plan {
	p := s.plan.Load()
	return repeat.Plan{Copies: int(p >> 8), Distance: int(p & 0xff)}
}

// lossy is a path's fate for n packets of which every so many are lost.
func lossy(n, every int) []bool {
	lost := make([]bool, n)
	for i := every - 1; i < n; i += every {
		lost[i] = true
	}
	return lost
}

func TestCopiesFollowLoss(t *testing.T) {
	a, s := newAdaptation(t, true)
	for _, c := range []struct{ every, copies, bitrate int }{{500, 0, 80000}, {20, 1, 64000}, {500, 0, 80000}} {
		a.follow(s, lossy(500, c.every))
		if got := s.planned(); got.Copies != c.copies || int(s.bitrate.Load()) != c.bitrate {
			t.Errorf("one in %d lost: plan %+v, %d bit/s, want %d copies", c.every, got, s.bitrate.Load(), c.copies)
		}
	}
	a, s = newAdaptation(t, false)
	a.follow(s, lossy(500, 5))
	if got := s.planned(); got.Copies != 0 {
		t.Errorf("for a stranger: %+v", got)
	}
}

// A stranger does not understand copies and gets the encoder's redundancy.
func TestStrangersGetFEC(t *testing.T) {
	a, s := newAdaptation(t, false)
	a.report(s, 0.004, 0, time.Unix(0, 0))
	if s.loss.Load() != 0 || s.bitrate.Load() != codec.DefaultBitrate {
		t.Errorf("on a good path: loss %d, %d bit/s", s.loss.Load(), s.bitrate.Load())
	}
	a.report(s, 0.08, 0, time.Unix(0, 0))
	if got := s.planned(); got.Copies != 0 || s.loss.Load() != 8 || s.bitrate.Load() != foreignBitrate {
		t.Errorf("plan %+v, loss %d, %d bit/s", got, s.loss.Load(), s.bitrate.Load())
	}
	a.report(s, 0.50, 0, time.Unix(0, 0))
	if s.loss.Load() != foreignLoss {
		t.Errorf("loss %d", s.loss.Load())
	}
	for range 20 {
		a.report(s, 0, 0, time.Unix(0, 0))
	}
	if s.loss.Load() != 0 || s.bitrate.Load() != codec.DefaultBitrate {
		t.Errorf("long after: loss %d, %d bit/s", s.loss.Load(), s.bitrate.Load())
	}
}

// Long packets hold several frames and cannot be copied: even one of us gets the encoder's redundancy.
func TestLongPacketsGetFEC(t *testing.T) {
	a, s := newAdaptation(t, false)
	a.init(&Config{Bitrate: codec.NarrowBitrate, Ptime: 60})
	a.report(s, 0.08, 0, time.Unix(0, 0))
	if got := s.planned(); got.Copies != 0 || s.loss.Load() != 8 || s.bitrate.Load() != codec.NarrowBitrate {
		t.Errorf("plan %+v, loss %d, %d bit/s", got, s.loss.Load(), s.bitrate.Load())
	}
}

func TestRateStepsDownWhenAQueueFills(t *testing.T) {
	a, s := newAdaptation(t, true)
	now := time.Unix(100, 0)
	a.report(s, 0, 20*time.Millisecond, now)
	a.report(s, 0, 400*time.Millisecond, now.Add(time.Second))
	if got := s.bitrate.Load(); got != codec.NarrowBitrate {
		t.Errorf("when a queue begins to fill %d bit/s", got)
	}
	for range 10 {
		now = now.Add(2 * time.Second)
		a.report(s, 0, 400*time.Millisecond, now)
	}
	if got := s.bitrate.Load(); got != lowestBitrate {
		t.Errorf("with a full queue %d bit/s", got)
	}
	for range 90 {
		now = now.Add(2 * time.Second)
		a.report(s, 0, 20*time.Millisecond, now)
	}
	if got := s.bitrate.Load(); got != codec.DefaultBitrate {
		t.Errorf("on a calm path %d bit/s", got)
	}
}

func TestRuns(t *testing.T) {
	var r reception
	now := time.Unix(0, 0)
	for i := range uint16(1000) {
		if n := i % 100; (n >= 50 && n < 55) || n == 80 {
			continue
		}
		r.note(65500+i, uint32(i)*960, now.Add(time.Duration(i)*20*time.Millisecond))
	}
	if b, p, l, a := r.runs.bursts.Load(), r.runs.packets.Load(), r.runs.lost.Load(), r.runs.alone.Load(); b != 10 || p != 50 || l != 50 || a < 9 {
		t.Errorf("%d bursts of %d packets, %d lost, %d alone; want 10, 50, 50, 9 or 10", b, p, l, a)
	}
	if r.lost() != 60 || r.jitter.Load() != 0 {
		t.Errorf("%d lost, jitter %d; want 60, 0", r.lost(), r.jitter.Load())
	}
}

// Two handsets over a path that loses every fifth packet learn it from each other's reports.
func TestReportsBringCopies(t *testing.T) {
	wa, wb := newPipes()
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	lossy := func(p []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		return kindOf(p) != kindRTP || random.Float64() > 0.2
	}
	wa.tap, wb.tap = lossy, lossy
	alice, bob := newSide(t, newEar(400), wa, nil, nil), newSide(t, newEar(700), wb, nil, nil)
	defer alice.Close()
	defer bob.Close()
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		a, b := alice.Stats(), bob.Stats()
		if a.Copies >= 1 && b.Copies >= 1 && a.RTT > 0 && a.LossPercent > 5 && a.PeerLoss > 5 && b.Playout.Repeated > 10 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after 10 s:\n%+v\n%+v", a, b)
		}
	}
}
