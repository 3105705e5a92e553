//go:build hil

package hil

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"time"
)

// Colours of the line at the top of the screen (firmware/ui/theme.go), by which a person too sees from afar how it stands.
var (
	barPanel  = color.RGBA{0x1c, 0x23, 0x2d, 0xff}
	barBusy   = color.RGBA{0x6c, 0xb0, 0xff, 0xff}
	barUnsure = color.RGBA{0xff, 0xc5, 0x3d, 0xff}
)

// near tells whether two colours are the same but for the rounding of 16-bit screens.
func near(a color.Color, b color.RGBA) bool {
	r, g, bl, _ := a.RGBA()
	d := func(x uint32, y uint8) bool { v := int(x>>8) - int(y); return v > -9 && v < 9 }
	return d(r, b.R) && d(g, b.G) && d(bl, b.B)
}

// bar is the ground of the top line: its left end, where nothing is written.
func bar(img image.Image) color.Color { return img.At(3, 3) }

// waitBar waits until the top line has a colour, and returns the picture and the moment.
func (m *machine) waitBar(want color.RGBA, what string, patience time.Duration) (image.Image, time.Time) {
	m.t.Helper()
	for until := time.Now().Add(slow * patience); ; time.Sleep(50 * time.Millisecond) {
		img := m.screen()
		if near(bar(img), want) {
			return img, time.Now()
		}
		if time.Now().After(until) {
			m.shot("never " + what)
			m.t.Fatalf("%s: the screen never showed: %s (top line %v). Console:\n%s", m.setup.name, what, bar(img), m.console())
		}
	}
}

// shot keeps a picture for the report.
func (m *machine) shot(what string) {
	m.t.Helper()
	m.shots++
	name := fmt.Sprintf("%s-%s-%02d.png", m.t.Name(), m.setup.name, m.shots)
	f, err := os.Create(filepath.Join(reportDir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m.screen()); err != nil {
		m.t.Fatal(err)
	}
	note("![%s: %s](%s) ", m.setup.name, what, name)
}

// codeBoxes are the four letters of the code on the screen that shows it whole.
func codeBoxes() []image.Rectangle {
	var b []image.Rectangle
	for i := range 4 {
		x := 19 + 52*i
		b = append(b, image.Rect(x+5, 125+5, x+46-5, 125+58-5))
	}
	return b
}

// letter is the ink in a box: true where a pixel is nearer to the ink than to the ground. The two handsets fill
// different boxes, so ink and ground change places between them.
func letter(img image.Image, r image.Rectangle) []bool {
	grey := func(x, y int) int {
		v, _, _, _ := color.GrayModel.Convert(img.At(x, y)).RGBA()
		return int(v >> 8)
	}
	ground := grey(r.Min.X, r.Min.Y)
	var ink []bool
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d := grey(x, y) - ground
			ink = append(ink, d > 115 || d < -115)
		}
	}
	return ink
}

// differ is the number of pixels by which two letters differ, and the ink of the first.
func differ(a, b []bool) (n, ink int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
		if a[i] {
			ink++
		}
	}
	return n, ink
}

// sameCode compares the codes of two pictures letter by letter.
func sameCode(a, b image.Image) error {
	for i, r := range codeBoxes() {
		n, ink := differ(letter(a, r), letter(b, r))
		if ink < 40 {
			return fmt.Errorf("hil: letter %d is not there", i+1)
		}
		if n > ink/5 {
			return fmt.Errorf("hil: letter %d differs in %d of %d pixels", i+1, n, ink)
		}
	}
	return nil
}
