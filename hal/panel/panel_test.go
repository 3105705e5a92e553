package panel

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"testing"
	"time"

	"periph.io/x/conn/v3/display"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c/i2ctest"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spitest"

	"sotto/hal"
)

var (
	_ display.Drawer = (*ST7789)(nil)
	_ display.Drawer = (*SSD1306)(nil)
	_ hal.Display    = (*ST7789)(nil)
	_ hal.Display    = (*SSD1306)(nil)
)

// line is an output pin that remembers.
type line struct {
	gpio.PinOut
	levels []gpio.Level
	fail   error
}

func (l *line) Out(v gpio.Level) error { l.levels = append(l.levels, v); return l.fail }

// glass is the far end of the SPI wire: an ST7789 as its data sheet describes it, with 240x320 pixels of memory.
type glass struct {
	spitest.Record
	dc      line
	pixels  [320][240]uint16
	command byte
	col     [2]int
	row     [2]int
	x, y    int
	on      bool
	format  byte
	bytes   int
	longest int
}

// Connect implements spi.Port; the transfers end in the glass.
func (g *glass) Connect(f physic.Frequency, m spi.Mode, bits int) (spi.Conn, error) {
	c, err := g.Record.Connect(f, m, bits)
	return &wire{Conn: c, glass: g}, err
}

type wire struct {
	spi.Conn
	glass *glass
}

func (w *wire) Tx(out, in []byte) error {
	g := w.glass
	g.longest = max(g.longest, len(out))
	if g.dc.levels[len(g.dc.levels)-1] == gpio.High {
		g.data(out)
		return w.Conn.Tx(out, in)
	}
	g.command = out[0]
	switch g.command {
	case st7789DisplayOn:
		g.on = true
	case st7789DisplayOff:
		g.on = false
	case st7789MemoryWrite:
		g.x, g.y = g.col[0], g.row[0]
	}
	return w.Conn.Tx(out, in)
}

func (g *glass) data(b []byte) {
	g.bytes += len(b)
	switch g.command {
	case st7789PixelFormat:
		g.format = b[0]
	case st7789ColumnRange:
		g.col = [2]int{int(b[0])<<8 | int(b[1]), int(b[2])<<8 | int(b[3])}
	case st7789RowRange:
		g.row = [2]int{int(b[0])<<8 | int(b[1]), int(b[2])<<8 | int(b[3])}
	case st7789MemoryWrite:
		for i := 0; i+1 < len(b); i += 2 {
			g.pixels[g.y][g.x] = uint16(b[i])<<8 | uint16(b[i+1])
			if g.x++; g.x > g.col[1] {
				g.x, g.y = g.col[0], g.y+1
			}
		}
	}
}

func newPanel(t *testing.T, c ST7789Config) (*ST7789, *glass) {
	t.Helper()
	g := &glass{}
	c.Data, c.Sleep = &g.dc, func(time.Duration) {}
	p, err := NewST7789(g, c)
	if err != nil {
		t.Fatal(err)
	}
	return p, g
}

func TestST7789ShowsWhatWasDrawn(t *testing.T) {
	p, g := newPanel(t, ST7789Config{Width: 240, Height: 240, Offset: image.Pt(0, 80)})
	if g.on {
		t.Fatal("after New the panel is on")
	}
	p.Frame().Set(200, 200, color.RGBA{R: 0xff, A: 0xff})
	if err := p.Show(image.Rect(1, 1, 2, 2)); err != nil || !g.on || g.format != st7789Pixel16 || g.pixels[280][200] != 0xf800 {
		t.Fatalf("the first picture: %v, on %v, a pixel that is not damaged is %#04x", err, g.on, g.pixels[280][200])
	}
	p.Frame().Set(200, 200, color.Black)
	if err := p.Show(image.Rect(200, 200, 201, 201)); err != nil {
		t.Fatal(err)
	}
	before := g.bytes
	damage := image.Rect(17, 30, 219, 95)
	draw.Draw(p.Frame(), damage, image.NewUniform(color.RGBA{R: 0xff, G: 0x80, B: 0x08, A: 0xff}), image.Point{}, draw.Src)
	p.Frame().Set(0, 0, color.White) // outside the damage: must not be sent
	if err := p.Show(damage); err != nil {
		t.Fatal(err)
	}
	const want = 0xff>>3<<11 | 0x80>>2<<5 | 0x08>>3
	for y := range 320 {
		for x := range 240 {
			inside := (image.Point{X: x, Y: y - 80}).In(damage)
			if got := g.pixels[y][x]; inside && got != want || !inside && got != 0 {
				t.Fatalf("pixel %d,%d of the glass is %#04x", x, y, got)
			}
		}
	}
	if sent, pixels := g.bytes-before, 2*damage.Dx()*damage.Dy(); sent != pixels+8 {
		t.Errorf("%d bytes for %d bytes of damage", sent, pixels)
	}
	if g.longest > chunk {
		t.Errorf("a transfer of %d bytes; spidev takes %d", g.longest, chunk)
	}
}

// The chip must rest after its reset (data sheet, 9.1.2), however soon somebody draws; who draws late does not wait again.
func TestST7789RestsAfterReset(t *testing.T) {
	for _, c := range []struct{ late, least, most time.Duration }{{0, 100, 126}, {200, 5, 6}} {
		p, _ := newPanel(t, ST7789Config{Width: 240, Height: 240})
		var slept time.Duration
		p.cfg.Sleep = func(d time.Duration) { slept += max(d, 0) }
		p.reset = time.Now().Add(-c.late * time.Millisecond)
		for range 2 {
			if err := p.Show(p.Bounds()); err != nil {
				t.Fatal(err)
			}
		}
		if slept < c.least*time.Millisecond || slept > c.most*time.Millisecond {
			t.Errorf("first picture %d ms after New: slept %v", c.late, slept)
		}
	}
}

func TestST7789EmptyAndOutside(t *testing.T) {
	p, g := newPanel(t, ST7789Config{Width: 240, Height: 320})
	n := len(g.Ops)
	if err := p.Show(image.Rect(300, 400, 310, 410)); err != nil || len(g.Ops) != n {
		t.Errorf("damage outside the panel: %v, %d transfers", err, len(g.Ops)-n)
	}
	p.Frame().Set(-1, 5, color.White)
	p.Frame().Set(5, 320, color.White)
	for _, b := range p.frame.Pix {
		if b != 0 {
			t.Fatal("a pixel outside the frame landed inside")
		}
	}
}

func TestST7789BacklightAndReset(t *testing.T) {
	light, reset := &line{}, &line{}
	p, _ := newPanel(t, ST7789Config{Width: 240, Height: 240, Backlight: light, Reset: reset, Turned: true})
	if len(reset.levels) != 2 || reset.levels[0] != gpio.Low || reset.levels[1] != gpio.High {
		t.Errorf("the reset pin went %v", reset.levels)
	}
	_ = p.SetBacklight(40)
	_ = p.Halt()
	if len(light.levels) != 2 || !bool(light.levels[0]) || bool(light.levels[1]) {
		t.Errorf("the light went %v", light.levels)
	}
	if p.shown {
		t.Error("after a halt the glass would stay dark")
	}
	light.fail = errors.New("burnt")
	if p.SetBacklight(1) == nil {
		t.Error("a burnt backlight pin is no error")
	}
}

func TestSSD1306(t *testing.T) {
	bus := &i2ctest.Record{}
	p, err := NewSSD1306(bus, SSD1306Address)
	if err != nil {
		t.Fatal(err)
	}
	first := bus.Ops[0].W
	if first[0] != ssd1306IsCommand || first[1] != ssd1306Off || !bytes.Contains(first, []byte{ssd1306ChargePump, 0x14}) {
		t.Errorf("the panel is set up by % x", first)
	}
	if last := bus.Ops[len(bus.Ops)-1].W; !bytes.Equal(last, []byte{ssd1306IsCommand, ssd1306On}) {
		t.Errorf("New ends with % x", last)
	}
	bus.Ops = nil
	if err := p.Draw(image.Rect(10, 6, 13, 9), image.White, image.Point{}); err != nil {
		t.Fatal(err)
	}
	want := [][]byte{
		{ssd1306IsCommand, ssd1306Columns, 10, 12, ssd1306Pages, 0, 1},
		{ssd1306IsData, 0xc0, 0xc0, 0xc0}, // rows 6 and 7 of page 0
		{ssd1306IsData, 0x01, 0x01, 0x01}, // row 8 is the first of page 1
	}
	if len(bus.Ops) != len(want) {
		t.Fatalf("%d transfers, want %d", len(bus.Ops), len(want))
	}
	for i, w := range want {
		if !bytes.Equal(bus.Ops[i].W, w) || bus.Ops[i].Addr != SSD1306Address {
			t.Errorf("transfer %d to %#x: % x, want % x", i, bus.Ops[i].Addr, bus.Ops[i].W, w)
		}
	}
	bus.Ops = nil
	_ = p.SetBacklight(0)
	_ = p.SetBacklight(100)
	if !bytes.Equal(bus.Ops[0].W, []byte{0, ssd1306Off}) || !bytes.Equal(bus.Ops[1].W, []byte{0, ssd1306Contrast, 255, ssd1306On}) {
		t.Errorf("light off and on: % x, % x", bus.Ops[0].W, bus.Ops[1].W)
	}
}

func TestSSD1306Missing(t *testing.T) {
	bus := &i2ctest.Playback{DontPanic: true}
	if _, err := NewSSD1306(bus, SSD1306Address); err == nil {
		t.Error("a panel that does not acknowledge is no error")
	}
}

func TestFramesKeepWhatIsSet(t *testing.T) {
	for _, f := range []draw.RGBA64Image{NewMono(image.Rect(0, 0, 20, 20))} {
		f.Set(3, 9, color.White)
		if r, g, b, _ := f.At(3, 9).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff {
			t.Errorf("%T: white comes back as %x %x %x", f, r, g, b)
		}
		f.Set(3, 9, color.Black)
		if r, _, _, _ := f.At(3, 9).RGBA(); r != 0 {
			t.Errorf("%T: black does not replace white", f)
		}
		f.SetRGBA64(3, 9, color.RGBA64{R: 0x7000, G: 0x9000, B: 0x7000, A: 0xffff})
		f.SetRGBA64(-1, 9, color.RGBA64{R: 0xffff, G: 0xffff, B: 0xffff, A: 0xffff})
		if c, d := f.RGBA64At(3, 9), f.RGBA64At(2, 9); c.G != 0xffff || d.G != 0 || d.A != 0xffff {
			t.Errorf("%T: the quick way sets %v and %v", f, c, d)
		}
		if c := f.ColorModel().Convert(color.White); c != f.ColorModel().Convert(c) {
			t.Errorf("%T: converting twice changes a colour", f)
		}
	}
}
