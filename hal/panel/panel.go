// Package panel drives small displays without a kernel driver: ST7789 on SPI and SSD1306 on I2C, each as a periph
// display.Drawer and as a hal.Display with a frame in memory.
//
// It promises that Show sends the pixels of the damage rectangle and (on the SSD1306, whose bytes are eight pixels tall)
// at most seven rows around it.
//
// It never reads from a panel, so it cannot tell a panel that is missing from one that is there: ST7789 modules do not
// even lead the data line out. It never decides what is drawn.
package panel

import (
	"image"
	"image/color"
)

// Color565 is a pixel of 5, 6 and 5 bits.
type Color565 uint16

// RGBA implements color.Color.
func (c Color565) RGBA() (r, g, b, a uint32) {
	r, g, b = uint32(c>>11), uint32(c>>5&0x3f), uint32(c&0x1f)
	return r * 0xffff / 31, g * 0xffff / 63, b * 0xffff / 31, 0xffff
}

// Model565 rounds down, as the panel's ramp does.
var Model565 = color.ModelFunc(func(c color.Color) color.Color { return to565(c) })

func to565(c color.Color) Color565 {
	if p, ok := c.(Color565); ok {
		return p
	}
	r, g, b, _ := c.RGBA()
	return Color565(r>>11<<11 | g>>10<<5 | b>>11)
}

// wire565 appends a line of an RGBA frame as the wire wants it: two bytes a pixel, big-endian, red in the high bits.
func wire565(dst, rgba []byte) []byte {
	for ; len(rgba) >= 4; rgba = rgba[4:] {
		dst = append(dst, rgba[0]&0xf8|rgba[1]>>5, rgba[1]<<3&0xe0|rgba[2]>>3)
	}
	return dst
}

// Mono is a frame of pixels that are on or off, in the SSD1306's order: a byte is eight pixels of a column, the least
// significant on top; a page is a row of bytes.
type Mono struct {
	Pix  []byte
	Rect image.Rectangle // its height is a multiple of eight
}

// NewMono returns a dark frame; the height is rounded up to a multiple of eight.
func NewMono(r image.Rectangle) *Mono {
	r.Max.Y = r.Min.Y + (r.Dy()+7)/8*8
	return &Mono{Pix: make([]byte, r.Dx()*r.Dy()/8), Rect: r}
}

// ModelMono turns anything brighter than middle grey on.
var ModelMono = color.ModelFunc(func(c color.Color) color.Color {
	if lit(c) {
		return color.White
	}
	return color.Black
})

func lit(c color.Color) bool {
	r, g, b, _ := c.RGBA()
	return bright(r, g, b)
}

func bright(r, g, b uint32) bool { return 299*r+587*g+114*b > 1000*0x7fff } // luma of ITU-R BT.601

// ColorModel implements image.Image.
func (f *Mono) ColorModel() color.Model { return ModelMono }

// Bounds implements image.Image.
func (f *Mono) Bounds() image.Rectangle { return f.Rect }

// At implements image.Image.
func (f *Mono) At(x, y int) color.Color {
	if i, bit, ok := f.place(x, y); ok && f.Pix[i]&bit != 0 {
		return color.White
	}
	return color.Black
}

// Set implements draw.Image.
func (f *Mono) Set(x, y int, c color.Color) {
	i, bit, ok := f.place(x, y)
	if !ok {
		return
	}
	if lit(c) {
		f.Pix[i] |= bit
	} else {
		f.Pix[i] &^= bit
	}
}

// RGBA64At and SetRGBA64 let image/draw do without a colour on the heap for each pixel.
func (f *Mono) RGBA64At(x, y int) color.RGBA64 {
	if i, bit, ok := f.place(x, y); ok && f.Pix[i]&bit != 0 {
		return color.RGBA64{R: 0xffff, G: 0xffff, B: 0xffff, A: 0xffff}
	}
	return color.RGBA64{A: 0xffff}
}

// SetRGBA64 implements draw.RGBA64Image.
func (f *Mono) SetRGBA64(x, y int, c color.RGBA64) {
	i, bit, ok := f.place(x, y)
	switch {
	case !ok:
	case bright(uint32(c.R), uint32(c.G), uint32(c.B)):
		f.Pix[i] |= bit
	default:
		f.Pix[i] &^= bit
	}
}

func (f *Mono) place(x, y int) (i int, bit byte, ok bool) {
	if !(image.Point{X: x, Y: y}).In(f.Rect) {
		return 0, 0, false
	}
	x, y = x-f.Rect.Min.X, y-f.Rect.Min.Y
	return y/8*f.Rect.Dx() + x, 1 << (y % 8), true
}
