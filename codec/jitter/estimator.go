package jitter

import "sotto/codec"

// Implementation constants of the estimator.
const (
	window         = 50                            // packets on either side whose minimum is a packet's base
	baseWindow     = 200                           // packets of which the fastest is the base
	recent         = 20                            // packets that must all be late for the path to have changed
	history        = 256                           // packets remembered
	bucket         = codec.SampleRate / 1000       // 1 ms
	buckets        = 500                           // delays from here on share the last bucket
	missCost       = 700 * codec.SampleRate / 1000 // one frame in a hundred too late is worth 7 ms of delay
	memory         = 600                           // packets after which a delay counts 1/e
	prior          = 12                            // ms of delay that a new stream is thought to have
	priorWeight    = 0.5                           // packets that the prior counts
	expectedWeight = 20                            // packets that a prior counts which somebody knew
	longestReach   = 640 * codec.SampleRate / 1000 // 32 packets of 20 ms
	margin         = codec.SampleRate / 1000       // over the measured delay: a pull is never exactly on time
	repeatedWeight = 20                            // losses come in runs, and a long gap is worse than some short ones
	leastStep      = 8 * codec.SampleRate / 1000   // a path that is slower by less has not changed
)

// observation is one sequence number.
type observation struct {
	seq      int64
	came     bool
	transit  int64
	samples  int
	fec      bool
	repeated bool // it came by the next one's redundancy
}

// estimator turns transits into a base (the fastest way lately) and a target (how much later to play).
//
// A packet's delay is its transit over the minimum of the 50 packets before it or of the 50 after it, whichever is
// greater. A step of the path is in one of them, so it moves the base and does not count as jitter; a peak is in neither,
// so it does.
type estimator struct {
	expected int64 // ms of delay that somebody knew the stream will have; 0 when nobody did

	seen   [history]observation
	newest int64
	oldest int64 // nothing before this sequence number counts
	since  int64 // the path is what it is since this sequence number
	any    bool
	base   int64 // transit of the fastest of the last packets
	target int64 // samples over base at which frames are played
	jitter int64 // of target, what packets themselves need
	reach  int64 // of target, what copies need: their sender knows what is lost, and how far behind they must be
	copies int64 // reach of the copies that the newest packet carries

	histogram [buckets]float64
	total     float64
}

func (e *estimator) reset() {
	*e = estimator{expected: e.expected}
	delay, weight := int64(prior), priorWeight
	if e.expected > 0 {
		delay, weight = min(e.expected, buckets-1), expectedWeight
	}
	e.histogram[delay] = weight
	e.total = weight
	e.choose()
}

// add notes what was seen of packet seq.
func (e *estimator) add(seq int64, seen observation) {
	if !e.any {
		e.any, e.newest, e.oldest, e.since = true, seq, seq, seq
	}
	if seq < e.newest-history+1 {
		return
	}
	if seq > e.newest+history { // everything that we know is long ago
		e.newest, e.oldest, e.since = seq, seq, seq
	}
	for e.newest < seq {
		e.newest++
		e.seen[e.newest&(history-1)] = observation{seq: e.newest}
		if done := e.newest - window - 1; done >= e.oldest {
			e.learn(done)
		}
	}
	seen.seq, seen.came = seq, true
	if o := &e.seen[seq&(history-1)]; o.seq == seq && (!o.came || seen.transit < o.transit) {
		*o = seen
	}
	e.rest()
}

// rest finds the base: the fastest of the last 200 packets, unless the newest 20 all tell that the path has become slower.
func (e *estimator) rest() {
	long, ok := e.least(max(e.since, e.newest-baseWindow), e.newest)
	if !ok {
		return
	}
	short, ok := e.least(e.newest-recent, e.newest)
	if ok && e.newest-recent >= e.oldest && short-long > max(leastStep, e.target*2/5) {
		e.since, long = e.newest-recent, short
	}
	e.base = long
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
		if o, came := e.at(s); came && !o.repeated && (!ok || o.transit < least) {
			least, ok = o.transit, true
		}
	}
	return least, ok
}

// learn enters packet seq into the histogram, now that its neighbours on both sides are known: with the delay at which
// its frame could first be played, be it from its own packet or from the next one's redundancy.
func (e *estimator) learn(seq int64) {
	o, came := e.at(seq)
	if next, ok := e.at(seq + 1); ok && next.fec {
		if repeated := next.transit + int64(next.samples); !came || repeated < o.transit {
			o.transit, came = repeated, true
			o.repeated = true
		}
	}
	if !came {
		return
	}
	base := o.transit
	past, okPast := e.least(seq-window, seq-1)
	future, okFuture := e.least(seq+1, seq+window)
	switch {
	case okPast && okFuture:
		base = max(past, future)
	case okPast:
		base = past
	case okFuture:
		base = future
	}
	weight := 1.0
	if o.repeated {
		weight = repeatedWeight
	}
	e.total += weight
	if e.total > memory {
		keep := memory / e.total
		for i := range e.histogram {
			e.histogram[i] *= keep
		}
		e.total = memory
	}
	e.histogram[min(max(0, o.transit-base)/bucket, buckets-1)] += weight
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
	e.jitter = int64((found+1)*bucket) + margin
	e.target = e.jitter + e.reach
}

// copied notes that a packet carried a copy of one that many samples before it. alone is called at the next packet.
func (e *estimator) copied(reach int64) { e.copies = max(e.copies, min(reach, longestReach)) }

func (e *estimator) alone() {
	e.reach, e.copies = e.copies, 0
	e.target = e.jitter + e.reach
}
