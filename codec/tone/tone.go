// Package tone makes the sounds of a telephone that nobody speaks: ringing, ringback, busy, keys, and the small signals
// of a call that goes secure.
//
// It promises pure arithmetic at 48 kHz without allocation, with ramps so that no tone clicks, and that a mixed tone
// saturates instead of wrapping. It opens no device.
package tone

import (
	"math"
	"time"
)

// Implementation constants.
const (
	sampleRate = 48000
	rampTime   = 240  // samples over which a step fades in and out: 5 ms
	level      = 5200 // of each of the two frequencies, about -16 dBFS
)

// Step is one or two frequencies, in hertz, for a time. Frequencies of 0 are silence.
type Step struct {
	Low, High float64
	For       time.Duration
}

// Pattern is steps one after the other, or a recording.
type Pattern struct {
	Steps  []Step
	Repeat bool    // from the first step again, until Stop
	Sound  []int16 // at 48 kHz, played once and instead of the steps
}

const (
	ms        = time.Millisecond
	heldDigit = 100 * ms
)

// The call progress tones (ETSI TR 101 041: one frequency of 425 Hz) and our own signals.
var (
	Dial     = Pattern{Steps: []Step{{425, 0, 1000 * ms}}, Repeat: true}
	Ringback = Pattern{Steps: []Step{{425, 0, 1000 * ms}, {0, 0, 4000 * ms}}, Repeat: true}
	Busy     = Pattern{Steps: []Step{{425, 0, 480 * ms}, {0, 0, 480 * ms}}, Repeat: true}
	Failed   = Pattern{Steps: []Step{{950, 0, 330 * ms}, {1400, 0, 330 * ms}, {1800, 0, 330 * ms}}}
	Ring     = Pattern{Steps: []Step{{440, 554, 400 * ms}, {0, 0, 200 * ms}, {440, 554, 400 * ms}, {0, 0, 2000 * ms}}, Repeat: true}
	Securing = Pattern{Steps: []Step{{520, 0, 60 * ms}, {0, 0, 940 * ms}}, Repeat: true} // wait: nothing that you say leaves yet
	Secure   = Pattern{Steps: []Step{{660, 0, 90 * ms}, {880, 0, 140 * ms}}}
	Alarm    = Pattern{Steps: []Step{{1200, 0, 150 * ms}, {800, 0, 150 * ms}, {1200, 0, 150 * ms}, {800, 0, 150 * ms}}}
	HangUp   = Pattern{Steps: []Step{{425, 0, 200 * ms}, {0, 0, 200 * ms}, {425, 0, 200 * ms}}}
	KeyClick = Pattern{Steps: []Step{{1000, 0, 25 * ms}}}
)

// ITU-T Q.23: the frequencies of the rows and columns of a keypad.
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

// DTMF is the tone of a key of RFC 4733, Section 3.2: 0 to 9, 10 is *, 11 is #, 12 to 15 are A to D. Other events are
// silent.
func DTMF(event uint8) Pattern {
	const layout = "123A456B789C*0#D"
	const events = "0123456789*#ABCD"
	if int(event) >= len(events) {
		return Pattern{}
	}
	for i := range layout {
		if layout[i] == events[event] {
			return Pattern{Steps: []Step{{rows[i/4], columns[i%4], heldDigit}}}
		}
	}
	return Pattern{}
}

// Player plays one pattern at a time.
type Player struct {
	pattern Pattern
	step    int
	at      int // samples into the step
	length  int // samples of the step
	low     oscillator
	high    oscillator
	playing bool
}

// Start begins a pattern and forgets the one before.
func (p *Player) Start(pattern Pattern) {
	*p = Player{pattern: pattern, playing: len(pattern.Steps)+len(pattern.Sound) > 0}
	if p.playing && len(pattern.Sound) == 0 {
		p.load()
	}
}

// Stop ends the pattern at once.
func (p *Player) Stop() { p.playing = false }

// Playing tells whether Mix would still add something.
func (p *Player) Playing() bool { return p.playing }

// Mix adds the next len(pcm) samples of the pattern to pcm.
func (p *Player) Mix(pcm []int16) {
	if len(p.pattern.Sound) > 0 {
		p.mixSound(pcm)
		return
	}
	for i := 0; p.playing && i < len(pcm); i++ {
		if p.at >= p.length {
			p.next()
			if !p.playing {
				return
			}
		}
		gain := level * ramp(p.at, p.length)
		pcm[i] = saturate(float64(pcm[i]) + gain*(p.low.next()+p.high.next()))
		p.at++
	}
}

func (p *Player) mixSound(pcm []int16) {
	rest := p.pattern.Sound[p.at:]
	n := min(len(pcm), len(rest))
	for i, s := range rest[:n] {
		pcm[i] = saturate(float64(pcm[i]) + float64(s))
	}
	p.at += n
	p.playing = n < len(rest)
}

func (p *Player) next() {
	p.step++
	if p.step == len(p.pattern.Steps) {
		p.step = 0
		if !p.pattern.Repeat {
			p.playing = false
			return
		}
	}
	p.load()
}

func (p *Player) load() {
	s := p.pattern.Steps[p.step]
	p.at, p.length = 0, max(1, int(s.For*sampleRate/time.Second))
	p.low, p.high = newOscillator(s.Low), newOscillator(s.High)
}

// ramp is the gain at sample i of n: it rises and falls as a raised cosine.
func ramp(i, n int) float64 {
	edge := min(i, n-1-i)
	if edge >= rampTime {
		return 1
	}
	return 0.5 - 0.5*math.Cos(math.Pi*float64(edge)/rampTime)
}

func saturate(v float64) int16 {
	return int16(math.Max(math.MinInt16, math.Min(math.MaxInt16, math.Round(v))))
}

// oscillator is the recursion y[n] = 2 cos(w) y[n-1] - y[n-2].
type oscillator struct{ k, y1, y2 float64 }

func newOscillator(hz float64) oscillator {
	w := 2 * math.Pi * hz / sampleRate
	return oscillator{k: 2 * math.Cos(w), y1: 0, y2: -math.Sin(w)}
}

func (o *oscillator) next() float64 {
	y := o.k*o.y1 - o.y2
	o.y2, o.y1 = o.y1, y
	return y
}
