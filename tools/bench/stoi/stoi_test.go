package stoi

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"sotto/hal/haltest"
)

const speech = "../../call/speech/alice.wav"

// spoiled recordings of the clip, each made the same on every machine. golden is what an independent implementation of
// the measure, in another language, said of them (the mean over the pieces).
var spoiled = []struct {
	name   string
	golden float64
	make   func(ref []int16) []int16
}{
	{"late by 200 ms", 1.000, func(ref []int16) []int16 { return append(make([]int16, 9600), ref...) }},
	{"noise", 0.987, func(ref []int16) []int16 { return addNoise(ref, 10) }},
	{"loud noise", 0.673, func(ref []int16) []int16 { return addNoise(ref, 150) }},
	{"every tenth frame missing", 0.925, func(ref []int16) []int16 { return dropFrames(ref, 10, 1) }},
	{"bursts of 100 ms missing", 0.879, func(ref []int16) []int16 { return dropFrames(ref, 50, 5) }},
	{"steps of delay", 0.924, func(ref []int16) []int16 {
		out := append([]int16(nil), ref[:48000*9]...)
		out = append(out, make([]int16, 7200)...)
		return append(out, ref[48000*9:]...)
	}},
	{"quarter of the loudness", 1.000, func(ref []int16) []int16 {
		out := make([]int16, len(ref))
		for i, s := range ref {
			out[i] = s / 4
		}
		return out
	}},
}

func addNoise(ref []int16, percent int) []int16 {
	out := make([]int16, len(ref))
	x := uint32(7)
	for i, s := range ref {
		x = x*1664525 + 1013904223
		out[i] = int16(max(math.MinInt16, min(math.MaxInt16, int(s)+int(int16(x>>16))*percent/400)))
	}
	return out
}

func dropFrames(ref []int16, of, n int) []int16 {
	out := append([]int16(nil), ref...)
	for i := range out {
		if f := i / 960; f%of >= of-n {
			out[i] = 0
		}
	}
	return out
}

func clip48(t *testing.T) []int16 {
	t.Helper()
	ref, err := haltest.ReadWAV(speech)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// STOI_WAVS=folder keeps source and recordings, to be measured with something else.
func TestGolden(t *testing.T) {
	ref := clip48(t)
	dir := os.Getenv("STOI_WAVS")
	for i, s := range spoiled {
		rec := s.make(ref)
		r, err := Measure(ref, rec)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(r.Mean-s.golden) > 0.01 {
			t.Errorf("%s: %.3f, want %.3f", s.name, r.Mean, s.golden)
		}
		if dir == "" {
			continue
		}
		for name, pcm := range map[string][]int16{"ref.wav": ref, string(rune('a'+i)) + ".wav": rec} {
			if err := haltest.WriteWAV(filepath.Join(dir, name), pcm); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLags(t *testing.T) {
	ref := clip48(t)
	r, err := Measure(ref, append(make([]int16, 4800), ref...))
	if err != nil {
		t.Fatal(err)
	}
	for i, lag := range r.Lags {
		if math.Abs(lag-0.1) > 0.001 {
			t.Errorf("piece %d is late by %.4f s, want 0.1", i, lag)
		}
	}
}

func TestFilesAndErrors(t *testing.T) {
	score, err := Files(speech, speech)
	if err != nil || score < 0.999 {
		t.Errorf("a file against itself: %v, %v", score, err)
	}
	if _, err := Measure(make([]int16, 48000), make([]int16, 48000)); err != ErrShort {
		t.Errorf("one second: %v", err)
	}
	if _, err := Files(speech, "no such.wav"); err == nil {
		t.Error("a missing file has a score")
	}
}
