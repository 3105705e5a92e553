package jitter

import (
	"time"

	"sotto/codec"
)

// maxPiece is the longest piece of sound between the decoder and the speaker, in samples: a packet of 120 ms, lengthened.
const maxPiece = 2 * codec.SampleRate * 120 / 1000

// Player is a Buffer with a decoder behind it: packets go in, samples come out.
type Player struct {
	buffer  *Buffer
	decoder codec.Decoder
	store   [2 * maxPiece]int16
	from    int // store[from:to] is decoded and not yet played
	to      int
	made    int // samples before to that were made up for want of a packet
	scratch [maxPiece]int16
	broken  uint64 // payloads that the decoder refused
}

// NewPlayer returns a player for one stream.
func NewPlayer(d codec.Decoder) *Player { return &Player{buffer: New(), decoder: d} }

// Put is Buffer.Put.
func (p *Player) Put(seq uint16, ts uint32, payload []byte, now time.Time) {
	p.buffer.Put(seq, ts, payload, now)
}

// Repeat is Buffer.Repeat.
func (p *Player) Repeat(seq uint16, ts uint32, payload []byte, now time.Time) {
	p.buffer.Repeat(seq, ts, payload, now)
}

// Pull fills dst with what is to be heard next. It is to be called at the pace of the sound card, with now at which the
// card asks.
func (p *Player) Pull(dst []int16, now time.Time) {
	p.buffer.Pulling(now, len(dst), p.to-p.from)
	for len(dst) > 0 {
		if p.from == p.to {
			p.from, p.to = 0, 0
		}
		if p.to-p.from < len(dst) || (p.made > 0 && p.buffer.Ready(min(p.made, p.to-p.from))) {
			p.more(now)
		}
		n := copy(dst, p.store[p.from:p.to])
		p.from += n
		dst = dst[n:]
	}
}

// more decodes one piece behind what is there. What was made up and not yet heard is faded into the real thing.
func (p *Player) more(now time.Time) {
	copy(p.store[:], p.store[p.from:p.to])
	p.from, p.to = 0, p.to-p.from
	unheard := min(p.made, p.to)
	p.made = 0
	payload, what := p.buffer.Next(now)
	n := p.buffer.Samples()
	pcm := p.store[p.to : p.to+n]
	switch what {
	case Silence:
		clear(pcm)
	case PlayFEC:
		p.check(p.decoder.DecodeFEC(pcm, payload), pcm)
	case Conceal:
		p.check(p.decoder.Conceal(pcm), pcm)
		if p.buffer.Hungry() {
			p.made = n
		}
	case Play:
		p.decode(pcm, payload)
		if unheard > 0 {
			p.meet(unheard, n)
			return
		}
	case PlayFast:
		p.decode(pcm, payload)
		loud, _ := p.buffer.Loud()
		n = len(shorten(pcm, p.buffer.Adjust(), loud))
		p.buffer.stats.Shortened += toTime(int64(len(pcm) - n))
	case PlaySlow:
		p.decode(p.scratch[:n], payload)
		_, loud := p.buffer.Loud()
		n = len(lengthen(p.store[p.to:], p.scratch[:n], p.buffer.Adjust(), loud))
		p.buffer.stats.Lengthened += toTime(int64(n - len(pcm)))
	}
	p.to += n
}

// meet lays the frame of n samples behind to over the made up samples before to.
func (p *Player) meet(unheard, n int) {
	unheard = min(unheard, n)
	old, frame := p.store[p.to-unheard:p.to], p.store[p.to:p.to+n]
	crossFade(old, old, frame[:unheard])
	p.to += copy(p.store[p.to:], frame[unheard:])
}

func (p *Player) decode(pcm []int16, payload []byte) {
	if p.decoder.Decode(pcm, payload) != nil {
		p.broken++
		p.check(p.decoder.Conceal(pcm), pcm)
	}
}

// check plays silence where the decoder could not do its work.
func (p *Player) check(err error, pcm []int16) {
	if err != nil {
		p.broken++
		clear(pcm)
	}
}

// Stats is a copy of the counters; Refused includes what the decoder refused.
func (p *Player) Stats() Stats {
	s := p.buffer.Stats()
	s.Refused += p.broken
	return s
}
