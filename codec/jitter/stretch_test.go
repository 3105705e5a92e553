package jitter

import (
	"math"
	"testing"
)

func sine(n int, hz, loud float64) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(loud * math.Sin(2*math.Pi*hz*float64(i)/48000))
	}
	return pcm
}

// roughest is the greatest second difference: a splice that does not fit shows as a kink.
func roughest(pcm []int16) (most float64) {
	for i := 2; i < len(pcm); i++ {
		most = max(most, math.Abs(float64(pcm[i])-2*float64(pcm[i-1])+float64(pcm[i-2])))
	}
	return most
}

func TestStretchKeepsThePitch(t *testing.T) {
	for _, hz := range []float64{110, 150, 220, 330} {
		pcm := sine(960, hz, 8000)
		smooth := roughest(pcm) * 1.6
		shorter := shorten(append([]int16(nil), pcm...), 600, 100)
		longer := lengthen(make([]int16, 1920), pcm, 300, 100)
		if len(shorter) >= 960 || len(longer) <= 960 {
			t.Errorf("%.0f Hz: %d samples shorter, %d longer", hz, 960-len(shorter), len(longer)-960)
		}
		periods := float64(960-len(shorter)) * hz / 48000
		if math.Abs(periods-math.Round(periods)) > 0.05 {
			t.Errorf("%.0f Hz: %.2f periods were left out", hz, periods)
		}
		if r := max(roughest(shorter), roughest(longer)); r > smooth {
			t.Errorf("%.0f Hz: a kink of %.0f, the tone itself has %.0f", hz, r, smooth/1.6)
		}
	}
}

func TestStretchInQuietIsExact(t *testing.T) {
	pcm := sine(960, 500, 50)
	if n := 960 - len(shorten(append([]int16(nil), pcm...), 240, 1000)); n != 240 {
		t.Errorf("left out %d samples, want 240", n)
	}
	if n := len(lengthen(make([]int16, 1920), pcm, 77, 1000)) - 960; n != 77 {
		t.Errorf("put in %d samples, want 77", n)
	}
}

func TestStretchLeavesNoiseAlone(t *testing.T) {
	pcm := make([]int16, 960)
	x := uint32(1)
	for i := range pcm {
		x = x*1664525 + 1013904223
		pcm[i] = int16(x>>16) / 4
	}
	if n := len(shorten(append([]int16(nil), pcm...), 400, 100)); n != 960 {
		t.Errorf("noise was cut to %d samples where no cut fits", n)
	}
	if n := len(shorten(append([]int16(nil), pcm...), urgent+100, 100)); n == 960 {
		t.Error("with much too much delay noise is not cut either")
	}
	if n := len(shorten(sine(960, 200, 8000), 200, 300)); n != 960 {
		t.Errorf("a loud frame was cut to %d samples for little delay", n)
	}
}
