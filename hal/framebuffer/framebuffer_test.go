package framebuffer

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"sotto/hal"
)

var _ hal.Display = (*Display)(nil)

var (
	xrgb = variable{width: 640, height: 480, bits: 32, red: bitfield{16, 8, 0}, green: bitfield{8, 8, 0}, blue: bitfield{0, 8, 0}}
	r565 = variable{width: 640, height: 480, bits: 16, red: bitfield{11, 5, 0}, green: bitfield{5, 6, 0}, blue: bitfield{0, 5, 0}}
)

func TestFitAndBlit(t *testing.T) {
	size := image.Pt(240, 320)
	for _, c := range []struct {
		v      variable
		stride uint32
		want   uint32
	}{{xrgb, 2560, 0xff8010}, {r565, 1280, 0xff>>3<<11 | 0x80>>2<<5 | 0x10>>3}} {
		s, err := fit(c.v, fixed{stride: c.stride}, size)
		if err != nil {
			t.Fatal(err)
		}
		if s.scale != 1 || s.at != image.Pt(200, 80) {
			t.Errorf("a frame of 240x320 on 640x480: scale %d at %v", s.scale, s.at)
		}
		memory := make([]byte, s.stride*s.height)
		frame := image.NewRGBA(image.Rectangle{Max: size})
		frame.Set(5, 7, color.RGBA{R: 0xff, G: 0x80, B: 0x10, A: 0xff})
		frame.Set(6, 7, color.White) // outside the damage
		s.blit(memory, frame, image.Rect(5, 7, 6, 8))
		at := (80+7)*s.stride + (200+5)*s.bytes
		for i, b := range memory {
			want := byte(0)
			if i >= at && i < at+s.bytes {
				want = byte(c.want >> (8 * (i - at)))
			}
			if b != want {
				t.Fatalf("%d bits: byte %d of the screen is %#x, want %#x", c.v.bits, i, b, want)
			}
		}
	}
}

func TestEnlarged(t *testing.T) {
	s, err := fit(xrgb, fixed{stride: 2560}, image.Pt(128, 64))
	if err != nil || s.scale != 5 {
		t.Fatalf("128x64 on 640x480 is enlarged %d times, %v", s.scale, err)
	}
	memory := make([]byte, s.stride*s.height)
	frame := image.NewRGBA(image.Rect(0, 0, 128, 64))
	frame.Set(127, 63, color.White)
	s.blit(memory, frame, frame.Rect)
	n := 0
	for i := 0; i < len(memory); i += 4 {
		if memory[i] == 0xff {
			n++
		}
	}
	if n != 25 {
		t.Errorf("one pixel became %d", n)
	}
}

func TestADarkScreenStaysDark(t *testing.T) {
	s, err := fit(xrgb, fixed{stride: 2560}, image.Pt(240, 320))
	if err != nil {
		t.Fatal(err)
	}
	d := &Display{frame: image.NewRGBA(image.Rect(0, 0, 240, 320)), screen: s, memory: make([]byte, s.stride*s.height)}
	lit := func() int { return bytes.Count(d.memory, []byte{0xff}) }
	d.frame.Set(1, 1, color.White)
	for _, step := range []struct {
		do   func() error
		want int
	}{
		{func() error { return d.Show(d.frame.Rect) }, 3},
		{func() error { return d.SetBacklight(0) }, 0},
		{func() error { d.frame.Set(2, 2, color.White); return d.Show(d.frame.Rect) }, 0},
		{func() error { return d.SetBacklight(60) }, 6},
	} {
		if err := step.do(); err != nil || lit() != step.want {
			t.Fatalf("%d bytes are lit, want %d; %v", lit(), step.want, err)
		}
	}
}

func TestScreensThatCannotBe(t *testing.T) {
	odd := xrgb
	odd.bits = 24
	for _, c := range []struct {
		v      variable
		stride uint32
		size   image.Point
	}{{odd, 2560, image.Pt(10, 10)}, {xrgb, 100, image.Pt(10, 10)}, {xrgb, 2560, image.Pt(641, 10)}, {xrgb, 2560, image.Point{}}} {
		if _, err := fit(c.v, fixed{stride: c.stride}, c.size); !errors.Is(err, ErrFormat) {
			t.Errorf("fit of %v on %d bits, stride %d: %v", c.size, c.v.bits, c.stride, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "fb0"), image.Pt(1, 1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing screen: %v", err)
	}
}

// TestABI asks the C compiler for the sizes and places that the structs above state by hand.
func TestABI(t *testing.T) {
	var v variable
	var f fixed
	dir := t.TempDir()
	src := `#include <stddef.h>
#include <stdio.h>
#include <linux/fb.h>
int main(void) { printf("%zu %zu %zu %zu %zu %zu\n", sizeof(struct fb_var_screeninfo), offsetof(struct fb_var_screeninfo, red),
	offsetof(struct fb_var_screeninfo, activate),
	sizeof(struct fb_fix_screeninfo), offsetof(struct fb_fix_screeninfo, line_length), offsetof(struct fb_fix_screeninfo, smem_len));
	return FBIOGET_VSCREENINFO != 0x4600 || FBIOGET_FSCREENINFO != 0x4602 || FBIOPUT_VSCREENINFO != 0x4601 ||
	(FB_ACTIVATE_NOW | FB_ACTIVATE_FORCE) != 128; }`
	if err := os.WriteFile(filepath.Join(dir, "a.c"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", filepath.Join(dir, "a"), filepath.Join(dir, "a.c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(filepath.Join(dir, "a")).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := []uintptr{unsafe.Sizeof(v), unsafe.Offsetof(v.red), unsafe.Offsetof(v.activate), unsafe.Sizeof(f), unsafe.Offsetof(f.stride), unsafe.Offsetof(f.length)}
	if strings.TrimSpace(string(out)) != strings.Trim(strings.Join(strings.Fields(fmt.Sprint(got)), " "), "[]") {
		t.Errorf("the header says %s, we say %v", out, got)
	}
}
