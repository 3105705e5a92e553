// Package hal is the handset's ear, mouth, fingers and eyes, as interfaces of at most four methods.
//
// It promises that nothing above it knows a chip by name, and that a fake behind one of these interfaces can be a real
// one: the sound card is the clock, and a card that is fed late plays silence and drops what it could not keep.
//
// It never decides anything, never opens a network connection and never sees a key of a call.
//
// Drivers live in the folders below (alsa, matrix, panel, soundchip, evdev, framebuffer), fakes in haltest.
package hal

import (
	"context"
	"image"
	"image/draw"
	"time"
)

// SampleRate is the rate of every PCM, in samples a second.
const SampleRate = 48000

// PCM is a full-duplex sound card: 48 kHz, mono, signed 16-bit samples.
//
// ReadFrame and WriteFrame are each called from one goroutine of their own; they block at the pace of the card, which is
// the clock of the voice pipeline. The length of the slice is the length of the frame, a multiple of the card's period.
type PCM interface {
	// ReadFrame fills dst with the next samples of the microphone. An overrun loses samples, never order.
	ReadFrame(dst []int16) error
	// WriteFrame queues src for the speaker and returns when the card has room for it. An underrun is heard as silence.
	WriteFrame(src []int16) error
	// Close stops the card; blocked calls return an error. It is safe to call it more than once.
	Close() error
}

// Xruns is what a PCM has lost so far; a card that can count implements XrunCounter beside PCM.
type Xruns struct {
	Overruns  uint64 // microphone samples were lost: nobody read in time
	Underruns uint64 // the speaker played silence: nobody wrote in time
}

// XrunCounter is implemented by a PCM that counts what it lost.
type XrunCounter interface{ Xruns() Xruns }

// Mixer sets levels of the sound chip. Levels are in percent of the useful range, 0 to 100.
type Mixer interface {
	SetVolume(percent int) error
	SetMicrophone(percent int) error
	SetRoute(r Route) error
}

// Route says which transducers are in use.
type Route uint8

// The routes that a handset has.
const (
	RouteEarpiece Route = iota
	RouteSpeaker
	RouteHeadset
)

// Key is a key of the handset, whatever it is soldered to.
type Key uint8

// The keys of the handset. Digits come first so that KeyDigit0+n is the digit n.
const (
	KeyDigit0 Key = iota
	KeyDigit1
	KeyDigit2
	KeyDigit3
	KeyDigit4
	KeyDigit5
	KeyDigit6
	KeyDigit7
	KeyDigit8
	KeyDigit9
	KeyStar
	KeyHash
	KeyCall
	KeyEnd
	KeyOK
	KeyUp
	KeyDown
	KeyLeft
	KeyRight
	KeySoftLeft
	KeySoftRight
	KeyHook // hook switch: Pressed means on-hook
	numKeys
)

var keyNames = [numKeys]string{
	"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#",
	"call", "end", "ok", "up", "down", "left", "right", "softL", "softR", "hook",
}

// String is the name that scripts use: 0-9 * # call end ok up down left right softL softR hook.
func (k Key) String() string {
	if k < numKeys {
		return keyNames[k]
	}
	return "unknown"
}

// ParseKey is the inverse of String.
func ParseKey(name string) (Key, bool) {
	for k, n := range keyNames {
		if n == name {
			return Key(k), true
		}
	}
	return 0, false
}

// KeyAction is what a finger did.
type KeyAction uint8

// A key goes down, is held for HoldTime, and goes up. Released follows Held too.
const (
	Pressed KeyAction = iota
	Held
	Released
)

// HoldTime is how long a key is down before it counts as held.
const HoldTime = 800 * time.Millisecond

// KeyEvent is one change of one key.
type KeyEvent struct {
	Key    Key
	Action KeyAction
}

// Keypad yields debounced key events in order.
type Keypad interface {
	// NextKey blocks until a key changes or ctx is done.
	NextKey(ctx context.Context) (KeyEvent, error)
}

// Display is a panel with a frame in memory: draw into Frame, then Show what changed.
type Display interface {
	Bounds() image.Rectangle
	Frame() draw.Image
	Show(damage image.Rectangle) error
	SetBacklight(percent int) error
}

// Indicator is the lamp beside the display that the phone lights only while a call is secure.
type Indicator interface{ Set(on bool) error }

// Watchdog resets the board when nobody kicks it in time.
type Watchdog interface {
	Kick() error
	Timeout() time.Duration
}
