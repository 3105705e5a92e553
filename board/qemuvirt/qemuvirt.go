// Package qemuvirt is a handset in QEMU's virt machine: the bench on which everything but chips is proven.
package qemuvirt

import (
	"errors"
	"image"
	"os"

	"sotto/board"
	"sotto/hal"
	"sotto/hal/alsa"
	"sotto/hal/evdev"
	"sotto/hal/framebuffer"
)

// The emulated card is served by its host in steps of 10 ms, and an emulated processor pauses for 100 ms when its host is
// busy: a telephone made of chips leaves one period in the card, this one 80 ms.
const (
	period  = 960
	periods = 16 // the most that virtio-snd takes
	left    = 11 * period
)

// Board describes the machine.
func Board() board.Board {
	return board.Board{
		Name:   "qemuvirt",
		Models: []string{"linux,dummy-virt"},
		Data:   "/dev/vda4",
		Select: "/dev/vda1",
		Open:   open,
	}
}

// open claims what QEMU emulates: virtio-gpu, virtio-keyboard, virtio-sound.
func open() (*board.Devices, error) {
	d := &board.Devices{}
	screen, err := framebuffer.Open("/dev/fb0", image.Pt(240, 320))
	if err != nil {
		return nil, err
	}
	d.Display = screen
	d.OnClose(screen.Close)
	keys := evdev.Open("/dev/input")
	d.Keypad = keys
	d.OnClose(keys.Close)
	if _, err := os.Stat("/dev/snd/pcmC0D0p"); err != nil {
		d.Miss(errors.New("board: no sound card"))
	}
	d.OpenPCM = func() (hal.PCM, error) {
		return alsa.Open(alsa.Config{Playback: "/dev/snd/pcmC0D0p", Capture: "/dev/snd/pcmC0D0c",
			Period: period, Periods: periods, Left: left})
	}
	return d, nil
}
