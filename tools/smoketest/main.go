// Command smoketest tries one part of a newly built handset at a time, on the board itself, under any Linux that runs there
// (the handset's own image has no shell to start it from). It says what a person should see or hear.
//
//	smoketest panel | oled | lamp | keypad | keyboard | wm8960 | sgtl5000 | sound | screen | watchdog
package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
	"periph.io/x/host/v3/sysfs"

	"sotto/board/pi"
	"sotto/hal"
	"sotto/hal/alsa"
	"sotto/hal/evdev"
	"sotto/hal/framebuffer"
	"sotto/hal/gpiopin"
	"sotto/hal/matrix"
	"sotto/hal/panel"
	"sotto/hal/soundchip"
	"sotto/hal/watchdog"
)

var tests = map[string]func() error{
	"panel": tryPanel, "oled": tryOLED, "lamp": tryLamp, "keypad": tryKeypad, "keyboard": tryKeyboard, "sound": trySound,
	"screen": tryScreen, "watchdog": tryWatchdog,
	"wm8960": func() error {
		return tryChip(func(b *sysfs.I2C) (hal.Mixer, error) { return soundchip.NewWM8960(b, time.Sleep) })
	},
	"sgtl5000": func() error {
		return tryChip(func(b *sysfs.I2C) (hal.Mixer, error) { return soundchip.NewSGTL5000(b, time.Sleep) })
	},
}

func main() {
	var names []string
	for n := range tests {
		names = append(names, n)
	}
	slices.Sort(names)
	if len(os.Args) != 2 || tests[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "smoketest", strings.Join(names, "|"))
		os.Exit(2)
	}
	if _, err := driverreg.Init(); err != nil {
		fmt.Fprintln(os.Stderr, "smoketest:", err)
	}
	if err := tests[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, "smoketest:", err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func pin(n int) (gpio.PinIO, error) {
	for _, c := range gpioioctl.Chips {
		if strings.HasPrefix(c.Label(), "pinctrl-bcm2") {
			return c.ByNumber(n), nil
		}
	}
	return nil, fmt.Errorf("no header: is /dev/gpiochip0 there, and may you open it?")
}

// show draws what is easy to judge: a white frame, and three bars of red, green and blue from left to right.
func show(d hal.Display) error {
	b := d.Bounds()
	draw.Draw(d.Frame(), b, image.White, image.Point{}, draw.Src)
	for i, c := range []color.RGBA{{0xff, 0, 0, 0xff}, {0, 0xff, 0, 0xff}, {0, 0, 0xff, 0xff}} {
		w := (b.Dx() - 4) / 3
		draw.Draw(d.Frame(), image.Rect(2+i*w, 2, 2+(i+1)*w, b.Dy()-2), image.NewUniform(c), image.Point{}, draw.Src)
	}
	fmt.Println("a white frame touches all four edges; in it red, green, blue from left to right; the light goes off and on")
	for _, percent := range []int{100, 0, 100} {
		if err := d.SetBacklight(percent); err != nil {
			return err
		}
		if err := d.Show(b); err != nil {
			return err
		}
		time.Sleep(2 * time.Second)
	}
	return nil
}

func tryPanel() error {
	port, err := sysfs.NewSPI(0, 0)
	if err != nil {
		return err
	}
	defer port.Close()
	data, err := pin(pi.PinData)
	if err != nil {
		return err
	}
	light, err := pin(pi.PinBacklight)
	if err != nil {
		return err
	}
	p, err := panel.NewST7789(port, panel.ST7789Config{Width: 240, Height: 320, Data: data, Backlight: light})
	if err != nil {
		return err
	}
	return show(p)
}

func tryOLED() error {
	bus, err := sysfs.NewI2C(1)
	if err != nil {
		return err
	}
	defer bus.Close()
	p, err := panel.NewSSD1306(bus, panel.SSD1306Address)
	if err != nil {
		return err
	}
	return show(p)
}

func tryScreen() error {
	d, err := framebuffer.Open("/dev/fb0", image.Pt(240, 320))
	if err != nil {
		return err
	}
	return show(d)
}

func tryLamp() error {
	p, err := pin(pi.PinLamp)
	if err != nil {
		return err
	}
	l, err := gpiopin.NewLamp(p, gpio.High)
	if err != nil {
		return err
	}
	fmt.Println("the lamp blinks five times and stays dark")
	for i := range 10 {
		if err := l.Set(i%2 == 0); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
	}
	return l.Close()
}

// listen names keys for half a minute.
func listen(k hal.Keypad) error {
	fmt.Println("press every key, one after the other; each shows once as 0 (down) and once as 2 (up), held ones as 1")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		ev, err := k.NextKey(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(ev.Key, ev.Action)
	}
}

func tryKeyboard() error { return listen(evdev.Open("/dev/input")) }

func tryKeypad() error {
	c := matrix.Config{Layout: pi.Layout}
	for _, n := range pi.Rows {
		p, err := pin(n)
		if err != nil {
			return err
		}
		c.Rows = append(c.Rows, p)
	}
	for _, n := range pi.Cols {
		p, err := pin(n)
		if err != nil {
			return err
		}
		c.Cols = append(c.Cols, p)
	}
	for key, n := range map[hal.Key]int{hal.KeyCall: pi.PinCall, hal.KeyHook: pi.PinHook} {
		p, err := pin(n)
		if err != nil {
			return err
		}
		c.Direct = append(c.Direct, matrix.Direct{Pin: p, Key: key})
	}
	k, err := matrix.New(c)
	if err != nil {
		return err
	}
	return listen(k)
}

// tryChip sets a chip up and lets a tone of 440 Hz rise on each output.
func tryChip(open func(*sysfs.I2C) (hal.Mixer, error)) error {
	bus, err := sysfs.NewI2C(1)
	if err != nil {
		return err
	}
	defer bus.Close()
	m, err := open(bus)
	if err != nil {
		return err
	}
	for _, r := range []hal.Route{hal.RouteEarpiece, hal.RouteSpeaker} {
		fmt.Println("a tone rises from silence on output", r, "(0 ear, 1 loudspeaker)")
		if err := m.SetRoute(r); err != nil {
			return err
		}
		for _, v := range []int{0, 25, 50, 75, 0} {
			if err := m.SetVolume(v); err != nil {
				return err
			}
			if err := tone(time.Second); err != nil {
				return err
			}
		}
	}
	return m.SetMicrophone(60)
}

func card() (*alsa.Card, error) {
	return alsa.Open(alsa.Config{Playback: "/dev/snd/pcmC0D0p", Capture: "/dev/snd/pcmC0D0c", Period: 480, Periods: 4})
}

func tone(length time.Duration) error {
	c, err := card()
	if err != nil {
		return err
	}
	defer c.Close()
	frame := make([]int16, 480)
	for n := 0; n < int(length/(10*time.Millisecond)); n++ {
		for i := range frame {
			frame[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(n*len(frame)+i)/hal.SampleRate))
		}
		if err := c.WriteFrame(frame); err != nil {
			return err
		}
	}
	return nil
}

// trySound gives back what it hears, half a second later, and counts what was lost.
func trySound() error {
	c, err := card()
	if err != nil {
		return err
	}
	defer c.Close()
	if !c.Present() {
		return fmt.Errorf("no sound card is there")
	}
	fmt.Println("speak: you hear yourself half a second later, for twenty seconds")
	ring := make([][]int16, 50)
	for n := range 2000 {
		frame := make([]int16, 480)
		if err := c.ReadFrame(frame); err != nil {
			return err
		}
		old := ring[n%len(ring)]
		ring[n%len(ring)] = frame
		if old == nil {
			old = make([]int16, 480)
		}
		if err := c.WriteFrame(old); err != nil {
			return err
		}
	}
	fmt.Printf("lost: %+v (none is good)\n", c.Xruns())
	return nil
}

func tryWatchdog() error {
	w, err := watchdog.Open("/dev/watchdog0", 15*time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("the board restarts %v after the last of five kicks; pull the card if it does not\n", w.Timeout())
	for range 5 {
		if err := w.Kick(); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return w.Close()
}
