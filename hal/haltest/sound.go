package haltest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"

	"sotto/hal"
)

// Sound is what a simulated microphone hears. It stays in its file where that has our rate and one channel: a minute of
// sound would be 6 MB of a telephone's memory.
type Sound struct {
	pcm  []int16 // of a file that had to be converted
	file *os.File
	data wavData
	buf  []byte // the part of the file around what is heard now
	at   int64  // sample at which it begins
}

// soundBlock is what is read from the file at a time, in octets: a third of a second.
const soundBlock = 1 << 15

// OpenSound finds a missing or strange file before anybody waits for it. Errors are those of ReadWAV.
func OpenSound(path string) (*Sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("haltest: %w", err)
	}
	s, err := newSound(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return s, nil
}

func newSound(f *os.File) (*Sound, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := min(st.Size(), maxWAVBytes)
	r := bufio.NewReader(f)
	w, err := walkWAV(r, size)
	if err != nil {
		return nil, err
	}
	if w.rate == hal.SampleRate && w.channels == 1 {
		return &Sound{file: f, data: w, buf: make([]byte, 0, soundBlock)}, nil
	}
	defer f.Close()
	pcm, err := mono(r, w.length, w.channels)
	return &Sound{pcm: resample(pcm, w.rate)}, err
}

// Len is the number of samples.
func (s *Sound) Len() int64 {
	if s.file != nil {
		return s.data.length / 2
	}
	return int64(len(s.pcm))
}

// sample is the one at a position; silence where there is none.
func (s *Sound) sample(at int64) int16 {
	if at < 0 || at >= s.Len() {
		return 0
	}
	if s.file == nil {
		return s.pcm[at]
	}
	if i := at - s.at; i < 0 || i*2+1 >= int64(len(s.buf)) {
		s.at = at
		n, _ := s.file.ReadAt(s.buf[:min(soundBlock, (s.Len()-at)*2)], s.data.at+at*2) // what cannot be read is silence
		if s.buf = s.buf[:n]; n < 2 {
			return 0
		}
	}
	return int16(binary.LittleEndian.Uint16(s.buf[(at-s.at)*2:]))
}

// Close gives the file free.
func (s *Sound) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
