package alsa

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// chip is a direction of a card with a clock of its own. It follows the kernel's rules: its pointer moves in whole
// periods, whoever is late finds the stream stopped, and nothing waits for the program. Late is late.
type chip struct {
	mu      sync.Mutex
	dir     direction
	config  Config
	state   int // 0 set up, 2 prepared, or stateRunning, stateXrun
	started time.Time
	appl    int // frames that the program has moved since the start
	drops   int
	stuck   bool // the clock stands still
	half    bool // virtio-snd's fault: a half-written period was left by a stop
	heard   []int16
}

// hw is where the chip is.
func (c *chip) hw() int {
	if c.state != stateRunning || c.stuck {
		return 0
	}
	return int(time.Since(c.started)*rate/time.Second) / c.config.Period * c.config.Period
}

// avail is how many frames can be moved; a stream that was not served in time stops here.
func (c *chip) avail() int {
	n := c.hw() - c.appl
	if c.dir == playback {
		n += c.config.Period * c.config.Periods
	}
	if c.state == stateRunning && n >= c.config.Period*c.config.Periods {
		c.state = stateXrun
	}
	return n
}

func (c *chip) do(s step, _ stream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case stepDrop:
		c.drops++
		c.half = c.half || c.appl%c.config.Period != 0 && c.dir == playback
		c.state = 0
	case stepPrepare:
		c.state, c.appl = 2, 0
	case stepPrefill:
		c.appl += c.config.Left
		c.heard = append(c.heard, make([]int16, c.config.Left)...)
	case stepStart:
		c.state, c.started = stateRunning, time.Now()
	case stepLink:
		return unix.ENOSYS
	}
	return nil
}

func (c *chip) transfer(buf []int16) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(c.avail(), len(buf))
	switch {
	case c.state == stateXrun:
		return 0, unix.EPIPE
	case c.state != stateRunning:
		return 0, unix.EBADFD
	case n <= 0:
		return 0, unix.EAGAIN
	}
	for i := range n {
		if c.dir == capture {
			buf[i] = int16(c.appl + i)
		} else {
			c.heard = append(c.heard, buf[i])
		}
	}
	c.appl += n
	return n, nil
}

func (c *chip) await(frames int) error {
	step := time.Duration(c.config.Period) * time.Second / rate
	for range int(patience*time.Millisecond/step) + frames/c.config.Period {
		c.mu.Lock()
		n, state := c.avail(), c.state
		into := time.Since(c.started) % step
		c.mu.Unlock()
		if state != stateRunning || n >= frames {
			return nil
		}
		time.Sleep(step - into)
	}
	return errStalled
}

func (c *chip) channels() int { return 1 }
func (c *chip) handle() int   { return 0 }
func (c *chip) close() error  { return nil }

func chips(c Config) (*Card, *chip, *chip) {
	p, r := &chip{dir: playback, config: c}, &chip{dir: capture, config: c}
	return newCard(c, func() (*[2]stream, error) { return &[2]stream{p, r}, nil }, time.Now, time.Sleep), p, r
}

// A piece of any length is written at once; the program is asked for the next one when Left is left.
func TestAskedWhenLittleIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		card, p, _ := chips(Config{Period: 240, Periods: 64, Left: 240})
		begin, sum := time.Now(), 0
		for i := range 500 {
			n := 240 * (1 + i*i%49) // 5 to 245 ms
			sum += n
			if err := card.WriteFrame(make([]int16, n)); err != nil {
				t.Fatal(err)
			}
			if left := p.appl - p.hw(); left != 240 {
				t.Fatalf("piece %d of %d samples: asked again with %d left", i, n, left)
			}
		}
		if x := card.Xruns(); x.Underruns != 0 || p.drops != 1 {
			t.Errorf("a program in time: %d underruns, %d starts", x.Underruns, p.drops)
		}
		if took, want := time.Since(begin), time.Duration(sum)*time.Second/rate; took != want {
			t.Errorf("%v of sound took %v", want, took)
		}
	})
}

// A program that is late is heard as silence of just that length; the microphone does not notice.
func TestLateIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		card, p, r := chips(Config{Period: 240, Periods: 64, Left: 240})
		frame := make([]int16, 960)
		if card.WriteFrame(frame) != nil || card.ReadFrame(frame) != nil {
			t.Fatal("a healthy card failed")
		}
		_ = card.WriteFrame(frame) // late by the frame that was read
		starts, before, done := r.drops, card.Xruns().Underruns, make(chan struct{})
		go func() {
			defer close(done)
			got, want := make([]int16, 960), int16(960)
			for range 250 { // 5 s
				if err := card.ReadFrame(got); err != nil {
					t.Error(err)
				}
				for _, v := range got {
					if v != want {
						t.Errorf("the microphone lost something: %d instead of %d", v, want)
						return
					}
					want++
				}
			}
		}()
		for i := range 200 {
			if i%50 == 49 {
				time.Sleep(100 * time.Millisecond)
			}
			if err := card.WriteFrame(make([]int16, 960)); err != nil {
				t.Fatal(err)
			}
		}
		<-done
		if x := card.Xruns(); x.Underruns-before != 4 || x.Overruns != 0 || r.drops != starts {
			t.Errorf("four times late: %+v, the microphone was started %d times more", x, r.drops-starts)
		}
		if p.state != stateRunning && p.state != stateXrun {
			t.Errorf("the speaker is in state %d", p.state)
		}
	})
}

// What is not a whole period is held back, so that no stop ever finds a half-written one.
func TestHalfPeriodsAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		card, p, _ := chips(Config{Period: 960, Periods: 16, Left: 960})
		next := int16(1)
		for i := range 300 {
			piece := make([]int16, 240*(1+i%7))
			for j := range piece {
				piece[j] = next
			}
			next++
			if i == 150 {
				time.Sleep(time.Second)
			}
			if err := card.WriteFrame(piece); err != nil {
				t.Fatal(err)
			}
		}
		if p.half {
			t.Error("a stop found a half-written period: virtio-snd would lose it for ever")
		}
		last, n := int16(0), map[int16]int{}
		for _, v := range p.heard {
			if v != 0 && v < last {
				t.Fatalf("piece %d came after piece %d", v, last)
			}
			last = max(last, v)
			n[v]++
		}
		for i := range 299 {
			if v := int16(i + 1); i < 297 && n[v] != 240*(1+i%7) {
				t.Errorf("of piece %d, %d samples were heard", v, n[v])
			}
		}
	})
}

// A card that says it runs and does not move is started again, and closed when that does not help.
func TestCardThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		card, p, _ := chips(Config{Period: 240, Periods: 8, Left: 240})
		p.stuck = true
		begin := time.Now()
		if err := card.WriteFrame(make([]int16, 960)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); card.Present() || took > 3*time.Second {
			t.Errorf("after %v the dead card counts as present: %v", took, card.Present())
		}
		p.stuck = false
		time.Sleep(reopenEvery)
		if err := card.WriteFrame(make([]int16, 960)); err != nil || !card.Present() {
			t.Errorf("the card moves again: %v, present %v", err, card.Present())
		}
	})
}
