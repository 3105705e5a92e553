// Package matrix is a hal.Keypad of keys on GPIO pins: a matrix of rows and columns, and keys with a pin of their own.
//
// It promises that each press and release is told once, in order, however the contacts bounce, and that ghosts of a
// matrix without diodes press nothing.
//
// It drives one row low at a time and lets the others float, so that two pressed keys never connect two driven pins.
// It cannot tell three pressed keys at the corners of a rectangle from four.
package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"

	"sotto/hal"
)

// Config is the wiring.
type Config struct {
	Rows   []gpio.PinIO // driven low one at a time
	Cols   []gpio.PinIn // pulled up; a pressed key pulls its column to its row
	Layout [][]hal.Key  // Layout[row][column]
	Direct []Direct     // keys and switches to ground
}

// Direct is a key with a pin of its own, pulled up, closing to ground.
type Direct struct {
	Pin gpio.PinIn
	Key hal.Key
}

// Keypad scans in the goroutine that calls NextKey.
type Keypad struct {
	cfg   Config
	keys  []hal.Key
	scan  scanner
	queue []change
	buf   []change
	now   func() time.Time
	wait  func(context.Context, time.Duration) error
}

// New sets the pins up. Errors name the pin.
func New(c Config) (*Keypad, error) {
	if len(c.Layout) != len(c.Rows) || len(c.Rows)*len(c.Cols)+len(c.Direct) > maxKeys {
		return nil, errors.New("matrix: the layout does not fit the pins")
	}
	k := &Keypad{cfg: c, now: time.Now, wait: sleep, scan: scanner{rows: len(c.Rows), cols: len(c.Cols)}}
	for _, row := range c.Layout {
		if len(row) != len(c.Cols) {
			return nil, errors.New("matrix: the layout does not fit the pins")
		}
		k.keys = append(k.keys, row...)
	}
	for _, r := range c.Rows {
		if err := r.In(gpio.Float, gpio.NoEdge); err != nil {
			return nil, fmt.Errorf("matrix: row %s: %w", r, err)
		}
	}
	for _, col := range c.Cols {
		if err := col.In(gpio.PullUp, gpio.NoEdge); err != nil {
			return nil, fmt.Errorf("matrix: column %s: %w", col, err)
		}
	}
	for _, d := range c.Direct {
		if err := d.Pin.In(gpio.PullUp, gpio.NoEdge); err != nil {
			return nil, fmt.Errorf("matrix: %s on %s: %w", d.Key, d.Pin, err)
		}
		k.keys = append(k.keys, d.Key)
	}
	return k, nil
}

// NextKey implements hal.Keypad.
func (k *Keypad) NextKey(ctx context.Context) (hal.KeyEvent, error) {
	for {
		if len(k.queue) > 0 {
			c := k.queue[0]
			k.queue = k.queue[1:]
			return hal.KeyEvent{Key: k.keys[c.key], Action: c.action}, nil
		}
		pause := scanEvery
		if k.scan.quiet() {
			pause = idleEvery
		}
		if err := k.wait(ctx, pause); err != nil {
			return hal.KeyEvent{}, err
		}
		sample, err := k.sample()
		if err != nil {
			return hal.KeyEvent{}, err
		}
		k.buf = k.scan.step(k.buf[:0], sample, k.now())
		k.queue = append(k.queue[:0], k.buf...)
	}
}

// sample reads all contacts.
func (k *Keypad) sample() (uint32, error) {
	var m uint32
	for r, row := range k.cfg.Rows {
		if err := row.Out(gpio.Low); err != nil {
			return 0, fmt.Errorf("matrix: row %s: %w", row, err)
		}
		for c, col := range k.cfg.Cols {
			if col.Read() == gpio.Low {
				m |= 1 << (r*len(k.cfg.Cols) + c)
			}
		}
		if err := row.In(gpio.Float, gpio.NoEdge); err != nil {
			return 0, fmt.Errorf("matrix: row %s: %w", row, err)
		}
	}
	first := len(k.cfg.Rows) * len(k.cfg.Cols)
	for i, d := range k.cfg.Direct {
		if d.Pin.Read() == gpio.Low {
			m |= 1 << (first + i)
		}
	}
	return m, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
