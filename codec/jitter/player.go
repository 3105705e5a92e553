package jitter

import (
	"time"

	"sotto/codec"
)

// Period is the step of the sound card in which pieces are pulled, in samples: 5 ms. MaxPull is the most that one Pull
// yields.
const (
	Period  = codec.SampleRate / 200
	MaxPull = maxPiece + Period
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
	scratch [maxPiece]int16
	broken  uint64 // payloads that the decoder refused
}

// NewPlayer returns a player for one stream.
func NewPlayer(d codec.Decoder) *Player { return &Player{buffer: New(), decoder: d} }

// Expect is Buffer.Expect.
func (p *Player) Expect(jitter time.Duration) { p.buffer.Expect(jitter) }

// Put is Buffer.Put.
func (p *Player) Put(seq uint16, ts uint32, payload []byte, now time.Time) {
	p.buffer.Put(seq, ts, payload, now)
}

// Repeat is Buffer.Repeat.
func (p *Player) Repeat(seq uint16, ts uint32, payload []byte, now time.Time) {
	p.buffer.Repeat(seq, ts, payload, now)
}

// Pull writes what is to be heard next into dst, which has room for MaxPull, and returns how many samples that is: at
// least a Period, always whole ones. It is to be called when the sound card has a Period left to play, with now at which
// it asks. A piece is what one packet holds, so the card's loop wakes up once a packet.
func (p *Player) Pull(dst []int16, now time.Time) int {
	for p.to-p.from < Period {
		p.more(now)
	}
	n := copy(dst, p.store[p.from:p.to-(p.to-p.from)%Period])
	p.from += n
	p.buffer.Pulled(n + Period)
	return n
}

// more decodes one piece behind what is there.
func (p *Player) more(now time.Time) {
	copy(p.store[:], p.store[p.from:p.to])
	p.from, p.to = 0, p.to-p.from
	p.buffer.Pulling(now, Period, p.to)
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
	case Play:
		p.decode(pcm, payload)
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
