// Package board says which chips are really there.
//
// It promises that everything above it sees hal's interfaces only, and that a part which does not answer is named in one
// line instead of stopping the telephone: a handset without a lamp still rings.
//
// It never decides what the telephone does, and it never looks for parts that the board's page does not list.
package board

import (
	"errors"
	"strings"

	"sotto/hal"
)

// ErrUnknown is returned by Find for a machine that no page describes.
var ErrUnknown = errors.New("board: this machine is none of the boards")

// Board is one kind of machine.
type Board struct {
	Name   string   // the name of its folder, as in make image BOARD=rpi4
	Models []string // beginnings of the device tree's model, as the kernel shows it
	Wired  string   // name of the network interface to wait for; "" takes the first that has a cable
	Data   string   // block device that holds the data partition; "" for a machine that keeps nothing
	Select string   // block device that holds autoboot.txt; "" for a machine without slots
	// Open claims the parts. It fails only when not even a display can be had.
	Open func() (*Devices, error)
}

// Devices are the parts of one handset. A part that is missing is a working substitute that does nothing, never nil, and
// stands in Missing.
type Devices struct {
	PCM      hal.PCM
	Mixer    hal.Mixer
	Keypad   hal.Keypad
	Display  hal.Display
	Lamp     hal.Indicator
	Missing  []string // one line a part that did not answer
	Warnings []string // one line a thing that works otherwise than the page says
	closers  []func() error
}

// OnClose registers what Close does; the last registered goes first.
func (d *Devices) OnClose(f func() error) { d.closers = append(d.closers, f) }

// Close releases the parts and returns the first error.
func (d *Devices) Close() error {
	var first error
	for i := len(d.closers) - 1; i >= 0; i-- {
		if err := d.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	d.closers = nil
	return first
}

// Find returns the board whose model the device tree shows. A model ends with a NUL, which is ignored.
func Find(model string, boards []Board) (Board, error) {
	model = strings.TrimRight(model, "\x00\n")
	for _, b := range boards {
		for _, m := range b.Models {
			if strings.HasPrefix(model, m) {
				return b, nil
			}
		}
	}
	return Board{}, ErrUnknown
}
