// Package rpizero2w is a handset on a Raspberry Pi Zero 2; README.md shows how to build one.
package rpizero2w

import (
	"sotto/board"
	"sotto/board/pi"
)

// Board describes the machine.
func Board() board.Board {
	return board.Board{
		Name:   "rpizero2w",
		Models: []string{"Raspberry Pi Zero 2"}, // followed by W or " W"
		Data:   "/dev/mmcblk0p4",
		Select: "/dev/mmcblk0p1",
		Open:   pi.Open,
	}
}
