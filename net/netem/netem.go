// Package netem spoils a stream of packets as a bad network does: loss (random or in bursts), delay, jitter,
// reordering, duplication and corruption.
//
// It promises that the same seed and the same packets at the same times give the same result. It is a pure value: it
// opens no socket, reads no clock and has no goroutine, so that a test of a minute takes a millisecond. It models no
// bandwidth and no queue.
package netem

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Config is what the network does. The zero value is a perfect wire. Probabilities are 0 to 1.
type Config struct {
	Loss       float64       // of a packet, independent of the others
	Burst      Burst         // loss in bursts, besides Loss
	Delay      time.Duration // of every packet
	Jitter     time.Duration // the delay is spread evenly over Delay..Delay+Jitter, without changing the order
	Reorder    float64       // that a packet overtakes those before it: it is sent without Delay and Jitter
	Duplicate  float64       // that a packet comes twice
	Corruption float64       // that one bit of a packet is flipped
}

// Burst is the loss model of Gilbert and Elliott: two states, each with its own loss.
type Burst struct {
	Enter    float64 // probability of going from good to bad, at each packet
	Leave    float64 // probability of going from bad to good; the mean burst lasts 1/Leave packets
	LossGood float64
	LossBad  float64
}

// Gilbert returns the Burst that loses the part loss of all packets, all of them in bursts of mean packets on average.
// Loss must be below 1 and mean at least 1.
func Gilbert(loss, mean float64) Burst {
	leave := 1 / mean
	return Burst{Enter: leave * loss / (1 - loss), Leave: leave, LossBad: 1}
}

// Stats counts packets.
type Stats struct {
	Sent, Lost, Duplicated, Reordered, Corrupted, Delivered int
}

// Link is one direction of a network.
type Link struct {
	config Config
	rand   *rand.Rand
	bad    bool // state of Burst
	last   time.Time
	flight []packet // sorted by due
	stats  Stats
}

type packet struct {
	due  time.Time
	data []byte
}

// New returns a Link whose chances follow from the seed.
func New(c Config, seed uint64) *Link {
	return &Link{config: c, rand: rand.New(rand.NewPCG(seed, 0x6e6574656d))}
}

// SetConfig changes what the network does to the packets sent from now on.
func (l *Link) SetConfig(c Config) { l.config = c }

// Stats returns the counts so far.
func (l *Link) Stats() Stats { return l.stats }

// Send puts a copy of a packet on the wire at the time now. Times must not go back.
func (l *Link) Send(data []byte, now time.Time) {
	l.stats.Sent++
	c := &l.config
	if l.lose() {
		l.stats.Lost++
		return
	}
	due := now.Add(c.Delay)
	if c.Jitter > 0 {
		due = due.Add(time.Duration(l.rand.Int64N(int64(c.Jitter) + 1)))
	}
	switch {
	case l.chance(c.Reorder):
		l.stats.Reordered++
		due = now
	case due.Before(l.last): // jitter alone is a queue and keeps the order
		due = l.last
	}
	if due.After(l.last) {
		l.last = due
	}
	data = slices.Clone(data)
	if l.chance(c.Corruption) && len(data) > 0 {
		l.stats.Corrupted++
		bit := l.rand.IntN(len(data) * 8)
		data[bit/8] ^= 1 << (bit % 8)
	}
	l.put(packet{due, data})
	if l.chance(c.Duplicate) {
		l.stats.Duplicated++
		l.put(packet{due, data})
	}
}

// lose moves the burst model by one packet and decides about that packet.
func (l *Link) lose() bool {
	b := &l.config.Burst
	if l.bad {
		l.bad = !l.chance(b.Leave)
	} else {
		l.bad = l.chance(b.Enter)
	}
	p := b.LossGood
	if l.bad {
		p = b.LossBad
	}
	lost := l.chance(p)
	return l.chance(l.config.Loss) || lost
}

// chance is true with probability p. It draws nothing for 0, so that a test that adds an impairment keeps the others.
func (l *Link) chance(p float64) bool { return p > 0 && l.rand.Float64() < p }

// put keeps the packets sorted by the time at which they are due, and equal times in the order of sending.
func (l *Link) put(p packet) {
	i := len(l.flight)
	for i > 0 && l.flight[i-1].due.After(p.due) {
		i--
	}
	l.flight = slices.Insert(l.flight, i, p)
}

// Receive takes the next packet that has come by the time now; ok is false when there is none. The packet is the
// caller's.
func (l *Link) Receive(now time.Time) (data []byte, ok bool) {
	if len(l.flight) == 0 || l.flight[0].due.After(now) {
		return nil, false
	}
	data = l.flight[0].data
	l.flight = slices.Delete(l.flight, 0, 1)
	l.stats.Delivered++
	return slices.Clone(data), true
}

// Deadline is when the next packet comes; ok is false when none is on the way.
func (l *Link) Deadline() (due time.Time, ok bool) {
	if len(l.flight) == 0 {
		return time.Time{}, false
	}
	return l.flight[0].due, true
}
