package haltest

import (
	"math"
	"sync"
	"time"

	"sotto/hal"
)

// SinePCM is a card whose microphone hears a tone and whose speaker nobody hears.
type SinePCM struct {
	*card
	hertz float64
}

// NewSinePCM returns a card with a tone of that many hertz.
func NewSinePCM(hertz float64) *SinePCM { return &SinePCM{newCard(0, 0), hertz} }

// ReadFrame fills dst with the tone.
func (s *SinePCM) ReadFrame(dst []int16) error {
	at, err := s.capture(len(dst))
	if err != nil {
		return err
	}
	for i := range dst {
		dst[i] = int16(8000 * math.Sin(2*math.Pi*s.hertz*float64(at+int64(i))/hal.SampleRate))
	}
	return nil
}

// WriteFrame waits as a card does.
func (s *SinePCM) WriteFrame(src []int16) error {
	if _, err := s.place(len(src)); err != nil {
		return err
	}
	return s.room()
}

// air carries sound from a speaker to a microphone: one second of samples by position.
type air struct {
	mu   sync.Mutex
	pcm  [hal.SampleRate]int16
	upTo int64 // first position that nobody wrote
}

func (a *air) put(at int64, src []int16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p := a.upTo; p < at && p < a.upTo+hal.SampleRate; p++ {
		a.pcm[p%hal.SampleRate] = 0
	}
	for i, s := range src {
		a.pcm[(at+int64(i))%hal.SampleRate] = s
	}
	a.upTo = max(a.upTo, at+int64(len(src)))
}

func (a *air) get(at int64, dst []int16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range dst {
		dst[i] = 0
		if p := at + int64(i); p >= 0 && p < a.upTo && p >= a.upTo-hal.SampleRate {
			dst[i] = a.pcm[p%hal.SampleRate]
		}
	}
}

// LoopPCM is a card whose microphone hears its speaker.
type LoopPCM struct {
	*card
	air air
}

// NewLoopPCM returns a card that hears itself.
func NewLoopPCM() *LoopPCM { return &LoopPCM{card: newCard(0, 0)} }

// ReadFrame fills dst with what sounded meanwhile.
func (l *LoopPCM) ReadFrame(dst []int16) error {
	at, err := l.capture(len(dst))
	if err != nil {
		return err
	}
	l.air.get(at, dst)
	return nil
}

// WriteFrame lets src sound.
func (l *LoopPCM) WriteFrame(src []int16) error {
	at, err := l.place(len(src))
	if err != nil {
		return err
	}
	l.air.put(at, src)
	return l.room()
}

// BridgePCM is one side of a Bridge.
type BridgePCM struct {
	*card
	out, in *air
}

// NewBridge returns two cards ear to mouth: each one's microphone hears the other's speaker. They share one crystal and
// must be used from the same time on.
func NewBridge() (a, b *BridgePCM) {
	x, y := new(air), new(air)
	a, b = &BridgePCM{newCard(0, 0), x, y}, &BridgePCM{newCard(0, 0), y, x}
	start := sync.OnceValue(time.Now)
	for _, c := range []*card{a.card, b.card} {
		c.begun = func(time.Time) { c.start = start() }
	}
	return a, b
}

// ReadFrame fills dst with what sounds on the other side.
func (b *BridgePCM) ReadFrame(dst []int16) error {
	at, err := b.capture(len(dst))
	if err != nil {
		return err
	}
	b.in.get(at, dst)
	return nil
}

// WriteFrame lets src sound.
func (b *BridgePCM) WriteFrame(src []int16) error {
	at, err := b.place(len(src))
	if err != nil {
		return err
	}
	b.out.put(at, src)
	return b.room()
}
