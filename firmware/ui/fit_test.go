package ui

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"testing"

	"golang.org/x/image/font"

	"sotto/firmware/call"
)

// TestNothingIsClipped lays out every screen in every language and measures each text against its place: no text of ours
// is cut or shortened, no two blocks overlap, and each glyph's ink lies inside the display.
func TestNothingIsClipped(t *testing.T) {
	for _, lang := range call.Languages {
		for _, large := range []bool{false, true} {
			settings := call.DefaultSettings()
			settings.Language, settings.Large = lang.Code, large
			check := func(name string, s call.Snapshot) {
				s.Settings.Language, s.Settings.Large = lang.Code, large
				for _, d := range displays {
					where := strings.Join([]string{lang.Code, d.name, name}, " ")
					if large {
						where += " large"
					}
					checkFit(t, where, d.size, s)
				}
			}
			for i, g := range gallery {
				check(g.name, reached(t, i, settings))
			}
			for _, g := range corners() {
				check(g.name, corner(t, g, settings))
			}
			for _, cause := range call.Causes {
				p := newPhone(t, call.Config{})
				p.hold("3")
				p.event(call.LineEnded{Cause: cause})
				check("ended: "+string(cause), p.m.Snapshot())
			}
		}
	}
}

func checkFit(t *testing.T, where string, size image.Point, s call.Snapshot) {
	t.Helper()
	th := newTheme(size, s.Settings.Large, false)
	sc := compose(&s)
	bottom := th.bar
	for _, it := range th.layout(&sc) {
		if it.kind == kindSpace {
			continue
		}
		if it.cut {
			t.Errorf("%s: %q does not fit into %v", where, it.text, it.rect)
		}
		if it.rect.Min.Y < bottom || it.rect.Max.Y > size.Y-th.soft {
			t.Errorf("%s: %q at %v leaves its place (from %d to %d)", where, it.text, it.rect, bottom, size.Y-th.soft)
		}
		bottom = it.rect.Max.Y
		for _, l := range it.said {
			if it.kind == kindText && th.width(it.style, l) > it.rect.Dx() {
				t.Errorf("%s: %q is %d wide, its place %d", where, l, th.width(it.style, l), it.rect.Dx())
			}
			if it.kind == kindText && !it.theirs && strings.HasSuffix(l, "…") && !strings.Contains(it.text, "…") {
				t.Errorf("%s: our own text is shortened: %q", where, l)
			}
		}
		if it.kind == kindRows {
			checkRows(t, where, th, &it)
		}
	}
	checkBars(t, where, th, &sc)
}

// checkRows sees that no label of a list is shortened. What people wrote may be.
func checkRows(t *testing.T, where string, th *theme, it *item) {
	t.Helper()
	for _, r := range it.rows {
		room := th.size.X - 2*th.margin - th.gap
		if s, _ := rowSign(&r); s != signNone {
			room -= th.sign + th.near
		}
		if r.Label != "" && min(th.width(styleBody, r.Text), th.width(styleSmall, r.Text)) > room {
			t.Errorf("%s: row %q is too long", where, r.Text)
		}
		if r.State != "" && th.width(styleBody, r.Text)+2*th.gap+th.width(styleSmall, r.Detail) > room {
			t.Errorf("%s: %q leaves no room for %q", where, r.Text, r.Detail)
		}
	}
}

// checkBars sees that state line and soft keys are whole and do not touch.
func checkBars(t *testing.T, where string, th *theme, sc *screen) {
	t.Helper()
	left, right := th.width(styleSoft, sc.left), th.width(styleSoft, sc.right)
	if left > 0 && right > 0 && left+right+2*th.margin+2*th.gap > th.size.X || max(left, right) > th.size.X-2*th.margin {
		t.Errorf("%s: soft keys %q and %q do not fit", where, sc.left, sc.right)
	}
	need := 2*th.margin + min(th.width(styleSoft, sc.bar.text), th.width(styleSmall, sc.bar.text))
	if sc.bar.sign != signNone {
		need += th.sign + th.near
	}
	need += len(sc.bar.signs) * (th.sign + th.near)
	if sc.bar.right != "" {
		need += th.width(styleSmall, sc.bar.right) + th.near
	}
	if need > th.size.X && !strings.Contains(where, "contact") { // a contact's name may be shortened
		t.Errorf("%s: the state line %q wants %d pixels", where, sc.bar.text, need)
	}
}

// TestInkStaysInside draws text of every style and looks at the ink itself: accents and tails are inside the line.
func TestInkStaysInside(t *testing.T) {
	const hard = "ÄÖÜÉÑgjpqyç,;Q@|"
	for _, d := range displays {
		th := newTheme(d.size, false, false)
		for st := range numStyles {
			bounds, _ := font.BoundString(th.faces[st], hard)
			m := th.faces[st].Metrics()
			if up, room := (-bounds.Min.Y).Ceil(), m.Ascent.Ceil(); up > room && !th.mono {
				t.Errorf("%s style %d: ink reaches %d above the base line, the line %d", d.name, st, up, room)
			}
			if down, room := bounds.Max.Y.Ceil(), m.Descent.Ceil(); down > room {
				t.Errorf("%s style %d: ink reaches %d below the base line, the line %d", d.name, st, down, room)
			}
		}
	}
}

// TestEveryLabelHasWordsInEveryLanguage compares the files: none has a hole, none a label that nobody knows.
func TestEveryLabelHasWordsInEveryLanguage(t *testing.T) {
	all := vocabularies()
	if len(all) != len(call.Languages) {
		t.Fatalf("%d vocabularies, %d languages", len(all), len(call.Languages))
	}
	for code, v := range all {
		for label, text := range all["en"] {
			if v[label] == "" {
				t.Errorf("%s: no words for %q", code, label)
			}
			if strings.Count(v[label], "{}") != strings.Count(text, "{}") {
				t.Errorf("%s: %q has another number of {}", code, label)
			}
		}
		for label := range v {
			if all["en"][label] == "" {
				t.Errorf("%s: %q is in no other language", code, label)
			}
		}
	}
}

// TestNoScreenShowsALabel walks through the gallery and looks for labels that have no words: they show themselves.
func TestNoScreenShowsALabel(t *testing.T) {
	for i, g := range gallery {
		s := reached(t, i, call.Settings{})
		w := words("en")
		for _, l := range []call.Label{s.Left, s.Right, s.Title, s.Notice} {
			if l != "" && w[l] == "" {
				t.Errorf("%s: %q has no words", g.name, l)
			}
		}
		for _, r := range s.Rows {
			if r.Label != "" && w[r.Label] == "" {
				t.Errorf("%s: %q has no words", g.name, r.Label)
			}
		}
	}
}

// TestSoftKeyMeansOneThing sees that in one state one label does not do two things, and that left is never the way back.
func TestSoftKeyMeansOneThing(t *testing.T) {
	negative := map[call.Label]bool{"back": true, "clear": true, "cancel": true, "reject": true, "hangup": true, "close": true}
	for i, g := range gallery {
		s := reached(t, i, call.Settings{})
		if negative[s.Left] {
			t.Errorf("%s: the left key is %q", g.name, s.Left)
		}
		if s.Right != "" && !negative[s.Right] && s.State != call.Idle {
			t.Errorf("%s: the right key is %q", g.name, s.Right)
		}
	}
}

// TestColourIsNeverAlone compares screens of different security with every colour taken away: word and sign must differ.
func TestColourIsNeverAlone(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"going-secure", "secure-first", "checked", "verified-plus", "key-changed", "other-phone",
		"someone-listens", "ended-cannot-encrypt"} {
		for i, g := range gallery {
			if g.name != name {
				continue
			}
			s := reached(t, i, call.Settings{})
			sc := compose(&s)
			if sc.bar.sign == signNone {
				t.Errorf("%s has no sign", name)
			}
			if other, ok := seen[sc.bar.text]; ok {
				t.Errorf("%s and %s have the same word %q", name, other, sc.bar.text)
			}
			seen[sc.bar.text] = name
		}
	}
	if len(seen) != 8 {
		t.Fatalf("%d screens compared, want 8", len(seen))
	}
}

// TestDamage sees that Render tells what it changed, and nothing else.
func TestDamage(t *testing.T) {
	p := newPhone(t, call.Config{})
	frame := image.NewRGBA(image.Rect(0, 0, 240, 240))
	if d := Render(frame, p.m.Snapshot()); d != frame.Rect {
		t.Errorf("the first picture changes %v", d)
	}
	if d := Render(frame, p.m.Snapshot()); !d.Empty() {
		t.Errorf("the same picture changes %v", d)
	}
	before := image.NewRGBA(frame.Rect)
	copy(before.Pix, frame.Pix)
	p.press("softR")
	p.press("down")
	copy(frame.Pix, before.Pix)
	Render(frame, p.m.Snapshot())
	copy(before.Pix, frame.Pix)
	p.press("down")
	d := Render(frame, p.m.Snapshot())
	if d.Empty() || d.Dy() > 120 {
		t.Errorf("moving the selection by one row changes %v", d)
	}
	for y := range 240 {
		for x := range 240 {
			if !image.Pt(x, y).In(d) && before.RGBAAt(x, y) != frame.RGBAAt(x, y) {
				t.Fatalf("(%d,%d) changed outside of %v", x, y, d)
			}
		}
	}
}

// slow is a display that has no fast interface, and one colour out of two.
type slow struct{ bits map[image.Point]bool }

func (s *slow) ColorModel() color.Model { return color.GrayModel }
func (s *slow) Bounds() image.Rectangle { return image.Rect(5, 7, 5+128, 7+64) }
func (s *slow) At(x, y int) color.Color {
	if s.bits[image.Pt(x, y)] {
		return color.White
	}
	return color.Black
}
func (s *slow) Set(x, y int, c color.Color) {
	r, _, _, _ := c.RGBA()
	s.bits[image.Pt(x, y)] = r > 0x7fff
}

// TestEveryKindOfDisplay draws the same screen on three kinds of frame, one of which does not begin at the corner.
func TestEveryKindOfDisplay(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first)
	s := p.m.Snapshot()
	rgba, wide := image.NewRGBA(image.Rect(0, 0, 128, 64)), image.NewRGBA64(image.Rect(-3, 2, 125, 66))
	bits := &slow{map[image.Point]bool{}}
	for _, dst := range []draw.Image{rgba, wide, bits} {
		if d := Render(dst, s); d.Empty() || !d.In(dst.Bounds()) {
			t.Errorf("%T: damage %v", dst, d)
		}
		if d := Render(dst, s); !d.Empty() {
			t.Errorf("%T: the same screen again changes %v", dst, d)
		}
	}
	lit := 0
	for y := range 64 {
		for x := range 128 {
			on := rgba.RGBAAt(x, y).R > 0x7f
			if on != bits.bits[image.Pt(5+x, 7+y)] || on != (wide.RGBA64At(x-3, y+2).R > 0x7fff) {
				t.Fatalf("pixel (%d,%d) differs", x, y)
			}
			if on {
				lit++
			}
		}
	}
	if lit < 500 {
		t.Fatalf("%d pixels are lit: nothing is drawn", lit)
	}
}
