package haltest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"sotto/hal"
)

// WAVConfig describes the simulator's sound card.
type WAVConfig struct {
	Mic     string        // WAV file that the microphone hears; empty: Sound
	Sound   *Sound        // what the microphone hears without a file, of this card alone; nil: silence
	Speaker string        // WAV file that records the speaker; empty: nobody listens
	Loop    bool          // the microphone's file begins again at its end; else silence follows
	Period  time.Duration // of the chip, DefaultPeriod when 0
	Drift   float64       // of the chip's crystal in parts per million

	// Started is called once a direction, with the wall time at which position 0 of the file was heard or sounds.
	Started func(d Direction, wall time.Time)
}

// Direction is one half of a card.
type Direction uint8

// The two halves of a card.
const (
	Mic Direction = iota
	Speaker
)

// String is "mic" or "speaker".
func (d Direction) String() string { return [...]string{"mic", "speaker"}[d&1] }

// WAVPCM is a sound card whose microphone and speaker are files, with a real clock. Position 0 of both files is the
// moment of the first ReadFrame or WriteFrame; from then on the recording keeps wall time, with silence for whatever was
// not written in time.
type WAVPCM struct {
	*card
	mic  *Sound // nil: silence
	own  bool   // mic is closed with the card
	loop bool

	mu      sync.Mutex // the file against Close
	file    *os.File
	buf     []byte
	samples int64 // length of the recording
	patched int64 // length that the header says
	started func(Direction, time.Time)
	heard   sync.Once
	sounded sync.Once
}

// headerEvery is how much more may be in the file than its header says, in samples.
const headerEvery = hal.SampleRate / 10

// OpenWAV opens the card. Errors name the file: ErrWAV for its content, else the system's.
func OpenWAV(c WAVConfig) (*WAVPCM, error) {
	if c.Period < 0 || c.Period > 100*time.Millisecond {
		return nil, errors.New("haltest: period of more than 100 ms")
	}
	w := &WAVPCM{card: newCard(c.Period, c.Drift), loop: c.Loop, started: c.Started}
	w.sleep = block
	if c.Started == nil {
		w.started = func(Direction, time.Time) {}
	}
	w.mic = c.Sound
	var err error
	if c.Mic != "" {
		if w.mic, err = OpenSound(c.Mic); err != nil {
			return nil, err
		}
		w.own = true
	}
	if c.Speaker == "" {
		return w, nil
	}
	if w.file, err = os.Create(c.Speaker); err != nil {
		return nil, fmt.Errorf("haltest: %w", err)
	}
	if _, err := w.file.Write(wavHeader(0)); err != nil {
		w.file.Close()
		return nil, fmt.Errorf("haltest: %w", err)
	}
	return w, nil
}

// ReadFrame implements hal.PCM.
func (w *WAVPCM) ReadFrame(dst []int16) error {
	at, err := w.capture(len(dst))
	if err != nil {
		return err
	}
	w.heard.Do(func() { w.started(Mic, w.start) })
	if w.mic == nil || w.mic.Len() == 0 {
		clear(dst)
		return nil
	}
	for i := range dst {
		p := at + int64(i)
		if w.loop {
			p %= w.mic.Len()
		}
		dst[i] = w.mic.sample(p)
	}
	return nil
}

// WriteFrame implements hal.PCM.
func (w *WAVPCM) WriteFrame(src []int16) error {
	at, err := w.place(len(src))
	if err != nil {
		return err
	}
	w.sounded.Do(func() { w.started(Speaker, w.start) })
	if err := w.record(at, src); err != nil {
		return err
	}
	return w.room()
}

// record writes what will sound at a position.
func (w *WAVPCM) record(at int64, src []int16) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	w.buf = w.buf[:0]
	for _, s := range src {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(s))
	}
	if _, err := w.file.WriteAt(w.buf, WAVHeaderLen+at*2); err != nil {
		return fmt.Errorf("haltest: %w", err)
	}
	w.samples = max(w.samples, at+int64(len(src)))
	if w.samples-w.patched >= headerEvery {
		return w.patch()
	}
	return nil
}

// patch makes the header true, so that the file is valid whenever the process is killed.
func (w *WAVPCM) patch() error {
	if _, err := w.file.WriteAt(wavHeader(w.samples), 0); err != nil {
		return fmt.Errorf("haltest: %w", err)
	}
	w.patched = w.samples
	return nil
}

// Close stops the card and completes the recording.
func (w *WAVPCM) Close() error {
	w.card.Close()
	if w.own {
		w.mic.Close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file == nil {
		return nil
	}
	err := w.patch()
	if cerr := w.file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("haltest: %w", cerr)
	}
	w.file = nil
	return err
}
