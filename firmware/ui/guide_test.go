package ui

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"sotto/firmware/call"
)

const docs = "../../docs"

// TestGuideShowsEveryScreen: a screen that no page explains is one that its user has to guess.
func TestGuideShowsEveryScreen(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(docs, "GUIDE.md"))
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range regexp.MustCompile(`src="\.\./firmware/ui/testdata/240x240/([a-z-]+)\.png"`).FindAllStringSubmatch(string(guide), -1) {
		shown = append(shown, m[1])
	}
	for _, g := range gallery {
		if !slices.Contains(shown, g.name) {
			t.Errorf("docs/GUIDE.md does not show %s", g.name)
		}
	}
	for _, name := range shown {
		if _, err := os.Stat(filepath.Join("testdata", "240x240", name+".png")); err != nil {
			t.Errorf("docs/GUIDE.md shows a screen that does not exist: %v", err)
		}
	}
	if n := bytes.Count(guide, []byte("<img ")); n != len(shown) {
		t.Errorf("docs/GUIDE.md has %d pictures, %d of them screens", n, len(shown))
	}
}

// sheet is what docs/SCREENS.md shows at a glance.
var sheet = []string{"idle", "dialling", "calling", "incoming", "going-secure", "secure-first", "verifying", "verified",
	"key-changed", "someone-listens", "other-person", "ended-cannot-encrypt", "on-hold", "second-call", "second-answered",
	"intercom", "ended-missed", "contacts", "contact", "log", "menu", "settings", "who-may-ring", "account", "first-pin",
	"statistics", "pin", "about"}

// TestSheets keeps the two pictures of docs/SCREENS.md in step with the gallery.
func TestSheets(t *testing.T) {
	for file, s := range map[string]struct {
		size            image.Point
		columns, double int
	}{"screens-240.png": {image.Pt(240, 240), 7, 1}, "screens-128.png": {image.Pt(128, 64), 4, 2}} {
		const gap = 8
		cell := s.size.Mul(s.double).Add(image.Pt(gap, gap))
		rows := (len(sheet) + s.columns - 1) / s.columns
		all := image.NewRGBA(image.Rect(0, 0, s.columns*cell.X+gap, rows*cell.Y+gap))
		draw.Draw(all, all.Rect, image.NewUniform(color.Gray{0x60}), image.Point{}, draw.Src)
		for n, name := range sheet {
			i := slices.IndexFunc(gallery, func(g galleryScreen) bool {
				return g.name == name
			})
			if i < 0 {
				t.Fatalf("no screen %s", name)
			}
			frame := image.NewRGBA(image.Rectangle{Max: s.size})
			Render(frame, reached(t, i, call.Settings{}))
			at := image.Pt(n%s.columns*cell.X+gap, n/s.columns*cell.Y+gap)
			for y := range s.size.Y * s.double {
				for x := range s.size.X * s.double {
					all.Set(at.X+x, at.Y+y, frame.At(x/s.double, y/s.double))
				}
			}
		}
		path := filepath.Join(docs, file)
		if *updateGolden {
			writePNG(t, path, all)
		}
		comparePNG(t, path, all)
	}
}
