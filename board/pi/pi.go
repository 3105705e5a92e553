// Package pi is what the Raspberry Pi boards have in common: a header of 40 pins, on which every handset is wired alike.
//
// It promises one wiring for all boards (the table below is the one that the pages show, a test compares them).
// It drives pins by the kernel's character device, never by mapped registers: the kernel is locked down.
package pi

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"strings"
	"time"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
	"periph.io/x/host/v3/sysfs"

	"sotto/board"
	"sotto/hal"
	"sotto/hal/alsa"
	"sotto/hal/evdev"
	"sotto/hal/framebuffer"
	"sotto/hal/gpiopin"
	"sotto/hal/matrix"
	"sotto/hal/panel"
	"sotto/hal/soundchip"
)

// Pins of the header, by the numbers of the chip (GPIOn).
const (
	PinData      = 25 // DC of the display
	PinBacklight = 24
	PinLamp      = 4
	PinCall      = 27
	PinHook      = 0
	PinJack      = 1
)

// Rows and Cols are the pins of the keypad, Layout its keys: the 4x5 keypads that are sold, with F1 and F2 as the soft
// keys, Esc as end and Ent as ok.
var (
	Rows   = []int{5, 6, 13, 26, 12}
	Cols   = []int{16, 17, 22, 23}
	Layout = [][]hal.Key{
		{hal.KeySoftLeft, hal.KeySoftRight, hal.KeyHash, hal.KeyStar},
		{hal.KeyDigit1, hal.KeyDigit2, hal.KeyDigit3, hal.KeyUp},
		{hal.KeyDigit4, hal.KeyDigit5, hal.KeyDigit6, hal.KeyDown},
		{hal.KeyDigit7, hal.KeyDigit8, hal.KeyDigit9, hal.KeyEnd},
		{hal.KeyLeft, hal.KeyDigit0, hal.KeyRight, hal.KeyOK},
	}
)

const (
	width, height = 240, 320
	i2cBus        = 1
	period        = 240 // 5 ms, which is also what is left to play when the next sound is made
	periods       = 64
)

// Open claims the parts of the header. A monitor and a USB keyboard work beside them, or instead of them.
func Open() (*board.Devices, error) {
	d := &board.Devices{}
	ctx, cancel := context.WithCancel(context.Background())
	d.OnClose(func() error { cancel(); return nil })
	if _, err := driverreg.Init(); err != nil {
		d.Miss(fmt.Errorf("board: %w", err))
	}
	lines, err := header()
	if err != nil {
		d.Miss(err)
	}
	openSound(d)
	if err := openDisplay(d, lines); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	openKeys(ctx, d, lines)
	if lines != nil {
		lamp, err := gpiopin.NewLamp(lines(PinLamp), gpio.High)
		if err != nil {
			d.Miss(err)
		} else {
			d.Lamp = lamp
			d.OnClose(lamp.Close)
		}
	}
	return d, nil
}

// header finds the chip behind the 40 pins: the firmware's expander and emulators have chips of their own.
func header() (func(int) gpio.PinIO, error) {
	for _, c := range gpioioctl.Chips {
		if strings.HasPrefix(c.Label(), "pinctrl-bcm2") {
			return func(n int) gpio.PinIO { return c.ByNumber(n) }, nil
		}
	}
	return nil, errors.New("board: the header's pins do not answer")
}

// openSound opens the I2S card and looks for the chip behind it: a WM8960, else an SGTL5000. A USB card needs neither.
func openSound(d *board.Devices) {
	d.OpenPCM = func() (hal.PCM, error) {
		return alsa.Open(alsa.Config{Playback: "/dev/snd/pcmC0D0p", Capture: "/dev/snd/pcmC0D0c", Period: period, Periods: periods})
	}
	bus, err := sysfs.NewI2C(i2cBus)
	if err != nil {
		d.Miss(fmt.Errorf("board: %w", err))
		return
	}
	d.OnClose(bus.Close)
	wm, first := soundchip.NewWM8960(bus, time.Sleep)
	if first == nil {
		d.Mixer = wm
		d.OnClose(wm.Close)
		return
	}
	sg, second := soundchip.NewSGTL5000(bus, time.Sleep)
	if second == nil {
		d.Mixer = sg
		d.OnClose(sg.Close)
		return
	}
	if _, err := os.Stat("/dev/snd/controlC1"); err != nil { // no USB card beside the silent I2S one
		d.Miss(fmt.Errorf("board: no sound chip: %w", errors.Join(first, second)))
	}
}

// openDisplay opens the panel and, if there is one, the monitor.
func openDisplay(d *board.Devices, lines func(int) gpio.PinIO) error {
	monitor, monitorErr := framebuffer.Open("/dev/fb0", image.Pt(width, height))
	if monitorErr == nil {
		d.Display = monitor
		d.OnClose(monitor.Close)
	}
	if lines == nil {
		return monitorErr
	}
	port, err := sysfs.NewSPI(0, 0)
	if err == nil {
		d.OnClose(port.Close)
		var p *panel.ST7789
		p, err = panel.NewST7789(port, panel.ST7789Config{Width: width, Height: height, Data: lines(PinData),
			Backlight: lines(PinBacklight)})
		if err == nil {
			d.OnClose(p.Halt)
			if monitorErr == nil {
				d.Display = board.Mirror(p, monitor)
			} else {
				d.Display = p
			}
			return nil
		}
	}
	d.Miss(fmt.Errorf("board: panel: %w", err))
	if monitorErr != nil {
		return fmt.Errorf("board: neither panel nor monitor: %w", errors.Join(err, monitorErr))
	}
	return nil
}

// openKeys joins the keypad on the pins and keyboards.
func openKeys(ctx context.Context, d *board.Devices, lines func(int) gpio.PinIO) {
	keyboards := evdev.Open("/dev/input")
	d.OnClose(keyboards.Close)
	all := []hal.Keypad{keyboards}
	if lines != nil {
		c := matrix.Config{Layout: Layout, Direct: []matrix.Direct{
			{Pin: lines(PinCall), Key: hal.KeyCall}, {Pin: lines(PinHook), Key: hal.KeyHook}}}
		for _, r := range Rows {
			c.Rows = append(c.Rows, lines(r))
		}
		for _, col := range Cols {
			c.Cols = append(c.Cols, lines(col))
		}
		if pad, err := matrix.New(c); err != nil {
			d.Miss(err)
		} else {
			all = append(all, pad)
		}
	}
	d.Keypad = board.Keypads(ctx, all...)
}
