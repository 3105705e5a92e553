// Package rpi3 is a handset on a Raspberry Pi 3 Model B; README.md shows how to build one.
package rpi3

import (
	"sotto/board"
	"sotto/board/pi"
)

// Board describes the machine.
func Board() board.Board {
	return board.Board{
		Name:   "rpi3",
		Models: []string{"Raspberry Pi 3 Model B"},
		Data:   "/dev/mmcblk0p4",
		Select: "/dev/mmcblk0p1",
		Open:   pi.Open,
	}
}
