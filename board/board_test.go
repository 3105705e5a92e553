package board_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"testing"
	"time"

	"sotto/board"
	"sotto/board/boards"
	"sotto/board/hosted"
	"sotto/hal"
	"sotto/hal/haltest"
)

func TestFind(t *testing.T) {
	for model, want := range map[string]string{
		"Raspberry Pi 3 Model B Rev 1.2\x00": "rpi3", "Raspberry Pi 3 Model B Plus Rev 1.3\x00": "rpi3",
		"Raspberry Pi 4 Model B Rev 1.5\x00": "rpi4", "Raspberry Pi Zero 2 W Rev 1.0\x00": "rpizero2w",
		"linux,dummy-virt\x00": "qemuvirt",
	} {
		if b, err := board.Find(model, boards.All()); err != nil || b.Name != want {
			t.Errorf("%q is %q, %v", model, b.Name, err)
		}
	}
	for _, model := range []string{"", "Raspberry Pi 5 Model B", "Raspberry Pi Model B"} {
		if b, err := board.Find(model, boards.All()); !errors.Is(err, board.ErrUnknown) {
			t.Errorf("%q is %q, %v", model, b.Name, err)
		}
	}
}

func TestHosted(t *testing.T) {
	b, parts := hosted.Board()
	d, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	parts.Keypad.Press(hal.KeyOK)
	if ev, err := d.Keypad.NextKey(t.Context()); err != nil || ev.Key != hal.KeyOK {
		t.Errorf("a pressed key is heard as %v, %v", ev, err)
	}
	pcm, err := d.OpenPCM()
	if err != nil {
		t.Fatal(err)
	}
	if err := pcm.WriteFrame(make([]int16, 480)); err != nil {
		t.Error(err)
	}
	_ = pcm.Close()
}

func TestKeypadsAreHeardTogether(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	a, b := haltest.NewKeypad(), haltest.NewKeypad()
	both := board.Keypads(ctx, a, broken{}, b)
	for _, k := range []struct {
		pad *haltest.Keypad
		key hal.Key
	}{{a, hal.KeyDigit1}, {b, hal.KeyDigit2}, {a, hal.KeyDigit3}} {
		k.pad.Send(hal.KeyEvent{Key: k.key, Action: hal.Pressed})
		if ev, err := both.NextKey(ctx); err != nil || ev.Key != k.key {
			t.Fatalf("heard %v, %v; want %v", ev, err, k.key)
		}
	}
	if _, err := board.Keypads(ctx, broken{}, broken{}).NextKey(ctx); !errors.Is(err, errBroken) {
		t.Errorf("when all are broken: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) NextKey(context.Context) (hal.KeyEvent, error) { return hal.KeyEvent{}, errBroken }

func TestMirrorShowsTheSame(t *testing.T) {
	a, b := haltest.NewDisplay(240, 320), haltest.NewDisplay(240, 320)
	m := board.Mirror(a, b)
	m.Frame().Set(5, 5, color.White)
	if err := m.Show(image.Rect(5, 5, 6, 6)); err != nil {
		t.Fatal(err)
	}
	for i, d := range []*haltest.Display{a, b} {
		if glass, _, _ := d.Shown(); glass.At(5, 5) != (color.RGBA{0xff, 0xff, 0xff, 0xff}) {
			t.Errorf("display %d shows %v", i, glass.At(5, 5))
		}
	}
}

func TestCloseInReverse(t *testing.T) {
	var d board.Devices
	var order []int
	for i := range 3 {
		d.OnClose(func() error { order = append(order, i); return nil })
	}
	if err := d.Close(); err != nil || len(order) != 3 || order[0] != 2 {
		t.Errorf("closed in the order %v, %v", order, err)
	}
}
