package alsa

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// What can go wrong with a transfer, and what is done about it. Everything here is a function of its arguments, so that a
// table can try what a sound card does once a year.

// fault is what a transfer reported.
type fault uint8

const (
	faultNone    fault = iota
	faultRetry         // interrupted: the same call again
	faultXrun          // nobody served the card in time, or it never ran
	faultSuspend       // power management stopped the card
	faultGone          // the card was pulled out
)

// States of a stream, from the kernel's header.
const (
	stateRunning = 3
	stateXrun    = 4
)

// classify maps an error of the kernel. EIO and EBADFD come from drivers that stopped a stream in a way of their own:
// preparing it again is the cure, and when that fails too the card counts as gone.
func classify(err error) fault {
	switch {
	case err == nil:
		return faultNone
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return faultRetry
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.EBADFD), errors.Is(err, unix.EIO), errors.Is(err, errStalled):
		return faultXrun
	case errors.Is(err, unix.ESTRPIPE):
		return faultSuspend
	}
	return faultGone
}

// step is one ioctl of a restart.
type step uint8

const (
	stepResume step = iota
	stepDrop
	stepPrepare
	stepLink
	stepPrefill
	stepStart
	stepUnlink
)

// order is a step for one stream. stepLink, stepUnlink and a linked start concern both and name the playback stream.
type order struct {
	step step
	dir  direction
}

type direction uint8

const (
	playback direction = iota
	capture
)

func (d direction) other() direction { return 1 - d }

// idleAfter is how long a stream may be left alone before it counts as not in use: after that its xrun is not a loss,
// the stream merely rested.
const idleAfter = 250 * time.Millisecond

// plan is how a stream that stopped is set going again. At the beginning of a call both directions are started by one
// ioctl on linked streams, so that the distance between ear and mouth is the same in every call (the echo canceller
// counts on it), and parted at once, so that from then on a fault of one does not stop the other.
func plan(f fault, dir direction, both, linkable bool) []order {
	var o []order
	if f == faultSuspend {
		o = append(o, order{stepResume, dir})
	}
	if !both {
		o = append(o, order{stepDrop, dir}, order{stepPrepare, dir})
		if dir == playback {
			o = append(o, order{stepPrefill, playback})
		}
		return append(o, order{stepStart, dir})
	}
	o = append(o, order{stepDrop, playback}, order{stepDrop, capture},
		order{stepPrepare, playback}, order{stepPrepare, capture})
	if linkable {
		return append(o, order{stepLink, playback}, order{stepPrefill, playback},
			order{stepStart, playback}, order{stepUnlink, playback})
	}
	return append(o, order{stepPrefill, playback}, order{stepStart, capture}, order{stepStart, playback})
}

// mayFail says which steps are wishes: dropping what never ran, resuming what cannot resume, parting what is not linked.
func mayFail(s step) bool { return s == stepDrop || s == stepResume || s == stepUnlink }

// lost tells whether an xrun cost the user anything: only a stream that was served a moment ago can lose.
func lost(f fault, sinceLast time.Duration, ranBefore bool) bool {
	return f == faultXrun && ranBefore && sinceLast < idleAfter
}

// Limits of patience.
const (
	maxTries    = 4                      // restarts in a row without a frame before the card counts as gone
	reopenEvery = 500 * time.Millisecond // between two looks for a card that is gone
)
