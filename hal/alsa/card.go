package alsa

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sotto/hal"
)

// ErrClosed is returned by a Card after Close.
var ErrClosed = errors.New("alsa: the card was closed")

// Config names a card.
type Config struct {
	Playback string // node of the speaker, as /dev/snd/pcmC0D0p
	Capture  string // node of the microphone, as /dev/snd/pcmC0D0c
	Period   int    // samples between two interrupts; 480 is 10 ms
	Periods  int    // periods in the card's buffer; half of it is the playout delay
}

// Card is a full-duplex sound card.
//
//	microphone -> capture node -> [Periods x Period] -> ReadFrame   (one goroutine)
//	WriteFrame -> [Periods x Period] -> playback node -> speaker    (one goroutine)
//
// Two goroutines meet only in restart, which one of them does for both.
type Card struct {
	open  func() (*[2]stream, error)
	now   func() time.Time
	sleep func(time.Duration)

	use      sync.RWMutex // held shared during ioctls, exclusively while nodes are opened and closed
	nodes    *[2]stream   // nil while the card is gone
	nextLook time.Time    // when to look for the card again

	restarting sync.Mutex
	epoch      atomic.Uint64 // counts restarts, so that two goroutines do not repair one fault twice
	closed     atomic.Bool

	side [2]side
}

// side is what one direction remembers. Only its goroutine writes, but for ran.
type side struct {
	wide []int16      // interleaved samples for a chip that knows only stereo
	last atomic.Int64 // Unix nanoseconds of the last frame that went through
	ran  atomic.Bool  // frames went through since the card was opened
	lost atomic.Uint64
}

// Open returns the card, whether or not it is there already: one that appears later is found then.
// The error tells only of a Config that cannot work.
func Open(c Config) (*Card, error) {
	if c.Period < 48 || c.Periods < 2 || c.Playback == "" || c.Capture == "" {
		return nil, fmt.Errorf("alsa: impossible card %+v", c)
	}
	return newCard(func() (*[2]stream, error) { return openBoth(c) }, time.Now, time.Sleep), nil
}

func newCard(open func() (*[2]stream, error), now func() time.Time, sleep func(time.Duration)) *Card {
	c := &Card{open: open, now: now, sleep: sleep}
	c.look()
	return c
}

func openBoth(c Config) (*[2]stream, error) {
	p, err := openDevice(c.Playback, playback, c.Period, c.Periods)
	if err != nil {
		return nil, err
	}
	r, err := openDevice(c.Capture, capture, c.Period, c.Periods)
	if err != nil {
		_ = p.close()
		return nil, err
	}
	return &[2]stream{playback: p, capture: r}, nil
}

// Present tells whether the card is there now.
func (c *Card) Present() bool {
	c.use.RLock()
	defer c.use.RUnlock()
	return c.nodes != nil
}

// Xruns counts frames' worth of loss since Open.
func (c *Card) Xruns() hal.Xruns {
	return hal.Xruns{Overruns: c.side[capture].lost.Load(), Underruns: c.side[playback].lost.Load()}
}

// ReadFrame implements hal.PCM. While the card is gone it yields silence at the pace of a card.
func (c *Card) ReadFrame(dst []int16) error {
	err := c.frame(capture, dst)
	if errors.Is(err, errAbsent) {
		clear(dst)
		c.pace(len(dst))
		return nil
	}
	return err
}

// WriteFrame implements hal.PCM. While the card is gone src is swallowed at the pace of a card.
func (c *Card) WriteFrame(src []int16) error {
	err := c.frame(playback, src)
	if errors.Is(err, errAbsent) {
		c.pace(len(src))
		return nil
	}
	return err
}

// Close implements hal.PCM.
func (c *Card) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.leave(0)
	return nil
}

var errAbsent = errors.New("alsa: the card is not there")

// frame moves one frame, repairing what it can.
func (c *Card) frame(dir direction, buf []int16) error {
	s := &c.side[dir]
	for range maxTries {
		if c.closed.Load() {
			return ErrClosed
		}
		epoch := c.epoch.Load()
		err := c.transfer(dir, buf)
		switch f := classify(err); {
		case f == faultNone:
			s.last.Store(c.now().UnixNano())
			s.ran.Store(true)
			return nil
		case errors.Is(err, errAbsent):
			if !c.look() {
				return errAbsent
			}
		case f == faultRetry:
		case f == faultGone:
			c.leave(reopenEvery)
			return c.absent()
		default:
			c.restart(f, dir, epoch)
		}
	}
	c.leave(0) // a stream that cannot be started again may be well after it was closed
	return c.absent()
}

func (c *Card) absent() error {
	if c.closed.Load() {
		return ErrClosed
	}
	return errAbsent
}

// transfer moves one frame to or from the node, as mono or doubled.
func (c *Card) transfer(dir direction, buf []int16) error {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.nodes == nil {
		return errAbsent
	}
	n := c.nodes[dir]
	if n.channels() == 1 {
		return n.transfer(buf)
	}
	s := &c.side[dir]
	if len(s.wide) < 2*len(buf) {
		s.wide = make([]int16, 2*len(buf))
	}
	wide := s.wide[:2*len(buf)]
	if dir == playback {
		for i, v := range buf {
			wide[2*i], wide[2*i+1] = v, v
		}
		return n.transfer(wide)
	}
	if err := n.transfer(wide); err != nil {
		return err
	}
	for i := range buf { // the microphone sits on the left input of every board's page
		buf[i] = wide[2*i]
	}
	return nil
}

// restart sets a stopped stream going, unless the other goroutine has done so since epoch.
func (c *Card) restart(f fault, dir direction, epoch uint64) {
	c.restarting.Lock()
	defer c.restarting.Unlock()
	if c.epoch.Load() != epoch {
		return
	}
	defer c.epoch.Add(1)
	s, other := &c.side[dir], &c.side[dir.other()]
	if lost(f, c.since(s), s.ran.Load()) {
		s.lost.Add(1)
	}
	c.use.RLock()
	defer c.use.RUnlock()
	if c.nodes == nil {
		return
	}
	both := other.ran.Load() && c.since(other) < idleAfter
	if c.follow(plan(f, dir, both, true)) != nil && both {
		_ = c.follow(plan(f, dir, both, false)) // a card whose directions cannot be linked
	}
}

func (c *Card) follow(orders []order) error {
	for _, o := range orders {
		err := c.nodes[o.dir].do(o.step, c.nodes[o.dir.other()])
		if err != nil && !mayFail(o.step) {
			return err
		}
	}
	return nil
}

func (c *Card) since(s *side) time.Duration {
	return time.Duration(c.now().UnixNano() - s.last.Load())
}

// look opens the card if it is there, at most every reopenEvery.
func (c *Card) look() bool {
	c.use.Lock()
	defer c.use.Unlock()
	if c.nodes != nil {
		return true
	}
	now := c.now()
	if c.closed.Load() || now.Before(c.nextLook) {
		return false
	}
	c.nextLook = now.Add(reopenEvery)
	nodes, err := c.open()
	if err != nil {
		return false
	}
	for d := range nodes {
		c.side[d].ran.Store(false)
	}
	c.nodes = nodes
	c.epoch.Add(1)
	return true
}

// leave stops and closes both nodes, and looks for them again after a rest. Dropping first wakes the goroutine that still waits in the kernel.
func (c *Card) leave(rest time.Duration) {
	c.use.RLock()
	if c.nodes != nil {
		_ = c.nodes[playback].do(stepDrop, nil)
		_ = c.nodes[capture].do(stepDrop, nil)
	}
	c.use.RUnlock()
	c.use.Lock()
	defer c.use.Unlock()
	if c.nodes == nil {
		return
	}
	_ = c.nodes[playback].close()
	_ = c.nodes[capture].close()
	c.nodes = nil
	c.nextLook = c.now().Add(rest)
}

// pace waits as long as a card would for n samples.
func (c *Card) pace(n int) { c.sleep(time.Duration(n) * time.Second / rate) }
