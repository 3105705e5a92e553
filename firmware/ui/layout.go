package ui

import (
	"image"
	"strings"

	"rsc.io/qr"
)

// quiet is the light border of a QR code in modules; ISO/IEC 18004 asks for four, readers are content with two.
const quiet = 2

// item is a block in its place.
type item struct {
	block
	rect image.Rectangle
	said []string // the lines of its text
	cut  bool     // a text of ours did not fit: the tests refuse that
	qr   *qr.Code // of kindQR; at is the size of a module
}

// layout gives every block its place between state line and soft keys.
func (t *theme) layout(sc *screen) []item {
	area := image.Rect(t.margin, t.bar+t.gap, t.size.X-t.margin, t.size.Y-t.soft-t.gap)
	if t.mono {
		area = image.Rect(t.margin, t.bar, t.size.X-t.margin, t.size.Y-t.soft)
	}
	if len(sc.blocks) > 0 && sc.blocks[0].kind == kindRows { // a list reaches from bar to bar
		area.Min.Y, area.Max.Y = t.bar, t.size.Y-t.soft
	}
	items := t.choose(sc.blocks, area)
	spare := area.Dy() - t.height(items)
	spaces := 0
	for _, it := range items {
		if it.kind == kindSpace {
			spaces++
		}
	}
	y := area.Min.Y
	for i := range items {
		it := &items[i]
		switch {
		case it.kind == kindSpace:
			h := max(spare, 0) / spaces
			spare, spaces = spare-h, spaces-1
			y += h
			continue
		case it.kind == kindRows && it.lines == 0 || it.kind == kindLines:
			it.rect.Max.Y += max(spare, 0)
			spare = 0
		}
		h := it.rect.Dy()
		it.rect = image.Rect(area.Min.X, y, area.Max.X, y+h)
		it.cut = it.cut || it.rect.Max.Y > area.Max.Y
		y += h + t.gap
	}
	return items
}

// choose leaves out what there is no room for: first what is minor, then size.
func (t *theme) choose(blocks []block, area image.Rectangle) []item {
	shrink := false
	for {
		var items []item
		most := 0
		for _, b := range blocks {
			it := t.measure(b, area, shrink)
			if it.kind != kindSpace && it.rect.Empty() {
				continue
			}
			most = max(most, b.minor)
			items = append(items, it)
		}
		switch {
		case t.height(items) <= area.Dy():
			return items
		case most > 0:
			var kept []block
			for _, b := range blocks {
				if b.minor < most {
					kept = append(kept, b)
				}
			}
			blocks = kept
		case !shrink:
			shrink = true
		default:
			return items
		}
	}
}

// height is what the items need, with the gaps between them.
func (t *theme) height(items []item) (h int) {
	n := 0
	for _, it := range items {
		if it.kind != kindSpace {
			h += it.rect.Dy()
			n++
		}
	}
	return h + max(n-1, 0)*t.gap
}

// measure gives a block its size.
func (t *theme) measure(b block, area image.Rectangle, shrink bool) (it item) {
	it.block = b
	width, h := area.Dx(), 0
	if shrink {
		if s, ok := b.style.smaller(); ok && b.kind == kindText {
			it.style = s
		}
	}
	switch b.kind {
	case kindText:
		if b.text == "" {
			return it
		}
		if b.sign != signNone {
			width -= t.sign + t.near
		}
		it.fit(t, width)
		h = len(it.said) * t.line(it.style)
	case kindCode:
		h = t.box.Y
		if b.code.Words && !t.mono {
			h = 2*t.box.Y - t.box.Y/3
		}
	case kindRows:
		rows := 3
		switch {
		case b.lines > 0:
			rows = b.lines
		case shrink: // a long notice stands below; the list still takes what is left over
			rows = 1
		}
		h = t.row * min(rows, len(b.rows))
	case kindLines:
		for _, l := range b.texts {
			for _, line := range t.wrap(l, styleBody, width) {
				it.said = append(it.said, t.shorten(line, styleBody, width))
			}
		}
		h = t.line(styleBody)
	case kindInput:
		it.said = []string{it.text}
		h = t.line(styleTitle) + 2*t.gap + 2
	case kindSign:
		h = t.big
	case kindFace:
		if !t.mono {
			h = t.big + t.gap
		}
	case kindQR:
		if code, err := qr.Encode(b.text, qr.L); err == nil && !t.mono {
			// What is left beside two lines of text, in whole pixels a module.
			room := min(area.Dx(), area.Dy()-2*t.line(styleBody)-t.gap)
			it.qr, it.at = code, room/(code.Size+2*quiet)
			h = it.at * (code.Size + 2*quiet)
		}
	case kindBusy:
		if !t.mono {
			h = t.gap * 2
		}
	}
	it.rect = image.Rect(0, 0, width, h)
	return it
}

// fit breaks the text into lines, in the largest style that holds it. What somebody else wrote is shortened at the end.
func (it *item) fit(t *theme, width int) {
	most := max(it.lines, 1)
	for {
		it.said = t.wrap(it.text, it.style, width)
		if len(it.said) <= most && t.widest(it.said, it.style) <= width {
			return
		}
		s, ok := it.style.smaller()
		if !ok || it.theirs && it.style == styleBody {
			break
		}
		it.style = s
	}
	if !it.theirs {
		it.cut = true
		return
	}
	if len(it.said) > most {
		rest := strings.Join(it.said[most-1:], " ")
		it.said = append(it.said[:most-1:most-1], rest)
	}
	for i, l := range it.said {
		it.said[i] = t.shorten(l, it.style, width)
	}
}

func (t *theme) widest(lines []string, s style) (w int) {
	for _, l := range lines {
		w = max(w, t.width(s, l))
	}
	return w
}

// wrap breaks at spaces, as late as possible.
func (t *theme) wrap(text string, s style, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if line != "" && t.width(s, longer) > width {
			lines = append(lines, line)
			longer = word
		}
		for r := []rune(longer); t.width(s, longer) > width && len(r) > 1; r = []rune(longer) { // no space to break at
			n := 1
			for n < len(r)-1 && t.width(s, string(r[:n+1])) <= width {
				n++
			}
			lines, longer = append(lines, string(r[:n])), string(r[n:])
		}
		line = longer
	}
	return append(lines, line)
}

// shorten puts an ellipsis where the text leaves the line.
func (t *theme) shorten(text string, s style, width int) string {
	if t.width(s, text) <= width {
		return text
	}
	r := []rune(text)
	for len(r) > 0 && t.width(s, string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ") + "…"
}

// visible are the rows of a list that are seen, with the selected one among them.
func (t *theme) visible(it *item) (first, n int) {
	n = min(it.rect.Dy()/t.row, len(it.rows))
	first = min(max(it.at-n/2, 0), len(it.rows)-n)
	return first, n
}
