package opus

import (
	"math"
	"testing"

	"sotto/codec"
)

// voice is a speech-like signal: a pitched sound whose pitch and loudness wander, with pauses.
func voice(samples int) []int16 {
	pcm := make([]int16, samples)
	phase := 0.0
	for i := range pcm {
		t := float64(i) / codec.SampleRate
		phase += 2 * math.Pi * (300 + 60*math.Sin(2*math.Pi*0.7*t)) / codec.SampleRate
		loud := math.Max(0, math.Sin(2*math.Pi*1.3*t))
		for h := 1.0; h <= 12; h++ {
			pcm[i] += int16(2500 * loud / h * math.Sin(h*phase))
		}
	}
	return pcm
}

func pair(t testing.TB, c EncoderConfig) (*Encoder, *Decoder) {
	t.Helper()
	e, err := NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// snr compares decoded with source at the best shift below 20 ms, in dB.
func snr(source, decoded []int16) float64 {
	best := math.Inf(-1)
	for shift := range 960 {
		var signal, noise float64
		for i := 4800; i+shift < len(decoded) && i < len(source); i += 3 {
			s, d := float64(source[i]), float64(decoded[i+shift])
			signal += s * s
			noise += (s - d) * (s - d)
		}
		best = max(best, 10*math.Log10(signal/(noise+1)))
	}
	return best
}

func TestRoundTrip(t *testing.T) {
	for _, ptime := range []int{10, 20, 40, 60} {
		e, d := pair(t, DefaultEncoder())
		n := codec.FrameSamples(ptime)
		source, decoded := voice(n*(2000/ptime)), []int16{}
		payload, pcm := make([]byte, codec.MaxPayload), make([]int16, n)
		for i := 0; i < len(source); i += n {
			k, err := e.Encode(payload, source[i:i+n])
			if err != nil {
				t.Fatal(err)
			}
			if codec.PayloadSamples(payload[:k]) != n {
				t.Fatalf("ptime %d: a payload of %d samples", ptime, codec.PayloadSamples(payload[:k]))
			}
			if err := d.Decode(pcm, payload[:k]); err != nil {
				t.Fatal(err)
			}
			decoded = append(decoded, pcm...)
		}
		if got := snr(source, decoded); got < 8 {
			t.Errorf("ptime %d: SNR %.1f dB", ptime, got)
		}
	}
}

// RFC 6562: the length must not follow the speech. Loud, silent and noisy frames, with changing loss: one length.
func TestOneLengthBetweenRateSteps(t *testing.T) {
	e, _ := pair(t, DefaultEncoder())
	source := voice(48000 * 4)
	for i := 48000; i < 96000; i++ {
		source[i] = 0
	}
	noise := uint32(1)
	for i := 96000; i < 120000; i++ {
		noise = noise*1664525 + 1013904223
		source[i] = int16(noise >> 16)
	}
	payload := make([]byte, codec.MaxPayload)
	for _, bps := range []int{32000, 16000, 24000, 64000} {
		if err := e.SetBitrate(bps); err != nil {
			t.Fatal(err)
		}
		want := bps / 8 / 50
		for i := 0; i+960 <= len(source); i += 960 {
			if err := e.SetLoss(i / 960 % 30); err != nil {
				t.Fatal(err)
			}
			n, err := e.Encode(payload, source[i:i+960])
			if err != nil {
				t.Fatal(err)
			}
			if n != want {
				t.Fatalf("%d bit/s: frame %d has %d octets, want %d", bps, i/960, n, want)
			}
		}
	}
}

// RFC 6716, Section 3.1: the configuration tells the coder, 0 to 15 with SILK, 16 to 31 CELT alone; the code tells the
// number of frames.
func TestCoderByRateAndRedundancy(t *testing.T) {
	for _, c := range []struct {
		EncoderConfig
		ptime int
		celt  bool
	}{
		{DefaultEncoder(), 20, true},
		{DefaultEncoder(), 10, true},
		{EncoderConfig{Bitrate: codec.NarrowBitrate}, 20, true},
		{EncoderConfig{Bitrate: 64000, Loss: 1}, 20, false},
		{EncoderConfig{Bitrate: 16000}, 20, false},
	} {
		e, _ := pair(t, c.EncoderConfig)
		n := codec.FrameSamples(c.ptime)
		payload, source := make([]byte, codec.MaxPayload), voice(48000)
		for i := 0; i+n <= len(source); i += n {
			if _, err := e.Encode(payload, source[i:i+n]); err != nil {
				t.Fatal(err)
			}
			if celt := payload[0]>>3 >= 16; celt != c.celt || payload[0]&3 != 0 {
				t.Fatalf("%+v: frame %d has configuration %d, code %d", c.EncoderConfig, i/n, payload[0]>>3, payload[0]&3)
			}
		}
	}
}

// A lost frame is nearer to the source when it comes from the next payload's redundancy than when it is made up.
func TestRedundancyBeatsConcealment(t *testing.T) {
	c := DefaultEncoder()
	c.Loss = 20
	run := func(fec bool) float64 {
		e, d := pair(t, c)
		source, decoded := voice(48000*3), []int16{}
		payloads := [][]byte{}
		for i := 0; i+960 <= len(source); i += 960 {
			p := make([]byte, codec.MaxPayload)
			n, err := e.Encode(p, source[i:i+960])
			if err != nil {
				t.Fatal(err)
			}
			payloads = append(payloads, p[:n])
		}
		pcm := make([]int16, 960)
		for i, p := range payloads {
			var err error
			switch {
			case i%5 != 3 || i+1 == len(payloads):
				err = d.Decode(pcm, p)
			case fec:
				err = d.DecodeFEC(pcm, payloads[i+1])
			default:
				err = d.Conceal(pcm)
			}
			if err != nil {
				t.Fatal(err)
			}
			decoded = append(decoded, pcm...)
		}
		return snr(source, decoded)
	}
	with, without := run(true), run(false)
	if with < without+1 {
		t.Fatalf("SNR with redundancy %.1f dB, without %.1f dB", with, without)
	}
}

func TestBadInput(t *testing.T) {
	e, d := pair(t, DefaultEncoder())
	pcm := make([]int16, 960)
	if _, err := e.Encode(make([]byte, 100), pcm[:959]); err != ErrLength {
		t.Errorf("encode of 959 samples: %v", err)
	}
	for _, p := range [][]byte{nil, {}, {0x0b}, {0xff, 0xff}, {0x0b, 0x00}} {
		if err := d.Decode(pcm, p); err == nil {
			t.Errorf("decode of % x went well", p)
		}
	}
	if err := d.Conceal(pcm[:100]); err != ErrLength {
		t.Errorf("conceal of 100 samples: %v", err)
	}
	if err := d.DecodeFEC(pcm[:0], []byte{1}); err != ErrLength {
		t.Errorf("redundancy for no samples: %v", err)
	}
}

func TestNoAllocation(t *testing.T) {
	e, d := pair(t, DefaultEncoder())
	source, payload, pcm := voice(960), make([]byte, codec.MaxPayload), make([]int16, 960)
	if n := testing.AllocsPerRun(200, func() {
		k, _ := e.Encode(payload, source)
		d.Decode(pcm, payload[:k])
		d.DecodeFEC(pcm, payload[:k])
		d.Conceal(pcm)
	}); n != 0 {
		t.Fatalf("%v allocations a frame", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x78, 1, 2, 3})
	f.Add([]byte{0x0b, 0x82, 0xff, 0xff})
	f.Add([]byte{0xff, 0x41, 9})
	d, err := NewDecoder()
	if err != nil {
		f.Fatal(err)
	}
	pcm := make([]int16, codec.FrameSamples(120))
	f.Fuzz(func(t *testing.T, payload []byte) {
		n := codec.PayloadSamples(payload)
		if n == 0 {
			return
		}
		if n > len(pcm) {
			t.Fatalf("%d samples", n)
		}
		pcm[len(pcm)-1] = 77
		_ = d.Decode(pcm[:n], payload)
		_ = d.DecodeFEC(pcm[:960], payload)
		if n < len(pcm) && pcm[len(pcm)-1] != 77 {
			t.Fatal("wrote beyond the frame")
		}
	})
}
