package panel

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Commands of the ST7789V data sheet, version 1.6, chapter 9.
const (
	st7789SoftwareReset = 0x01 // 9.1.2
	st7789SleepOut      = 0x11 // 9.1.12
	st7789NormalMode    = 0x13 // 9.1.14
	st7789InversionOn   = 0x21 // 9.1.16: IPS panels show negatives without it
	st7789DisplayOff    = 0x28 // 9.1.18
	st7789DisplayOn     = 0x29 // 9.1.19
	st7789ColumnRange   = 0x2a // 9.1.20
	st7789RowRange      = 0x2b // 9.1.21
	st7789MemoryWrite   = 0x2c // 9.1.22
	st7789Orientation   = 0x36 // 9.1.28
	st7789PixelFormat   = 0x3a // 9.1.32

	st7789Pixel16 = 0x55 // 65K colours, 16 bits a pixel
)

// Times of the data sheet: 9.1.2 asks for 120 ms before Sleep Out after a reset, 9.1.12 for 5 ms after it.
const (
	st7789AfterReset = 120 * time.Millisecond
	st7789AfterSleep = 5 * time.Millisecond
)

// chunk is the longest transfer that spidev takes unless its buffer was made larger at boot.
const chunk = 4096

// ST7789Config is a panel module.
type ST7789Config struct {
	Width, Height int         // 240x240 and 240x320 are sold
	Offset        image.Point // where the glass lies in the chip's 240x320 memory
	Turned        bool        // the module is mounted upside down
	Data          gpio.PinOut // low: command, high: data (DC)
	Reset         gpio.PinOut // may be nil: then the command resets the chip
	Backlight     gpio.PinOut // may be nil: then the light is always on
	Speed         physic.Frequency
	Sleep         func(time.Duration) // nil is time.Sleep
}

// ST7789 is a colour panel on SPI.
type ST7789 struct {
	conn  spi.Conn
	cfg   ST7789Config
	frame *image.RGBA // four bytes a pixel: image/draw is quick with it, and Show turns it into the panel's two in passing
	line  []byte
	reset time.Time
	shown bool // a whole picture is on the glass; before that it stays dark, since its memory holds noise
}

// NewST7789 resets the panel. The first Show wakes it, since the chip must rest in between and a telephone has other things
// to do meanwhile; until then the glass stays dark.
func NewST7789(port spi.Port, c ST7789Config) (*ST7789, error) {
	if c.Speed == 0 {
		c.Speed = 32 * physic.MegaHertz
	}
	if c.Sleep == nil {
		c.Sleep = time.Sleep
	}
	conn, err := port.Connect(c.Speed, spi.Mode0, 8)
	if err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	p := &ST7789{conn: conn, cfg: c, frame: image.NewRGBA(image.Rect(0, 0, c.Width, c.Height)), line: make([]byte, 0, chunk)}
	if err := p.restart(); err != nil {
		return nil, fmt.Errorf("panel: st7789: %w", err)
	}
	p.reset = time.Now()
	return p, nil
}

func (p *ST7789) restart() error {
	if p.cfg.Reset != nil {
		for _, l := range []gpio.Level{gpio.Low, gpio.High} {
			if err := p.cfg.Reset.Out(l); err != nil {
				return err
			}
			p.cfg.Sleep(st7789AfterSleep)
		}
		return nil
	}
	return p.command(st7789SoftwareReset)
}

func (p *ST7789) wake() error {
	p.cfg.Sleep(time.Until(p.reset.Add(st7789AfterReset)))
	if err := p.command(st7789SleepOut); err != nil {
		return err
	}
	p.cfg.Sleep(st7789AfterSleep)
	orientation := byte(0x00)
	if p.cfg.Turned {
		orientation = 0xc0 // MY and MX
	}
	for _, c := range [][]byte{
		{st7789PixelFormat, st7789Pixel16}, {st7789Orientation, orientation}, {st7789InversionOn}, {st7789NormalMode},
	} {
		if err := p.command(c[0], c[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// command sends one command and its parameters.
func (p *ST7789) command(c byte, data ...byte) error {
	if err := p.cfg.Data.Out(gpio.Low); err != nil {
		return err
	}
	if err := p.conn.Tx([]byte{c}, nil); err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	return p.data(data)
}

func (p *ST7789) data(b []byte) error {
	if err := p.cfg.Data.Out(gpio.High); err != nil {
		return err
	}
	return p.conn.Tx(b, nil)
}

// Frame implements hal.Display.
func (p *ST7789) Frame() draw.Image { return p.frame }

// Show implements hal.Display. The first one shows everything and then switches the glass on.
func (p *ST7789) Show(damage image.Rectangle) error {
	r := damage.Intersect(p.frame.Rect)
	if r.Empty() {
		return nil
	}
	if p.shown {
		return p.send(r)
	}
	if err := p.wake(); err != nil {
		return fmt.Errorf("panel: st7789: %w", err)
	}
	if err := p.send(p.frame.Rect); err != nil {
		return err
	}
	p.shown = true
	return p.command(st7789DisplayOn)
}

// send writes a rectangle into the panel's memory.
func (p *ST7789) send(r image.Rectangle) error {
	if err := p.window(r.Add(p.cfg.Offset)); err != nil {
		return err
	}
	if err := p.cfg.Data.Out(gpio.High); err != nil {
		return err
	}
	p.line = p.line[:0]
	for y := r.Min.Y; y < r.Max.Y; y++ {
		if len(p.line)+2*r.Dx() > chunk {
			if err := p.conn.Tx(p.line, nil); err != nil {
				return err
			}
			p.line = p.line[:0]
		}
		p.line = wire565(p.line, p.frame.Pix[p.frame.PixOffset(r.Min.X, y):p.frame.PixOffset(r.Max.X, y)])
	}
	return p.conn.Tx(p.line, nil)
}

// window sets the rectangle that the next pixels fill; ends are inclusive.
func (p *ST7789) window(r image.Rectangle) error {
	span := func(from, to int) []byte {
		return []byte{byte(from >> 8), byte(from), byte((to - 1) >> 8), byte(to - 1)}
	}
	if err := p.command(st7789ColumnRange, span(r.Min.X, r.Max.X)...); err != nil {
		return err
	}
	if err := p.command(st7789RowRange, span(r.Min.Y, r.Max.Y)...); err != nil {
		return err
	}
	return p.command(st7789MemoryWrite)
}

// SetBacklight implements hal.Display. The pin knows on and off: any percentage above zero is on.
func (p *ST7789) SetBacklight(percent int) error {
	if p.cfg.Backlight == nil {
		return nil
	}
	return p.cfg.Backlight.Out(percent > 0)
}

// String implements conn.Resource.
func (p *ST7789) String() string { return fmt.Sprintf("ST7789{%dx%d}", p.cfg.Width, p.cfg.Height) }

// Halt implements conn.Resource: the panel goes dark.
func (p *ST7789) Halt() error {
	if err := p.SetBacklight(0); err != nil {
		return err
	}
	p.shown = false
	return p.command(st7789DisplayOff)
}

// ColorModel implements display.Drawer.
func (p *ST7789) ColorModel() color.Model { return Model565 }

// Bounds implements display.Drawer and hal.Display.
func (p *ST7789) Bounds() image.Rectangle { return p.frame.Rect }

// Draw implements display.Drawer.
func (p *ST7789) Draw(r image.Rectangle, src image.Image, at image.Point) error {
	draw.Draw(p.frame, r, src, at, draw.Src)
	return p.Show(r)
}
