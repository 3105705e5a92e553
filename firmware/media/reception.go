package media

import (
	"sync/atomic"
	"time"

	"sotto/codec"
)

// reception is what RFC 3550 wants to know of a stream (Sections 6.4.1, A.1, A.8). The receive loop writes, the control
// loop reads; each field is whole by itself.
type reception struct {
	highest  atomic.Uint32 // extended sequence number
	base     atomic.Uint32 // first sequence number
	received atomic.Uint32 // authentic packets; SRTP has taken out duplicates
	jitter   atomic.Uint32 // interarrival jitter in units of 1/16 timestamp
	runs     runs
	fates    fates
	begun    time.Time
	transit  uint32
}

// runs tells losses that come together from those that come alone (RFC 3611, Section 4.7.2): a burst begins and ends with
// a lost packet, and holds no gmin packets in a row that came. Counts only grow.
type runs struct {
	bursts  atomic.Uint32 // closed ones
	packets atomic.Uint32 // in bursts
	lost    atomic.Uint32 // in bursts
	alone   atomic.Uint32 // lost outside of bursts

	first, last uint32 // extended sequence numbers of the open burst's ends
	n           uint32 // lost in it; 0: none is open
}

// gmin is what RFC 3611, Section 4.7.2, recommends.
const gmin = 16

// miss notes that packets from..to are lost.
func (r *runs) miss(from, to uint32) {
	if r.n > 0 && from-r.last-1 >= gmin {
		r.close()
	}
	if r.n == 0 {
		r.first = from
	}
	r.last = to
	r.n += to - from + 1
}

func (r *runs) close() {
	if r.n == 1 {
		r.alone.Add(1)
	} else {
		r.bursts.Add(1)
		r.packets.Add(r.last - r.first + 1)
		r.lost.Add(r.n)
	}
	r.n = 0
}

// note counts a packet and tells whether it was the first.
func (r *reception) note(seq uint16, ts uint32, now time.Time) (first bool) {
	if r.received.Add(1) == 1 {
		r.begun = now
		r.highest.Store(uint32(seq))
		r.base.Store(uint32(seq))
		r.fates.came(uint32(seq))
		first = true
	} else {
		h := r.highest.Load()
		d := int16(seq - uint16(h))
		if d > 1 {
			r.runs.miss(h+1, h+uint32(d)-1)
			r.fates.missing(h+1, h+uint32(d)-1)
		}
		if d > -fateSlots {
			r.fates.came(h + uint32(d))
		}
		if d > 0 {
			r.highest.Store(h + uint32(d))
		}
	}
	transit := uint32(now.Sub(r.begun)*codec.SampleRate/time.Second) - ts
	if !first {
		// RFC 3550, Appendix A.8: jitter += |d| - ((jitter + 8) >> 4), which is kept 16 times as large.
		d := int32(transit - r.transit)
		j := r.jitter.Load()
		r.jitter.Store(j + uint32(max(d, -d)) - ((j + 8) >> 4))
	}
	r.transit = transit
	return first
}

// lost is how many packets are missing, 0 when duplicates outweigh them.
func (r *reception) lost() uint32 {
	expected := r.highest.Load() - r.base.Load() + 1
	if n := r.received.Load(); n > 0 && expected > n {
		return expected - n
	}
	return 0
}
