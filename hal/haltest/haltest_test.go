package haltest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sotto/hal"
)

func tone(n int, hz, rate float64) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(10000 * math.Sin(2*math.Pi*hz*float64(i)/rate))
	}
	return pcm
}

// A card in time loses nothing; one that is late hears silence and loses samples, and says so.
func TestCardDropsWhenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pcm := NewLoopPCM()
		frame, got := tone(240, 500, 48000), make([]int16, 240)
		begin := time.Now()
		for range 200 {
			if err := pcm.WriteFrame(frame); err != nil {
				t.Fatal(err)
			}
			if err := pcm.ReadFrame(got); err != nil {
				t.Fatal(err)
			}
		}
		if x := pcm.Xruns(); x != (hal.Xruns{}) {
			t.Fatalf("in time, and yet %+v", x)
		}
		if d := time.Since(begin) - time.Second; d < -time.Microsecond || d > 10*time.Millisecond {
			t.Fatalf("200 periods took %v more than a second", d)
		}
		if got[120] == 0 {
			t.Fatal("the loop is silent")
		}
		time.Sleep(500 * time.Millisecond)
		if err := pcm.ReadFrame(got); err != nil {
			t.Fatal(err)
		}
		for i, s := range got {
			if s != 0 {
				t.Fatalf("starved for 500 ms, sample %d is %d", i, s)
			}
		}
		if err := pcm.WriteFrame(frame); err != nil {
			t.Fatal(err)
		}
		if x := pcm.Xruns(); x != (hal.Xruns{Overruns: 1, Underruns: 1}) {
			t.Fatalf("500 ms late: %+v", x)
		}
		if since := time.Since(begin); since < 1500*time.Millisecond || since > 1515*time.Millisecond {
			t.Fatalf("the card waited for the program: %v", since)
		}
	})
}

func TestBridgeCarriesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewBridge()
		out, in := tone(240, 500, 48000), make([]int16, 240)
		heard := 0
		for range 20 {
			for _, err := range []error{a.WriteFrame(out), b.ReadFrame(in)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if in[30] != 0 {
				heard++
			}
		}
		if heard < 16 {
			t.Fatalf("heard %d of 20 frames", heard)
		}
		a.Close()
		if err := a.WriteFrame(out); !errors.Is(err, ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	})
}

func TestDriftingCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCard(0, 300)
		if _, err := c.capture(240); err != nil {
			t.Fatal(err)
		}
		for range 200*60 - 1 {
			if _, err := c.capture(240); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Minute - time.Since(c.start); d < 17*time.Millisecond || d > 19*time.Millisecond {
			t.Fatalf("300 ppm fast for a minute: ahead by %v, want 18 ms", d)
		}
	})
}

// wavBytes builds a file by hand, with an odd chunk before the data.
func wavBytes(format, channels, rate, bits int, samples []int16) []byte {
	var b bytes.Buffer
	le := func(v any) { binary.Write(&b, binary.LittleEndian, v) }
	b.WriteString("RIFF\x00\x00\x00\x00WAVEfmt ")
	le(uint32(16))
	le([]uint16{uint16(format), uint16(channels)})
	le([]uint32{uint32(rate), uint32(rate * channels * bits / 8)})
	le([]uint16{uint16(channels * bits / 8), uint16(bits)})
	b.WriteString("LIST\x03\x00\x00\x00abc\x00data")
	le(uint32(len(samples) * 2))
	le(samples)
	return b.Bytes()
}

func parse(raw []byte) ([]int16, error) { return parseWAV(bytes.NewReader(raw), int64(len(raw))) }

func TestWAVRatesAndChannels(t *testing.T) {
	for _, rate := range []int{8000, 16000, 44100, 48000} {
		for channels := 1; channels <= 2; channels++ {
			var in []int16
			for _, s := range tone(rate, 440, float64(rate)) {
				for range channels {
					in = append(in, s)
				}
			}
			got, err := parse(wavBytes(1, channels, rate, 16, in))
			if err != nil {
				t.Fatal(err)
			}
			want := tone(48000, 440, 48000)
			if len(got) < 47990 || len(got) > 48000 {
				t.Fatalf("%d Hz, %d channels: %d samples", rate, channels, len(got))
			}
			var noise float64
			for i := 2000; i < 46000; i++ {
				noise += math.Pow(float64(got[i])-float64(want[i]), 2)
			}
			if rms := math.Sqrt(noise / 44000); rms > 100 {
				t.Errorf("%d Hz, %d channels: error of %.0f", rate, channels, rms)
			}
		}
	}
}

func TestStereoFile(t *testing.T) {
	file, want := filepath.Join(t.TempDir(), "x.wav"), tone(480, 440, 48000)
	if err := WriteStereoWAV(file, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWAV(file)
	if err != nil || len(got) != len(want) || got[100] != want[100] {
		t.Fatalf("%d samples, %v", len(got), err)
	}
}

func TestWAVRefusesTheRest(t *testing.T) {
	ok := wavBytes(1, 1, 48000, 16, []int16{1, 2, 3})
	for name, raw := range map[string][]byte{
		"empty": nil, "text": []byte("hello, this is no sound at all"), "float": wavBytes(3, 1, 48000, 32, nil),
		"8 bit": wavBytes(1, 1, 8000, 8, nil), "22 kHz": wavBytes(1, 1, 22050, 16, nil), "5.1": wavBytes(1, 6, 48000, 16, nil),
		"cut": ok[:30], "no data": ok[:36],
	} {
		if _, err := parse(raw); err != ErrWAV {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenWAV(WAVConfig{Mic: filepath.Join(t.TempDir(), "none.wav")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// The recording is a valid file while the card still runs, as a kill would leave it.
func TestRecordingIsValidAtAnyTime(t *testing.T) {
	dir := t.TempDir()
	mic, speaker := filepath.Join(dir, "mic.wav"), filepath.Join(dir, "speaker.wav")
	if err := WriteWAV(mic, tone(4800, 1000, 48000)); err != nil {
		t.Fatal(err)
	}
	begun := map[Direction]time.Time{}
	w, err := OpenWAV(WAVConfig{Mic: mic, Speaker: speaker, Started: func(d Direction, wall time.Time) { begun[d] = wall }})
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]int16, 240)
	loud := 0
	for range 60 {
		if err := w.ReadFrame(frame); err != nil {
			t.Fatal(err)
		}
		if frame[100] != 0 || frame[101] != 0 {
			loud++
		}
		if err := w.WriteFrame(frame); err != nil {
			t.Fatal(err)
		}
	}
	if loud < 15 || loud > 25 {
		t.Errorf("%d loud frames of a file of 20: silence should follow it", loud)
	}
	pcm, err := ReadWAV(speaker)
	if err != nil {
		t.Fatal(err)
	}
	if len(pcm) < 9600 {
		t.Errorf("after 300 ms the header says %d samples", len(pcm))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(speaker)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw[:WAVHeaderLen], wavHeader(int64(len(raw)-WAVHeaderLen)/2)) {
		t.Error("the header of the closed file is not true")
	}
	if begun[Mic].IsZero() || !begun[Mic].Equal(begun[Speaker]) {
		t.Errorf("the two directions began at %v", begun)
	}
}

func TestKeypadAndDisplay(t *testing.T) {
	k := NewKeypad()
	if !k.Hold(hal.KeyStar) {
		t.Fatal("the keypad is full")
	}
	for _, want := range []hal.KeyAction{hal.Pressed, hal.Held, hal.Released} {
		e, err := k.NextKey(context.Background())
		if err != nil || e != (hal.KeyEvent{Key: hal.KeyStar, Action: want}) {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.NextKey(ctx); err != context.Canceled {
		t.Fatalf("cancelled: %v", err)
	}

	d := NewMono(128, 64)
	d.Frame().Set(3, 4, color.White)
	if glass, _, _ := d.Shown(); glass.RGBAAt(3, 4).R != 0 {
		t.Fatal("shown before Show")
	}
	if err := d.Show(image.Rect(0, 0, 8, 8)); err != nil {
		t.Fatal(err)
	}
	if glass, n, _ := d.Shown(); glass.RGBAAt(3, 4).R != 255 || n != 1 {
		t.Fatal("not shown after Show")
	}
	if err := d.Show(image.Rect(0, 0, 129, 8)); err != ErrDamage {
		t.Fatalf("damage outside: %v", err)
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wavBytes(1, 2, 16000, 16, []int16{1, 2, 3, 4}))
	f.Add(wavBytes(0xfffe, 1, 48000, 16, []int16{1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if pcm, err := parse(raw); err == nil && len(pcm) > 6*len(raw) {
			t.Fatalf("%d samples out of %d octets", len(pcm), len(raw))
		}
	})
}

// A sound that stays in its file is the same as one in memory, wherever it is asked for.
func TestSoundFromFile(t *testing.T) {
	pcm := tone(3*soundBlock, 440, 48000)
	name := filepath.Join(t.TempDir(), "long.wav")
	if err := WriteWAV(name, pcm); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSound(name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.pcm != nil || s.Len() != int64(len(pcm)) {
		t.Fatalf("%d samples in memory, length %d", len(s.pcm), s.Len())
	}
	for _, at := range []int64{0, 1, soundBlock/2 - 1, soundBlock / 2, 2*soundBlock + 7, 5, s.Len() - 1} {
		if got := s.sample(at); got != pcm[at] {
			t.Errorf("sample %d is %d, want %d", at, got, pcm[at])
		}
	}
	if s.sample(-1) != 0 || s.sample(s.Len()) != 0 {
		t.Error("sound beyond its ends")
	}
}
