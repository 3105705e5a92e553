package jitter

import "time"

// Stats counts what a buffer did. Counters only grow.
type Stats struct {
	Played    uint64 // frames decoded from their own packet
	FEC       uint64 // frames decoded from the next packet's redundancy
	Repeated  uint64 // frames of Played that came as a copy in a later packet
	Late      uint64 // packets that came after their time
	Duplicate uint64
	Discarded uint64 // packets forgotten: too many, or too old after a stall
	Refused   uint64 // payloads that no decoder takes
	Underruns uint64 // times at which nothing was there to play
	Stalls    uint64 // times at which we ourselves were stopped
	Restarts  uint64 // jumps of the sender's timestamps

	Concealed   time.Duration // made up in all
	LongestHole time.Duration // made up in one piece
	Shortened   time.Duration // left out by PlayFast
	Lengthened  time.Duration // put in by PlaySlow

	Delay  time.Duration // of the last frame, over the fastest packet
	Target time.Duration // what Delay should be

	run int // samples of the hole that is open
}

func (s *Stats) conceal(samples int) {
	s.Concealed += toTime(int64(samples))
	s.hole(samples)
}

// hole makes the open hole longer, or closes it with 0. Only then it counts: after a peer who hung up nothing comes, and
// that is no hole.
func (s *Stats) hole(samples int) {
	if samples == 0 {
		s.LongestHole = max(s.LongestHole, toTime(int64(s.run)))
		s.run = 0
		return
	}
	s.run += samples
}

// Stats is a copy of the counters.
func (b *Buffer) Stats() Stats { return b.stats }
