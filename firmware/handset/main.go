// Command handset is the device's one binary.
//
// As PID 1 it boots the board (firmware/boot); as the child that boot starts it is the telephone. With --self-check it
// proves its parts without a board and ends. It decides nothing else: it starts things.
package main

import (
	"fmt"
	"os"

	"sotto/firmware/phone"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--self-check" {
		if err := phone.SelfCheck(); err != nil {
			fmt.Fprintln(os.Stderr, "handset:", err)
			os.Exit(1)
		}
		fmt.Println("handset: self-check passed")
		return
	}
	fmt.Fprintln(os.Stderr, "handset: this program starts as the first process of a board; try --self-check")
	os.Exit(2)
}
