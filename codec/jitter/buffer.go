// Package jitter decides what is played when: an adaptive buffer that trades delay against gaps, a stretcher that makes
// speech shorter or longer without being heard, and a Player that joins both with a decoder.
//
// It promises to be pure: time is an argument, the same packets at the same times give the same sound, no allocation in
// steady state, and memory that no sender can make grow. It never reads a clock and has no goroutine. It cannot recover
// what neither came nor was repeated: that is made up by the decoder.
package jitter

import (
	"time"

	"sotto/codec"
)

// Implementation constants. Times are in samples of the RTP clock (48 kHz) unless they say otherwise.
const (
	maxPackets    = 128                     // kept at most; the oldest go first
	maxJump       = 10 * codec.SampleRate   // a timestamp further away than this is a new stream
	concealStep   = codec.SampleRate / 100  // libopus makes up SILK in steps of 10 ms
	stopAfter     = 1 * codec.SampleRate    // of concealment without a packet: the stream has stopped
	stallAfter    = 80 * time.Millisecond   // nobody pulled for that long: what waits is too old
	waitMemory    = 6                       // packets whose waiting time is remembered
	tolerance     = codec.SampleRate / 2000 // of the delay: pulls are never exactly on time
	least         = codec.SampleRate / 4000 // an adjustment of less is not worth a splice
	hiccup        = 2 * time.Millisecond    // beyond what the speaker had: it has run dry
	loudTolerance = 6 * codec.SampleRate / 1000
	copyPatience  = codec.SampleRate / 40 // 25 ms
	resyncMargin  = codec.SampleRate / 50
)

// Verdict is what to do for the next piece of sound.
type Verdict uint8

// Verdicts. Samples tells how long the piece is, before it is made shorter or longer.
const (
	Silence  Verdict = iota // nothing came yet, or the stream has stopped or pauses: play nothing
	Play                    // decode payload
	PlayFast                // decode payload and leave out up to Adjust samples
	PlaySlow                // decode payload and put in up to Adjust samples
	PlayFEC                 // decode the frame before payload from payload's redundancy
	Conceal                 // make up a piece
)

// String is one word.
func (v Verdict) String() string {
	return [...]string{"silence", "play", "fast", "slow", "fec", "conceal"}[v]
}

// packet is a payload in the buffer.
type packet struct {
	seq      int64
	ts       int64 // of the first sample, in the buffer's own extended count
	samples  int
	arrival  int64 // in samples since the first packet
	stalled  bool  // it came while nobody pulled: it says nothing about the network
	repeated bool  // it is a copy that a later packet carried
	length   int
	data     [codec.MaxPayload]byte
}

// Buffer orders packets and says what to play.
//
// Two clocks meet here: the sender's timestamps and our time. transit = arrival - timestamp has no meaning as a number,
// but its minimum over the last packets is the fastest way through the network (delay.base), and a frame that is played
// target later than that finds its packet there nearly always.
type Buffer struct {
	packets [maxPackets]packet
	order   []int16 // indices of the packets in use, by ts
	free    []int16

	started  bool
	origin   time.Time // of our count of samples
	firstSeq uint16
	firstTS  uint32
	seqs, at int64 // extended sequence number and timestamp of the newest packet
	next     int64 // timestamp of the next sample to play
	carrier  int64 // timestamp of the packet that came last, whose copies of earlier ones follow it
	played   int64 // sequence number of the packet played last
	running  bool  // false before the first frame and after the stream stopped
	made     int   // samples made up since a packet was played, without moving next
	stalled  bool
	pull     struct { // what the player said of its last pull
		at     time.Time
		period int64         // samples it takes at a time
		left   int64         // samples that it still has
		lasts  time.Duration // from this pull until the speaker runs dry
	}

	delay  estimator
	waits  [waitMemory]int64 // how long the packets played last were here
	waited int

	samples, adjust int
	stats           Stats
}

// New returns an empty buffer.
func New() *Buffer {
	b := &Buffer{order: make([]int16, 0, maxPackets), free: make([]int16, 0, maxPackets)}
	b.reset()
	return b
}

// Expect says before the first packet what jitter the way has, where that is known: the sound begins with that delay, and a
// calmer way makes it shorter within seconds. 0 is a good network, as a new buffer expects it.
func (b *Buffer) Expect(jitter time.Duration) {
	b.delay.expected = jitter.Milliseconds()
	b.delay.reset()
}

func (b *Buffer) reset() {
	b.order, b.free = b.order[:0], b.free[:0]
	for i := range int16(maxPackets) {
		b.free = append(b.free, i)
	}
	b.started, b.running, b.made, b.waited = false, false, 0, 0
	b.delay.reset()
}

// Put gives the buffer a packet that arrived at now. payload is copied. Duplicates and packets that come too late are
// counted and forgotten.
func (b *Buffer) Put(seq uint16, ts uint32, payload []byte, now time.Time) {
	b.put(seq, ts, payload, now, false)
}

// Repeat gives the buffer a copy of an earlier packet, which the last one put carried. It is as good as the packet, and no
// fault when it is not needed.
func (b *Buffer) Repeat(seq uint16, ts uint32, payload []byte, now time.Time) {
	if b.started {
		b.put(seq, ts, payload, now, true)
	}
}

func (b *Buffer) put(seq uint16, ts uint32, payload []byte, now time.Time, repeated bool) {
	samples := codec.PayloadSamples(payload)
	if samples == 0 || len(payload) > codec.MaxPayload {
		b.stats.Refused++
		return
	}
	if b.started {
		if jump := int32(ts - b.firstTS - uint32(b.at)); jump > maxJump || jump < -maxJump {
			b.reset()
			b.stats.Restarts++
		}
	}
	if !b.started {
		b.started, b.origin, b.firstSeq, b.firstTS = true, now, seq, ts
		b.seqs, b.at = 0, 0
	}
	p := packet{
		seq:      b.seqs + int64(int16(seq-b.firstSeq-uint16(b.seqs))),
		ts:       b.at + int64(int32(ts-b.firstTS-uint32(b.at))),
		samples:  samples,
		arrival:  b.count(now),
		repeated: repeated,
	}
	if !b.pull.at.IsZero() {
		// While we ourselves were late, packets waited for us and not for the network.
		quiet := now.Sub(b.pull.at)
		p.stalled = quiet > hiccup+b.pull.lasts
		b.stalled = b.stalled || quiet > stallAfter+b.pull.lasts
	}
	if p.seq > b.seqs {
		b.seqs, b.at = p.seq, max(b.at, p.ts)
	}
	switch {
	case repeated:
		b.delay.copied(b.carrier - p.ts)
	default:
		b.carrier = p.ts
		b.delay.alone()
		if !p.stalled {
			b.delay.add(p.seq, observation{transit: p.arrival - p.ts, samples: samples, fec: codec.HasFEC(payload)})
		}
	}
	b.keep(&p, payload)
}

// keep files a packet by its timestamp.
func (b *Buffer) keep(p *packet, payload []byte) {
	if b.running && p.ts < b.next {
		if !p.repeated {
			b.stats.Late++
		}
		return
	}
	i := len(b.order)
	for i > 0 && b.packets[b.order[i-1]].ts > p.ts {
		i--
	}
	if i > 0 && b.packets[b.order[i-1]].ts == p.ts {
		if !p.repeated {
			b.stats.Duplicate++
		}
		return
	}
	if len(b.free) == 0 {
		b.drop(0)
		b.stats.Discarded++
		if i = i - 1; i < 0 {
			return
		}
	}
	slot := b.free[len(b.free)-1]
	b.free = b.free[:len(b.free)-1]
	q := &b.packets[slot]
	q.seq, q.ts, q.samples, q.arrival, q.stalled, q.repeated = p.seq, p.ts, p.samples, p.arrival, p.stalled, p.repeated
	q.length = copy(q.data[:], payload)
	b.order = append(b.order, 0)
	copy(b.order[i+1:], b.order[i:])
	b.order[i] = slot
}

// drop frees the packet at place i of the order.
func (b *Buffer) drop(i int) {
	b.free = append(b.free, b.order[i])
	copy(b.order[i:], b.order[i+1:])
	b.order = b.order[:len(b.order)-1]
}

// count is a time in samples since the first packet.
func (b *Buffer) count(t time.Time) int64 {
	return int64(t.Sub(b.origin)) * (codec.SampleRate / 1000) / int64(time.Millisecond)
}

// Samples is the length of the piece that the last verdict stands for.
func (b *Buffer) Samples() int { return b.samples }

// Loud is from which adjustment on a frame should be made shorter, or longer, even where it is not quiet, in samples: a
// long delay need not be met to the millisecond.
func (b *Buffer) Loud() (shorter, longer int) {
	return loudTolerance + int(b.delay.target/8), 2*tolerance + int(b.delay.target/16)
}

// Adjust is by how many samples the piece of the last verdict should be shorter (PlayFast) or longer (PlaySlow).
func (b *Buffer) Adjust() int { return b.adjust }

// Next says what to play now. payload is valid until the next call of Put or Next.
func (b *Buffer) Next(now time.Time) (payload []byte, what Verdict) {
	b.samples, b.adjust = concealStep, 0
	if !b.started {
		return nil, Silence
	}
	at := b.count(now)
	if b.stalled {
		b.stalled = false
		b.resync(at)
	}
	if !b.running && !b.begin(at) {
		return nil, Silence
	}
	if len(b.order) == 0 {
		return nil, b.hunger()
	}
	for len(b.order) > 1 && b.tooLate(at) {
		b.drop(0)
	}
	p := &b.packets[b.order[0]]
	if gap := p.ts - b.next; gap > 0 {
		if what, ok := b.bridge(p, int(gap), at); ok {
			return p.data[:p.length], what
		}
	}
	return b.play(p, at)
}

// Pulling says that at now somebody asks for the next piece, that such moments are a multiple of period samples apart,
// and that left samples of the piece before are still to be played first.
func (b *Buffer) Pulling(now time.Time, period, left int) {
	b.pull.at, b.pull.period, b.pull.left = now, int64(period), int64(left)
}

// tooLate tells whether the first packet is a copy for which it would not be worth to make the delay so much longer.
func (b *Buffer) tooLate(at int64) bool {
	p := &b.packets[b.order[0]]
	return p.repeated && at-p.ts-b.delay.base > b.delay.target+copyPatience
}

// Pulled says how many samples the speaker has to play until the next pull is late.
func (b *Buffer) Pulled(samples int) { b.pull.lasts = toTime(int64(samples)) }

// begin waits until the first packet has been here for the target.
func (b *Buffer) begin(at int64) bool {
	if len(b.order) == 0 {
		return false
	}
	p := &b.packets[b.order[0]]
	if at-p.ts < b.delay.base+b.delay.target {
		return false
	}
	b.running, b.next, b.made, b.played = true, p.ts, 0, p.seq-1
	return true
}

// hunger is the verdict when no packet is there: make something up and let the delay grow by it, since what is missing
// is probably late and not lost.
func (b *Buffer) hunger() Verdict {
	b.made += concealStep
	if b.made > stopAfter {
		b.running = false
		b.stats.hole(0)
		return Silence
	}
	if b.made == concealStep {
		b.stats.Underruns++
	}
	b.stats.conceal(concealStep)
	return Conceal
}

// bridge is the verdict for a gap before the first packet p; ok is false when p itself is to be played.
func (b *Buffer) bridge(p *packet, gap int, at int64) (what Verdict, ok bool) {
	if p.seq == b.played+1 { // nothing is missing: the sender paused
		if due := p.ts + b.delay.base + b.delay.target; at+concealStep <= due && gap > concealStep {
			b.next += concealStep
			return Silence, true
		}
		b.next, b.made = p.ts, 0
		return Silence, false
	}
	// What was made up while nothing was here stands for the loss.
	covered := min(b.made, gap)
	b.next += int64(covered)
	gap, b.made = gap-covered, 0
	if gap < concealStep {
		b.next = p.ts
		return Conceal, false
	}
	if gap == p.samples && codec.HasFEC(p.data[:p.length]) {
		b.samples, b.next = gap, p.ts
		b.stats.FEC++
		b.stats.hole(0)
		return PlayFEC, true
	}
	b.samples = concealStep
	b.next += int64(b.samples)
	b.stats.conceal(b.samples)
	return Conceal, true
}

// play is the verdict for packet p, which is due.
func (b *Buffer) play(p *packet, at int64) ([]byte, Verdict) {
	b.waits[b.waited%waitMemory] = at - p.arrival
	b.waited++
	b.samples = p.samples
	now := at - p.ts - b.delay.base
	b.next, b.made, b.played = p.ts+int64(p.samples), 0, p.seq
	b.stats.Played++
	b.stats.hole(0)
	b.stats.Delay, b.stats.Target = toTime(now+b.pull.left), toTime(b.delay.target)
	payload := p.data[:p.length]
	b.drop(0)
	if p.repeated {
		b.stats.Repeated++
	}
	switch excess := b.excess(now); {
	case excess > least:
		if b.adjust = int(min(excess, b.leastWait())); b.adjust > 0 {
			return payload, PlayFast
		}
	case excess < -least:
		b.adjust = int(-excess)
		return payload, PlaySlow
	}
	return payload, Play
}

// excess is by how many samples too late the sound is, when a frame is taken now over the fastest packet and the player
// has left of the one before. The best is to take frames at the first pull that is target over the fastest packet, with
// nothing left: frames can only be taken at pulls, so what is left is delay for nothing.
func (b *Buffer) excess(now int64) int64 {
	early := b.delay.target - now
	pulls := int64(0) // by which frames should be taken later
	if period := b.pull.period; period > 0 && (early > tolerance || early < -period-tolerance) {
		pulls = early / period
		if early > 0 && early%period != 0 {
			pulls++
		}
	}
	return b.pull.left - pulls*b.pull.period
}

// leastWait is the shortest time that one of the last packets was here before it was played: to play faster than that
// would run into the network.
func (b *Buffer) leastWait() int64 {
	if b.waited < waitMemory {
		return 0
	}
	least := b.waits[0]
	for _, w := range b.waits[1:] {
		least = min(least, w)
	}
	return least
}

// resync forgets what became too old while the process was stopped: the break was heard already.
func (b *Buffer) resync(at int64) {
	if !b.running {
		return
	}
	for len(b.order) > 1 {
		p := &b.packets[b.order[0]]
		if at-p.ts-b.delay.base <= b.delay.target+resyncMargin {
			break
		}
		b.next = p.ts + int64(p.samples)
		b.played = p.seq
		b.stats.Discarded++
		b.drop(0)
	}
	b.made = 0
	b.stats.Stalls++
}

func toTime(samples int64) time.Duration {
	return time.Duration(samples) * time.Second / codec.SampleRate
}
