package tone

import (
	"math"
	"slices"
	"testing"
	"time"
)

func play(p Pattern, d time.Duration) []int16 {
	var player Player
	player.Start(p)
	out := make([]int16, d*sampleRate/time.Second)
	for i := 0; i < len(out); i += 240 {
		player.Mix(out[i:min(i+240, len(out))])
	}
	return out
}

// power is the amplitude of one frequency in pcm (Goertzel).
func power(pcm []int16, hz float64) float64 {
	var re, im float64
	for i, s := range pcm {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / sampleRate)
		re, im = re+float64(s)*cos, im+float64(s)*sin
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}

func TestDTMFHasItsTwoFrequencies(t *testing.T) {
	for event, want := range map[uint8][2]float64{0: {941, 1336}, 1: {697, 1209}, 5: {770, 1336}, 9: {852, 1477}, 10: {941, 1209}, 11: {941, 1477}, 15: {941, 1633}} {
		pcm := play(DTMF(event), 100*time.Millisecond)
		for _, hz := range append(rows[:], columns[:]...) {
			got, there := power(pcm, hz), hz == want[0] || hz == want[1]
			if there != (got > level/2) {
				t.Errorf("event %d: amplitude %.0f at %.0f Hz", event, got, hz)
			}
		}
	}
	if pcm := play(DTMF(16), 50*time.Millisecond); power(pcm, 941) != 0 {
		t.Error("event 16 sounds")
	}
}

func TestCadence(t *testing.T) {
	pcm := play(Busy, 1920*time.Millisecond)
	quarter := len(pcm) / 4
	for i, want := range []bool{true, false, true, false} {
		if got := power(pcm[i*quarter:(i+1)*quarter], 425) > level/2; got != want {
			t.Errorf("part %d sounds: %v", i, got)
		}
	}
	if pcm := play(Secure, time.Second); power(pcm[len(pcm)/2:], 880) != 0 {
		t.Error("a pattern without Repeat goes on")
	}
}

func TestNoClick(t *testing.T) {
	for i, p := range []Pattern{Busy, Ring, Failed, DTMF(7), Secure} {
		before := int16(0)
		for n, s := range append(play(p, 1500*time.Millisecond), 0) {
			if d := math.Abs(float64(s) - float64(before)); d > 2500 {
				t.Fatalf("pattern %d jumps by %.0f at sample %d", i, d, n)
			}
			before = s
		}
	}
}

func TestMixSaturates(t *testing.T) {
	var p Player
	p.Start(Dial)
	pcm := make([]int16, 4800)
	for i := range pcm {
		pcm[i] = math.MaxInt16 - 100
	}
	p.Mix(pcm)
	for i, s := range pcm {
		if s < 20000 {
			t.Fatalf("sample %d wrapped to %d", i, s)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var p Player
	pcm := make([]int16, 240)
	p.Start(Ring)
	if n := testing.AllocsPerRun(1000, func() { p.Mix(pcm) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestRecording(t *testing.T) {
	sound := make([]int16, 1000)
	for i := range sound {
		sound[i] = int16(i)
	}
	var p Player
	p.Start(Pattern{Sound: sound})
	var heard []int16
	for p.Playing() {
		frame := make([]int16, 480)
		frame[0] = math.MaxInt16
		p.Mix(frame)
		if frame[0] != math.MaxInt16 {
			t.Fatal("wrapped")
		}
		frame[0] = sound[len(heard)]
		heard = append(heard, frame...)
	}
	if len(heard) != 1440 || !slices.Equal(heard[:1000], sound) || slices.ContainsFunc(heard[1000:], func(s int16) bool { return s != 0 }) {
		t.Errorf("heard %d samples", len(heard))
	}
	p.Start(Pattern{Sound: sound})
	p.Stop()
	if p.Playing() {
		t.Error("goes on")
	}
}
