package media

import (
	"math"
	"testing"

	"sotto/codec"
	"sotto/codec/opus"
)

func encode(t testing.TB, pcm []int16, times int) []byte {
	t.Helper()
	e, err := opus.NewEncoder(opus.DefaultEncoder())
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, codec.MaxPayload)
	n := 0
	for range times {
		if n, err = e.Encode(out, pcm); err != nil {
			t.Fatal(err)
		}
	}
	return out[:n]
}

// encodedSilence is what a muted microphone's frames look like in clear.
func encodedSilence(t testing.TB) []byte { return encode(t, make([]int16, 960), 50) }

func loudPayload(t testing.TB) []byte {
	pcm := make([]int16, 960)
	for i := range pcm {
		pcm[i] = int16(12000 * math.Sin(2*math.Pi*500*float64(i)/codec.SampleRate))
	}
	return encode(t, pcm, 5)
}
