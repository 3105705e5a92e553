package jitter

import (
	"encoding/binary"
	"slices"
	"time"

	"sotto/net/netem"
)

// frameDecoder stands for a decoder: every frame sounds like the number in its payload, made up ones like -1.
type frameDecoder struct{}

func (frameDecoder) Decode(pcm []int16, payload []byte) error {
	fill(pcm, int16(binary.BigEndian.Uint16(payload[2:])&0x3fff)+100)
	return nil
}

func (frameDecoder) DecodeFEC(pcm []int16, next []byte) error {
	fill(pcm, int16(binary.BigEndian.Uint16(next[2:])&0x3fff)+99)
	return nil
}

func (frameDecoder) Conceal(pcm []int16) error {
	fill(pcm, -1)
	return nil
}

func fill(pcm []int16, v int16) {
	for i := range pcm {
		pcm[i] = v
	}
}

// payload of 20 ms that says its number; fec sets the bit of redundancy.
func payload(n int, fec bool) []byte {
	p := []byte{0x78, 0, 0, 0, 5, 6, 7, 8}
	if fec {
		p[1] = 0x40
	}
	binary.BigEndian.PutUint16(p[2:], uint16(n))
	return p
}

// trace is a call in virtual time.
type trace struct {
	seconds   int
	network   netem.Config
	overtake  bool
	drift     float64 // parts per million by which the sender is fast
	fec       bool
	expect    time.Duration
	change    func(l *netem.Link, t time.Duration)
	stall     [2]time.Duration
	seed      uint64
	beginTS   uint32
	beginSeq  uint16
	senderOff [2]time.Duration // the sender says nothing from .. to, and its timestamps go on
}

// curve is what the trace did to the sound.
type curve struct {
	delay []time.Duration // of each pull: over the fastest packet
	Stats
}

func (t trace) run() (c curve) {
	n := 1
	if t.overtake {
		n = 16
	}
	var links []*netem.Link
	for i := range n {
		links = append(links, netem.New(t.network, t.seed+uint64(i)))
	}
	p := NewPlayer(frameDecoder{})
	p.Expect(t.expect)
	begin := time.Unix(1_000_000, 0)
	frame := time.Duration(float64(20*time.Millisecond) / (1 + t.drift/1e6))
	card := card{player: p}
	sent := 0
	for at := 2300 * time.Microsecond; at < time.Duration(t.seconds)*time.Second; at += 5 * time.Millisecond {
		for due := time.Duration(sent+1) * frame; due <= at; due = time.Duration(sent+1) * frame {
			l := links[sent%n]
			if t.change != nil {
				t.change(l, due)
			}
			if due < t.senderOff[0] || due >= t.senderOff[1] {
				deliver(p, links, begin.Add(due), time.Time{})
				l.Send(append(binary.BigEndian.AppendUint16(nil, t.beginSeq+uint16(sent)),
					append(binary.BigEndian.AppendUint32(nil, t.beginTS+uint32(sent*960)), payload(sent, t.fec)...)...), begin.Add(due))
			}
			sent++
		}
		if at >= t.stall[0] && at < t.stall[1] {
			card.queued = 0
			continue
		}
		stamp := time.Time{}
		if t.stall[1] > 0 && at >= t.stall[1] && at < t.stall[1]+5*time.Millisecond {
			stamp = begin.Add(at)
		}
		deliver(p, links, begin.Add(at), stamp)
		card.tick(begin.Add(at))
		c.delay = append(c.delay, p.Stats().Delay)
	}
	c.Stats = p.Stats()
	return c
}

// deliver hands over what has come, each packet at its time, or all at stamp.
func deliver(p *Player, links []*netem.Link, until, stamp time.Time) {
	for {
		var next *netem.Link
		var first time.Time
		for _, l := range links {
			if due, ok := l.Deadline(); ok && !due.After(until) && (next == nil || due.Before(first)) {
				next, first = l, due
			}
		}
		if next == nil {
			return
		}
		arrival := first
		if !stamp.IsZero() {
			arrival = stamp
		}
		if d, ok := next.Receive(first); ok {
			p.Put(binary.BigEndian.Uint16(d), binary.BigEndian.Uint32(d[2:]), d[6:], arrival)
		}
	}
}

// at is the median delay in the seconds from..to.
func (c curve) at(from, to float64) time.Duration {
	part := slices.Clone(c.delay[int(from*200):min(int(to*200), len(c.delay))])
	slices.Sort(part)
	return part[len(part)/2]
}

// card is a speaker that pulls when it has a period left.
type card struct {
	player *Player
	queued int
	pcm    [MaxPull]int16
}

func (c *card) tick(now time.Time) {
	if c.queued = max(0, c.queued-Period); c.queued <= Period {
		c.queued += c.player.Pull(c.pcm[:], now)
	}
}
