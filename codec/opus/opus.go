// Package opus is the only importer of libopus: an encoder and a decoder for one voice (RFC 6716, RFC 7587).
//
// It promises payloads of one length between two calls of SetBitrate (hard constant bit rate, no discontinuous
// transmission), so that lengths never follow the speech (RFC 6562), and no allocation per frame. It never sees a key or
// a socket. It cannot hide its state from a memory dump: libopus keeps recent speech in the clear on Go's heap.
package opus

import (
	"errors"
	"fmt"

	"github.com/hraban/opus"

	"sotto/codec"
)

// ErrLength is returned for PCM or payloads whose length the codec cannot have.
var ErrLength = errors.New("opus: wrong length of a frame")

// Limits of libopus and of this telephone, in bit/s.
const (
	MinBitrate = 8000
	MaxBitrate = 128000
)

// What libopus is told, by the measurements of docs/OPUS15.md. CELT at complexity 0 costs a seventh of SILK's time at 5, is the
// nearer to the source at closeBitrate and above, and alone it looks 4 ms less ahead. It has no redundancy.
const (
	closeBitrate     = 24000 // bit/s: from here on CELT
	closeComplexity  = 0
	speechComplexity = 5
	leastRedundancy  = 6 // percent lost: below it, libopus 1.3.1 takes CELT and makes none (opus_encoder.c)
)

// EncoderConfig says what an Encoder does from the start.
type EncoderConfig struct {
	Bitrate    int // bit/s, hard constant
	Loss       int // percent of packets that the encoder's redundancy is made for; 0: none is made
	Complexity int // 1 to 10, where time does not count; 0: what a call can afford
}

// DefaultEncoder is what a call begins with.
func DefaultEncoder() EncoderConfig { return EncoderConfig{Bitrate: codec.DefaultBitrate} }

// Encoder implements codec.Encoder with two encoders of libopus, of which one is in use: close is CELT alone, speech may take
// SILK. Where they change, one frame has an edge.
type Encoder struct {
	close, speech, use *opus.Encoder
	bitrate, loss      int
}

// NewEncoder returns an encoder for 48 kHz mono speech, or libopus' error.
func NewEncoder(c EncoderConfig) (e *Encoder, err error) {
	e = &Encoder{bitrate: c.Bitrate}
	complexity := c.Complexity
	if complexity == 0 {
		complexity = speechComplexity
	}
	if e.close, err = newEncoder(opus.AppRestrictedLowdelay, max(c.Complexity, closeComplexity)); err != nil {
		return nil, err
	}
	if e.speech, err = newEncoder(opus.AppAudio, complexity); err != nil {
		return nil, err
	}
	if err := errors.Join(e.SetBitrate(c.Bitrate), e.SetLoss(c.Loss)); err != nil {
		return nil, fmt.Errorf("opus: new encoder: %w", err)
	}
	return e, nil
}

func newEncoder(application opus.Application, complexity int) (*opus.Encoder, error) {
	enc, err := opus.NewEncoder(codec.SampleRate, codec.Channels, application)
	if err != nil {
		return nil, fmt.Errorf("opus: new encoder: %w", err)
	}
	// RFC 6562, Section 3: variable bit rate leaks what is said; a call has constant bit rate and never goes silent.
	if err := errors.Join(enc.SetVBR(false), enc.SetDTX(false), enc.SetInBandFEC(true), enc.SetComplexity(complexity)); err != nil {
		return nil, fmt.Errorf("opus: new encoder: %w", err)
	}
	return enc, nil
}

// Encode writes the payload for pcm, which is 10, 20, 40 or 60 ms long, into dst and returns its length.
func (e *Encoder) Encode(dst []byte, pcm []int16) (int, error) {
	switch len(pcm) {
	case codec.FrameSamples(10), codec.FrameSamples(20), codec.FrameSamples(40), codec.FrameSamples(60):
	default:
		return 0, ErrLength
	}
	n, err := e.use.Encode(pcm, dst)
	if err != nil {
		return 0, fmt.Errorf("opus: encode: %w", err)
	}
	return n, nil
}

// SetBitrate makes a rate step, in bit/s, held within MinBitrate and MaxBitrate.
func (e *Encoder) SetBitrate(bps int) error {
	e.bitrate = min(max(bps, MinBitrate), MaxBitrate)
	return e.choose()
}

// SetLoss asks for redundancy against so many lost packets in a hundred, held within 0 and 100. The length of payloads
// does not change; with 0 all of it is for the speech.
func (e *Encoder) SetLoss(percent int) error {
	e.loss = min(max(percent, 0), 100)
	return e.choose()
}

// choose takes the encoder for the rate and the redundancy. One that begins again knows nothing of what was said before.
func (e *Encoder) choose() error {
	use, loss := e.close, 0
	if e.loss > 0 {
		loss = max(e.loss, leastRedundancy)
	}
	if loss > 0 || e.bitrate < closeBitrate {
		use = e.speech
	}
	var err error
	if e.use != use {
		e.use, err = use, use.Reset()
	}
	return errors.Join(err, use.SetBitrate(e.bitrate), use.SetPacketLossPerc(loss))
}

// Decoder implements codec.Decoder.
type Decoder struct{ dec *opus.Decoder }

// NewDecoder returns a decoder to 48 kHz mono, or libopus' error.
func NewDecoder() (*Decoder, error) {
	dec, err := opus.NewDecoder(codec.SampleRate, codec.Channels)
	if err != nil {
		return nil, fmt.Errorf("opus: new decoder: %w", err)
	}
	return &Decoder{dec}, nil
}

// Decode fills pcm from payload, whose duration it must have (codec.PayloadSamples).
func (d *Decoder) Decode(pcm []int16, payload []byte) error {
	if len(payload) == 0 || codec.PayloadSamples(payload) != len(pcm) {
		return ErrLength
	}
	// libopus is told the capacity, not the length.
	n, err := d.dec.Decode(payload, pcm[:len(pcm):len(pcm)])
	if err != nil {
		return fmt.Errorf("opus: decode: %w", err)
	}
	if n != len(pcm) {
		return ErrLength
	}
	return nil
}

// DecodeFEC fills pcm with the frame before next, from next's redundancy; where there is none, libopus conceals.
func (d *Decoder) DecodeFEC(pcm []int16, next []byte) error {
	if len(next) == 0 || !quarters(len(pcm)) {
		return ErrLength
	}
	if err := d.dec.DecodeFEC(next, pcm[:len(pcm):len(pcm)]); err != nil {
		return fmt.Errorf("opus: decode redundancy: %w", err)
	}
	return nil
}

// Conceal makes up a frame of the length of pcm, a multiple of 2.5 ms.
func (d *Decoder) Conceal(pcm []int16) error {
	if !quarters(len(pcm)) {
		return ErrLength
	}
	if err := d.dec.DecodePLC(pcm[:len(pcm):len(pcm)]); err != nil {
		return fmt.Errorf("opus: conceal: %w", err)
	}
	return nil
}

// quarters: libopus conceals in steps of 2.5 ms, up to 120 ms.
func quarters(n int) bool {
	const step = codec.SampleRate / 400
	return n > 0 && n%step == 0 && n <= 48*step
}
