// Package watchdog is a hal.Watchdog on /dev/watchdog: the board's own clock that resets the machine when nobody kicks it.
//
// It promises that Close leaves the watchdog running: whoever ends without Stop has failed, and the board restarts.
//
// It never decides who deserves a kick.
package watchdog

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's side: include/uapi/linux/watchdog.h.
const (
	ioKeepAlive  = 0x80045705
	ioSetTimeout = 0xc0045706
	ioGetTimeout = 0x80045707
	farewell     = "V" // the only byte after which closing stops the clock
)

// Watchdog is an open device.
type Watchdog struct {
	fd      int
	timeout time.Duration
}

// Open starts the clock. The hardware may grant less than what is asked: the BCM2835's counts to 15 s.
func Open(path string, want time.Duration) (*Watchdog, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("watchdog: %s: %w", path, err)
	}
	seconds := int32(want / time.Second)
	if err := ioctl(fd, ioSetTimeout, &seconds); err != nil {
		if err := ioctl(fd, ioGetTimeout, &seconds); err != nil {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("watchdog: %s: %w", path, err)
		}
	}
	return &Watchdog{fd: fd, timeout: time.Duration(seconds) * time.Second}, nil
}

// Kick implements hal.Watchdog.
func (w *Watchdog) Kick() error {
	var ignored int32
	return ioctl(w.fd, ioKeepAlive, &ignored)
}

// Timeout implements hal.Watchdog: what the hardware granted.
func (w *Watchdog) Timeout() time.Duration { return w.timeout }

// Stop ends the clock, where the hardware can.
func (w *Watchdog) Stop() error {
	if _, err := unix.Write(w.fd, []byte(farewell)); err != nil {
		return fmt.Errorf("watchdog: %w", err)
	}
	return w.Close()
}

// Close lets go of the device and leaves the clock running.
func (w *Watchdog) Close() error { return unix.Close(w.fd) }

func ioctl(fd int, request uintptr, arg *int32) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
		return fmt.Errorf("watchdog: %w", errno)
	}
	return nil
}
