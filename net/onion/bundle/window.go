package bundle

import (
	"hash/maphash"
	"time"
)

// windowLen is how many packets are remembered: twenty seconds of speech at 20 ms. A copy that comes later than that is
// one for the replay window of SRTP.
const windowLen = 1024

// window remembers which packets came, by a keyed digest of 64 bits: no peer can make two collide, and for honest packets
// it happens once in some 2^53. Pure: time is an argument.
type window struct {
	seed maphash.Seed
	at   map[uint64]time.Time // when the first copy came
	ring [windowLen]uint64
	next int
}

func newWindow() *window {
	return &window{seed: maphash.MakeSeed(), at: make(map[uint64]time.Time, windowLen)}
}

// take tells whether a packet is new, and if not how long after the first copy this one came.
func (w *window) take(packet []byte, now time.Time) (fresh bool, lag time.Duration) {
	h := maphash.Bytes(w.seed, packet)
	if first, ok := w.at[h]; ok {
		return false, now.Sub(first)
	}
	if len(w.at) == windowLen {
		delete(w.at, w.ring[w.next])
	}
	w.at[h] = now
	w.ring[w.next] = h
	w.next = (w.next + 1) % windowLen
	return true, 0
}
