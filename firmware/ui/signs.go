package ui

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// sign is a small picture. Each has a shape of its own: no two differ by colour alone.
type sign uint8

const (
	signNone sign = iota
	signLock
	signAsk
	signShield
	signWarn
	signPhone
	signDown
	signDots
	signNoMic
	signNoLock
	signLoud
	signMissed
	signIn
	signOut
	signOn
	signOff
	signQuiet
	signPerson
	signCross
	signPause
	signMail
	numSigns
)

// pixelSigns are their names in icons.txt.
var pixelSigns = [numSigns]string{signLock: "lock", signAsk: "ask", signShield: "shield", signWarn: "warn", signPhone: "phone",
	signDown: "down", signDots: "dots", signNoMic: "nomic", signNoLock: "nolock", signLoud: "loud", signMissed: "missed",
	signIn: "in", signOut: "out", signOn: "on", signOff: "off", signQuiet: "quiet", signPerson: "person", signCross: "cross",
	signPause: "pause", signMail: "mail"}

// pen draws outlines into a square of the given side; coordinates go from 0 to 24.
type pen struct {
	r *vector.Rasterizer
	k float32
}

// poly adds a surface. All surfaces turn the same way, so that they add up where they overlap.
func (p pen) poly(xy ...float32) { p.outline(turned(xy, 1)) }

// hole takes a surface away; it must lie inside one.
func (p pen) hole(xy ...float32) { p.outline(turned(xy, -1)) }

// turned gives the corners in the order that makes the signed area positive, or negative.
func turned(xy []float32, way float32) []float32 {
	area, n := float32(0), len(xy)
	for i := 0; i < n; i += 2 {
		area += xy[i]*xy[(i+3)%n] - xy[(i+2)%n]*xy[i+1]
	}
	if area*way >= 0 {
		return xy
	}
	back := make([]float32, 0, n)
	for i := n - 2; i >= 0; i -= 2 {
		back = append(back, xy[i], xy[i+1])
	}
	return back
}

func (p pen) outline(xy []float32) {
	p.r.MoveTo(xy[0]*p.k, xy[1]*p.k)
	for i := 2; i < len(xy); i += 2 {
		p.r.LineTo(xy[i]*p.k, xy[i+1]*p.k)
	}
	p.r.ClosePath()
}

// line is a stroke of width w, with square ends.
func (p pen) line(x0, y0, x1, y1, w float32) {
	dx, dy := x1-x0, y1-y0
	l := float32(math.Sqrt(float64(dx*dx + dy*dy)))
	nx, ny := -dy/l*w/2, dx/l*w/2
	p.poly(x0+nx, y0+ny, x1+nx, y1+ny, x1-nx, y1-ny, x0-nx, y0-ny)
}

// arc is a piece of a ring, angles in degrees, clockwise from the right.
func (p pen) arc(cx, cy, radius, w, from, to float64) {
	const steps = 40
	var out, in []float32
	for i := range steps + 1 {
		a := (from + (to-from)*float64(i)/steps) * math.Pi / 180
		s, c := math.Sincos(a)
		out = append(out, float32(cx+(radius+w/2)*c), float32(cy+(radius+w/2)*s))
		in = append(in, float32(cx+(radius-w/2)*c), float32(cy+(radius-w/2)*s))
	}
	for i := len(in) - 2; i >= 0; i -= 2 {
		out = append(out, in[i], in[i+1])
	}
	p.poly(out...)
}

func (p pen) dot(cx, cy, radius float64) { p.arc(cx, cy, radius/2, radius, 0, 360) }

func (p pen) rect(x0, y0, x1, y1 float32) { p.poly(x0, y0, x1, y0, x1, y1, x0, y1) }

// signShapes draw each sign.
var signShapes = [numSigns]func(p pen){
	signLock:   func(p pen) { p.rect(4, 10, 20, 22); p.arc(12, 10, 5, 2.6, 180, 360) },
	signAsk:    hollowLock,
	signShield: shieldShape,
	signWarn: func(p pen) {
		p.poly(12, 2, 23, 22, 1, 22)
		p.hole(10.6, 9, 13.4, 9, 12.9, 15.5, 11.1, 15.5)
		p.hole(10.7, 17, 13.3, 17, 13.3, 19.6, 10.7, 19.6)
	},
	signPhone: func(p pen) {
		p.arc(21, 3, 15, 4.4, 100, 170)
		p.line(3.6, 6, 10, 4.9, 6)
		p.line(18, 20.4, 19.1, 14, 6)
	},
	signDown: func(p pen) { layHandset(p, 19) },
	signDots: func(p pen) { p.dot(4, 12, 2.6); p.dot(12, 12, 2.6); p.dot(20, 12, 2.6) },
	signNoMic: func(p pen) {
		p.dot(12, 5.5, 3.4)
		p.rect(8.6, 5.5, 15.4, 11)
		p.dot(12, 11, 3.4)
		p.arc(12, 11, 6.6, 2, 0, 180)
		p.rect(11, 17, 13, 21)
		p.rect(7.5, 20.4, 16.5, 22.4)
	},
	signNoLock: func(p pen) {
		p.rect(2, 11, 17, 22)
		p.arc(17, 9, 4.4, 2.6, 180, 360)
		p.rect(11.3, 8.8, 13.9, 12)
	},
	signLoud: func(p pen) {
		p.poly(2, 9, 6, 9, 12, 4, 12, 20, 6, 15, 2, 15)
		p.arc(12, 12, 4.5, 2, -50, 50)
		p.arc(12, 12, 8.5, 2, -50, 50)
	},
	signMissed: func(p pen) {
		p.line(4, 2, 12.4, 9.4, 2.6)
		p.line(11.6, 9.4, 20, 2, 2.6)
		p.rect(3, 1, 9.4, 3.4)
		p.rect(3, 1, 5.4, 7.4)
		layHandset(p, 25.4)
	},
	signIn: func(p pen) {
		p.line(20, 4, 6, 18, 2.8)
		p.rect(4, 17, 15, 20)
		p.rect(4, 9, 7, 20)
	},
	signOut: func(p pen) {
		p.line(4, 20, 18, 6, 2.8)
		p.rect(9, 4, 20, 7)
		p.rect(17, 4, 20, 15)
	},
	signOn:  func(p pen) { p.line(3, 12, 10, 19, 3.2); p.line(9, 19, 21, 5, 3.2) },
	signOff: func(p pen) { p.arc(12, 12, 8, 2.4, 0, 360) },
	signQuiet: func(p pen) {
		p.poly(3, 18, 21, 18, 18.5, 15, 18.5, 9, 15, 4.5, 12, 3, 9, 4.5, 5.5, 9, 5.5, 15)
		p.arc(12, 19, 1.6, 3.2, 0, 180)
	},
	signPerson: func(p pen) { p.dot(12, 8, 5); p.arc(12, 22, 5, 8, 180, 360) },
	signPause:  func(p pen) { p.rect(5, 3, 10, 21); p.rect(14, 3, 19, 21) },
	signMail: func(p pen) { // the two reels of a tape
		p.arc(6.5, 12, 4.2, 2.6, 0, 360)
		p.arc(17.5, 12, 4.2, 2.6, 0, 360)
		p.rect(6.5, 15, 17.5, 17.6)
	},
	signCross: func(p pen) { p.line(5, 5, 19, 19, 3.2); p.line(19, 5, 5, 19, 3.2) },
}

// struck signs are crossed out, with a gap beside the stroke.
var struck = [numSigns]bool{signNoMic: true, signQuiet: true}

// hollowLock is a lock with a hole: closed, but nobody knows for whom.
func hollowLock(p pen) {
	p.arc(12, 10, 5, 2.6, 180, 360)
	p.rect(4, 10, 20, 22)
	p.hole(6.2, 12.2, 17.8, 12.2, 17.8, 19.8, 6.2, 19.8)
	p.dot(12, 16, 1.8)
}

// shieldShape is a shield with a check mark cut out.
func shieldShape(p pen) {
	p.poly(12, 1, 22, 4.5, 22, 12, 20, 17, 12, 23, 4, 17, 2, 12, 2, 4.5)
	p.hole(6.2, 12.2, 10.8, 17, 18.2, 8.2, 16.4, 6.6, 10.7, 13.4, 8, 10.5)
}

// layHandset is a handset lying down, its middle y below the top.
func layHandset(p pen, y float64) {
	p.arc(12, y, 9, 3.6, 205, 335)
	p.rect(1.2, float32(y-6), 7, float32(y-1.6))
	p.rect(17, float32(y-6), 22.8, float32(y-1.6))
}

// paintSign draws a sign into the square at rect, in one colour.
func (t *theme) paintSign(dst draw.Image, s sign, rect image.Rectangle, c color.Color) {
	if s == signNone {
		return
	}
	src := image.NewUniform(c)
	if t.mono {
		b := pixelIcons()[pixelSigns[s]]
		m := b.mask(1, false)
		at := rect.Min.Add(image.Pt((rect.Dx()-m.Rect.Dx())/2, (rect.Dy()-m.Rect.Dy()+1)/2))
		draw.DrawMask(dst, m.Rect.Add(at), src, image.Point{}, m, image.Point{}, draw.Over)
		return
	}
	side := min(rect.Dx(), rect.Dy())
	mask := shape(side, signShapes[s])
	if struck[s] {
		gap := shape(side, func(p pen) { p.line(4.4, 24, 24, 4.4, 2.6) })
		stroke := shape(side, func(p pen) { p.line(2, 22.5, 22.5, 2, 2.4) })
		for i := range mask.Pix {
			mask.Pix[i] = max(mask.Pix[i]-min(mask.Pix[i], gap.Pix[i]), stroke.Pix[i])
		}
	}
	at := rect.Min.Add(image.Pt((rect.Dx()-side)/2, (rect.Dy()-side)/2))
	draw.DrawMask(dst, mask.Rect.Add(at), src, image.Point{}, mask, image.Point{}, draw.Over)
}

// shape is the mask of what a pen draws into a square.
func shape(side int, draws func(p pen)) *image.Alpha {
	r := vector.NewRasterizer(side, side)
	draws(pen{r, float32(side) / 24})
	mask := image.NewAlpha(image.Rect(0, 0, side, side))
	r.DrawOp = draw.Src
	r.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	return mask
}
