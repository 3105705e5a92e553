// Package soundchip sets the registers of the chips that turn numbers into sound: WM8960 and SGTL5000, over periph's I2C.
// The samples themselves go over I2S, which is hal/alsa's business; the kernel has no driver for these chips, so nobody
// but this package decides whether the microphone is on.
//
// It promises that the microphone's amplifier is off until SetMicrophone asks for it, that a chip which does not answer
// is an error when it is opened, and that levels are the same percentages whatever the chip.
//
// It never reads samples. It cannot measure what an amplifier really puts out.
package soundchip

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// ErrMissing is wrapped by the error of a chip that does not acknowledge its address or has another identity.
var ErrMissing = errors.New("the chip does not answer")

// write is one register and its value.
type write struct {
	reg   uint16
	value uint16
	pause time.Duration // after the write
}

// percent maps 0..100 onto low..high, which may fall.
func percent(p, low, high int) uint16 {
	p = max(0, min(100, p))
	return uint16((low*(100-p) + high*p + 50) / 100)
}

// wire is what both chips share: an address on a bus.
type wire struct {
	dev  i2c.Dev
	name string
}

func (w wire) tx(out, in []byte) error {
	if err := w.dev.Tx(out, in); err != nil {
		return fmt.Errorf("soundchip: %s at %#x: %w: %w", w.name, w.dev.Addr, ErrMissing, err)
	}
	return nil
}
