package jitter

import (
	"math"

	"sotto/codec"
)

// Implementation constants of the stretcher, in samples.
const (
	coarse   = 4                              // the first search looks at every fourth sample
	shortest = codec.SampleRate * 25 / 10000  // 2.5 ms: the highest pitch that counts
	longest  = codec.SampleRate * 150 / 10000 // 15 ms: the lowest
	period   = codec.SampleRate / 100         // 10 ms: the voice of a man
	fade     = codec.SampleRate / 200         // 5 ms: the two ways cross over
	quiet    = 90                             // root mean square below which nobody hears a cut, of 32768
	alike    = 0.55                           // correlation from which on a splice is not heard
	urgent   = 60 * codec.SampleRate / 1000   // of delay to lose: cut even where it is heard a little
)

// shorten leaves out up to wish samples of pcm, at a place where the sound repeats itself, and returns what is left.
// Less than wish is left out when the sound does not allow more; nothing, when a cut would be heard, or when the sound is
// not quiet and wish is less than loud.
func shorten(pcm []int16, wish, loud int) []int16 {
	width := min(fade, len(pcm)/4)
	most := min(wish, longest, len(pcm)-width)
	if isQuiet(pcm) {
		if cut := min(wish, len(pcm)-width); cut > 0 {
			return splice(pcm, 0, cut, width)
		}
		return pcm
	}
	if wish < loud {
		return pcm
	}
	cut, likeness := bestLag(pcm, 0, shortest, most, width)
	if cut == 0 || (likeness < alike && wish < urgent) {
		return pcm
	}
	return splice(pcm, 0, cut, width)
}

// splice crosses over from pcm[at:] to pcm[at+cut:], in place.
func splice(pcm []int16, at, cut, width int) []int16 {
	crossFade(pcm[at:at+width], pcm[at:at+width], pcm[at+cut:at+cut+width])
	copy(pcm[at+width:], pcm[at+cut+width:])
	return pcm[:len(pcm)-cut]
}

// lengthen puts about wish samples into pcm by repeating a piece of it, into dst, which has room for twice pcm: rather a
// whole period of the voice too much than a gap. It returns what was written; pcm itself, copied, when a repetition would
// be heard, or when the sound is not quiet and wish is less than loud.
func lengthen(dst, pcm []int16, wish, loud int) []int16 {
	width := min(fade, len(pcm)/4)
	at := len(pcm) - width // the splice is as late as can be: what is repeated lies before it
	cut, likeness := min(wish, at), 1.0
	if !isQuiet(pcm) {
		if wish < loud {
			return dst[:copy(dst, pcm)]
		}
		cut, likeness = bestLag(pcm, at, -min(max(wish, period), longest, at), -shortest, width)
		cut = -cut
	}
	if cut <= 0 || (likeness < alike && wish < urgent) {
		return dst[:copy(dst, pcm)]
	}
	n := copy(dst, pcm[:at])
	crossFade(dst[n:n+width], pcm[at:at+width], pcm[at-cut:at-cut+width])
	n += width
	n += copy(dst[n:], pcm[at-cut+width:])
	return dst[:n]
}

// bestLag finds the shift, from low to high, at which pcm[at+shift:] is most like pcm[at:] over width samples. 0 means
// that there is no such shift.
func bestLag(pcm []int16, at, low, high, width int) (lag int, likeness float64) {
	likeness = -2
	try := func(shift, step int) {
		if at+shift < 0 || at+shift+width > len(pcm) {
			return
		}
		if c := correlation(pcm[at:at+width], pcm[at+shift:at+shift+width], step); c > likeness {
			lag, likeness = shift, c
		}
	}
	for shift := low; shift <= high; shift += coarse {
		try(shift, coarse)
	}
	if lag == 0 {
		return 0, 0
	}
	around := lag
	likeness = -2
	for shift := max(low, around-coarse); shift <= min(high, around+coarse); shift++ {
		try(shift, 1)
	}
	return lag, likeness
}

// correlation of a and b, -1 to 1.
func correlation(a, b []int16, step int) float64 {
	var ab, aa, bb float64
	for i := 0; i < len(a); i += step {
		x, y := float64(a[i]), float64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	return ab / (math.Sqrt(aa*bb) + 1)
}

// crossFade writes the way from a to b into dst, which may be a.
func crossFade(dst, a, b []int16) {
	n := len(dst)
	for i := range dst {
		dst[i] = int16((int(a[i])*(n-i) + int(b[i])*i) / n)
	}
}

func isQuiet(pcm []int16) bool {
	sum := 0
	for _, s := range pcm {
		sum += int(s) * int(s)
	}
	return sum < quiet*quiet*len(pcm)
}
