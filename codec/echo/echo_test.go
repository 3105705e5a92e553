package echo

import (
	"math"
	"math/rand/v2"
	"testing"
)

// talker is a speech-like signal: syllables of a pitched sound with noise, and pauses.
func talker(samples int, pitch float64, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, samples)
	phase, loud := 0.0, 0.0
	for i := range out {
		t := float64(i) / 48000
		phase += 2 * math.Pi * pitch * (1 + 0.15*math.Sin(2*math.Pi*0.9*t)) / 48000
		want := math.Max(0, math.Sin(2*math.Pi*2.1*t+float64(seed))) * math.Max(0, math.Sin(2*math.Pi*0.31*t)+0.4)
		loud += (want - loud) / 400
		for h := 1.0; h <= 14; h++ {
			out[i] += loud * 1800 / math.Sqrt(h) * math.Sin(h*phase+h)
		}
		out[i] += loud * 900 * (r.Float64() - 0.5)
	}
	return out
}

// room is the way from loudspeaker to microphone: a delay of a few milliseconds and an echo that dies away in ms.
func room(ms int, gain float64, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 2))
	h := make([]float64, 48*(5+ms))
	energy := 0.0
	for i := 48 * 5; i < len(h); i += 3 {
		h[i] = r.NormFloat64() * math.Exp(-5*float64(i)/float64(len(h)))
		energy += h[i] * h[i]
	}
	for i := range h {
		h[i] *= gain / math.Sqrt(energy)
	}
	return h
}

func convolve(x, h []float64) []float64 {
	y := make([]float64, len(x))
	for k, g := range h {
		if g != 0 {
			for i := k; i < len(y); i++ {
				y[i] += g * x[i-k]
			}
		}
	}
	return y
}

func power(x []float64) (p float64) {
	for _, v := range x {
		p += v * v
	}
	return p/float64(len(x)) + 1e-9
}

// through runs a call of both signals and returns what the far side would hear.
func through(t *testing.T, o Options, mic, far []float64) []float64 {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, 0, len(mic))
	m, f := make([]int16, Frame), make([]int16, Frame)
	for i := 0; i+Frame <= len(mic); i += Frame {
		for j := range m {
			m[j], f[j] = saturate(float32(mic[i+j])), saturate(float32(far[i+j]))
		}
		c.Process(m, f)
		for _, s := range m {
			out = append(out, float64(s))
		}
	}
	return out
}

const seconds = 8

// Echo return loss enhancement after five seconds, in rooms of several sizes.
func TestERLE(t *testing.T) {
	far := talker(48000*seconds, 140, 3)
	for _, r := range []struct {
		ms           int
		linear, full float64 // at least, dB
	}{{20, 20, 34}, {60, 18, 27}, {120, 14, 20}} {
		echo := convolve(far, room(r.ms, 0.5, uint64(r.ms)))
		from := 48000 * 5
		linear := 10 * math.Log10(power(echo[from:])/power(through(t, Options{}, echo, far)[from:]))
		full := 10 * math.Log10(power(echo[from:])/power(through(t, Options{Suppress: true}, echo, far)[from:]))
		t.Logf("room of %d ms: ERLE %.1f dB linear, %.1f dB with suppression", r.ms, linear, full)
		if linear < r.linear || full < r.full {
			t.Errorf("room of %d ms: ERLE %.1f and %.1f dB, want %.0f and %.0f", r.ms, linear, full, r.linear, r.full)
		}
	}
}

// While both speak the near voice comes through: it is much nearer to the output than the echo is.
func TestDoubleTalk(t *testing.T) {
	far, near := talker(48000*seconds, 140, 3), talker(48000*seconds, 220, 8)
	echo := convolve(far, room(40, 0.4, 4))
	mic := make([]float64, len(echo))
	for i := range mic {
		mic[i] = echo[i] + near[i]
	}
	out := through(t, Options{Suppress: true}, mic, far)
	from := 48000 * 5
	best, kept := 0.0, 0.0
	for shift := range 1000 {
		var xy, xx, yy float64
		for i := from; i+shift < len(out); i += 5 {
			x, y := near[i], out[i+shift]
			xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
		}
		if c := xy / math.Sqrt(xx*yy); c > best {
			best, kept = c, xy/xx
		}
	}
	t.Logf("double talk: correlation with the near voice %.2f, which keeps %.1f dB", best, 20*math.Log10(kept))
	if best < 0.75 || kept < 0.35 {
		t.Errorf("double talk: correlation %.2f, gain %.2f", best, kept)
	}
}

func TestRatesAreTransparent(t *testing.T) {
	var d decimator
	var u interpolator
	down := make([]int16, frame)
	in, out := make([]int16, Frame), make([]int16, Frame)
	var got []int16
	for b := range 20 {
		for i := range in {
			in[i] = int16(8000 * math.Sin(2*math.Pi*1000*float64(b*Frame+i)/48000))
		}
		d.process(down, in)
		u.process(out, down)
		got = append(got, out...)
	}
	most := int16(0)
	for _, s := range got[4800:] {
		most = max(most, s)
	}
	if most < 7900 || most > 8100 {
		t.Errorf("a tone of 8000 came back as %d", most)
	}
}

func TestLimiter(t *testing.T) {
	var l Limiter
	pcm := make([]int16, 48000)
	for i := range pcm {
		pcm[i] = int16(32000 * math.Sin(float64(i)/20))
	}
	l.Process(pcm)
	for i, s := range pcm {
		if s > headroomLimit+1 || s < -headroomLimit-1 {
			t.Fatalf("sample %d is %d", i, s)
		}
	}
	quiet := []int16{100, -100, 200}
	l = Limiter{}
	if l.Process(quiet); quiet[0] != 100 || quiet[2] != 200 {
		t.Errorf("quiet samples became %v", quiet)
	}
}

func TestNoAllocation(t *testing.T) {
	c, err := New(Options{Suppress: true, Gain: true})
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]int16, Frame), make([]int16, Frame)
	if n := testing.AllocsPerRun(100, func() { c.Process(a, b) }); n != 0 {
		t.Fatalf("%v allocations a frame", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	c, err := New(Options{Suppress: true, Gain: true})
	if err != nil {
		b.Fatal(err)
	}
	x, y := make([]int16, Frame), make([]int16, Frame)
	for i := range x {
		x[i], y[i] = int16(i*37), int16(i*91)
	}
	for b.Loop() {
		c.Process(x, y)
	}
}
