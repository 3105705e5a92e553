package haltest

import (
	"bufio"
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

// WAVHeaderLen is where the samples of our own files begin, in octets.
const WAVHeaderLen = 44

// RIFF, as far as PCM needs it.
const (
	formatPCM     = 1
	formatExtends = 0xfffe // WAVE_FORMAT_EXTENSIBLE: the real format begins the sub-format
	maxFormat     = 64     // octets of a format chunk
	maxWAVBytes   = 1 << 30
)

// ReadWAV returns the samples of a file as 48 kHz mono. It needs little more memory than they do.
func ReadWAV(path string) ([]int16, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("haltest: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("haltest: %w", err)
	}
	pcm, err := parseWAV(bufio.NewReaderSize(f, 1<<16), min(st.Size(), maxWAVBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return pcm, nil
}

// parseWAV reads all samples of a file of that size.
func parseWAV(r io.Reader, size int64) ([]int16, error) {
	w, err := walkWAV(r, size)
	if err != nil {
		return nil, err
	}
	pcm, err := mono(r, w.length, w.channels)
	return resample(pcm, w.rate), err
}

// wavData is where a file has its samples, in octets.
type wavData struct {
	rate, channels int
	at, length     int64
}

// walkWAV walks the chunks of a file of that size up to the first sample. A data chunk that is longer than the file, or of
// length 0, ends with the file: recorders that were killed leave such headers.
func walkWAV(r io.Reader, size int64) (w wavData, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return w, ErrWAV
	}
	total := size
	for size -= 12; size >= 8; {
		if _, err := io.ReadFull(r, head[:8]); err != nil {
			return w, ErrWAV
		}
		size -= 8
		id, n := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		if id == "data" && w.rate != 0 {
			if n == 0 || n > size {
				n = size
			}
			w.at, w.length = total-size, n
			return w, nil
		}
		if n > size || id == "data" {
			return w, ErrWAV
		}
		body := n + n&1
		if id == "fmt " && n <= maxFormat {
			var format [maxFormat]byte
			if _, err := io.ReadFull(r, format[:n]); err != nil {
				return w, ErrWAV
			}
			var ok bool
			if w.rate, w.channels, ok = parseFormat(format[:n]); !ok {
				return w, ErrWAV
			}
			size, body = size-n, n&1
		}
		skipped, err := io.CopyN(io.Discard, r, min(body, size))
		if err != nil {
			return w, ErrWAV
		}
		size -= skipped
	}
	return w, ErrWAV
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

// mono reads n octets of samples and takes the mean of their channels.
func mono(r io.Reader, n int64, channels int) ([]int16, error) {
	pcm := make([]int16, n/2/int64(channels))
	var b [4]byte
	for i := range pcm {
		if _, err := io.ReadFull(r, b[:2*channels]); err != nil {
			return nil, ErrWAV
		}
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[2*c:])))
		}
		pcm[i] = int16(sum / channels)
	}
	return pcm, nil
}

// resample converts to 48 kHz by a windowed sinc of 16 zero crossings on either side.
func resample(in []int16, rate int) []int16 {
	if rate == hal.SampleRate || len(in) == 0 {
		return in
	}
	const reach = 16
	common := gcd(rate, hal.SampleRate)
	up, down := hal.SampleRate/common, rate/common // every up-th output sample falls onto an input sample
	weights := make([][2 * reach]float64, up)
	for phase := range weights {
		for k := range weights[phase] {
			x := float64(phase)/float64(up) - float64(k-reach+1)
			weights[phase][k] = sinc(0.95*x) * (0.5 + 0.5*math.Cos(math.Pi*x/(reach+1)))
		}
	}
	out := make([]int16, len(in)*up/down)
	for i := range out {
		first := i*down/up - reach + 1
		var sum, total float64
		for k, w := range weights[i*down%up] {
			if at := first + k; at >= 0 && at < len(in) {
				sum += w * float64(in[at])
				total += w
			}
		}
		out[i] = int16(math.Max(math.MinInt16, math.Min(math.MaxInt16, math.Round(sum/total))))
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// wavHeader is the header of a 48 kHz mono file of that many samples.
func wavHeader(samples int64) []byte {
	h := make([]byte, 0, WAVHeaderLen)
	size := uint32(min(samples*2, math.MaxUint32-WAVHeaderLen))
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, WAVHeaderLen-8+size)
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
