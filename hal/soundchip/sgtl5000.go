package soundchip

import (
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"sotto/hal"
)

// SGTL5000Address is the address with CTRL_ADR0_CS low, as on the boards that are sold.
const SGTL5000Address = 0x0a

// Registers of the SGTL5000 data sheet, revision 6, section 6.
const (
	sgID        = 0x0000 // 0xa0 in the upper byte
	sgDigital   = 0x0002
	sgClock     = 0x0004
	sgI2S       = 0x0006
	sgSwitch    = 0x000a
	sgConverter = 0x000e
	sgDACVolume = 0x0010
	sgMicGain   = 0x0020 // ANA_ADC_CTRL: 0 to 15 is 0 to 22.5 dB
	sgHead      = 0x0022 // ANA_HP_CTRL: 0x00 is +12 dB, 0x7f is -51.5 dB, each half a decibel
	sgAnalog    = 0x0024
	sgLinear    = 0x0026
	sgReference = 0x0028
	sgMicBias   = 0x002a
	sgLineOut   = 0x002c
	sgLineLevel = 0x002e
	sgPower     = 0x0030
	sgShort     = 0x003c
)

// Bits.
const (
	sgIdentity     = 0xa000
	sgStereoDAC    = 1 << 14
	sgReferenceOn  = 1 << 5 // REFTOP
	sgVAG          = 1 << 7 // analog ground buffer
	sgADC          = 1 << 1
	sgDAC          = 1 << 3
	sgHeadOn       = 1 << 4
	sgLineOutOn    = 1 << 0
	sgCapless      = 1 << 2
	sgRate48       = 2 << 2 // SYS_FS
	sgMClk256      = 0
	sgMaster       = 1 << 7
	sgBits16       = 3 << 4
	sg32PerSample  = 1 << 8
	sgADCToI2S     = 0
	sgI2SToDAC     = 1 << 4
	sgMuteHead     = 1 << 4
	sgMuteLine     = 1 << 8
	sgMuteADC      = 1 << 0
	sgZeroCrossing = 1<<5 | 1<<1
	sgMicIn        = 0 // SELECT_ADC: 0 is the microphone
	sgBias2k       = 1 << 8
	sgBias2V       = 3 << 4
	sgMic20dB      = 1 << 0
	sgUnmuteDAC    = 0
	sgVolume0dB    = 0x3c3c
	sgPause        = 400 * time.Millisecond // the analog ground rises softly
)

// SGTL5000 is a hal.Mixer: headphone output for earpiece and headset, line output for an amplified loudspeaker, one
// microphone. It is the clock master, from an oscillator of 12.288 MHz.
type SGTL5000 struct {
	wire  wire
	sleep func(time.Duration)
	route hal.Route
	level int
	mic   bool
}

// NewSGTL5000 checks the chip's identity and brings it to 48 kHz with everything muted.
func NewSGTL5000(bus i2c.Bus, sleep func(time.Duration)) (*SGTL5000, error) {
	c := &SGTL5000{wire: wire{dev: i2c.Dev{Bus: bus, Addr: SGTL5000Address}, name: "sgtl5000"}, sleep: sleep}
	var id [2]byte
	if err := c.wire.tx([]byte{sgID >> 8, sgID & 0xff}, id[:]); err != nil {
		return nil, err
	}
	if got := uint16(id[0])<<8 | uint16(id[1]); got&0xff00 != sgIdentity {
		return nil, fmt.Errorf("soundchip: sgtl5000 at %#x has identity %#04x: %w", c.wire.dev.Addr, got, ErrMissing)
	}
	ground := uint16(0x1f2) // analog ground at half of 3.3 V, bias and ramp of section 6.2.16
	base := uint16(sgStereoDAC | sgReferenceOn)
	setup := []write{
		{reg: sgPower, value: base},
		{reg: sgLinear, value: 0x006c}, // charge pump from VDDIO
		{reg: sgReference, value: ground},
		{reg: sgLineOut, value: 0x0f22}, // 0.54 mA for 10 kΩ, ground at 1.65 V
		{reg: sgShort, value: 0x4446},   // headphone shorts: switch off at 125 mA, try again
		{reg: sgAnalog, value: sgMuteLine | sgMuteHead | sgMuteADC | sgZeroCrossing | sgMicIn},
		{reg: sgPower, value: base | sgVAG | sgDAC | sgADC | sgHeadOn | sgLineOutOn | sgCapless, pause: sgPause},
		{reg: sgDigital, value: 0x0063}, // ADC, DAC, I2S in and out
		{reg: sgLineLevel, value: 0x1d1d},
		{reg: sgClock, value: sgRate48 | sgMClk256},
		{reg: sgI2S, value: sgMaster | sg32PerSample | sgBits16},
		{reg: sgSwitch, value: sgADCToI2S | sgI2SToDAC},
		{reg: sgMicBias, value: sgBias2k | sgBias2V | sgMic20dB},
		{reg: sgDACVolume, value: sgVolume0dB},
		{reg: sgConverter, value: sgUnmuteDAC},
	}
	if err := c.write(setup...); err != nil {
		return nil, err
	}
	return c, c.SetRoute(hal.RouteEarpiece)
}

// write sends registers: sixteen bits of address, sixteen of value, big-endian.
func (c *SGTL5000) write(ws ...write) error {
	for _, w := range ws {
		out := []byte{byte(w.reg >> 8), byte(w.reg), byte(w.value >> 8), byte(w.value)}
		if err := c.wire.tx(out, nil); err != nil {
			return err
		}
		if w.pause > 0 {
			c.sleep(w.pause)
		}
	}
	return nil
}

// mutes is ANA_CTRL for the state that was asked for.
func (c *SGTL5000) mutes() write {
	v := uint16(sgZeroCrossing | sgMicIn)
	if !c.mic {
		v |= sgMuteADC
	}
	if c.route == hal.RouteSpeaker || c.level <= 0 {
		v |= sgMuteHead
	}
	if c.route != hal.RouteSpeaker || c.level <= 0 {
		v |= sgMuteLine
	}
	return write{reg: sgAnalog, value: v}
}

// SetVolume implements hal.Mixer: -51.5 to +12 dB of the headphone, the loudspeaker's amplifier follows by the line
// level; 0 is silent.
func (c *SGTL5000) SetVolume(p int) error {
	c.level = p
	head := percent(p, 0x7f, 0x00)
	line := percent(p, 0x1f, 0x0d)
	return c.write(write{reg: sgHead, value: head<<8 | head}, write{reg: sgLineLevel, value: line<<8 | line}, c.mutes())
}

// SetMicrophone implements hal.Mixer: 0 to 22.5 dB over the fixed 20 dB; 0 percent mutes it.
func (c *SGTL5000) SetMicrophone(p int) error {
	c.mic = p > 0
	gain := percent(p, 0, 15)
	return c.write(write{reg: sgMicGain, value: gain<<4 | gain}, c.mutes())
}

// SetRoute implements hal.Mixer.
func (c *SGTL5000) SetRoute(r hal.Route) error {
	if r > hal.RouteHeadset {
		return fmt.Errorf("soundchip: sgtl5000 has no route %d", r)
	}
	c.route = r
	return c.write(c.mutes())
}

// Close mutes everything and takes the power from the converters.
func (c *SGTL5000) Close() error {
	c.mic, c.level = false, 0
	return c.write(c.mutes(), write{reg: sgPower, value: sgReferenceOn})
}
