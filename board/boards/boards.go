// Package boards is the list of machines that one image can start on.
package boards

import (
	"sotto/board"
	"sotto/board/qemuvirt"
	"sotto/board/rpi3"
	"sotto/board/rpi4"
	"sotto/board/rpizero2w"
)

// All returns every board with a page.
func All() []board.Board {
	return []board.Board{rpi3.Board(), rpi4.Board(), rpizero2w.Board(), qemuvirt.Board()}
}
