package evdev

import (
	"encoding/binary"
	"time"

	"sotto/hal"
)

// The kernel's event: include/uapi/linux/input.h, 24 bytes on 64-bit machines.
const (
	eventSize = 24
	typeKey   = 1 // EV_KEY
	released  = 0
	pressed   = 1 // 2 is the keyboard's own repetition, which we ignore
)

// keys maps the kernel's key codes (include/uapi/linux/input-event-codes.h) to the handset's. A PC keyboard, its number
// pad and a telephone keypad on USB all have a code for every key of the handset.
var keys = map[uint16]hal.Key{
	11: hal.KeyDigit0, 2: hal.KeyDigit1, 3: hal.KeyDigit2, 4: hal.KeyDigit3, 5: hal.KeyDigit4,
	6: hal.KeyDigit5, 7: hal.KeyDigit6, 8: hal.KeyDigit7, 9: hal.KeyDigit8, 10: hal.KeyDigit9,
	82: hal.KeyDigit0, 79: hal.KeyDigit1, 80: hal.KeyDigit2, 81: hal.KeyDigit3, 75: hal.KeyDigit4,
	76: hal.KeyDigit5, 77: hal.KeyDigit6, 71: hal.KeyDigit7, 72: hal.KeyDigit8, 73: hal.KeyDigit9,
	512: hal.KeyDigit0, 513: hal.KeyDigit1, 514: hal.KeyDigit2, 515: hal.KeyDigit3, 516: hal.KeyDigit4,
	517: hal.KeyDigit5, 518: hal.KeyDigit6, 519: hal.KeyDigit7, 520: hal.KeyDigit8, 521: hal.KeyDigit9,
	522: hal.KeyStar, 55: hal.KeyStar, // numeric star, number pad *
	523: hal.KeyHash, 98: hal.KeyHash, // numeric pound, number pad /
	169: hal.KeyCall, 63: hal.KeyCall, // phone, F5
	223: hal.KeyEnd, 1: hal.KeyEnd, // cancel, Esc
	28: hal.KeyOK, 96: hal.KeyOK, // Enter on both pads
	103: hal.KeyUp, 108: hal.KeyDown, 105: hal.KeyLeft, 106: hal.KeyRight,
	59: hal.KeySoftLeft, 60: hal.KeySoftRight, // F1, F2
}

// decoder turns events of one keyboard into key events. It is pure: time comes in.
type decoder struct {
	down map[hal.Key]time.Time // pressed and not yet told as held
	rest []byte                // an event that came in two reads
}

// feed takes what was read and appends what it means.
func (d *decoder) feed(dst []hal.KeyEvent, b []byte, now time.Time) []hal.KeyEvent {
	if d.down == nil {
		d.down = map[hal.Key]time.Time{}
	}
	d.rest = append(d.rest, b...)
	for ; len(d.rest) >= eventSize; d.rest = d.rest[eventSize:] {
		kind := binary.LittleEndian.Uint16(d.rest[16:])
		code := binary.LittleEndian.Uint16(d.rest[18:])
		value := binary.LittleEndian.Uint32(d.rest[20:])
		k, known := keys[code]
		if kind != typeKey || !known {
			continue
		}
		switch value {
		case pressed:
			d.down[k] = now
			dst = append(dst, hal.KeyEvent{Key: k, Action: hal.Pressed})
		case released:
			delete(d.down, k)
			dst = append(dst, hal.KeyEvent{Key: k, Action: hal.Released})
		}
	}
	return dst
}

// deadline is when held has something to say; zero is never.
func (d *decoder) deadline() time.Time {
	var first time.Time
	for _, since := range d.down {
		if t := since.Add(hal.HoldTime); first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// held appends the keys that have been down for HoldTime, each once.
func (d *decoder) held(dst []hal.KeyEvent, now time.Time) []hal.KeyEvent {
	for k, since := range d.down {
		if now.Sub(since) >= hal.HoldTime {
			delete(d.down, k)
			dst = append(dst, hal.KeyEvent{Key: k, Action: hal.Held})
		}
	}
	return dst
}
