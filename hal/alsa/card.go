package alsa

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sotto/hal"
)

// ErrClosed is returned by a Card after Close.
var ErrClosed = errors.New("alsa: the card was closed")

// Config names a card.
type Config struct {
	Playback string // node of the speaker, as /dev/snd/pcmC0D0p
	Capture  string // node of the microphone, as /dev/snd/pcmC0D0c
	Period   int    // samples between two interrupts; 240 is 5 ms
	Periods  int    // periods in the card's buffer
	Left     int    // samples left to play when WriteFrame returns: the time in which the next must come. 0 is one period
}

// Card is a full-duplex sound card.
//
//	microphone -> capture node -> [Periods x Period] -> ReadFrame   (one goroutine)
//	WriteFrame -> [Periods x Period] -> playback node -> speaker    (one goroutine)
//
// WriteFrame first writes and then waits until only Left samples are left to play, so that the program makes its next
// sound as late as can be; ReadFrame sleeps once a frame, however many periods that is. What is not a whole period is
// held back until it is one: a chip would not mind, but virtio-snd (Linux 6.12) keeps the length of a half-written period
// when it is stopped. After the next start that period is never sent again, and with every turn of the buffer the card
// has one period less, until it stands still.
//
// Two goroutines meet only in restart, which one of them may do for both.
type Card struct {
	config Config
	open   func() (*[2]stream, error)
	now    func() time.Time
	sleep  func(time.Duration)

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
	held []int16      // interleaved samples between the program and the node
	last atomic.Int64 // Unix nanoseconds of the last frame that went through
	ran  atomic.Bool  // frames went through since the card was opened
	lost atomic.Uint64
	due  time.Time // when the next frame is, while the card is gone
}

// Open returns the card, whether or not it is there already: one that appears later is found then.
// The error tells only of a Config that cannot work.
func Open(c Config) (*Card, error) {
	if c.Left == 0 {
		c.Left = c.Period
	}
	if c.Period < 48 || c.Periods < 2 || c.Playback == "" || c.Capture == "" || c.Left < c.Period || c.Left >= c.Period*c.Periods {
		return nil, fmt.Errorf("alsa: impossible card %+v", c)
	}
	return newCard(c, func() (*[2]stream, error) { return openBoth(c) }, time.Now, time.Sleep), nil
}

func newCard(c Config, open func() (*[2]stream, error), now func() time.Time, sleep func(time.Duration)) *Card {
	card := &Card{config: c, open: open, now: now, sleep: sleep}
	card.look()
	return card
}

func openBoth(c Config) (*[2]stream, error) {
	p, err := openDevice(c.Playback, playback, c)
	if err != nil {
		return nil, err
	}
	r, err := openDevice(c.Capture, capture, c)
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
		c.pace(&c.side[capture], len(dst))
		return nil
	}
	return err
}

// WriteFrame implements hal.PCM. While the card is gone src is swallowed at the pace of a card.
func (c *Card) WriteFrame(src []int16) error {
	err := c.frame(playback, src)
	if errors.Is(err, errAbsent) {
		c.pace(&c.side[playback], len(src))
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

// transfer moves one frame to or from the node.
func (c *Card) transfer(dir direction, buf []int16) error {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.nodes == nil {
		return errAbsent
	}
	if dir == playback {
		return c.write(c.nodes[dir], buf)
	}
	return c.read(c.nodes[dir], buf)
}

// write queues the whole periods of what is held and buf, and waits until the card has played all but Left of them.
func (c *Card) write(n stream, buf []int16) error {
	s := &c.side[playback]
	before := len(s.held)
	for _, v := range buf {
		for range n.channels() {
			s.held = append(s.held, v)
		}
	}
	step := c.config.Period * n.channels()
	whole := s.held[:len(s.held)/step*step]
	rest := s.held[len(whole):]
	s.held = s.held[:before] // a fault finds it as it was
	room := c.config.Period*c.config.Periods - c.config.Left
	for len(whole) > 0 {
		moved, err := n.transfer(whole)
		if moved > 0 {
			s.held = s.held[:0]
		}
		whole = whole[moved*n.channels():]
		if errors.Is(err, unix.EAGAIN) { // longer than the room that is left
			err = n.await(room)
		}
		if err != nil {
			return err
		}
	}
	s.held = append(s.held[:0], rest...)
	return n.await(room)
}

// read sleeps until all of buf has been heard, so that a frame costs one waking.
func (c *Card) read(n stream, buf []int16) error {
	s, chans := &c.side[capture], n.channels()
	most := c.config.Period * c.config.Periods / 2
	for len(buf) > 0 {
		want := min(len(buf), most)
		if err := n.await(want); err != nil {
			return err
		}
		s.held = append(s.held[:0], make([]int16, want*chans)...)
		got, err := n.transfer(s.held)
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			return err
		}
		for i := range got { // the microphone sits on the left input of every board's page
			buf[i] = s.held[i*chans]
		}
		buf = buf[got:]
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
	resting := !s.ran.Load() || c.since(s) >= idleAfter
	both := (resting || f == faultSuspend) && other.ran.Load() && c.since(other) < idleAfter
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

// pace waits as long as a card would for n samples: until a time, not for a time, so that the program's own work does not
// make it slow.
func (c *Card) pace(s *side, n int) {
	now := c.now()
	if late := now.Sub(s.due); late > idleAfter || late < -idleAfter { // the first, or one after a rest
		s.due = now
	}
	s.due = s.due.Add(time.Duration(n) * time.Second / rate)
	c.sleep(s.due.Sub(now))
}
