package chirp

import (
	"math"
	"testing"

	"sotto/codec/opus"
)

func TestFindsWhatItPlayed(t *testing.T) {
	places := Find(append(make([]int16, 4801), Track(6)...))
	if len(places) != 5 {
		t.Fatalf("%d chirps, want 5: %v", len(places), places)
	}
	for i, p := range places {
		if want := float64(i+1) + 4801.0/48000; math.Abs(p-want) > 1e-4 {
			t.Errorf("chirp %d at %.5f s, want %.5f", i, p, want)
		}
	}
	if got := Find(make([]int16, 48000)); got != nil {
		t.Errorf("silence has chirps at %v", got)
	}
}

// Through the codec all chirps are late by the same: libopus' own delay of 2.5 ms for CELT alone.
func TestThroughTheCodec(t *testing.T) {
	enc, err := opus.NewEncoder(opus.DefaultEncoder())
	if err != nil {
		t.Fatal(err)
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	in, out := Track(6), []int16{}
	payload, pcm := make([]byte, 1275), make([]int16, 960)
	for i := 0; i < len(in); i += 960 {
		n, err := enc.Encode(payload, in[i:i+960])
		if err != nil {
			t.Fatal(err)
		}
		if err := dec.Decode(pcm, payload[:n]); err != nil {
			t.Fatal(err)
		}
		out = append(out, pcm...)
	}
	places := Find(out)
	if len(places) != 5 {
		t.Fatalf("%d chirps, want 5", len(places))
	}
	for i, p := range places {
		if late := p - float64(i+1); math.Abs(late-0.0025) > 0.0006 {
			t.Errorf("chirp %d is late by %.2f ms, want 2.5", i, late*1000)
		}
	}
}
