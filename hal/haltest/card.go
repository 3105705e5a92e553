// Package haltest has fakes that behave as the real parts do: sound cards with a clock of their own, a keypad, a panel.
//
// It promises that a fake card never waits for the program: who reads late loses the oldest microphone samples
// (overrun), who writes late is heard as silence (underrun), and both are counted. It opens no device; only WAVPCM
// touches the disk.
package haltest

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sotto/hal"
)

// ErrClosed is returned by every fake after Close.
var ErrClosed = errors.New("haltest: closed")

// Implementation constants of a card that is not told otherwise.
const (
	DefaultPeriod = 5 * time.Millisecond
	speakerQueue  = 1  // periods that are left for the speaker when the program is asked for more
	micQueue      = 16 // periods that the microphone keeps for a late program
)

// card is the clock and the two positions that every sound card has. Positions count samples since the card started;
// both directions start together, at the first ReadFrame or WriteFrame, as linked streams of one chip do.
type card struct {
	period int     // samples
	rate   float64 // samples a second of wall time; not 48000 when the crystal drifts
	sleep  func(time.Duration)

	once  sync.Once
	start time.Time
	begun func(start time.Time)

	read, written int64 // owned by the reader, by the writer
	overruns      atomic.Uint64
	underruns     atomic.Uint64
	closed        atomic.Bool
}

func newCard(period time.Duration, driftPPM float64) *card {
	if period <= 0 {
		period = DefaultPeriod
	}
	return &card{
		period: int(period * hal.SampleRate / time.Second),
		rate:   hal.SampleRate * (1 + driftPPM/1e6),
		sleep:  time.Sleep,
		begun:  func(time.Time) {},
	}
}

func (c *card) run() {
	c.once.Do(func() {
		c.start = time.Now()
		c.begun(c.start)
	})
}

// position is how many whole periods, in samples, the chip has moved since its start.
func (c *card) position() int64 {
	n := int64(float64(time.Since(c.start)) / float64(time.Second) * c.rate)
	return n - n%int64(c.period)
}

// until sleeps until the chip has reached pos.
func (c *card) until(pos int64) error {
	for {
		if c.closed.Load() {
			return ErrClosed
		}
		due := c.start.Add(time.Duration(float64(pos) / c.rate * float64(time.Second)))
		wait := time.Until(due)
		if wait <= 0 {
			return nil
		}
		c.sleep(min(wait, 50*time.Millisecond)) // so that Close is noticed
	}
}

// block sleeps in a system call, as the driver of a real card does: a thread that waits there is on time, and wakes without
// the help of another.
func block(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a signal ends it early: the caller looks at the clock
}

// capture waits for n samples of the microphone and returns the position of the first.
func (c *card) capture(n int) (int64, error) {
	c.run()
	if c.closed.Load() {
		return 0, ErrClosed
	}
	if now := c.position(); now-c.read > int64(max(micQueue*c.period, n)) {
		c.overruns.Add(1)
		c.read = now - int64(c.period)
	}
	at := c.read
	c.read += int64(n)
	return at, c.until(c.periodEnd(c.read))
}

// place returns the position at which n samples of the speaker that are written now will sound.
func (c *card) place(n int) (int64, error) {
	c.run()
	if c.closed.Load() {
		return 0, ErrClosed
	}
	if now := c.position(); now >= c.written { // the period that is sounding now cannot be changed any more
		if c.written > 0 {
			c.underruns.Add(1)
		}
		c.written = now + int64(c.period)
	}
	at := c.written
	c.written += int64(n)
	return at, nil
}

// room waits until no more than speakerQueue periods are left to play. It comes after the writing, so that the program
// makes its next sound as late as can be.
func (c *card) room() error {
	left := c.written - int64(speakerQueue*c.period)
	return c.until(left - left%int64(c.period))
}

// periodEnd is the first period boundary at or after pos: a chip interrupts at boundaries only.
func (c *card) periodEnd(pos int64) int64 {
	if pos <= 0 {
		return 0
	}
	p := int64(c.period)
	return (pos + p - 1) / p * p
}

// Xruns counts what was lost.
func (c *card) Xruns() hal.Xruns {
	return hal.Xruns{Overruns: c.overruns.Load(), Underruns: c.underruns.Load()}
}

// Close stops the card.
func (c *card) Close() error {
	c.closed.Store(true)
	return nil
}
