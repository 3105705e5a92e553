package soundchip

import (
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sotto/hal"
)

// WM8960Address is fixed in the chip (data sheet, "Control interface").
const WM8960Address = 0x1a

// Registers of the WM8960 data sheet, revision 4.4, "Register map".
const (
	wmLeftInput    = 0x00 // R0: input amplifier, 0 to 63 is -17.25 to +30 dB; bit 7 mute, bit 8 update both
	wmRightInput   = 0x01
	wmLeftHead     = 0x02 // R2: headphone, 48 to 127 is -73 to +6 dB; bit 8 update both
	wmRightHead    = 0x03
	wmClock1       = 0x04
	wmDACControl   = 0x05 // bit 3 mutes
	wmInterface1   = 0x07
	wmClock2       = 0x08
	wmLeftDAC      = 0x0a
	wmRightDAC     = 0x0b
	wmReset        = 0x0f
	wmLeftADC      = 0x15
	wmRightADC     = 0x16
	wmPower1       = 0x19
	wmPower2       = 0x1a
	wmAntiPop1     = 0x1c
	wmLeftPath     = 0x20 // R32: which pin feeds the input amplifier, and its boost
	wmRightPath    = 0x21
	wmLeftMixer    = 0x22
	wmRightMixer   = 0x25
	wmLeftSpeaker  = 0x28 // R40: as R2, for the loudspeaker
	wmRightSpeaker = 0x29
	wmPower3       = 0x2f
	wmClassD       = 0x31 // R49: bits 7 and 6 switch the loudspeaker amplifiers on
	wmPLLN         = 0x34
	wmPLLK1        = 0x35
	wmPLLK2        = 0x36
	wmPLLK3        = 0x37
)

// Bits.
const (
	wmUpdate       = 1 << 8 // a pair of volumes changes when the second is written
	wmInputMute    = 1 << 7
	wmMuteDAC      = 1 << 3
	wmMaster       = 1 << 6
	wmFormatI2S16  = 0x02
	wmFromPLL      = 1 << 0
	wmSysclkHalf   = 2 << 1
	wmBCLKQuarter  = 4      // SYSCLK/4 = 64 bits a sample at 256 clocks a sample
	wmClassDClock  = 7 << 6 // SYSCLK/16 = 768 kHz
	wmVMID50k      = 1 << 7
	wmVREF         = 1 << 6
	wmLeftAmp      = 1 << 5
	wmLeftADCOn    = 1 << 3
	wmMicBias      = 1 << 1
	wmDACs         = 1<<8 | 1<<7
	wmHeads        = 1<<6 | 1<<5
	wmSpeakers     = 1<<4 | 1<<3
	wmPLLOn        = 1 << 0
	wmLeftMic      = 1 << 5
	wmMixers       = 1<<3 | 1<<2
	wmSoftStart    = 1 << 2
	wmPOBCtrl      = 1 << 7
	wmPLLFraction  = 1 << 5
	wmPLLPrescale  = 1 << 4
	wmLINPUT1      = 1 << 8
	wmBoost13dB    = 1 << 4
	wmToBoost      = 1 << 3
	wmDACToMixer   = 1 << 8
	wmClassDBoth   = 3<<6 | 0x37
	wmPowerUpPause = 100 * time.Millisecond // the reference capacitor charges
)

// WM8960 is a hal.Mixer: two headphone outputs, two loudspeaker amplifiers of 1 W, one microphone on LINPUT1. It is the
// clock master, from a crystal of 24 MHz as the modules carry it.
type WM8960 struct {
	wire  wire
	sleep func(time.Duration)
	route hal.Route
	level int
}

// NewWM8960 resets the chip and brings it to 48 kHz with the speaker muted and the microphone off.
func NewWM8960(bus i2c.Bus, sleep func(time.Duration)) (*WM8960, error) {
	c := &WM8960{wire: wire{dev: i2c.Dev{Bus: bus, Addr: WM8960Address}, name: "wm8960"}, sleep: sleep}
	n, k := wmPLL(24_000_000, 48000)
	setup := []write{
		{reg: wmReset},
		{reg: wmAntiPop1, value: wmPOBCtrl | wmSoftStart},
		{reg: wmPower1, value: wmVMID50k | wmVREF, pause: wmPowerUpPause},
		{reg: wmPower2, value: wmPLLOn},
		{reg: wmPLLN, value: wmPLLFraction | wmPLLPrescale | n},
		{reg: wmPLLK1, value: uint16(k >> 16)},
		{reg: wmPLLK2, value: uint16(k >> 8 & 0xff)},
		{reg: wmPLLK3, value: uint16(k & 0xff)},
		{reg: wmClock1, value: wmSysclkHalf | wmFromPLL},
		{reg: wmClock2, value: wmClassDClock | wmBCLKQuarter},
		{reg: wmInterface1, value: wmMaster | wmFormatI2S16},
		{reg: wmDACControl, value: wmMuteDAC},
		{reg: wmLeftDAC, value: 0xff}, {reg: wmRightDAC, value: wmUpdate | 0xff},
		{reg: wmLeftADC, value: 0xc3}, {reg: wmRightADC, value: wmUpdate | 0xc3},
		{reg: wmLeftInput, value: wmUpdate | wmInputMute}, {reg: wmRightInput, value: wmUpdate | wmInputMute},
		{reg: wmLeftPath, value: wmLINPUT1 | wmBoost13dB | wmToBoost},
		{reg: wmLeftMixer, value: wmDACToMixer}, {reg: wmRightMixer, value: wmDACToMixer},
		{reg: wmPower3, value: wmLeftMic | wmMixers},
	}
	if err := c.write(setup...); err != nil {
		return nil, err
	}
	if err := c.SetRoute(hal.RouteEarpiece); err != nil {
		return nil, err
	}
	return c, c.write(write{reg: wmDACControl})
}

// wmPLL returns N and K of the data sheet's formula ("Master clock and phase locked loop"): the loop runs at eight times
// SYSCLK, SYSCLK is 256 times the sample rate, and the crystal is halved before it is compared.
func wmPLL(crystal, rate uint64) (n uint16, k uint32) {
	f2, f1 := 8*256*rate, crystal/2
	return uint16(f2 / f1), uint32((f2 % f1 << 24) / f1)
}

// write sends registers: seven bits of address, nine of value (data sheet, "2-wire serial control mode").
func (c *WM8960) write(ws ...write) error {
	for _, w := range ws {
		if err := c.wire.tx([]byte{byte(w.reg<<1 | w.value>>8), byte(w.value)}, nil); err != nil {
			return err
		}
		if w.pause > 0 {
			c.sleep(w.pause)
		}
	}
	return nil
}

// SetVolume implements hal.Mixer: -73 to +6 dB on the route in use, 0 is silent.
func (c *WM8960) SetVolume(p int) error {
	c.level = p
	v := percent(p, 48, 127)
	if p <= 0 {
		v = 0 // below 48 the data sheet says mute
	}
	left, right := uint16(wmLeftHead), uint16(wmRightHead)
	if c.route == hal.RouteSpeaker {
		left, right = wmLeftSpeaker, wmRightSpeaker
	}
	return c.write(write{reg: left, value: v}, write{reg: right, value: wmUpdate | v})
}

// SetMicrophone implements hal.Mixer: -17.25 to +30 dB; 0 switches the amplifier and the converter off.
func (c *WM8960) SetMicrophone(p int) error {
	power := uint16(wmVMID50k | wmVREF)
	if p <= 0 {
		return c.write(write{reg: wmLeftInput, value: wmUpdate | wmInputMute}, write{reg: wmPower1, value: power})
	}
	power |= wmLeftAmp | wmLeftADCOn | wmMicBias
	return c.write(write{reg: wmPower1, value: power}, write{reg: wmLeftInput, value: wmUpdate | percent(p, 0, 63)})
}

// SetRoute implements hal.Mixer: earpiece and headset hang on the headphone outputs, the loudspeaker on the class D
// amplifiers. What is not in use is without power.
func (c *WM8960) SetRoute(r hal.Route) error {
	if r > hal.RouteHeadset {
		return fmt.Errorf("soundchip: wm8960 has no route %d", r)
	}
	c.route = r
	power, classD := uint16(wmDACs|wmHeads|wmPLLOn), uint16(wmClassDBoth&^(3<<6))
	if r == hal.RouteSpeaker {
		power, classD = wmDACs|wmSpeakers|wmPLLOn, wmClassDBoth
	}
	if err := c.write(write{reg: wmPower2, value: power}, write{reg: wmClassD, value: classD}); err != nil {
		return err
	}
	return c.SetVolume(c.level)
}

// Close switches everything off.
func (c *WM8960) Close() error { return c.write(write{reg: wmReset}) }
