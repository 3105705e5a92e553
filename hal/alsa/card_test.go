package alsa

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeStream is a direction of a card that fails as it is told and writes down what is asked of it.
type fakeStream struct {
	mu    sync.Mutex
	name  string
	log   *[]string
	chans int
	fails []error // errors of the next transfers; nil lets one pass
	deny  map[step]error
	moved [][]int16
	fill  int16
}

var stepNames = [...]string{"resume", "drop", "prepare", "link", "prefill", "start", "unlink"}

func (f *fakeStream) do(s step, _ stream) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	*f.log = append(*f.log, f.name+" "+stepNames[s])
	return f.deny[s]
}

func (f *fakeStream) transfer(buf []int16) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.fails) > 0 {
		err := f.fails[0]
		f.fails = f.fails[1:]
		if err != nil {
			return 0, err
		}
	}
	if f.name == "c" {
		for i := range buf {
			buf[i] = f.fill + int16(i)
		}
	}
	f.moved = append(f.moved, append([]int16(nil), buf...))
	return len(buf) / f.chans, nil
}
func (f *fakeStream) await(int) error { return nil }
func (f *fakeStream) channels() int   { return f.chans }
func (f *fakeStream) handle() int     { return 0 }
func (f *fakeStream) close() error    { *f.log = append(*f.log, f.name+" close"); return nil }

type bench struct {
	card  *Card
	p, c  *fakeStream
	log   []string
	clock time.Time
	slept time.Duration
	there bool
}

func newBench(chans int) *bench {
	b := &bench{clock: time.Unix(1000, 0), there: true}
	b.p = &fakeStream{name: "p", log: &b.log, chans: chans, deny: map[step]error{}}
	b.c = &fakeStream{name: "c", log: &b.log, chans: chans, deny: map[step]error{}, fill: 100}
	b.card = newCard(Config{Period: 2, Periods: 1000, Left: 2}, func() (*[2]stream, error) {
		if !b.there {
			return nil, unix.ENOENT
		}
		return &[2]stream{playback: b.p, capture: b.c}, nil
	}, func() time.Time { return b.clock }, func(d time.Duration) { b.slept += d; b.clock = b.clock.Add(d) })
	return b
}

func (b *bench) want(t *testing.T, what string) {
	t.Helper()
	if got := strings.Join(b.log, ", "); got != what {
		t.Errorf("the card was asked:\n  %s\nwant:\n  %s", got, what)
	}
	b.log = nil
}

func TestRestBeforeFirstFrameIsNoLoss(t *testing.T) {
	b := newBench(1)
	b.p.fails = []error{unix.EBADFD}
	if err := b.card.WriteFrame(make([]int16, 480)); err != nil {
		t.Fatal(err)
	}
	b.want(t, "p drop, p prepare, p prefill, p start")
	if x := b.card.Xruns(); x.Underruns != 0 || x.Overruns != 0 {
		t.Errorf("a first start counted as loss: %+v", x)
	}
}

func TestStartTogetherFaultAlone(t *testing.T) {
	b := newBench(1)
	frame := make([]int16, 480)
	b.p.fails, b.c.fails = []error{unix.EBADFD}, []error{unix.EBADFD}
	if b.card.WriteFrame(frame) != nil || b.card.ReadFrame(frame) != nil {
		t.Fatal("a healthy card failed")
	}
	b.want(t, "p drop, p prepare, p prefill, p start, "+
		"p drop, c drop, p prepare, c prepare, p link, p prefill, p start, p unlink")
	b.p.fails = []error{unix.EPIPE}
	if err := b.card.WriteFrame(frame); err != nil {
		t.Fatal(err)
	}
	b.want(t, "p drop, p prepare, p prefill, p start") // the microphone goes on
	if x := b.card.Xruns(); x.Underruns != 1 || x.Overruns != 0 {
		t.Errorf("one underrun counted as %+v", x)
	}
	b.clock = b.clock.Add(time.Second) // the call is over; the next one finds both streams stopped
	b.c.fails = []error{unix.EPIPE}
	if err := b.card.ReadFrame(frame); err != nil {
		t.Fatal(err)
	}
	b.want(t, "c drop, c prepare, c start")
	if x := b.card.Xruns(); x.Overruns != 0 {
		t.Errorf("resting between two calls counted as loss: %+v", x)
	}
}

func TestCardThatCannotLink(t *testing.T) {
	b := newBench(1)
	frame := make([]int16, 480)
	_ = b.card.WriteFrame(frame) // the microphone has not run yet
	b.p.deny[stepLink] = unix.ENOSYS
	b.c.fails = []error{unix.EBADFD}
	if err := b.card.ReadFrame(frame); err != nil {
		t.Fatal(err)
	}
	b.want(t, "p drop, c drop, p prepare, c prepare, p link, "+
		"p drop, c drop, p prepare, c prepare, p prefill, c start, p start")
}

func TestCardGoneAndBack(t *testing.T) {
	b := newBench(1)
	frame := []int16{1, 2, 3, 4}
	_ = b.card.ReadFrame(frame)
	b.log = nil
	b.c.fails, b.there = []error{unix.ENODEV}, false
	if err := b.card.ReadFrame(frame); err != nil {
		t.Fatalf("a card that is pulled out must be heard as silence, not as %v", err)
	}
	for i, v := range frame {
		if v != 0 {
			t.Fatalf("sample %d of the silence is %d", i, v)
		}
	}
	b.want(t, "p drop, c drop, p close, c close")
	if b.slept != 4*time.Second/rate {
		t.Errorf("four samples of silence took %v", b.slept)
	}
	if b.card.Present() {
		t.Error("the card is gone but counts as present")
	}
	if err := b.card.WriteFrame(make([]int16, 480)); err != nil {
		t.Errorf("the speaker's side of a gone card: %v", err)
	}
	b.there = true
	if err := b.card.ReadFrame(frame); err != nil || frame[0] != 0 {
		t.Errorf("looked again before its time: %v %d", err, frame[0])
	}
	b.clock = b.clock.Add(reopenEvery)
	if err := b.card.ReadFrame(frame); err != nil || frame[0] != 100 {
		t.Errorf("the card is back but sounds as %d, %v", frame[0], err)
	}
	if !b.card.Present() {
		t.Error("the card is back but counts as gone")
	}
}

// A card that is gone keeps the pace of one that is there, whatever the program does between two frames.
func TestPaceWithoutCard(t *testing.T) {
	b := newBench(1)
	b.c.fails, b.there = []error{unix.ENODEV}, false
	begin := b.clock
	for range 50 {
		b.clock = b.clock.Add(7 * time.Millisecond) // what the program does between two frames
		if err := b.card.ReadFrame(make([]int16, 960)); err != nil {
			t.Fatal(err)
		}
	}
	if took := b.clock.Sub(begin); took < time.Second-time.Millisecond || took > time.Second+8*time.Millisecond {
		t.Errorf("a second of a card that is gone took %v", took)
	}
}

func TestStubbornFaultCountsAsGone(t *testing.T) {
	b := newBench(1)
	for range maxTries {
		b.p.fails = append(b.p.fails, unix.EPIPE)
	}
	if err := b.card.WriteFrame(make([]int16, 480)); err != nil {
		t.Fatal(err)
	}
	if b.card.Present() {
		t.Error("a card that never starts still counts as present")
	}
}

func TestStereoChip(t *testing.T) {
	b := newBench(2)
	if err := b.card.WriteFrame([]int16{5, 6}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.p.moved[0]); got != "[5 5 6 6]" {
		t.Errorf("two samples went to a stereo chip as %s", got)
	}
	got := make([]int16, 2)
	if err := b.card.ReadFrame(got); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != "[100 102]" {
		t.Errorf("the left channel was read as %v", got)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	b := newBench(1)
	for range 2 {
		if b.card.Close() != nil {
			t.Fatal("Close is not safe to call twice")
		}
	}
	if err := b.card.ReadFrame(make([]int16, 4)); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed card answers %v", err)
	}
	b.want(t, "p drop, c drop, p close, c close")
}

// TestTwoGoroutines lets both directions fail at random moments; the race detector watches.
func TestTwoGoroutines(t *testing.T) {
	b := newBench(1)
	for i := range 200 {
		var err error
		if i%7 == 0 {
			err = unix.EPIPE
		}
		b.p.fails = append(b.p.fails, err)
		b.c.fails = append(b.c.fails, err)
	}
	b.card.now = time.Now
	var wg sync.WaitGroup
	var bad [2]error
	wg.Go(func() {
		for range 150 {
			bad[0] = errors.Join(bad[0], b.card.WriteFrame(make([]int16, 48)))
		}
	})
	wg.Go(func() {
		for range 150 {
			bad[1] = errors.Join(bad[1], b.card.ReadFrame(make([]int16, 48)))
		}
	})
	wg.Wait()
	if bad[0] != nil || bad[1] != nil || !b.card.Present() {
		t.Errorf("after 40 faults: %v, %v, present %v", bad[0], bad[1], b.card.Present())
	}
}

func TestPlanStartsEveryStreamThatItStops(t *testing.T) {
	for f := faultXrun; f <= faultSuspend; f++ {
		for _, dir := range []direction{playback, capture} {
			for _, both := range []bool{false, true} {
				for _, linkable := range []bool{false, true} {
					checkPlan(t, plan(f, dir, both, linkable), dir, both)
				}
			}
		}
	}
}

// checkPlan runs a plan on two model streams that follow the kernel's rules.
func checkPlan(t *testing.T, orders []order, dir direction, both bool) {
	t.Helper()
	const stopped, prepared, running = 0, 1, 2
	var state [2]int
	linked, filled := false, false
	for _, o := range orders {
		switch o.step {
		case stepDrop:
			state[o.dir] = stopped
		case stepPrepare:
			state[o.dir] = prepared
		case stepLink:
			linked = true
		case stepUnlink:
			linked = false
		case stepPrefill:
			filled = state[playback] == prepared
		case stepStart:
			for d := range state {
				if direction(d) == o.dir || linked {
					if state[d] != prepared {
						t.Errorf("%v starts stream %d out of state %d", orders, d, state[d])
					}
					state[d] = running
				}
			}
		}
	}
	if state[dir] != running || (both && state[dir.other()] != running) {
		t.Errorf("%v leaves the streams in %v", orders, state)
	}
	if linked {
		t.Errorf("%v leaves the streams linked: a fault of one would stop the other", orders)
	}
	if state[playback] == running && !filled {
		t.Errorf("%v starts the speaker without silence to play", orders)
	}
}

func TestClassify(t *testing.T) {
	for err, want := range map[error]fault{
		nil: faultNone, unix.EINTR: faultRetry, unix.EAGAIN: faultRetry, unix.EPIPE: faultXrun, unix.EBADFD: faultXrun,
		unix.EIO: faultXrun, unix.ESTRPIPE: faultSuspend, unix.ENODEV: faultGone, unix.EBADF: faultGone,
		fmt.Errorf("alsa: x: %w", unix.EPIPE): faultXrun,
	} {
		if got := classify(err); got != want {
			t.Errorf("classify(%v) = %d, want %d", err, got, want)
		}
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		kind      int32
		low, high int64
		percent   int
		want      int64
	}{
		{kindInteger, 0, 127, 0, 0}, {kindInteger, 0, 127, 100, 127}, {kindInteger, 0, 127, 50, 64},
		{kindInteger, -10, 10, 50, 0}, {kindInteger, 0, 63, 120, 63}, {kindInteger, 0, 63, -5, 0},
		{kindBoolean, 0, 1, 1, 1}, {kindBoolean, 0, 1, 0, 0}, {kindBoolean, 0, 1, 100, 1},
	} {
		if got := scale(c.kind, c.low, c.high, c.percent); got != c.want {
			t.Errorf("scale(%d, %d..%d, %d%%) = %d, want %d", c.kind, c.low, c.high, c.percent, got, c.want)
		}
	}
}

func TestImpossibleConfig(t *testing.T) {
	for _, c := range []Config{{}, {Playback: "p", Capture: "c", Period: 480, Periods: 1}, {Playback: "p", Period: 480, Periods: 4},
		{Playback: "p", Capture: "c", Period: 480, Periods: 4, Left: 240}, {Playback: "p", Capture: "c", Period: 480, Periods: 4, Left: 1920}} {
		if _, err := Open(c); err == nil {
			t.Errorf("Open(%+v) did not complain", c)
		}
	}
}
