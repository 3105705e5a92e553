// Package chirp measures delay by sound: a track with one chirp a second, and where the chirps are in a recording.
//
// It promises places to a tenth of a millisecond in recordings that a codec has gone over. It cannot find chirps that are
// shorter than half of what was played: those are missing from the result.
package chirp

import (
	"math"

	"sotto/codec"
)

const (
	rate     = codec.SampleRate
	length   = rate / 50 // 20 ms
	duration = 0.02      // s
	low      = 800.0     // Hz at its begin
	high     = 3000.0    // Hz at its end
	coarse   = 4         // the first search takes every fourth sample, at 12 kHz
	share    = 0.35      // of the loudest match: what counts as a chirp
)

// Track is seconds of sound with a chirp at each full second from 1, over a faint noise, so that nothing takes it for
// digital silence.
func Track(seconds int) []int16 {
	pcm := make([]int16, seconds*rate)
	x := uint32(1)
	for i := range pcm {
		x = x*1664525 + 1013904223
		pcm[i] = int16(x>>16) / 1024
	}
	cosine, _ := wave()
	for s := 1; s < seconds; s++ {
		for i, v := range cosine {
			pcm[s*rate+i] += int16(12000 * v)
		}
	}
	return pcm
}

// wave is the chirp and its quadrature.
func wave() (a, b []float64) {
	for i := range length {
		t := float64(i) / rate
		phase := 2 * math.Pi * (low*t + (high-low)/(2*duration)*t*t)
		window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/(length-1))
		a, b = append(a, window*math.Sin(phase)), append(b, window*math.Cos(phase))
	}
	return a, b
}

// Find returns where chirps begin in a recording, in seconds, at most one in 0.4 s.
func Find(pcm []int16) []float64 {
	a, b := wave()
	strength := make([]float64, max(0, (len(pcm)-length)/coarse))
	loudest := 0.0
	for i := range strength {
		strength[i] = match(pcm[i*coarse:], a, b, coarse)
		loudest = max(loudest, strength[i])
	}
	var places []float64
	for i := 0; i < len(strength); i++ {
		if strength[i] < share*loudest || loudest == 0 {
			continue
		}
		best := i
		end := min(len(strength), i+rate*2/5/coarse)
		for j := i; j < end; j++ {
			if strength[j] > strength[best] {
				best = j
			}
		}
		places = append(places, float64(refine(pcm, best*coarse, a, b))/rate)
		i = max(end, best) - 1
	}
	return places
}

// refine looks at every sample around a place.
func refine(pcm []int16, around int, a, b []float64) int {
	best, top := around, -1.0
	for i := max(0, around-coarse); i <= around+coarse && i+length <= len(pcm); i++ {
		if s := match(pcm[i:], a, b, 1); s > top {
			best, top = i, s
		}
	}
	return best
}

// match is how much of a chirp begins here, whatever its phase.
func match(pcm []int16, a, b []float64, step int) float64 {
	var x, y float64
	for i := 0; i < length; i += step {
		s := float64(pcm[i])
		x += s * a[i]
		y += s * b[i]
	}
	return math.Hypot(x, y)
}
