package jitter

import "sotto/codec"

// Implementation constants of the estimator.
const (
	window      = 20                            // packets on either side whose minimum is a packet's base
	history     = 64                            // packets remembered
	bucket      = codec.SampleRate / 1000       // 1 ms
	buckets     = 400                           // delays from here on share the last bucket
	missCost    = 450 * codec.SampleRate / 1000 // a frame in a hundred that comes too late is worth 4.5 ms of delay
	memory      = 600                           // packets after which a delay counts 1/e
	prior       = 12                            // ms of delay that a new stream is thought to have
	priorWeight = 6                             // packets that the prior counts
	margin      = codec.SampleRate / 1000       // over the measured delay: a pull is never exactly on time
)

// observation is one sequence number.
type observation struct {
	seq     int64
	came    bool
	transit int64
	samples int
	fec     bool
}

// estimator turns transits into a base (the fastest way lately) and a target (how much later to play).
//
// A packet's delay is its transit over the smaller neighbourhood of the two around it: the minimum over the 20 packets
// before it or over the 20 after it, whichever is greater. A step of the path is in one of them, so it moves the base
// and does not count as jitter; a peak is in neither, so it does.
type estimator struct {
	seen   [history]observation
	newest int64
	oldest int64 // nothing before this sequence number counts
	any    bool
	base   int64 // transit of the fastest of the last packets
	target int64 // samples over base at which frames are played

	histogram [buckets]float64
	total     float64
}

func (e *estimator) reset() {
	*e = estimator{}
	e.histogram[prior] = priorWeight
	e.total = priorWeight
	e.choose()
}

// rebase forgets the transits before seq: the path has changed.
func (e *estimator) rebase(seq int64) { e.oldest = max(e.oldest, seq) }

// add notes the transit of packet seq.
func (e *estimator) add(seq, transit int64, samples int, fec bool) {
	if !e.any {
		e.any, e.newest, e.oldest = true, seq, seq
	}
	if seq < e.newest-history+1 {
		return
	}
	if seq > e.newest+history { // everything that we know is long ago
		e.newest, e.oldest = seq, seq
	}
	for e.newest < seq {
		e.newest++
		e.seen[e.newest&(history-1)] = observation{seq: e.newest}
		if done := e.newest - window - 1; done >= e.oldest {
			e.learn(done)
		}
	}
	if o := &e.seen[seq&(history-1)]; o.seq == seq && (!o.came || transit < o.transit) {
		*o = observation{seq, true, transit, samples, fec}
	}
	if least, ok := e.least(e.newest-window, e.newest); ok {
		e.base = least
	}
}

// at is the observation of a sequence number that came.
func (e *estimator) at(seq int64) (observation, bool) {
	if seq < e.oldest || seq > e.newest {
		return observation{}, false
	}
	o := e.seen[seq&(history-1)]
	return o, o.came && o.seq == seq
}

// least is the smallest transit of the packets from..to.
func (e *estimator) least(from, to int64) (least int64, ok bool) {
	for s := from; s <= to; s++ {
		if o, came := e.at(s); came && (!ok || o.transit < least) {
			least, ok = o.transit, true
		}
	}
	return least, ok
}

// learn enters packet seq into the histogram, now that its neighbours on both sides are known. A packet that did not
// come counts with the delay at which its redundancy in the next packet did.
func (e *estimator) learn(seq int64) {
	o, came := e.at(seq)
	if !came {
		next, ok := e.at(seq + 1)
		if !ok || !next.fec {
			return
		}
		o.transit = next.transit + int64(next.samples)
	}
	past, okPast := e.least(seq-window, seq-1)
	future, okFuture := e.least(seq+1, seq+window)
	base := o.transit
	switch {
	case okPast && okFuture:
		base = max(past, future)
	case okPast:
		base = past
	case okFuture:
		base = future
	}
	delay := max(0, o.transit-base)
	e.total++
	if e.total > memory {
		keep := memory / e.total
		for i := range e.histogram {
			e.histogram[i] *= keep
		}
		e.total = memory
	}
	e.histogram[min(delay/bucket, buckets-1)]++
	e.choose()
}

// choose finds the target with the least cost: the delay itself, and the part of the packets that would be late.
func (e *estimator) choose() {
	late, best, found := e.total, float64(0), -1
	for i, n := range e.histogram {
		late -= n
		cost := float64((i+1)*bucket) + missCost*late/e.total
		if found < 0 || cost < best {
			best, found = cost, i
		}
	}
	e.target = int64((found+1)*bucket) + margin
}
