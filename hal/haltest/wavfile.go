package haltest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"sotto/hal"
)

// ErrWAV is wrapped by every error about the content of a WAV file.
var ErrWAV = errors.New("haltest: not a WAV file of 16-bit PCM, mono or stereo, at 8, 16, 44.1 or 48 kHz")

// RIFF, as far as PCM needs it.
const (
	wavHeaderLen  = 44
	formatPCM     = 1
	formatExtends = 0xfffe // WAVE_FORMAT_EXTENSIBLE: the real format begins the sub-format
	maxWAVBytes   = 1 << 30
)

// ReadWAV returns the samples of a file as 48 kHz mono.
func ReadWAV(path string) ([]int16, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("haltest: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxWAVBytes))
	if err != nil {
		return nil, fmt.Errorf("haltest: %w", err)
	}
	pcm, err := parseWAV(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return pcm, nil
}

// parseWAV walks the chunks. A data chunk that is longer than the file, or of length 0, ends with the file: recorders
// that were killed leave such headers.
func parseWAV(raw []byte) ([]int16, error) {
	if len(raw) < 12 || string(raw[:4]) != "RIFF" || string(raw[8:12]) != "WAVE" {
		return nil, ErrWAV
	}
	var rate, channels int
	for rest := raw[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if id == "data" && (size == 0 || size > len(body)) {
			size = len(body)
		}
		if size > len(body) {
			return nil, ErrWAV
		}
		switch id {
		case "fmt ":
			var ok bool
			if rate, channels, ok = parseFormat(body[:size]); !ok {
				return nil, ErrWAV
			}
		case "data":
			if rate == 0 {
				return nil, ErrWAV
			}
			return resample(mono(body[:size], channels), rate), nil
		}
		rest = body[min(size+size&1, len(body)):]
	}
	return nil, ErrWAV
}

func parseFormat(b []byte) (rate, channels int, ok bool) {
	if len(b) < 16 {
		return 0, 0, false
	}
	format := binary.LittleEndian.Uint16(b)
	if format == formatExtends && len(b) >= 26 {
		format = binary.LittleEndian.Uint16(b[24:])
	}
	channels, rate = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	bits := binary.LittleEndian.Uint16(b[14:])
	ok = format == formatPCM && bits == 16 && (channels == 1 || channels == 2) &&
		(rate == 8000 || rate == 16000 || rate == 44100 || rate == 48000)
	return rate, channels, ok
}

func mono(b []byte, channels int) []int16 {
	pcm := make([]int16, len(b)/2/channels)
	for i := range pcm {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[(i*channels+c)*2:])))
		}
		pcm[i] = int16(sum / channels)
	}
	return pcm
}

// resample converts to 48 kHz by a windowed sinc: 32 zero crossings, cut at the lower of the two Nyquist frequencies.
func resample(in []int16, rate int) []int16 {
	if rate == hal.SampleRate || len(in) == 0 {
		return in
	}
	const reach = 16 // zero crossings on each side
	step := float64(rate) / hal.SampleRate
	out := make([]int16, int(float64(len(in))/step))
	for i := range out {
		at := float64(i) * step
		middle := int(at)
		var sum, weight float64
		for k := max(0, middle-reach+1); k <= min(len(in)-1, middle+reach); k++ {
			x := at - float64(k)
			w := sinc(0.95*x) * (0.5 + 0.5*math.Cos(math.Pi*x/(reach+1)))
			sum += w * float64(in[k])
			weight += w
		}
		out[i] = int16(math.Max(math.MinInt16, math.Min(math.MaxInt16, math.Round(sum/weight))))
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// wavHeader is the header of a 48 kHz mono file of that many samples.
func wavHeader(samples int64) []byte {
	h := make([]byte, 0, wavHeaderLen)
	size := uint32(min(samples*2, math.MaxUint32-wavHeaderLen))
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, wavHeaderLen-8+size)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, formatPCM)
	h = binary.LittleEndian.AppendUint16(h, 1)
	h = binary.LittleEndian.AppendUint32(h, hal.SampleRate)
	h = binary.LittleEndian.AppendUint32(h, hal.SampleRate*2)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 16)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, size)
}

// WriteStereoWAV writes 48 kHz mono samples to both channels of a file.
func WriteStereoWAV(path string, pcm []int16) error {
	b := wavHeader(int64(2 * len(pcm)))
	b[22] = 2                                               // channels
	binary.LittleEndian.PutUint32(b[28:], hal.SampleRate*4) // bytes a second
	b[32] = 4                                               // bytes of a sample of all channels
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return os.WriteFile(path, b, 0o600)
}

// WriteWAV writes 48 kHz mono samples to a file.
func WriteWAV(path string, pcm []int16) error {
	b := wavHeader(int64(len(pcm)))
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return os.WriteFile(path, b, 0o600)
}
