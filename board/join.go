package board

import (
	"context"
	"image"
	"image/draw"

	"sotto/hal"
)

// keypads is several keypads as one.
type keypads struct {
	events chan hal.KeyEvent
	failed chan error
	live   int
}

// Keypads joins keypads: whoever presses first is heard first. A keypad that fails is heard no more; when all have
// failed, so has the whole. It reads until ctx is done.
func Keypads(ctx context.Context, all ...hal.Keypad) hal.Keypad {
	if len(all) == 1 {
		return all[0]
	}
	k := &keypads{events: make(chan hal.KeyEvent), failed: make(chan error), live: len(all)}
	for _, one := range all {
		go k.read(ctx, one)
	}
	return k
}

func (k *keypads) read(ctx context.Context, one hal.Keypad) {
	for {
		ev, err := one.NextKey(ctx)
		if err != nil {
			select {
			case k.failed <- err:
			case <-ctx.Done():
			}
			return
		}
		select {
		case k.events <- ev:
		case <-ctx.Done():
			return
		}
	}
}

// NextKey implements hal.Keypad.
func (k *keypads) NextKey(ctx context.Context) (hal.KeyEvent, error) {
	for {
		select {
		case ev := <-k.events:
			return ev, nil
		case err := <-k.failed:
			if k.live--; k.live <= 0 {
				return hal.KeyEvent{}, err
			}
		case <-ctx.Done():
			return hal.KeyEvent{}, ctx.Err()
		}
	}
}

// mirror is a display whose picture a second one shows too.
type mirror struct {
	hal.Display
	second hal.Display
}

// Mirror returns first, with everything also shown on second, which has the same size. Only first can fail.
func Mirror(first, second hal.Display) hal.Display { return &mirror{first, second} }

// Show implements hal.Display.
func (m *mirror) Show(damage image.Rectangle) error {
	draw.Draw(m.second.Frame(), damage, m.Frame(), damage.Min, draw.Src)
	_ = m.second.Show(damage) // the second screen is a courtesy
	return m.Display.Show(damage)
}

// SetBacklight implements hal.Display.
func (m *mirror) SetBacklight(percent int) error {
	_ = m.second.SetBacklight(percent) // the second screen is a courtesy
	return m.Display.SetBacklight(percent)
}
