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
	// transfer moves as many frames of buf as the card can now, and says how many; interleaved, channels() samples a frame.
	transfer(buf []int16) (frames int, err error)
	// await sleeps until that many frames can be moved, or until the stream stopped: then transfer says why. A card that
	// does not move at all is errStalled.
	await(frames int) error
	channels() int
	handle() int
	close() error
}

// device is a stream of /dev/snd.
type device struct {
	fd      int
	dir     direction
	chans   int
	config  Config
	wakeAt  int // frames, as the kernel knows it
	poll    [1]unix.PollFd
	limit   unix.Timespec
	silence []int16
}

// errStalled is a card that says it runs and does not.
var errStalled = errors.New("alsa: the card stands still")

// patience is how long a card may be late before it counts as standing still, in milliseconds.
const patience = 500

// openDevice opens one node and sets it to 48 kHz, S16 and the periods of c, in mono if the chip can, else in stereo.
func openDevice(path string, dir direction, c Config) (*device, error) {
	flags := unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK // a busy card must not hang us, and a dead one neither
	var fd int
	err := undisturbed(func() (err error) { fd, err = unix.Open(path, flags, 0); return err })
	if err != nil {
		return nil, fmt.Errorf("alsa: %s: %w", path, err)
	}
	d := &device{fd: fd, dir: dir, config: c}
	if err := undisturbed(d.configure); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("alsa: %s at %d Hz, %d frames times %d: %w", path, rate, c.Period, c.Periods, err)
	}
	return d, nil
}

func (d *device) configure() error {
	var err error
	for d.chans = 1; d.chans <= 2; d.chans++ {
		h := wish(d.chans, d.config.Period, d.config.Periods)
		if err = ioctl(d.fd, ioHWRefine, unsafe.Pointer(&h)); err != nil {
			continue
		}
		h = wish(d.chans, d.config.Period, d.config.Periods)
		if err = ioctl(d.fd, ioHWParams, unsafe.Pointer(&h)); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	d.silence = make([]int16, d.config.Left*d.chans)
	return d.wake(d.config.Period)
}

// wake sets how many frames must be possible before the kernel wakes await.
func (d *device) wake(frames int) error {
	if frames == d.wakeAt {
		return nil
	}
	s := rules(d.config.Period*d.config.Periods, frames)
	err := ioctl(d.fd, ioSWParams, unsafe.Pointer(&s))
	if err == nil {
		d.wakeAt = frames
	}
	return err
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
	case stepPrefill: // as much silence as WriteFrame will leave each time, so that it does not begin with an underrun
		_, err := d.transfer(d.silence)
		return err
	}
	return nil
}

func (d *device) transfer(buf []int16) (int, error) {
	request := uint(ioWriteI)
	if d.dir == capture {
		request = ioReadI
	}
	x := transfer{buf: unsafe.Pointer(&buf[0]), frames: uint64(len(buf) / d.chans)}
	if err := ioctl(d.fd, request, unsafe.Pointer(&x)); err != nil {
		return 0, err
	}
	return int(x.result), nil
}

func (d *device) await(frames int) error {
	if err := d.wake(frames); err != nil {
		return err
	}
	events := int16(unix.POLLOUT)
	if d.dir == capture {
		events = unix.POLLIN
	}
	d.limit = unix.NsecToTimespec(int64(frames)*1e9/rate + patience*1e6)
	d.poll[0] = unix.PollFd{Fd: int32(d.fd), Events: events}
	n, err := unix.Ppoll(d.poll[:], &d.limit, nil)
	if n == 0 && err == nil {
		return errStalled
	}
	return err
}
