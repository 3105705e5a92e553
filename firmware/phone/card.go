package phone

import (
	"errors"
	"math"
	"sync"
	"time"

	"sotto/hal"
)

// card is the sound card of up to two calls: the one in front hears and speaks, the other hears silence and its sound goes
// nowhere. It is open as long as somebody sits at it.
type card struct {
	read, write sync.Mutex // held while the card is used in that direction
	mu          sync.Mutex
	pcm         hal.PCM
	first       *seat
	seats       int
	spoken      []int16 // still to be heard, beside the call in front
	mixed       []int16 // of one frame
}

// seat is a call's place at the card (hal.PCM).
type seat struct {
	card *card
	gone bool         // guarded by card.mu
	due  [2]time.Time // when the next frame is, without a card; each of one direction's goroutine
}

var errNoSeat = errors.New("phone: the sound card was given back")

// sit takes a place in front, and opens the card for the first who comes.
func (c *card) sit(open func() (hal.PCM, error)) (hal.PCM, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seats == 0 {
		pcm, err := open()
		if err != nil {
			return nil, err
		}
		c.pcm = pcm
	}
	c.seats++
	c.first = &seat{card: c}
	return c.first, nil
}

// front lets one seat hear and speak.
func (c *card) front(pcm hal.PCM) {
	if s, ok := pcm.(*seat); ok {
		c.mu.Lock()
		c.first = s
		c.mu.Unlock()
	}
}

// pcm is the card when the seat is in front, nil when it is not.
func (s *seat) pcm() (hal.PCM, error) {
	s.card.mu.Lock()
	defer s.card.mu.Unlock()
	switch {
	case s.gone:
		return nil, errNoSeat
	case s.card.first == s:
		return s.card.pcm, nil
	}
	return nil, nil
}

// use does one frame at the card, or waits for as long as one takes. The mutex of the direction keeps the two calls apart
// while they change places.
func (s *seat) use(direction *sync.Mutex, due *time.Time, samples int, do func(hal.PCM) error) error {
	direction.Lock()
	pcm, err := s.pcm()
	if pcm != nil || err != nil {
		defer direction.Unlock()
		*due = time.Time{}
		if err != nil {
			return err
		}
		return do(pcm)
	}
	direction.Unlock()
	frame := time.Duration(samples) * time.Second / hal.SampleRate
	if now := time.Now(); due.Before(now.Add(-frame)) {
		*due = now
	}
	*due = due.Add(frame)
	time.Sleep(time.Until(*due))
	return nil
}

// ReadFrame implements hal.PCM.
func (s *seat) ReadFrame(dst []int16) error {
	clear(dst)
	return s.use(&s.card.read, &s.due[0], len(dst), func(pcm hal.PCM) error { return pcm.ReadFrame(dst) })
}

// WriteFrame implements hal.PCM.
func (s *seat) WriteFrame(src []int16) error {
	return s.use(&s.card.write, &s.due[1], len(src), func(pcm hal.PCM) error { return pcm.WriteFrame(s.card.mix(src)) })
}

// say lets samples be heard with the call in front, instead of what was being said.
func (c *card) say(samples []int16) {
	c.mu.Lock()
	c.spoken = samples
	c.mu.Unlock()
}

// mix adds what is being said to a frame.
func (c *card) mix(src []int16) []int16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spoken) == 0 {
		return src
	}
	c.mixed = append(c.mixed[:0], src...)
	for i, s := range c.spoken[:min(len(c.spoken), len(src))] {
		c.mixed[i] = int16(min(max(int(src[i])/2+int(s), math.MinInt16), math.MaxInt16)) // the voice steps back
	}
	c.spoken = c.spoken[min(len(c.spoken), len(src)):]
	return c.mixed
}

// Xruns implements hal.XrunCounter: what the card lost.
func (s *seat) Xruns() hal.Xruns {
	if pcm, err := s.pcm(); err == nil {
		if c, ok := pcm.(hal.XrunCounter); ok {
			return c.Xruns()
		}
	}
	return hal.Xruns{}
}

// Close leaves the seat; the last one closes the card.
func (s *seat) Close() error {
	s.card.mu.Lock()
	defer s.card.mu.Unlock()
	if s.gone {
		return nil
	}
	s.gone = true
	s.card.seats--
	if s.card.first == s {
		s.card.first = nil
	}
	if s.card.seats > 0 {
		return nil
	}
	pcm := s.card.pcm
	s.card.pcm, s.card.spoken = nil, nil
	return pcm.Close()
}
