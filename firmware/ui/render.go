package ui

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"

	"sotto/firmware/call"
)

// Render draws the screen of a snapshot into dst and returns the rectangle of the pixels that changed: empty if none did.
// Displays less than 100 pixels high get the one-bit theme.
func Render(dst draw.Image, s call.Snapshot) image.Rectangle { return new(Renderer).Render(dst, s) }

// Renderer is Render for a display that is drawn again and again: it keeps the room of a picture, and nothing else.
type Renderer struct{ frame *image.RGBA }

// Render draws as the function does.
func (r *Renderer) Render(dst draw.Image, s call.Snapshot) image.Rectangle {
	if size := dst.Bounds().Size(); r.frame == nil || r.frame.Rect.Max != size {
		r.frame = image.NewRGBA(image.Rectangle{Max: size})
	}
	paint(r.frame, &s)
	return update(dst, r.frame)
}

// paint draws a whole frame.
func paint(frame *image.RGBA, s *call.Snapshot) {
	t := newTheme(frame.Rect.Max, s.Settings.Large, s.Settings.Contrast)
	sc := compose(s)
	c := canvas{t, frame}
	c.fill(frame.Rect, t.colours[roleBack])
	flooded := sc.flood != roleBack
	if flooded { // an alarm takes the whole screen
		ground, ink := t.tint(sc.flood)
		c.fill(frame.Rect, ground)
		for r := range t.colours {
			t.colours[r] = ink
		}
		t.colours[roleBack], t.colours[rolePanel] = ground, shade(ground)
		if t.mono {
			t.colours[rolePanel] = ground
		}
	}
	for _, it := range t.layout(&sc) {
		c.item(&it)
	}
	c.bar(&sc, flooded)
	c.softKeys(&sc)
}

func shade(c color.RGBA) color.RGBA {
	return color.RGBA{uint8(int(c.R) * 3 / 4), uint8(int(c.G) * 3 / 4), uint8(int(c.B) * 3 / 4), c.A}
}

// update copies what differs and tells where.
func update(dst draw.Image, frame *image.RGBA) (damage image.Rectangle) {
	set := setter(dst)
	same, _ := dst.(*image.RGBA)
	for y := range frame.Rect.Dy() {
		if same != nil && bytes.Equal(same.Pix[same.PixOffset(same.Rect.Min.X, same.Rect.Min.Y+y):][:4*same.Rect.Dx()],
			frame.Pix[y*frame.Stride:][:4*frame.Rect.Dx()]) {
			continue
		}
		first, last := -1, 0
		for x := range frame.Rect.Dx() {
			i := frame.PixOffset(x, y)
			if set(x, y, color.RGBA{frame.Pix[i], frame.Pix[i+1], frame.Pix[i+2], frame.Pix[i+3]}) {
				if first < 0 {
					first = x
				}
				last = x + 1
			}
		}
		if first >= 0 {
			damage = damage.Union(image.Rect(first, y, last, y+1).Add(dst.Bounds().Min))
		}
	}
	return damage
}

// setter sets a pixel, counted from the corner, and tells whether the display shows another colour since. Displays have
// fewer colours than a frame, so that only they can tell. Those of std's faster interface cost no garbage.
func setter(dst draw.Image) func(x, y int, c color.RGBA) bool {
	at := dst.Bounds().Min
	switch dst := dst.(type) {
	case *image.RGBA:
		return func(x, y int, c color.RGBA) bool {
			p := dst.Pix[dst.PixOffset(at.X+x, at.Y+y):][:4]
			if p[0] == c.R && p[1] == c.G && p[2] == c.B && p[3] == c.A {
				return false
			}
			p[0], p[1], p[2], p[3] = c.R, c.G, c.B, c.A
			return true
		}
	case draw.RGBA64Image:
		return func(x, y int, c color.RGBA) bool {
			x, y = at.X+x, at.Y+y
			was := dst.RGBA64At(x, y)
			dst.SetRGBA64(x, y, color.RGBA64{uint16(c.R) * 0x101, uint16(c.G) * 0x101, uint16(c.B) * 0x101, uint16(c.A) * 0x101})
			return dst.RGBA64At(x, y) != was
		}
	}
	return func(x, y int, c color.RGBA) bool {
		x, y = at.X+x, at.Y+y
		was := dst.At(x, y)
		dst.Set(x, y, c)
		return dst.At(x, y) != was
	}
}

// canvas draws with a theme.
type canvas struct {
	*theme
	dst *image.RGBA
}

func (c canvas) fill(r image.Rectangle, col color.RGBA) {
	draw.Draw(c.dst, r, image.NewUniform(col), image.Point{}, draw.Src)
}

// frame is an empty rectangle with a line of width w.
func (c canvas) frame(r image.Rectangle, w int, col color.RGBA) {
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+w), col)
	c.fill(image.Rect(r.Min.X, r.Max.Y-w, r.Max.X, r.Max.Y), col)
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+w, r.Max.Y), col)
	c.fill(image.Rect(r.Max.X-w, r.Min.Y, r.Max.X, r.Max.Y), col)
}

// rounded is a filled rectangle without its corners.
func (c canvas) rounded(r image.Rectangle, col color.RGBA) {
	if c.mono {
		c.fill(r, col)
		return
	}
	for i, inset := range [...]int{4, 2, 1, 1} {
		c.fill(image.Rect(r.Min.X+inset, r.Min.Y+i, r.Max.X-inset, r.Min.Y+i+1), col)
		c.fill(image.Rect(r.Min.X+inset, r.Max.Y-i-1, r.Max.X-inset, r.Max.Y-i), col)
	}
	c.fill(image.Rect(r.Min.X, r.Min.Y+4, r.Max.X, r.Max.Y-4), col)
}

// text writes one line with its left edge at x, in the middle of the height of r.
func (c canvas) text(s string, st style, x int, r image.Rectangle, col color.RGBA) {
	m := c.faces[st].Metrics()
	ascent, high := m.Ascent.Ceil(), (m.Ascent + m.Descent).Ceil()
	base := r.Min.Y + (r.Dy()-high)/2 + ascent
	if c.mono { // the odd pixel goes above
		base = r.Min.Y + (r.Dy()-high+1)/2 + ascent
	}
	d := font.Drawer{Dst: c.dst, Src: image.NewUniform(col), Face: c.faces[st], Dot: fixed.P(x, base)}
	d.DrawString(s)
}

func (c canvas) centred(s string, st style, r image.Rectangle, col color.RGBA) {
	c.text(s, st, r.Min.X+(r.Dx()-c.width(st, s))/2, r, col)
}

// bar draws the state line.
func (c canvas) bar(sc *screen, flooded bool) {
	b, r := &sc.bar, image.Rect(0, 0, c.size.X, c.theme.bar)
	ground, ink := c.tint(b.role)
	switch {
	case flooded:
		ground, ink = c.colours[rolePanel], c.colours[roleText]
	case c.mono && b.role != roleBack:
		ground, ink = c.colours[roleText], c.colours[roleBack]
	case b.role == roleBack && !c.mono:
		ground = c.colours[rolePanel]
	}
	c.fill(r, ground)
	if c.mono && (flooded || b.role == roleBack) {
		if !b.plain {
			c.fill(image.Rect(0, r.Max.Y-1, r.Max.X, r.Max.Y), ink)
		}
		r.Max.Y--
	}
	x, right := c.margin, c.size.X-c.margin
	if b.right != "" {
		right -= c.width(styleSmall, b.right)
		c.text(b.right, styleSmall, right, r, ink)
		right -= c.near
	}
	for _, s := range b.signs {
		right -= c.sign
		c.paintSign(c.dst, s, image.Rect(right, r.Min.Y, right+c.sign, r.Max.Y), ink)
		right -= c.gap
	}
	if b.sign != signNone {
		c.paintSign(c.dst, b.sign, image.Rect(x, r.Min.Y, x+c.sign, r.Max.Y), ink)
		x += c.sign + c.near
	}
	st := c.barStyle(b.text, right-x)
	c.text(c.shorten(b.text, st, right-x), st, x, r, ink)
}

// barStyle is the larger of the two styles that holds the word of the state line.
func (t *theme) barStyle(s string, room int) style {
	if t.width(styleSoft, s) > room {
		return styleSmall
	}
	return styleSoft
}

// softKeys draws the two labels at the bottom, each on the side of its key.
func (c canvas) softKeys(sc *screen) {
	r := image.Rect(0, c.size.Y-c.soft, c.size.X, c.size.Y)
	c.fill(r, c.colours[rolePanel])
	ink := c.colours[roleText]
	if c.mono {
		c.fill(image.Rect(0, r.Min.Y, r.Max.X, r.Min.Y+1), ink)
		r.Min.Y++
	}
	if sc.left != "" {
		c.text(sc.left, styleSoft, c.margin, r, ink)
	}
	if sc.right != "" {
		c.text(sc.right, styleSoft, c.size.X-c.margin-c.width(styleSoft, sc.right), r, ink)
	}
}

func (c canvas) item(it *item) {
	switch it.kind {
	case kindText:
		c.lines(it)
	case kindCode:
		c.code(it)
	case kindRows:
		c.rows(it)
	case kindLines:
		c.page(it)
	case kindInput:
		c.input(it)
	case kindSign:
		r := image.Rect(0, 0, c.big, c.big).Add(image.Pt(it.rect.Min.X+(it.rect.Dx()-c.big)/2, it.rect.Min.Y))
		c.paintSign(c.dst, it.sign, r, c.ink(it.role))
	case kindFace:
		c.face(it)
	case kindBusy:
		c.busy(it)
	case kindQR:
		c.qr(it)
	}
}

// ink is the colour of text on the ground; the ground's own role means text.
func (c canvas) ink(r role) color.RGBA {
	if r == roleBack {
		r = roleText
	}
	col := c.colours[r]
	if r == roleBad && !c.mono { // the red of a ground is too dark to be read on black
		col = color.RGBA{0xff, 0x7b, 0x72, 0xff}
	}
	return col
}

func (c canvas) lines(it *item) {
	h := it.rect.Dy() / len(it.said)
	for i, l := range it.said {
		r := image.Rect(it.rect.Min.X, it.rect.Min.Y+i*h, it.rect.Max.X, it.rect.Min.Y+(i+1)*h)
		if it.sign == signNone {
			c.centred(l, it.style, r, c.ink(it.role))
			continue
		}
		wide := c.sign + c.near + c.widest(it.said, it.style)
		x := r.Min.X + (r.Dx()-wide)/2
		if i == 0 {
			c.paintSign(c.dst, it.sign, image.Rect(x, it.rect.Min.Y, x+c.sign, it.rect.Min.Y+h), c.ink(it.role))
		}
		c.text(l, it.style, x+c.sign+c.near, r, c.ink(it.role))
	}
}

// face is a ring with the first letter of a name.
func (c canvas) face(it *item) {
	side := c.big
	r := image.Rect(0, 0, side, side).Add(image.Pt(it.rect.Min.X+(it.rect.Dx()-side)/2, it.rect.Min.Y))
	c.disc(r, c.ink(it.role))
	c.disc(r.Inset(3), c.colours[rolePanel])
	first, _ := utf8.DecodeRuneInString(it.text)
	c.centred(string(unicode.ToUpper(first)), styleTitle, r, c.ink(it.role))
}

// busy is a row of dots, the same in every snapshot: a screen has no clock of its own.
func (c canvas) busy(it *item) {
	const n = 5
	d := it.rect.Dy() / 2
	x := it.rect.Min.X + (it.rect.Dx()-(2*n-1)*d)/2
	for i := range n {
		col := c.ink(it.role)
		if i > 2 {
			col = c.colours[rolePanel]
		}
		c.disc(image.Rect(x+2*i*d, it.rect.Min.Y, x+(2*i+1)*d, it.rect.Min.Y+d), col)
	}
}
