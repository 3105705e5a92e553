// Package stoi measures how intelligible recorded speech is against its source: the short-time objective intelligibility
// of Taal, Hendriks, Heusdens and Jensen (IEEE Transactions on Audio, Speech, and Language Processing 19(7), 2011), on
// pieces of four seconds, each aligned by itself so that a delay that changes is no fault of intelligibility.
//
// It promises the same number for the same samples. It cannot hear pleasantness, echo or delay, and says nothing of
// pieces in which the source is silent.
package stoi

import (
	"errors"
	"fmt"
	"math"

	"sotto/hal/haltest"
)

// ErrShort is returned when source or recording is shorter than one piece with its margins: 7.5 s.
var ErrShort = errors.New("stoi: less than one piece of four seconds")

// Of the measure.
const (
	rate     = 10000 // samples a second at which it works
	frame    = 256   // samples of a window
	hop      = frame / 2
	fftSize  = 512
	bands    = 15
	lowest   = 150.0 // Hz, centre of the first third-octave band
	segment  = 30    // frames that are compared at a time: 384 ms
	clip     = -15.0 // dB: the signal to distortion ratio below which all is lost
	dynamics = 40.0  // dB under the loudest frame: quieter ones do not count
)

// Of the alignment.
const (
	piece  = 4 * rate
	first  = 2 * rate
	search = rate * 3 / 2 // a piece is looked for that much earlier and later
)

// Result is the intelligibility of a recording; 1 is the source itself.
type Result struct {
	Mean, Min float64
	Pieces    []float64
	Lags      []float64 // seconds by which each piece is later than in the source
}

// Files compares two WAV files and returns the mean.
func Files(source, recording string) (float64, error) {
	ref, err := haltest.ReadWAV(source)
	if err != nil {
		return 0, err
	}
	rec, err := haltest.ReadWAV(recording)
	if err != nil {
		return 0, err
	}
	r, err := Measure(ref, rec)
	if err != nil {
		return 0, fmt.Errorf("%w: %s against %s", err, recording, source)
	}
	return r.Mean, nil
}

// Measure compares recorded speech with its source, both at 48 kHz. The recording may be up to 1.5 s earlier or later.
func Measure(source, recording []int16) (Result, error) {
	ref, rec := downsample(source), downsample(recording)
	r := Result{Min: math.Inf(1)}
	for s := first; s < min(len(ref), len(rec))-piece-search; s += piece {
		from := max(0, s-search)
		x := ref[s : s+piece]
		around := rec[from : s+piece+search]
		shift := align(x, around)
		score := compare(x, around[shift:shift+piece])
		r.Pieces = append(r.Pieces, score)
		r.Lags = append(r.Lags, float64(from+shift-s)/rate)
		r.Mean += score
		r.Min = min(r.Min, score)
	}
	if len(r.Pieces) == 0 {
		return Result{}, ErrShort
	}
	r.Mean /= float64(len(r.Pieces))
	return r, nil
}

// align finds where x is in y.
func align(x, y []float64) int {
	n := 1
	for n < len(x)+len(y) {
		n *= 2
	}
	a, b := make([]complex128, n), make([]complex128, n)
	for i, v := range y {
		a[i] = complex(v, 0)
	}
	for i, v := range x {
		b[len(x)-1-i] = complex(v, 0)
	}
	fft(a)
	fft(b)
	for i := range a {
		// The inverse transform is the forward one of the conjugate; only real parts count, and no scale.
		v := a[i] * b[i]
		a[i] = complex(real(v), -imag(v))
	}
	fft(a)
	best := 0
	for k := 0; k+len(x) <= len(y); k++ {
		if real(a[len(x)-1+k]) > real(a[len(x)-1+best]) {
			best = k
		}
	}
	return best
}

// compare is STOI of two aligned signals of one length.
func compare(x, y []float64) float64 {
	ex, ey := envelopes(x), envelopes(y)
	ex, ey = loudOnly(x, ex, ey)
	total, count := 0.0, 0
	for m := segment; m < len(ex); m++ {
		for b := range bands {
			total += likeness(ex[m-segment:m], ey[m-segment:m], b)
			count++
		}
	}
	if count == 0 {
		return math.NaN()
	}
	return total / float64(count)
}

// loudOnly keeps the frames in which the source speaks.
func loudOnly(x []float64, ex, ey [][bands]float64) (kx, ky [][bands]float64) {
	energy := make([]float64, len(ex))
	loudest := 0.0
	for i := range energy {
		for _, v := range x[i*hop : i*hop+frame] {
			energy[i] += v * v
		}
		loudest = max(loudest, energy[i])
	}
	floor := loudest * math.Pow(10, -dynamics/10)
	for i, e := range energy {
		if e > floor {
			kx, ky = append(kx, ex[i]), append(ky, ey[i])
		}
	}
	return kx, ky
}

// likeness is the correlation of one band's envelopes over a segment, y scaled to x's energy and clipped.
func likeness(x, y [][bands]float64, b int) float64 {
	var xx, yy float64
	for i := range x {
		xx += x[i][b] * x[i][b]
		yy += y[i][b] * y[i][b]
	}
	gain := math.Sqrt(xx / (yy + 1e-12))
	limit := 1 + math.Pow(10, -clip/20)
	var clipped [segment]float64
	var mx, my float64
	for i := range x {
		clipped[i] = min(gain*y[i][b], limit*x[i][b])
		mx += x[i][b] / segment
		my += clipped[i] / segment
	}
	var sxy, sxx, syy float64
	for i := range x {
		dx, dy := x[i][b]-mx, clipped[i]-my
		sxy += dx * dy
		sxx += dx * dx
		syy += dy * dy
	}
	return sxy / (math.Sqrt(sxx*syy) + 1e-12)
}
