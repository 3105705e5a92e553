package echo

import "math"

// taps of the low pass at 48 kHz: flat to 6.5 kHz, 60 dB down from 9.5 kHz on; half of them are its delay, 1 ms.
const taps = 97

// lowpass is a windowed sinc with a gain of 1.
func lowpass() (h [taps]float32) {
	const cut = 7500.0 / 48000
	sum := 0.0
	var f [taps]float64
	for i := range f {
		x := float64(i - taps/2)
		s := 2 * cut
		if x != 0 {
			s = math.Sin(2*math.Pi*cut*x) / (math.Pi * x)
		}
		f[i] = s * (0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/(taps-1)))
		sum += f[i]
	}
	for i := range f {
		h[i] = float32(f[i] / sum)
	}
	return h
}

// decimator brings 48 kHz to 16 kHz.
type decimator struct {
	h    [taps]float32
	past [taps - 1 + Frame]float32
}

func (d *decimator) process(dst, src []int16) {
	if d.h[taps/2] == 0 {
		d.h = lowpass()
	}
	for i, s := range src {
		d.past[taps-1+i] = float32(s)
	}
	for i := range dst {
		var sum float32
		for k, p := range d.past[i*decimation : i*decimation+taps] {
			sum += d.h[k] * p
		}
		dst[i] = saturate(sum)
	}
	copy(d.past[:taps-1], d.past[Frame:])
}

// interpolator brings 16 kHz to 48 kHz.
type interpolator struct {
	h    [taps]float32
	past [taps/decimation + 1 + frame]float32
}

func (u *interpolator) process(dst, src []int16) {
	if u.h[taps/2] == 0 {
		u.h = lowpass()
	}
	const keep = taps/decimation + 1
	for i, s := range src {
		u.past[keep+i] = float32(s)
	}
	for i := range dst {
		// Of three taps two meet the zeros between the samples.
		var sum float32
		for k, at := i%decimation, keep+i/decimation; k < taps; k, at = k+decimation, at-1 {
			sum += u.h[k] * u.past[at]
		}
		dst[i] = saturate(decimation * sum)
	}
	copy(u.past[:keep], u.past[frame:])
}

func saturate(v float32) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, v)))
}

// Limiter keeps peaks below the ceiling without clipping them: it turns down at once and up again within a second.
type Limiter struct{ gain float32 }

// Process works in place.
func (l *Limiter) Process(pcm []int16) {
	const recover = 1.0 / 48000
	if l.gain == 0 {
		l.gain = 1
	}
	for i, s := range pcm {
		v := float32(s)
		if peak := max(v, -v); peak*l.gain > headroomLimit {
			l.gain = headroomLimit / peak
		} else if l.gain < 1 {
			l.gain = min(1, l.gain+recover)
		}
		pcm[i] = int16(v * l.gain)
	}
}
