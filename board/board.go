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
	// Open claims the parts. It fails only when there is no display or no way to press a key.
	Open func() (*Devices, error)
}

// Devices are the parts of one handset.
type Devices struct {
	OpenPCM func() (hal.PCM, error) // a card that is missing is silence at the right pace
	Mixer   hal.Mixer               // nil: the card has no levels of its own, or does not answer
	Keypad  hal.Keypad
	Display hal.Display
	Lamp    hal.Indicator // nil: there is none
	Missing []string      // one line a part that did not answer
	closers []func() error
}

// OnClose registers what Close does; the last registered goes first.
func (d *Devices) OnClose(f func() error) { d.closers = append(d.closers, f) }

// Miss notes a part that did not answer.
func (d *Devices) Miss(err error) { d.Missing = append(d.Missing, err.Error()) }

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

// Find returns the board whose model the device tree shows. A model ends with a NUL, which is ignored. Where several
// match, the longest name wins: a Pi 3 Model B Plus is not a Pi 3 Model B.
func Find(model string, boards []Board) (Board, error) {
	model = strings.TrimRight(model, "\x00\n")
	best, length := Board{}, -1
	for _, b := range boards {
		for _, m := range b.Models {
			if strings.HasPrefix(model, m) && len(m) > length {
				best, length = b, len(m)
			}
		}
	}
	if length < 0 {
		return Board{}, ErrUnknown
	}
	return best, nil
}
