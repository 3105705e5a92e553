// Package framebuffer is a hal.Display on a Linux frame buffer (/dev/fb0): the screen of emulators, and of a monitor on
// a board that has one.
//
// It promises that the handset's small frame is shown in the middle of the screen, enlarged by the largest whole number
// that fits, so that its pixels stay sharp.
//
// It never changes the screen's mode. It knows 16 and 32 bits a pixel, which is what kernels give today.
package framebuffer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's side: include/uapi/linux/fb.h.
const (
	ioGetVariable = 0x4600
	ioPutVariable = 0x4601
	ioGetFixed    = 0x4602

	activateForce = 128 // FB_ACTIVATE_NOW | FB_ACTIVATE_FORCE
)

// variable is struct fb_var_screeninfo, 160 bytes, as far as it is used.
type variable struct {
	width, height        uint32
	_, _                 uint32
	xoffset, yoffset     uint32
	bits                 uint32
	_                    uint32
	red, green, blue, tr bitfield
	_                    uint32
	activate             uint32
	_                    [72]byte
}

type bitfield struct{ offset, length, right uint32 }

// fixed is struct fb_fix_screeninfo, 80 bytes.
type fixed struct {
	_      [16]byte
	_      uint64
	length uint32
	_      [20]byte
	stride uint32
	_      [28]byte
}

// ErrFormat is wrapped for a screen that is neither 16 nor 32 bits a pixel or too small.
var ErrFormat = errors.New("framebuffer: the screen's format is not known")

// Display shows a frame of its own size on a screen.
type Display struct {
	frame  *image.RGBA
	screen screen
	memory []byte
	dark   bool   // switched off, on a screen without a light of its own
	light  string // file of the screen's backlight; "" when it has none
}

// screen is where pixels go: pure but for the memory that it is given.
type screen struct {
	width, height, stride int
	bytes                 int // a pixel
	red, green, blue      bitfield
	scale                 int
	at                    image.Point // of the frame's corner
}

// Open maps the screen and clears it. size is the size of the handset's frame.
func Open(path string, size image.Point) (*Display, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("framebuffer: %s: %w", path, err)
	}
	defer unix.Close(fd)
	var v variable
	var f fixed
	for _, q := range []struct {
		request uintptr
		to      unsafe.Pointer
	}{{ioGetVariable, unsafe.Pointer(&v)}, {ioGetFixed, unsafe.Pointer(&f)}} {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), q.request, uintptr(q.to)); errno != 0 {
			return nil, fmt.Errorf("framebuffer: %s: %w", path, errno)
		}
	}
	// A kernel without a text console lights no screen by itself. Setting the mode that is set already makes it; a screen
	// that shines anyway refuses, which is as good.
	v.activate = activateForce
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ioPutVariable, uintptr(unsafe.Pointer(&v)))
	s, err := fit(v, f, size)
	if err != nil {
		return nil, err
	}
	memory, err := unix.Mmap(fd, 0, s.stride*s.height, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("framebuffer: %s: %w", path, err)
	}
	d := &Display{frame: image.NewRGBA(image.Rectangle{Max: size}), screen: s, memory: memory}
	if lights, _ := filepath.Glob("/sys/class/backlight/*/brightness"); len(lights) > 0 {
		d.light = lights[0]
	}
	clear(memory)
	return d, nil
}

// fit places a frame on a screen.
func fit(v variable, f fixed, size image.Point) (screen, error) {
	s := screen{width: int(v.width), height: int(v.height), stride: int(f.stride), bytes: int(v.bits) / 8,
		red: v.red, green: v.green, blue: v.blue}
	if size.X <= 0 || size.Y <= 0 || (v.bits != 16 && v.bits != 32) || s.stride < s.width*s.bytes {
		return s, fmt.Errorf("%w: %d bits, stride %d, frame %v", ErrFormat, v.bits, f.stride, size)
	}
	s.scale = min(s.width/size.X, s.height/size.Y)
	if s.scale < 1 {
		return s, fmt.Errorf("%w: %dx%d is smaller than the frame's %dx%d", ErrFormat, s.width, s.height, size.X, size.Y)
	}
	s.at = image.Pt((s.width-size.X*s.scale)/2, (s.height-size.Y*s.scale)/2)
	return s, nil
}

// Bounds implements hal.Display.
func (d *Display) Bounds() image.Rectangle { return d.frame.Rect }

// Frame implements hal.Display.
func (d *Display) Frame() draw.Image { return d.frame }

// Show implements hal.Display.
func (d *Display) Show(damage image.Rectangle) error {
	if d.dark {
		return nil // the frame keeps it until there is light
	}
	d.screen.blit(d.memory, d.frame, damage.Intersect(d.frame.Rect))
	return nil
}

// SetBacklight implements hal.Display: a screen without a light of its own goes black at 0 and comes back otherwise.
func (d *Display) SetBacklight(percent int) error {
	if d.light != "" {
		top, err := os.ReadFile(filepath.Join(filepath.Dir(d.light), "max_brightness"))
		if err != nil {
			return fmt.Errorf("framebuffer: %w", err)
		}
		var most int
		if _, err := fmt.Sscan(strings.TrimSpace(string(top)), &most); err != nil {
			return fmt.Errorf("framebuffer: %w", err)
		}
		return os.WriteFile(d.light, []byte(fmt.Sprint(most*max(0, min(100, percent))/100)), 0)
	}
	if d.dark = percent <= 0; d.dark {
		clear(d.memory)
		return nil
	}
	return d.Show(d.frame.Rect)
}

// Close unmaps the screen; what it shows stays.
func (d *Display) Close() error { return unix.Munmap(d.memory) }

// blit copies a rectangle of the frame, enlarged. Each line is made once and repeated.
func (s *screen) blit(memory []byte, frame *image.RGBA, r image.Rectangle) {
	if r.Empty() {
		return
	}
	line := make([]byte, r.Dx()*s.scale*s.bytes)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		src := frame.Pix[frame.PixOffset(r.Min.X, y):]
		for i := range r.Dx() {
			p := s.pixel(src[4*i], src[4*i+1], src[4*i+2])
			for n := range s.scale {
				at := line[(i*s.scale+n)*s.bytes:]
				if s.bytes == 2 {
					binary.LittleEndian.PutUint16(at, uint16(p))
				} else {
					binary.LittleEndian.PutUint32(at, p)
				}
			}
		}
		for n := range s.scale {
			copy(memory[(s.at.Y+y*s.scale+n)*s.stride+(s.at.X+r.Min.X*s.scale)*s.bytes:], line)
		}
	}
}

func (s *screen) pixel(r, g, b byte) uint32 {
	part := func(v byte, f bitfield) uint32 { return uint32(v) >> (8 - f.length) << f.offset }
	return part(r, s.red) | part(g, s.green) | part(b, s.blue)
}
