package stoi

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// envelopes is the amplitude of each third-octave band in each frame.
func envelopes(x []float64) [][bands]float64 {
	var edges [bands][2]float64
	for b := range edges {
		centre := lowest * math.Pow(2, float64(b)/3)
		edges[b] = [2]float64{centre * math.Pow(2, -1.0/6), centre * math.Pow(2, 1.0/6)}
	}
	var out [][bands]float64
	buf := make([]complex128, fftSize)
	for at := 0; at < len(x)-frame; at += hop {
		clear(buf)
		for i := range frame {
			hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i+1)/(frame+1))
			buf[i] = complex(hann*x[at+i], 0)
		}
		fft(buf)
		var e [bands]float64
		for b := range bands {
			for k := range fftSize/2 + 1 {
				if hz := float64(k) * rate / fftSize; hz >= edges[b][0] && hz < edges[b][1] {
					e[b] += real(buf[k])*real(buf[k]) + imag(buf[k])*imag(buf[k])
				}
			}
			e[b] = math.Sqrt(e[b])
		}
		out = append(out, e)
	}
	return out
}

// fft is the discrete Fourier transform in place; the length is a power of two.
func fft(a []complex128) {
	n := len(a)
	shift := 64 - bits.Len(uint(n-1))
	for i := range a {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			a[i], a[j] = a[j], a[i]
		}
	}
	for size := 2; size <= n; size *= 2 {
		half := size / 2
		turn := make([]complex128, half)
		for k := range turn {
			turn[k] = cmplx.Rect(1, -2*math.Pi*float64(k)/float64(size))
		}
		for start := 0; start < n; start += size {
			for k, w := range turn {
				even, odd := a[start+k], a[start+k+half]*w
				a[start+k], a[start+k+half] = even+odd, even-odd
			}
		}
	}
}

// downsample brings 48 kHz to 10 kHz: up by 5, low pass, down by 24, without delay.
func downsample(pcm []int16) []float64 {
	const up, down = 5, 24
	const reach = 10 * down // taps on either side of the middle
	taps := make([]float64, 2*reach+1)
	sum := 0.0
	for i := range taps {
		x := float64(i-reach) / down
		taps[i] = kaiser(float64(i-reach)/reach) * sinc(x)
		sum += taps[i]
	}
	for i := range taps {
		taps[i] *= up / sum
	}
	out := make([]float64, (len(pcm)*up+down-1)/down)
	for i := range out {
		centre := i * down // in samples of the raised rate
		lo := (centre - reach + up - 1) / up
		if centre < reach {
			lo = 0
		}
		for k := lo; k < len(pcm) && k*up <= centre+reach; k++ {
			out[i] += float64(pcm[k]) * taps[centre-k*up+reach]
		}
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window of shape 5 at x from -1 to 1.
func kaiser(x float64) float64 {
	const shape = 5
	return bessel(shape*math.Sqrt(max(0, 1-x*x))) / bessel(shape)
}

// bessel is the modified Bessel function of the first kind, order zero, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x / (2 * k) * x / (2 * k)
		sum += term
	}
	return sum
}
