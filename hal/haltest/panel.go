package haltest

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"sync"

	"sotto/hal"
)

// Keypad yields the key events that a test or a page presses. Its zero value is not usable.
type Keypad struct{ events chan hal.KeyEvent }

// NewKeypad returns a keypad that keeps up to 256 events that nobody has read.
func NewKeypad() *Keypad { return &Keypad{make(chan hal.KeyEvent, 256)} }

// Press presses and releases a key. It reports whether the keypad took it.
func (k *Keypad) Press(key hal.Key) bool {
	return k.Send(hal.KeyEvent{Key: key, Action: hal.Pressed}) && k.Send(hal.KeyEvent{Key: key, Action: hal.Released})
}

// Hold presses a key for longer than hal.HoldTime, without taking that time.
func (k *Keypad) Hold(key hal.Key) bool {
	return k.Send(hal.KeyEvent{Key: key, Action: hal.Pressed}) && k.Send(hal.KeyEvent{Key: key, Action: hal.Held}) &&
		k.Send(hal.KeyEvent{Key: key, Action: hal.Released})
}

// Send gives one raw event. It reports whether the keypad took it.
func (k *Keypad) Send(e hal.KeyEvent) bool {
	select {
	case k.events <- e:
		return true
	default:
		return false
	}
}

// NextKey implements hal.Keypad.
func (k *Keypad) NextKey(ctx context.Context) (hal.KeyEvent, error) {
	select {
	case e := <-k.events:
		return e, nil
	case <-ctx.Done():
		return hal.KeyEvent{}, ctx.Err()
	}
}

// ErrDamage is returned by Show for a rectangle outside the panel.
var ErrDamage = errors.New("haltest: damage outside the display")

// Display is a panel in memory. Frame belongs to the program; what was shown is read by Shown, from any goroutine.
type Display struct {
	frame draw.Image
	mu    sync.Mutex
	shown *image.RGBA
	light int
	count int
	news  chan struct{}
}

// NewDisplay returns a colour panel; NewMono one that knows only black and white.
func NewDisplay(width, height int) *Display {
	return newDisplay(image.NewRGBA(image.Rect(0, 0, width, height)))
}

// NewMono returns a panel of one bit a pixel.
func NewMono(width, height int) *Display {
	return newDisplay(image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White}))
}

func newDisplay(frame draw.Image) *Display {
	return &Display{frame: frame, shown: image.NewRGBA(frame.Bounds()), news: make(chan struct{}, 1)}
}

// Bounds implements hal.Display.
func (d *Display) Bounds() image.Rectangle { return d.frame.Bounds() }

// Frame implements hal.Display.
func (d *Display) Frame() draw.Image { return d.frame }

// Show copies the damaged part of the frame to the glass.
func (d *Display) Show(damage image.Rectangle) error {
	if !damage.In(d.frame.Bounds()) {
		return ErrDamage
	}
	d.mu.Lock()
	draw.Draw(d.shown, damage, d.frame, damage.Min, draw.Src)
	d.count++
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
	return nil
}

// SetBacklight implements hal.Display.
func (d *Display) SetBacklight(percent int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.light = min(max(percent, 0), 100)
	return nil
}

// Shown is a copy of the glass, how often it was changed, and the backlight in percent.
func (d *Display) Shown() (glass *image.RGBA, count, backlight int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	glass = image.NewRGBA(d.shown.Bounds())
	copy(glass.Pix, d.shown.Pix)
	return glass, d.count, d.light
}

// Changed yields a token after one or more calls of Show.
func (d *Display) Changed() <-chan struct{} { return d.news }
