//go:build hil

package hil

import (
	"image"
	"image/color"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/ui"
)

// The bench reads the screen by drawing what it expects with the handset's own firmware/ui and laying it over the picture
// of the monitor. What is drawn comes from this tree; where it was shown comes from the machine alone.

// Parts of the screen that say one thing: the words of the top line, and the rows of a list.
var (
	topWords = image.Rect(4, 2, 110, 34)
	rows     = image.Rect(0, 37, 236, 283)
)

// drawn is the picture of a snapshot.
func drawn(s call.Snapshot) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 240, 320))
	s.Battery = -1
	ui.Render(img, s)
	return img
}

// ready and noNetwork are idle screens, over that after a call, of which the top line counts.
func ready() *image.RGBA {
	return drawn(call.Snapshot{State: call.Idle, Network: call.Network{Up: true, Registered: true}})
}
func noNetwork() *image.RGBA { return drawn(call.Snapshot{State: call.Idle}) }
func over() *image.RGBA {
	return drawn(call.Snapshot{State: call.Ended, Call: call.View{Elapsed: time.Second, Cause: call.NoNetwork}})
}
func top(title call.Label) *image.RGBA {
	return drawn(call.Snapshot{State: call.Listing, Title: title})
}

// shows tells whether part of the screen is as in the picture, but for the rounding of 16-bit screens.
func shows(screen image.Image, want *image.RGBA, part image.Rectangle) bool {
	ink := false
	ground := want.RGBAAt(part.Min.X, part.Min.Y)
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			w := want.RGBAAt(x, y)
			if !near(screen.At(x, y), w) {
				return false
			}
			ink = ink || w != ground
		}
	}
	return ink // an empty part would be found everywhere
}

// waitTop waits until the words of the top line are those of a picture.
func (m *machine) waitTop(want *image.RGBA, what string, patience time.Duration) time.Time {
	m.t.Helper()
	for until := time.Now().Add(slow * patience); ; time.Sleep(50 * time.Millisecond) {
		if shows(m.screen(), want, topWords) {
			return time.Now()
		}
		if time.Now().After(until) {
			m.shot("never " + what)
			m.t.Fatalf("%s: the top line never said: %s. Console:\n%s", m.setup.name, what, m.console())
		}
	}
}

// rowOf is the ink of one row of a list, cut out of a drawing of it alone.
func rowOf(r call.Row, selected bool) (img *image.RGBA, part image.Rectangle) {
	s := call.Snapshot{State: call.Listing, Selected: -1}
	ground := s
	s.Rows = []call.Row{r}
	if selected {
		s.Selected, ground.Selected = 0, 0
		ground.Rows = []call.Row{{Text: " "}}
	}
	with, without := drawn(s), drawn(ground)
	for y := rows.Min.Y; y < rows.Max.Y; y++ {
		for x := rows.Min.X; x < rows.Max.X; x++ {
			if with.RGBAAt(x, y) != without.RGBAAt(x, y) {
				part = part.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return with, part
}

// hasRow tells whether a row stands anywhere in the list on the screen.
func hasRow(screen image.Image, r call.Row, selected bool) bool {
	img, part := rowOf(r, selected)
	if part.Empty() {
		return false
	}
	want := img.SubImage(part).(*image.RGBA)
	for dy := rows.Min.Y - part.Min.Y; part.Max.Y+dy <= rows.Max.Y; dy++ {
		moved := *want
		moved.Rect = want.Rect.Add(image.Pt(0, dy))
		if shows(screen, &moved, moved.Rect) {
			return true
		}
	}
	return false
}

// moves presses a key and waits until the screen is another and stays so: a busy bench answers late, and who presses
// again meanwhile goes too far.
func (m *machine) moves(key string) {
	m.t.Helper()
	before := m.screen()
	m.press(key)
	until := time.Now().Add(3 * time.Second)
	now := m.screen()
	for same(before, now) && time.Now().Before(until) {
		time.Sleep(50 * time.Millisecond)
		now = m.screen()
	}
	for last := before; !same(last, now) && time.Now().Before(until); now = m.screen() {
		last = now
		time.Sleep(150 * time.Millisecond)
	}
}

// same tells whether two pictures are equal, but for the top line, where a clock runs.
func same(a, b image.Image) bool {
	for y := rows.Min.Y; y < 320; y++ {
		for x := range 240 {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

// choose moves down a list until a row is selected, and opens it.
func (m *machine) choose(label call.Label) {
	m.t.Helper()
	m.chooseRow(call.Row{Label: label})
}

// chooseRow is choose for a row that somebody else has named.
func (m *machine) chooseRow(r call.Row) {
	m.t.Helper()
	for range 20 {
		if hasRow(m.screen(), r, true) {
			m.moves("ok")
			return
		}
		m.moves("down")
	}
	m.shot("without " + string(r.Label) + r.Text)
	m.t.Fatalf("%s: the list has no row %q; the console:\n%s", m.setup.name, string(r.Label)+r.Text, m.console())
}

// rest waits for the idle screen with network. A first start asks for language and PIN first: the end key leaves that.
func (m *machine) rest(patience time.Duration) {
	m.t.Helper()
	m.restAs(ready(), "Ready", patience)
}

// restAs waits for an idle screen. The end key on one makes it dark, and any key lights it again.
func (m *machine) restAs(want *image.RGBA, words string, patience time.Duration) {
	m.t.Helper()
	left := false
	for until := time.Now().Add(slow * patience); ; time.Sleep(200 * time.Millisecond) {
		img := m.screen()
		switch {
		case shows(img, want, topWords):
			return
		case time.Now().After(until):
			m.shot("never " + words)
			m.t.Fatalf("%s: the screen never said: %s. Console:\n%s", m.setup.name, words, m.console())
		case near(bar(img), barPanel) && !shows(img, noNetwork(), topWords):
			m.press("end")
			left = true
			time.Sleep(time.Second)
		case left && near(bar(img), color.RGBA{A: 0xff}):
			m.press("up")
			time.Sleep(time.Second)
		}
	}
}

// about opens the list that says what is running and what is wrong, and looks for the first row of a note in it.
func (m *machine) about(note string) bool {
	m.t.Helper()
	m.moves("softL")
	m.choose("about")
	row := call.Row{Text: note, Mark: call.MarkFailed}
	for range 15 {
		if img := m.screen(); hasRow(img, row, false) || hasRow(img, row, true) {
			return true
		}
		m.moves("down")
	}
	return false
}
