package matrix

import (
	"math/bits"
	"time"

	"sotto/hal"
)

// Implementation constants.
const (
	maxKeys = 32
	// settle is how many equal samples in a row make a level. Keys bounce for 5 ms, cheap ones for 15 ms (measured by
	// Jack Ganssle on 18 switches); four samples 5 ms apart are deaf to both and still faster than a finger.
	settle    = 4
	scanEvery = 5 * time.Millisecond
	idleEvery = 20 * time.Millisecond // while nothing is pressed
)

// change is a debounced event of the key with this index: row*columns + column, then the direct keys.
type change struct {
	key    int
	action hal.KeyAction
}

// scanner debounces. It is a value without a clock: feed it one sample of all keys every scanEvery.
type scanner struct {
	rows, cols int
	down       uint32             // settled levels
	held       uint32             // Held was told
	streak     [maxKeys]uint8     // samples in a row that differ from down
	since      [maxKeys]time.Time // when down was told
}

// step takes one sample (bit set: contact closed) and appends what changed.
//
// A sample whose closed contacts could be a ghost presses nothing new: three keys at the corners of a rectangle close
// the fourth corner too in a matrix without diodes. Releases are believed always, so no key can hang.
func (s *scanner) step(dst []change, sample uint32, now time.Time) []change {
	ghost := s.ghostly(sample)
	for diff := sample ^ s.down | s.pending(); diff != 0; diff &= diff - 1 {
		k := bits.TrailingZeros32(diff)
		mask := uint32(1) << k
		if sample&mask == s.down&mask || (ghost && sample&mask != 0 && k < s.rows*s.cols) {
			s.streak[k] = 0
			continue
		}
		if s.streak[k]++; s.streak[k] < settle {
			continue
		}
		s.streak[k] = 0
		s.down ^= mask
		if s.down&mask != 0 {
			s.since[k] = now
			dst = append(dst, change{k, hal.Pressed})
		} else {
			s.held &^= mask
			dst = append(dst, change{k, hal.Released})
		}
	}
	for due := s.down &^ s.held; due != 0; due &= due - 1 {
		k := bits.TrailingZeros32(due)
		if now.Sub(s.since[k]) >= hal.HoldTime {
			s.held |= 1 << k
			dst = append(dst, change{k, hal.Held})
		}
	}
	return dst
}

// pending are the keys with a streak: they need a look even when the sample agrees with the settled level again.
func (s *scanner) pending() uint32 {
	var m uint32
	for k, n := range s.streak {
		if n > 0 {
			m |= 1 << k
		}
	}
	return m
}

// quiet tells that nothing is pressed and nothing is about to be.
func (s *scanner) quiet() bool { return s.down == 0 && s.pending() == 0 }

// ghostly tells whether two rows of the sample share two columns: then at least one contact may be a ghost.
func (s *scanner) ghostly(sample uint32) bool {
	row := uint32(1)<<s.cols - 1
	for a := range s.rows {
		for b := range a {
			shared := sample >> (a * s.cols) & (sample >> (b * s.cols)) & row
			if bits.OnesCount32(shared) > 1 {
				return true
			}
		}
	}
	return false
}
