package ui

import (
	"image"
	"image/color"
	"image/draw"
	"strings"

	"sotto/firmware/call"
)

// disc is a filled circle.
func (c canvas) disc(r image.Rectangle, col color.RGBA) {
	mask := shape(r.Dx(), func(p pen) { p.dot(12, 12, 12) })
	draw.DrawMask(c.dst, r, image.NewUniform(col), image.Point{}, mask, image.Point{}, draw.Over)
}

// cell is one box of the code.
type cell struct {
	text string
	own  bool // ours, to be said
	next bool // here goes what is typed now
}

// cells are the boxes of the code from left to right: ours are filled, the peer's wait for what is heard.
func cells(code *call.Code, typing bool) (out []cell) {
	var own, theirs []cell
	symbols := func(s string) []string {
		if code.Words {
			return []string{s}
		}
		return strings.Split(s, "")
	}
	if code.Whole != "" {
		first, second, _ := strings.Cut(code.Whole, " ")
		for i, half := range []string{first, second} {
			for _, s := range symbols(half) {
				out = append(out, cell{text: s, own: (i == 0) == code.OwnFirst})
			}
		}
		return out
	}
	for _, s := range symbols(code.Own) {
		own = append(own, cell{text: s, own: true})
	}
	typed := []rune(code.Typed)
	if code.Words {
		theirs = []cell{{text: code.Typed, next: typing}}
	} else {
		for i := range code.Length {
			t := cell{next: typing && (i == len(typed) && !code.Pending || i == len(typed)-1 && code.Pending)}
			if i < len(typed) {
				t.text = string(typed[i])
			}
			theirs = append(theirs, t)
		}
	}
	if code.OwnFirst {
		return append(own, theirs...)
	}
	return append(theirs, own...)
}

// code draws the boxes: four beside each other, or two words (beside each other on the small display, else below).
func (c canvas) code(it *item) {
	all := cells(it.code, it.mode == "typing")
	gap := c.gap
	if c.mono {
		gap = 3
	}
	box, down := c.box, 0
	if it.code.Words {
		box.X = it.rect.Dx()
		if c.mono {
			box.X = (it.rect.Dx() - gap) / 2
		} else {
			box.Y, down = (it.rect.Dy()-gap)/2, 1
		}
	}
	wide := len(all)*box.X + (len(all)-1)*gap
	if down == 1 {
		wide = box.X
	}
	at := image.Pt(it.rect.Min.X+(it.rect.Dx()-wide)/2, it.rect.Min.Y)
	for _, b := range all {
		r := image.Rectangle{Max: box}.Add(at)
		c.cell(b, r, it.code.Words)
		at = at.Add(image.Pt((box.X+gap)*(1-down), (box.Y+gap)*down))
	}
}

// cell draws one box. Ours is light on dark as a key cap is; the peer's is an empty frame.
func (c canvas) cell(b cell, r image.Rectangle, word bool) {
	st := styleCode
	if word {
		st = styleTitle
		if c.mono {
			st = styleBody
		}
	}
	line := 2
	if c.mono {
		line = 1
	}
	ink := c.colours[roleText]
	switch {
	case b.own && !c.mono:
		c.rounded(r, c.colours[roleText])
		ink = c.colours[roleOnTint]
		if c.colours[roleOnTint] == c.colours[roleText] {
			ink = c.colours[roleBack]
		}
	case b.own:
		c.fill(r, c.colours[roleText])
		ink = c.colours[roleBack]
	case b.next:
		c.frame(r, line+1, c.ink(roleWarn))
	default:
		c.frame(r, line, c.colours[roleMuted])
	}
	if word {
		c.centred(c.shorten(b.text, st, r.Dx()-2*line), st, r, ink)
		return
	}
	c.centred(b.text, st, r, ink)
}

// input is a line that is being typed, its end always seen, with a mark where the next symbol goes.
func (c canvas) input(it *item) {
	r := it.rect
	if c.mono {
		c.frame(r, 1, c.colours[roleText])
	} else {
		c.rounded(r, c.colours[rolePanel])
	}
	text, room := it.text, r.Dx()-4*c.gap
	runes := []rune(text)
	for c.width(styleTitle, text) > room && len(runes) > 0 {
		runes = runes[1:]
		text = "…" + string(runes)
	}
	x := r.Min.X + 2*c.gap
	c.text(text, styleTitle, x, r, c.colours[roleText])
	x += c.width(styleTitle, text) + 1
	h := c.line(styleTitle)
	c.fill(image.Rect(x, r.Min.Y+(r.Dy()-h)/2, x+max(1, c.gap/3), r.Min.Y+(r.Dy()+h)/2), c.ink(roleBusy))
}

// trustSigns and markSigns are the signs before rows.
var (
	trustSigns = [...]sign{call.Unknown: signPerson, call.First: signAsk, call.Known: signAsk, call.Checked: signShield,
		call.Verified: signShield, call.Broken: signWarn, call.ServerOnly: signNoLock}
	trustRoles = [...]role{call.Unknown: roleMuted, call.First: roleWarn, call.Known: roleWarn, call.Checked: roleGood,
		call.Verified: roleGood, call.Broken: roleBad, call.ServerOnly: roleMuted}
)

func rowSign(r *call.Row) (sign, role) {
	switch r.Mark {
	case call.MarkMissed:
		return signMissed, roleWarn
	case call.MarkIn:
		return signIn, roleMuted
	case call.MarkOut:
		return signOut, roleMuted
	case call.MarkTrust:
		return trustSigns[r.Trust], trustRoles[r.Trust]
	case call.MarkOn:
		return signOn, roleGood
	case call.MarkOff:
		return signOff, roleMuted
	case call.MarkNumbers:
		return signPhone, roleBusy
	case call.MarkFailed:
		return signCross, roleBad
	}
	return signNone, roleText
}

// rows draws a list. The chosen row stands on a raised ground with an edge, on one bit inverted.
func (c canvas) rows(it *item) {
	first, n := c.visible(it)
	for i := range n {
		row := &it.rows[first+i]
		r := image.Rect(0, it.rect.Min.Y+i*c.row, c.size.X, it.rect.Min.Y+(i+1)*c.row)
		ink, faint := c.colours[roleText], c.colours[roleMuted]
		chosen := first+i == it.at
		if chosen && c.mono {
			c.fill(r, ink)
			ink, faint = c.colours[roleBack], c.colours[roleBack]
		} else if chosen {
			c.rounded(r.Inset(2), c.colours[rolePanel])
			c.fill(image.Rect(2, r.Min.Y+7, 6, r.Max.Y-7), c.ink(roleBusy))
		}
		c.listRow(row, r, ink, faint, chosen)
	}
	c.scrollBar(it.rect, first, n, len(it.rows))
}

// scrollBar tells how far one is in what does not fit.
func (c canvas) scrollBar(r image.Rectangle, first, n, of int) {
	if of <= n {
		return
	}
	y, w := r.Min.Y+r.Dy()*first/of, max(1, c.gap/2)
	c.fill(image.Rect(c.size.X-w, y, c.size.X, min(y+max(r.Dy()*n/of, 3), r.Max.Y)), c.colours[roleMuted])
}

// page is text to be read, from the line that was scrolled to.
func (c canvas) page(it *item) {
	h := c.line(styleBody)
	n := max(it.rect.Dy()/h, 1)
	first := max(min(it.at, len(it.said)-n), 0)
	for i, l := range it.said[first:min(first+n, len(it.said))] {
		y := it.rect.Min.Y + i*h
		c.centred(l, styleBody, image.Rect(it.rect.Min.X, y, it.rect.Max.X, y+h), c.colours[roleText])
	}
	c.scrollBar(it.rect, first, n, len(it.said))
}

// listRow draws a row: sign, text, detail at the right.
func (c canvas) listRow(row *call.Row, r image.Rectangle, ink, faint color.RGBA, chosen bool) {
	x, right := c.margin, c.size.X-c.margin-c.gap
	if s, role := rowSign(row); s != signNone {
		col := c.ink(role)
		if chosen && c.mono {
			col = ink
		}
		c.paintSign(c.dst, s, image.Rect(x, r.Min.Y, x+c.sign, r.Max.Y), col)
		x += c.sign + c.near
	}
	if row.Detail != "" {
		// The text has what it needs; the detail takes the rest.
		rest := right - x - c.width(styleBody, row.Text) - 2*c.gap
		detail := c.shorten(row.Detail, styleSmall, max(rest, (right-x)/4))
		right -= c.width(styleSmall, detail)
		c.text(detail, styleSmall, right, r, faint)
		right -= 2 * c.gap
	}
	st := styleBody
	if row.Label != "" && c.width(st, row.Text) > right-x {
		st = styleSmall
	}
	c.text(c.shorten(row.Text, st, right-x), st, x, r, ink)
}

// qr draws a QR code, dark on light whatever the colours of the rest: readers want that.
func (c canvas) qr(it *item) {
	side := it.rect.Dy()
	r := image.Rect(0, 0, side, side).Add(image.Pt(it.rect.Min.X+(it.rect.Dx()-side)/2, it.rect.Min.Y))
	c.fill(r, color.RGBA{0xff, 0xff, 0xff, 0xff})
	for y := range it.qr.Size {
		for x := range it.qr.Size {
			if it.qr.Black(x, y) {
				p := r.Min.Add(image.Pt((x+quiet)*it.at, (y+quiet)*it.at))
				c.fill(image.Rect(p.X, p.Y, p.X+it.at, p.Y+it.at), color.RGBA{0, 0, 0, 0xff})
			}
		}
	}
}
