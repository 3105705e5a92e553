package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"sotto/firmware/phone"
	"sotto/hal"
	"sotto/hal/haltest"
)

// errQuit ends the program in good order.
var errQuit = errors.New("sim: quit")

// errWait is a `wait` that was in vain.
type errWait struct{ error }

// device is the simulated hardware and what a script or a page can see of it.
type device struct {
	keypad  *haltest.Keypad
	display *haltest.Display
	page    *page          // nil without --http
	sound   *haltest.Sound // what the microphone hears; nil: silence

	mu      sync.Mutex
	text    string        // what the screen says
	changed chan struct{} // closed and renewed at every change of text
	out     *bufio.Writer
}

// size reads --screen.
func (o options) display() (*haltest.Display, error) {
	switch o.screen {
	case "240x240":
		return haltest.NewDisplay(240, 240), nil
	case "240x320":
		return haltest.NewDisplay(240, 320), nil
	case "128x64":
		return haltest.NewMono(128, 64), nil
	}
	return nil, fmt.Errorf("--screen %s: want 240x240, 240x320 or 128x64", o.screen)
}

// newDevice checks everything that a mistake in a flag can break, before the phone starts.
func newDevice(o options) (*device, error) {
	display, err := o.display()
	if err != nil {
		return nil, err
	}
	d := &device{keypad: haltest.NewKeypad(), display: display, changed: make(chan struct{}), out: bufio.NewWriter(os.Stdout)}
	if err := d.loadWAVs(o); err != nil {
		return nil, err
	}
	if o.http != "" {
		d.page = newPage(o.name, func(k hal.KeyEvent) { d.press(k) })
		if err := d.page.serve(o.http); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// config wires the device into the phone.
func (d *device) config(o options) phone.Config {
	return phone.Config{
		Name: o.name, Listen: o.listen, State: o.state, PIN: o.pin, Contacts: o.contacts, Accounts: o.accounts, Reach: o.reach, Onion: o.onion, Ptime: o.ptime, Ordinary: !o.realtime,
		Devices: phone.Devices{
			OpenPCM: func() (hal.PCM, error) { return d.openPCM(o) },
			Keypad:  d.keypad, Display: d.display, Lamp: d,
		},
		Observe: d.observe,
	}
}

// Set is the lamp (hal.Indicator).
func (d *device) Set(on bool) error {
	if d.page != nil {
		d.page.broadcast(message{Kind: "lamp", Lamp: on})
	}
	return nil
}

// press lets a finger move, and shows it on the page.
func (d *device) press(k hal.KeyEvent) {
	d.keypad.Send(k)
	if d.page != nil {
		d.page.key(k)
	}
}

// observe prints what the phone reports and keeps the screen's text.
func (d *device) observe(n phone.Note) {
	if n.Event == "screen" {
		d.mu.Lock()
		d.text = n.Text
		close(d.changed)
		d.changed = make(chan struct{})
		d.mu.Unlock()
		if d.page != nil {
			glass, _, _ := d.display.Shown()
			d.page.screen(glass, n.Text)
		}
		return
	}
	d.print(n)
}

// print writes one JSON line.
func (d *device) print(v any) {
	line, err := json.Marshal(v)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out.Write(append(line, '\n'))
	d.out.Flush()
}

func (d *device) screen() (text string, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text, d.changed
}

// follow plays lines as they come, from a person or a program at the other end of a pipe.
func (d *device) follow(ctx context.Context, r io.Reader) error {
	lines := make(chan string)
	go func() {
		defer close(lines)
		sc := bufio.NewScanner(r)
		for sc.Scan() {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, ok := <-lines:
			if !ok {
				return errQuit
			}
			s, ok, err := parseStep(line)
			if err != nil {
				fmt.Fprintln(os.Stderr, "sim: script:", err)
				continue
			}
			if ok {
				if err := d.do(ctx, s); err != nil {
					return err
				}
			}
		}
	}
}

// play plays a whole script and then stays until a signal.
func (d *device) play(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := d.do(ctx, s); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// keyPause is how fast a quick finger is.
const keyPause = 30 * time.Millisecond

// do plays one step.
func (d *device) do(ctx context.Context, s step) error {
	switch s.verb {
	case "press", "type", "hold":
		for _, k := range s.keys {
			d.press(hal.KeyEvent{Key: k, Action: hal.Pressed})
			if s.verb == "hold" {
				pause(ctx, keyPause)
				d.press(hal.KeyEvent{Key: k, Action: hal.Held})
			}
			pause(ctx, keyPause)
			d.press(hal.KeyEvent{Key: k, Action: hal.Released})
			pause(ctx, keyPause)
		}
	case "wait":
		return d.await(ctx, s)
	case "screen":
		text, _ := d.screen()
		d.print(phone.Note{T: phone.Stamp(time.Now()), Event: "screen", Text: text})
	case "health":
		d.print(health{T: phone.Stamp(time.Now()), Event: "health", Goroutines: runtime.NumGoroutine()})
	case "shot":
		return d.shot(s.text)
	case "sleep":
		pause(ctx, s.time)
	case "quit":
		return errQuit
	}
	return ctx.Err()
}

// health is what grows in a program that leaks and that nobody can see from outside.
type health struct {
	T          float64 `json:"t"`
	Event      string  `json:"event"`
	Goroutines int     `json:"goroutines"`
}

func pause(ctx context.Context, t time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(t):
	}
}

// await waits until the screen's text matches.
func (d *device) await(ctx context.Context, s step) error {
	limit := time.NewTimer(s.time)
	defer limit.Stop()
	for {
		text, changed := d.screen()
		if s.match.MatchString(text) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-limit.C:
			return errWait{fmt.Errorf("script: no %q on the screen within %v; it says:\n%s", s.match, s.time, text)}
		}
	}
}

// shot writes the screen as a PNG file.
func (d *device) shot(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("shot: %w", err)
	}
	glass, _, _ := d.display.Shown()
	if err := errors.Join(png.Encode(f, glass), f.Close()); err != nil {
		return fmt.Errorf("shot %s: %w", name, err)
	}
	return nil
}

// wait gives the phone time to say goodbye to its peer.
func (d *device) wait(done <-chan error) {
	select {
	case <-done:
	case <-time.After(3 * time.Second):
	}
}

func (d *device) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out.Flush()
}
