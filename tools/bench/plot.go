package main

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"slices"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// The picture has four panels: bars for what has one figure a program, lines for speech over loss.
const (
	plotWide, plotHigh = 960, 640
	panelWide          = plotWide / 2
	panelHigh          = (plotHigh - 30) / 2
	margins            = 46
)

// inks are the programs' colours, ours first.
var inks = []color.RGBA{{0x1f, 0x5f, 0xbf, 0xff}, {0xd9, 0x7b, 0x1a, 0xff}, {0x4f, 0x8f, 0x4f, 0xff}}

var (
	black = color.RGBA{0x20, 0x20, 0x20, 0xff}
	grid  = color.RGBA{0xdd, 0xdd, 0xdd, 0xff}
)

// lossesDrawn are the figures of the panel with lines, by percent lost.
var lossesDrawn = []struct {
	percent int
	name    string
}{{0, "loss_0_stoi"}, {5, "loss_5_stoi"}, {10, "loss_10_stoi"}, {20, "loss_20_stoi"}, {40, "loss_40_stoi"}}

// plot draws the figures to a PNG file.
func (f *figures) plot(file string) error {
	img := image.NewRGBA(image.Rect(0, 0, plotWide, plotHigh))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	programs := f.plotted()
	for i, p := range programs {
		x := margins + i*130
		fill(img, image.Rect(x, 8, x+12, 20), inks[i])
		write(img, x+18, 19, p, black)
	}
	write(img, margins+400, 19, f.Date[:10]+", load "+f.Load, black)
	place := func(column, row int) image.Rectangle {
		at := image.Pt(column*panelWide, 30+row*panelHigh)
		return image.Rectangle{at, at.Add(image.Pt(panelWide, panelHigh))}
	}
	f.bars(img, place(0, 0), programs, "mouth to ear, 95th percentile, ms", "mouth_to_ear_p95_ms")
	f.lines(img, place(1, 0), programs)
	f.bars(img, place(0, 1), programs, "processor time of a call of 60 s, s", "cpu_of_60s_call_s")
	f.bars(img, place(1, 1), programs, "peak memory, MB", "peak_memory_mb")
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := png.Encode(out, img); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// plotted are the telephones, ours first.
func (f *figures) plotted() (programs []string) {
	for p, v := range f.Programs {
		_, heard := v["mouth_to_ear_p95_ms"]
		_, lost := v["loss_20_stoi"]
		if heard || lost {
			programs = append(programs, p)
		}
	}
	slices.SortFunc(programs, func(a, b string) int {
		switch {
		case a == "sotto":
			return -1
		case b == "sotto":
			return 1
		case a > b:
			return -1
		}
		return 1
	})
	return programs[:min(len(programs), len(inks))]
}

// bars draws one figure of every program, with its value above.
func (f *figures) bars(img *image.RGBA, r image.Rectangle, programs []string, title, name string) {
	area := frame(img, r, title)
	top := 0.0
	for _, p := range programs {
		top = max(top, f.Programs[p][name])
	}
	if top == 0 {
		return
	}
	step := area.Dx() / max(1, len(programs))
	for i, p := range programs {
		v, ok := f.Programs[p][name]
		if !ok {
			continue
		}
		x, y := area.Min.X+i*step+step/4, area.Max.Y-int(v/top*float64(area.Dy()-20))
		fill(img, image.Rect(x, y, x+step/2, area.Max.Y), inks[i])
		write(img, x, y-4, fmt.Sprintf("%.3g", v), black)
	}
}

// lines draws intelligibility over random loss, from 0.7 to 1.
func (f *figures) lines(img *image.RGBA, r image.Rectangle, programs []string) {
	const bottom, most = 0.7, 40
	area := frame(img, r, "intelligibility (STOI) over random loss, %")
	at := func(percent int, v float64) image.Point {
		return image.Pt(area.Min.X+percent*area.Dx()/most, area.Max.Y-int((max(v, bottom)-bottom)/(1-bottom)*float64(area.Dy())))
	}
	for v := bottom; v < 1.01; v += 0.1 {
		y := at(0, v).Y
		fill(img, image.Rect(area.Min.X, y, area.Max.X, y+1), grid)
		write(img, area.Min.X-30, y+4, fmt.Sprintf("%.1f", v), black)
	}
	for i, p := range programs {
		var last *image.Point
		for _, l := range lossesDrawn {
			v, ok := f.Programs[p][l.name]
			if !ok {
				continue
			}
			here := at(l.percent, v)
			fill(img, image.Rect(here.X-3, here.Y-3, here.X+4, here.Y+4), inks[i])
			if last != nil {
				stroke(img, *last, here, inks[i])
			}
			last = &here
		}
	}
	for _, l := range lossesDrawn {
		write(img, at(l.percent, bottom).X-6, area.Max.Y+16, fmt.Sprint(l.percent), black)
	}
}

// frame writes a panel's title and draws its axes; the result is the room between them.
func frame(img *image.RGBA, r image.Rectangle, title string) image.Rectangle {
	write(img, r.Min.X+margins, r.Min.Y+20, title, black)
	area := image.Rect(r.Min.X+margins, r.Min.Y+34, r.Max.X-20, r.Max.Y-30)
	fill(img, image.Rect(area.Min.X, area.Max.Y, area.Max.X, area.Max.Y+1), black)
	fill(img, image.Rect(area.Min.X-1, area.Min.Y, area.Min.X, area.Max.Y), black)
	return area
}

func fill(img *image.RGBA, r image.Rectangle, c color.Color) {
	draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// stroke is a line two pixels thick.
func stroke(img *image.RGBA, from, to image.Point, c color.Color) {
	n := max(1, to.X-from.X, from.X-to.X, to.Y-from.Y, from.Y-to.Y)
	for i := range n + 1 {
		p := image.Pt(from.X+(to.X-from.X)*i/n, from.Y+(to.Y-from.Y)*i/n)
		fill(img, image.Rect(p.X, p.Y, p.X+2, p.Y+2), c)
	}
}

func write(img *image.RGBA, x, y int, text string, c color.Color) {
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
