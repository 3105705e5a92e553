package vault

import (
	"time"

	"golang.org/x/crypto/argon2"
)

// Bounds of calibration: no less than OWASP's smallest choice with one pass more than it asks for at that memory, no more
// than a board with 512 MiB can spare.
var (
	Cheapest = Params{Time: 2, Memory: 19 << 10, Threads: 1}
	Dearest  = Params{Time: 3, Memory: 128 << 10, Threads: 1}
)

// Measure is how long one guess takes on this machine.
func Measure(p Params) time.Duration {
	begin := time.Now()
	argon2.IDKey([]byte("0000"), make([]byte, saltSize), p.Time, p.Memory, p.Threads, keySize)
	return time.Since(begin)
}

// Calibrate finds the dearest parameters that unlock within limit: first as much memory as can be, then passes. measure is
// Measure, but for tests.
func Calibrate(limit time.Duration, measure func(Params) time.Duration) Params {
	p := Dearest
	for p.Memory/2 >= Cheapest.Memory {
		p.Time = Cheapest.Time
		if measure(p) <= limit {
			break
		}
		p.Memory /= 2
	}
	for p.Time = Cheapest.Time; p.Time < Dearest.Time; p.Time++ {
		next := p
		next.Time++
		if measure(next) > limit {
			break
		}
	}
	return p
}
