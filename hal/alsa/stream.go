package alsa

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stream is one direction of the card. The methods are single ioctls; what follows which is decided in recovery.go.
type stream interface {
	do(s step, partner stream) error
	// transfer moves exactly the samples of buf, or fails; interleaved, channels() samples a frame.
	transfer(buf []int16) error
	channels() int
	handle() int
	close() error
}

// device is a stream of /dev/snd.
type device struct {
	fd      int
	dir     direction
	chans   int
	period  int
	periods int
	silence []int16
}

// openDevice opens one node and sets it to 48 kHz, S16, period frames times periods, in mono if the chip can, else in
// stereo.
func openDevice(path string, dir direction, period, periods int) (*device, error) {
	flags := unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK // non-blocking only while opening: a busy card must not hang us
	var fd int
	err := undisturbed(func() (err error) { fd, err = unix.Open(path, flags, 0); return err })
	if err != nil {
		return nil, fmt.Errorf("alsa: %s: %w", path, err)
	}
	d := &device{fd: fd, dir: dir, period: period, periods: periods}
	if err := undisturbed(d.configure); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("alsa: %s at %d Hz, %d frames times %d: %w", path, rate, period, periods, err)
	}
	return d, nil
}

func (d *device) configure() error {
	if err := unix.SetNonblock(d.fd, false); err != nil {
		return err
	}
	var err error
	for d.chans = 1; d.chans <= 2; d.chans++ {
		h := wish(d.chans, d.period, d.periods)
		if err = ioctl(d.fd, ioHWRefine, unsafe.Pointer(&h)); err != nil {
			continue
		}
		h = wish(d.chans, d.period, d.periods)
		if err = ioctl(d.fd, ioHWParams, unsafe.Pointer(&h)); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	d.silence = make([]int16, d.period*d.chans)
	s := rules(d.period, d.periods)
	return ioctl(d.fd, ioSWParams, unsafe.Pointer(&s))
}

func (d *device) channels() int { return d.chans }
func (d *device) handle() int   { return d.fd }
func (d *device) close() error  { return undisturbed(func() error { return unix.Close(d.fd) }) }

// undisturbed runs f without signals. Go interrupts its threads with SIGURG now and then; a transfer takes up again by
// itself, but a driver that waits for its device while it is being prepared (virtio-snd) gives up half-way and leaves the
// stream in a state from which only closing it helps.
func undisturbed(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &old); err != nil {
		return err
	}
	err := f()
	return errors.Join(err, unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
}

func (d *device) do(s step, partner stream) error {
	return undisturbed(func() error { return d.step(s, partner) })
}

func (d *device) step(s step, partner stream) error {
	switch s {
	case stepResume:
		return ioctl(d.fd, ioResume, nil)
	case stepDrop:
		return ioctl(d.fd, ioDrop, nil)
	case stepPrepare:
		return ioctl(d.fd, ioPrepare, nil)
	case stepStart:
		return ioctl(d.fd, ioStart, nil)
	case stepUnlink:
		return ioctl(d.fd, ioUnlink, nil)
	case stepLink:
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), ioLink, uintptr(partner.handle()))
		if errno != 0 {
			return errno
		}
		return nil
	case stepPrefill: // half the buffer: as much time for us to be late as for the card, and no more silence than that
		for range (d.periods + 1) / 2 {
			if err := d.transfer(d.silence); err != nil {
				return err
			}
		}
	}
	return nil
}

// transfer is one blocking ioctl; the kernel may return early after a signal, then the rest follows.
func (d *device) transfer(buf []int16) error {
	request := uint(ioWriteI)
	if d.dir == capture {
		request = ioReadI
	}
	for len(buf) > 0 {
		x := transfer{buf: unsafe.Pointer(&buf[0]), frames: uint64(len(buf) / d.chans)}
		if err := ioctl(d.fd, request, unsafe.Pointer(&x)); err != nil {
			return err
		}
		buf = buf[int(x.result)*d.chans:]
	}
	return nil
}
