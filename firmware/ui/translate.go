package ui

import (
	"sotto/firmware/call"
	"sotto/hal"
)

// Translate makes an event of the machine of what a finger did. The keys of the handset mean the same everywhere; what
// the two soft keys do is decided by the machine, beside their labels.
func Translate(k hal.KeyEvent, s call.Snapshot) (call.Event, bool) {
	if k.Key > hal.KeyHook {
		return nil, false
	}
	if k.Key == hal.KeyHook {
		switch k.Action {
		case hal.Pressed:
			return call.Press{Key: call.KeyOnHook}, true
		case hal.Released:
			return call.Press{Key: call.KeyOffHook}, true
		}
		return nil, false
	}
	switch k.Action {
	case hal.Pressed:
		return call.Press{Key: call.Key(k.Key)}, true
	case hal.Held:
		return call.Hold{Key: call.Key(k.Key)}, true
	case hal.Released:
		return call.Release{Key: call.Key(k.Key)}, true
	}
	return nil, false
}
