package ui

import (
	"image"
	"image/color"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// role is what a colour means.
type role uint8

const (
	roleBack   role = iota // the ground
	rolePanel              // a raised ground
	roleText               // what is to be read first
	roleMuted              // what is to be read last
	roleGood               // checked, secure
	roleWarn               // secure, but nobody knows to whom
	roleBad                // alarm
	roleBusy               // under way
	roleOnTint             // text on a ground of one of the four
	numRoles
)

// style is a size of text.
type style uint8

const (
	styleClock style = iota
	styleHero
	styleTitle
	styleBody
	styleSmall
	styleSoft
	styleCode
	numStyles
)

// smaller is the style that a text takes when it does not fit.
func (s style) smaller() (style, bool) {
	switch s {
	case styleClock:
		return styleHero, true
	case styleHero:
		return styleTitle, true
	case styleTitle:
		return styleBody, true
	case styleBody:
		return styleSmall, true
	}
	return s, false
}

// theme is everything that differs between displays.
type theme struct {
	size    image.Point
	mono    bool
	bar     int // height of the state line
	soft    int // height of the soft keys
	row     int // height of a row of a list
	margin  int
	gap     int // between blocks, at least
	box     image.Point
	sign    int // width of a sign in a line
	near    int // from a sign to its text
	big     int // width of the sign of an alarm
	faces   [numStyles]font.Face
	colours [numRoles]color.RGBA
}

// outlines are the parsed typefaces. Faces made of them have buffers and are not shared.
var outlines = sync.OnceValue(func() (f [4]*sfnt.Font) {
	for i, ttf := range [...][]byte{goregular.TTF, gomedium.TTF, gobold.TTF, gomonobold.TTF} {
		f[i], _ = opentype.Parse(ttf) // they are compiled in; the tests draw with each
	}
	return f
})

const (
	regular = iota
	medium
	bold
	monoBold
)

// colourSizes are points (pixels at 72 dpi) and typeface of each style on a colour display.
var colourSizes = [numStyles]struct {
	weight int
	size   float64
}{
	styleClock: {bold, 58}, styleHero: {bold, 34}, styleTitle: {bold, 25}, styleBody: {regular, 18},
	styleSmall: {regular, 15}, styleSoft: {medium, 18}, styleCode: {monoBold, 40},
}

// Colours on dark ground; the four tints differ in lightness too.
var (
	darkColours = [numRoles]color.RGBA{
		roleBack: {0x0d, 0x11, 0x17, 0xff}, rolePanel: {0x1c, 0x23, 0x2d, 0xff}, roleText: {0xf4, 0xf6, 0xf8, 0xff},
		roleMuted: {0x9a, 0xa7, 0xb6, 0xff}, roleGood: {0x3d, 0xd6, 0x8c, 0xff}, roleWarn: {0xff, 0xc5, 0x3d, 0xff},
		roleBad: {0xd9, 0x2d, 0x35, 0xff}, roleBusy: {0x6c, 0xb0, 0xff, 0xff}, roleOnTint: {0x0b, 0x0e, 0x13, 0xff},
	}
	whiteOnBlack = [numRoles]color.RGBA{
		roleBack: {0, 0, 0, 0xff}, rolePanel: {0, 0, 0, 0xff}, roleText: {0xff, 0xff, 0xff, 0xff},
		roleMuted: {0xff, 0xff, 0xff, 0xff}, roleGood: {0xff, 0xff, 0xff, 0xff}, roleWarn: {0xff, 0xff, 0xff, 0xff},
		roleBad: {0xff, 0xff, 0xff, 0xff}, roleBusy: {0xff, 0xff, 0xff, 0xff}, roleOnTint: {0, 0, 0, 0xff},
	}
)

// monoLimit is the height below which a display is taken for a small one with one bit a pixel.
const monoLimit = 100

// newTheme chooses what fits the display.
func newTheme(size image.Point, large, contrast bool) *theme {
	if size.Y < monoLimit {
		return &theme{size: size, mono: true, bar: 10, soft: 10, row: 10, margin: 2, gap: 1, near: 3, box: image.Pt(18, 19), sign: 9,
			big: 11, colours: whiteOnBlack, faces: [numStyles]font.Face{
				styleClock: pixelFace{3, false}, styleHero: pixelFace{2, false}, styleTitle: pixelFace{1, true},
				styleBody: pixelFace{1, false}, styleSmall: pixelFace{1, false}, styleSoft: pixelFace{1, false},
				styleCode: pixelFace{2, false}}}
	}
	t := &theme{size: size, bar: 36, soft: 36, row: 33, margin: 12, gap: 6, near: 7, box: image.Pt(46, 58), sign: 20, big: 52,
		colours: darkColours}
	scale := 1.0
	if large {
		scale, t.row = 1.2, 42
	}
	if contrast {
		t.colours = whiteOnBlack
		t.colours[rolePanel] = color.RGBA{0x20, 0x20, 0x20, 0xff}
	}
	for i, s := range colourSizes {
		size := s.size
		switch style(i) {
		case styleBody, styleSmall:
			size = float64(int(size*scale + 0.5))
		case styleSoft: // the soft keys share a line
			size = float64(int(size*(1+scale)/2 + 0.5))
		}
		f, err := opentype.NewFace(outlines()[s.weight], &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
		if err == nil {
			t.faces[i] = f
		}
	}
	return t
}

// width is how far s reaches in a style, in pixels.
func (t *theme) width(st style, s string) int { return font.MeasureString(t.faces[st], s).Ceil() }

// line is the height of a line of text.
func (t *theme) line(st style) int {
	m := t.faces[st].Metrics()
	if t.mono {
		return m.Height.Ceil()
	}
	return (m.Ascent + m.Descent).Ceil()
}

// tint is the ground that a role gives to a line, and the colour of what is written on it.
func (t *theme) tint(r role) (ground, ink color.RGBA) {
	switch r {
	case roleGood, roleWarn, roleBusy, roleMuted:
		return t.colours[r], t.colours[roleOnTint]
	case roleBad:
		if t.mono || t.colours[roleBad] == t.colours[roleText] {
			return t.colours[roleBad], t.colours[roleOnTint]
		}
		return t.colours[roleBad], t.colours[roleText]
	}
	return t.colours[roleBack], t.colours[roleText]
}
