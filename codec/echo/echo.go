// Package echo takes the loudspeaker's sound out of the microphone's when a handset is used hands-free: linear echo
// cancellation, suppression of what remains, noise suppression and gain control of libspeexdsp, at 16 kHz.
//
// It promises frames of 10 ms at 48 kHz in and out, no allocation per frame, and that both ways of a call stay aligned
// by samples. It limits hands-free speech to 8 kHz of bandwidth, which a small loudspeaker has not much more of. It
// cannot cancel what the loudspeaker distorts, nor an echo later than Tail, and while both speak it lets more echo
// through than while one does: the suppressor favours the near voice.
package echo

/*
#cgo pkg-config: speexdsp
#cgo LDFLAGS: -lm
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

static int preprocess_set(SpeexPreprocessState *st, int request, int value) {
	return speex_preprocess_ctl(st, request, &value);
}
static int preprocess_echo(SpeexPreprocessState *st, SpeexEchoState *echo) {
	return speex_preprocess_ctl(st, SPEEX_PREPROCESS_SET_ECHO_STATE, echo);
}
static int echo_rate(SpeexEchoState *st, int rate) {
	return speex_echo_ctl(st, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
}
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// ErrLibrary is returned when libspeexdsp has no memory.
var ErrLibrary = errors.New("echo: libspeexdsp cannot start")

// Implementation constants.
const (
	Frame = 480 // samples at 48 kHz, 10 ms

	decimation    = 3
	rate          = 16000
	frame         = Frame / decimation
	tail          = 128 * rate / 1000 // samples: the echo may come that much later than the loudspeaker's sample
	noiseDB       = -18               // at most that much of steady noise is taken away
	residualDB    = -40               // of echo while only the far side speaks
	residualBoth  = -15               // of echo while both speak
	loudness      = 9000              // where gain control leads speech, of 32768
	mostGainDB    = 12
	headroomLimit = 28000
)

// Options says what is done besides the cancellation of the linear echo.
type Options struct {
	Suppress bool // what remains of echo, and steady noise
	Gain     bool // lead speech to one loudness
}

// Canceller holds the state of one direction. It is used by one goroutine at a time. The library's memory is freed when
// nobody holds the canceller any more.
type Canceller struct {
	library

	micDown, farDown decimator
	up               interpolator
	mic, far, out    [frame]int16
	limiter          Limiter
}

// New returns a canceller, or ErrLibrary.
func New(o Options) (*Canceller, error) {
	c := &Canceller{library: library{echo: C.speex_echo_state_init(frame, tail), post: C.speex_preprocess_state_init(frame, rate)}}
	runtime.AddCleanup(c, library.free, c.library)
	if c.echo == nil || c.post == nil {
		return nil, ErrLibrary
	}
	C.echo_rate(c.echo, rate)
	for _, s := range []struct{ request, value C.int }{
		{C.SPEEX_PREPROCESS_SET_DENOISE, flag(o.Suppress)}, {C.SPEEX_PREPROCESS_SET_NOISE_SUPPRESS, noiseDB},
		{C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS, residualDB}, {C.SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, residualBoth},
		{C.SPEEX_PREPROCESS_SET_AGC, flag(o.Gain)}, {C.SPEEX_PREPROCESS_SET_AGC_TARGET, loudness},
		{C.SPEEX_PREPROCESS_SET_AGC_MAX_GAIN, mostGainDB},
	} {
		C.preprocess_set(c.post, s.request, s.value)
	}
	if o.Suppress {
		C.preprocess_echo(c.post, c.echo)
	}
	return c, nil
}

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
}

// Process takes Frame samples of the microphone and the Frame samples that the loudspeaker played at the same time, and
// replaces the former by what the near side says.
func (c *Canceller) Process(mic, loudspeaker []int16) {
	c.micDown.process(c.mic[:], mic[:Frame])
	c.farDown.process(c.far[:], loudspeaker[:Frame])
	C.speex_echo_cancellation(c.echo, pointer(&c.mic), pointer(&c.far), pointer(&c.out))
	C.speex_preprocess_run(c.post, pointer(&c.out))
	runtime.KeepAlive(c)
	c.up.process(mic[:Frame], c.out[:])
	c.limiter.Process(mic[:Frame])
}

func pointer(b *[frame]int16) *C.spx_int16_t { return (*C.spx_int16_t)(unsafe.Pointer(&b[0])) }

// library is what libspeexdsp allocated.
type library struct {
	echo *C.SpeexEchoState
	post *C.SpeexPreprocessState
}

func (l library) free() {
	if l.echo != nil {
		C.speex_echo_state_destroy(l.echo)
	}
	if l.post != nil {
		C.speex_preprocess_state_destroy(l.post)
	}
}
