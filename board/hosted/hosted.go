// Package hosted is a handset without a board: the simulator's parts, made of hal's fakes. What it plays is kept in
// memory, what it hears is a sine, its keys are pressed by a program.
package hosted

import (
	"sotto/board"
	"sotto/hal"
	"sotto/hal/haltest"
)

// Parts are the fakes of one hosted handset, for whoever presses and looks.
type Parts struct {
	Keypad  *haltest.Keypad
	Display *haltest.Display
}

// Board returns a machine that is nowhere: it has no model, so Find never finds it.
func Board() (board.Board, *Parts) {
	p := &Parts{Keypad: haltest.NewKeypad(), Display: haltest.NewDisplay(240, 320)}
	return board.Board{Name: "hosted", Open: func() (*board.Devices, error) {
		return &board.Devices{
			OpenPCM: func() (hal.PCM, error) { return haltest.NewSinePCM(440), nil },
			Keypad:  p.Keypad,
			Display: p.Display,
		}, nil
	}}, p
}
