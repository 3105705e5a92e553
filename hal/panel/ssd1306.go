package panel

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"periph.io/x/conn/v3/i2c"
)

// Commands of the SSD1306 data sheet, revision 1.1, table 9-1.
const (
	ssd1306AddressMode = 0x20
	ssd1306Columns     = 0x21
	ssd1306Pages       = 0x22
	ssd1306StartLine   = 0x40
	ssd1306Contrast    = 0x81
	ssd1306ChargePump  = 0x8d
	ssd1306MirrorX     = 0xa1
	ssd1306FromMemory  = 0xa4
	ssd1306Positive    = 0xa6
	ssd1306Multiplex   = 0xa8
	ssd1306Off         = 0xae
	ssd1306On          = 0xaf
	ssd1306MirrorY     = 0xc8
	ssd1306Offset      = 0xd3
	ssd1306Clock       = 0xd5
	ssd1306Precharge   = 0xd9
	ssd1306Wiring      = 0xda
	ssd1306Deselect    = 0xdb

	ssd1306IsCommand = 0x00 // control byte, section 8.1.5.2: Co = 0, D/C# = 0
	ssd1306IsData    = 0x40 // Co = 0, D/C# = 1
)

// SSD1306Address is the address of nearly every module; 0x3d with the other solder bridge.
const SSD1306Address = 0x3c

// SSD1306 is a 128x64 monochrome panel on I2C.
type SSD1306 struct {
	dev   i2c.Dev
	frame *Mono
	buf   []byte
}

// NewSSD1306 wakes the panel and shows a dark frame. A panel that is missing is an error here: I2C acknowledges.
func NewSSD1306(bus i2c.Bus, address uint16) (*SSD1306, error) {
	p := &SSD1306{dev: i2c.Dev{Bus: bus, Addr: address}, frame: NewMono(image.Rect(0, 0, 128, 64)), buf: make([]byte, 0, 1+128)}
	setup := []byte{
		ssd1306Off,
		ssd1306Clock, 0x80, ssd1306Multiplex, 63, ssd1306Offset, 0, ssd1306StartLine,
		ssd1306ChargePump, 0x14, // on: the module has no 7.5 V supply
		ssd1306AddressMode, 0x00, // horizontal
		ssd1306MirrorX, ssd1306MirrorY, // the connector is on top
		ssd1306Wiring, 0x12, ssd1306Contrast, 0xcf, ssd1306Precharge, 0xf1, ssd1306Deselect, 0x40,
		ssd1306FromMemory, ssd1306Positive,
	}
	if err := p.command(setup...); err != nil {
		return nil, fmt.Errorf("panel: ssd1306 at %#x: %w", address, err)
	}
	if err := p.Show(p.frame.Rect); err != nil {
		return nil, fmt.Errorf("panel: ssd1306 at %#x: %w", address, err)
	}
	return p, p.command(ssd1306On)
}

func (p *SSD1306) command(c ...byte) error {
	return p.dev.Tx(append([]byte{ssd1306IsCommand}, c...), nil)
}

// Frame implements hal.Display.
func (p *SSD1306) Frame() draw.Image { return p.frame }

// Show implements hal.Display.
func (p *SSD1306) Show(damage image.Rectangle) error {
	r := damage.Intersect(p.frame.Rect)
	if r.Empty() {
		return nil
	}
	first, last := r.Min.Y/8, (r.Max.Y-1)/8
	err := p.command(ssd1306Columns, byte(r.Min.X), byte(r.Max.X-1), ssd1306Pages, byte(first), byte(last))
	if err != nil {
		return err
	}
	for page := first; page <= last; page++ {
		row := p.frame.Pix[page*p.frame.Rect.Dx():]
		p.buf = append(append(p.buf[:0], ssd1306IsData), row[r.Min.X:r.Max.X]...)
		if err := p.dev.Tx(p.buf, nil); err != nil {
			return err
		}
	}
	return nil
}

// SetBacklight implements hal.Display: the panel shines by itself, so this is its contrast, and 0 switches it off.
func (p *SSD1306) SetBacklight(percent int) error {
	percent = max(0, min(100, percent))
	if percent == 0 {
		return p.command(ssd1306Off)
	}
	return p.command(ssd1306Contrast, byte(percent*255/100), ssd1306On)
}

// String implements conn.Resource.
func (p *SSD1306) String() string { return fmt.Sprintf("SSD1306{%s}", p.dev.String()) }

// Halt implements conn.Resource: the panel goes dark.
func (p *SSD1306) Halt() error { return p.command(ssd1306Off) }

// ColorModel implements display.Drawer.
func (p *SSD1306) ColorModel() color.Model { return ModelMono }

// Bounds implements display.Drawer and hal.Display.
func (p *SSD1306) Bounds() image.Rectangle { return p.frame.Rect }

// Draw implements display.Drawer.
func (p *SSD1306) Draw(r image.Rectangle, src image.Image, at image.Point) error {
	draw.Draw(p.frame, r, src, at, draw.Src)
	return p.Show(r)
}
