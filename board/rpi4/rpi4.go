// Package rpi4 is a handset on a Raspberry Pi 4 Model B; README.md shows how to build one.
package rpi4

import (
	"sotto/board"
	"sotto/board/pi"
)

// Board describes the machine.
func Board() board.Board {
	return board.Board{
		Name:   "rpi4",
		Models: []string{"Raspberry Pi 4 Model B"},
		Data:   "/dev/mmcblk0p4",
		Select: "/dev/mmcblk0p1",
		Open:   pi.Open,
	}
}
