// Package evdev is a hal.Keypad of every keyboard that the kernel knows: USB keyboards, keys on GPIO that the device
// tree describes, and the keyboards of emulators.
//
// It promises that a keyboard plugged in later works within a second, and that pulling one out while a key is down does
// not stop the others.
//
// It never reads mice, touch screens or keyboards without digits. It cannot tell which keyboard a key came from, and
// does not want to.
package evdev

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sotto/hal"
)

const lookEvery = time.Second

// EVIOCGBIT(EV_KEY, 96): which keys a device has.
const ioKeyBits = 0x80604521

// Keypad reads all keyboards below one folder.
type Keypad struct {
	dir    string
	events chan hal.KeyEvent
	stop   chan struct{}
	once   sync.Once
	accept func(*os.File) bool

	mu   sync.Mutex
	open map[string]*os.File
}

// Open starts to watch a folder, normally /dev/input. A folder that does not exist yet is no error.
func Open(dir string) *Keypad { return open(dir, isKeyboard) }

func open(dir string, accept func(*os.File) bool) *Keypad {
	k := &Keypad{dir: dir, events: make(chan hal.KeyEvent, 32), stop: make(chan struct{}), open: map[string]*os.File{},
		accept: accept}
	k.look()
	go k.watch()
	return k
}

// NextKey implements hal.Keypad.
func (k *Keypad) NextKey(ctx context.Context) (hal.KeyEvent, error) {
	select {
	case ev := <-k.events:
		return ev, nil
	case <-ctx.Done():
		return hal.KeyEvent{}, ctx.Err()
	case <-k.stop:
		return hal.KeyEvent{}, fmt.Errorf("evdev: %w", os.ErrClosed)
	}
}

// Close stops all readers.
func (k *Keypad) Close() error {
	k.once.Do(func() { close(k.stop) })
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.open {
		_ = f.Close()
	}
	return nil
}

// Count is the number of keyboards that are there now.
func (k *Keypad) Count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.open)
}

func (k *Keypad) watch() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			k.look()
		case <-k.stop:
			return
		}
	}
}

// look opens keyboards that are new.
func (k *Keypad) look() {
	paths, _ := filepath.Glob(filepath.Join(k.dir, "event*")) // the pattern is good
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range paths {
		if _, known := k.open[p]; known {
			continue
		}
		f, err := os.OpenFile(p, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if !k.accept(f) {
			_ = f.Close()
			continue
		}
		k.open[p] = f
		go k.read(p, f)
	}
}

// isKeyboard tells whether a device has the digits.
func isKeyboard(f *os.File) bool {
	var bits [96]byte
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var errno unix.Errno
	err = raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, ioKeyBits, uintptr(unsafe.Pointer(&bits)))
	})
	if err != nil || errno != 0 {
		return false
	}
	has := func(code int) bool { return bits[code/8]>>(code%8)&1 == 1 }
	return has(2) || has(79) || has(513)
}

// read is the loop of one keyboard.
func (k *Keypad) read(path string, f *os.File) {
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.open, path)
		_ = f.Close()
	}()
	var d decoder
	var out []hal.KeyEvent
	buf := make([]byte, 16*eventSize)
	for {
		if err := f.SetReadDeadline(d.deadline()); err != nil {
			return
		}
		n, err := f.Read(buf)
		out = d.held(d.feed(out[:0], buf[:max(n, 0)], time.Now()), time.Now())
		for _, ev := range out {
			select {
			case k.events <- ev:
			case <-k.stop:
				return
			}
		}
		if err != nil && !os.IsTimeout(err) {
			return
		}
	}
}
