package evdev

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sotto/hal"
)

var start = time.Unix(1000, 0)

// event is what the kernel writes.
func event(kind, code uint16, value uint32) []byte {
	b := make([]byte, eventSize)
	binary.LittleEndian.PutUint16(b[16:], kind)
	binary.LittleEndian.PutUint16(b[18:], code)
	binary.LittleEndian.PutUint32(b[20:], value)
	return b
}

func TestEveryKeyOfTheHandsetHasACode(t *testing.T) {
	reachable := map[hal.Key]bool{}
	for _, k := range keys {
		reachable[k] = true
	}
	for k := hal.KeyDigit0; k < hal.KeyHook; k++ {
		if !reachable[k] {
			t.Errorf("no keyboard can press %s", k)
		}
	}
}

func TestDecode(t *testing.T) {
	var d decoder
	stream := append(event(typeKey, 2, pressed), event(4, 4, 30)...) // the scan code that keyboards add
	stream = append(stream, event(0, 0, 0)...)
	stream = append(stream, event(typeKey, 2, 2)...)  // repetition
	stream = append(stream, event(typeKey, 30, 1)...) // the letter A
	stream = append(stream, event(typeKey, 2, released)...)
	var got []hal.KeyEvent
	for len(stream) > 0 { // in pieces that cut events
		n := min(len(stream), 17)
		got = d.feed(got, stream[:n], start)
		stream = stream[n:]
	}
	if fmt.Sprint(got) != fmt.Sprint([]hal.KeyEvent{{Key: hal.KeyDigit1, Action: hal.Pressed}, {Key: hal.KeyDigit1, Action: hal.Released}}) {
		t.Errorf("decoded %v", got)
	}
}

func TestHeldIsToldOnce(t *testing.T) {
	var d decoder
	d.feed(nil, event(typeKey, 28, pressed), start)
	if got := d.deadline(); !got.Equal(start.Add(hal.HoldTime)) {
		t.Errorf("deadline %v", got)
	}
	if got := d.held(nil, start.Add(hal.HoldTime-1)); len(got) != 0 {
		t.Errorf("held too early: %v", got)
	}
	if got := d.held(nil, start.Add(hal.HoldTime)); len(got) != 1 || got[0] != (hal.KeyEvent{Key: hal.KeyOK, Action: hal.Held}) {
		t.Errorf("held: %v", got)
	}
	if got := d.held(nil, start.Add(time.Hour)); len(got) != 0 || !d.deadline().IsZero() {
		t.Errorf("held twice: %v", got)
	}
}

// FuzzDecode feeds anything in any pieces: every press is of a key that the table knows, and nothing is told from less
// than a whole event.
func FuzzDecode(f *testing.F) {
	f.Add(event(typeKey, 2, pressed), 5)
	f.Add([]byte("short"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var d decoder
		cut = max(0, min(cut, len(b)))
		got := d.feed(d.feed(nil, b[:cut], start), b[cut:], start)
		if len(got) > len(b)/eventSize {
			t.Fatalf("%d events out of %d bytes", len(got), len(b))
		}
		for _, ev := range got {
			if ev.Key.String() == "unknown" || ev.Action == hal.Held {
				t.Fatalf("told %v", ev)
			}
		}
	})
}

// TestHotplug uses named pipes as keyboards: they poll as character devices do.
func TestHotplug(t *testing.T) {
	dir := t.TempDir()
	k := open(dir, func(*os.File) bool { return true })
	defer k.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i, key := range []hal.Key{hal.KeyDigit2, hal.KeyEnd} { // the second keyboard comes after the first is gone
		path := filepath.Join(dir, fmt.Sprint("event", i))
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		code := map[hal.Key]uint16{hal.KeyDigit2: 3, hal.KeyEnd: 1}[key]
		if _, err := w.Write(event(typeKey, code, pressed)); err != nil {
			t.Fatal(err)
		}
		ev, err := k.NextKey(ctx)
		if err != nil || ev != (hal.KeyEvent{Key: key, Action: hal.Pressed}) {
			t.Fatalf("keyboard %d said %v, %v", i, ev, err)
		}
		_ = os.Remove(path)
		_ = w.Close() // end of file: the reader leaves
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := k.NextKey(ctx); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed keypad says %v", err)
	}
}
