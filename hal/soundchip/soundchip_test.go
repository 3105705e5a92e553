package soundchip

import (
	"errors"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c/i2ctest"

	"sotto/hal"
)

var (
	_ hal.Mixer = (*WM8960)(nil)
	_ hal.Mixer = (*SGTL5000)(nil)
)

// registers replays recorded writes into the chip's register file.
func registers(t *testing.T, ops []i2ctest.IO, address uint16, wide bool) map[uint16]uint16 {
	t.Helper()
	m := map[uint16]uint16{}
	for _, op := range ops {
		if op.Addr != address {
			t.Fatalf("a write went to %#x", op.Addr)
		}
		switch {
		case wide && len(op.W) == 4:
			m[uint16(op.W[0])<<8|uint16(op.W[1])] = uint16(op.W[2])<<8 | uint16(op.W[3])
		case !wide && len(op.W) == 2:
			m[uint16(op.W[0]>>1)] = uint16(op.W[0]&1)<<8 | uint16(op.W[1])
		case wide && len(op.W) == 2: // the address of a read
		default:
			t.Fatalf("a write of %d bytes", len(op.W))
		}
	}
	return m
}

func newWM(t *testing.T) (*WM8960, *i2ctest.Record, *time.Duration) {
	t.Helper()
	bus, slept := &i2ctest.Record{}, new(time.Duration)
	c, err := NewWM8960(bus, func(d time.Duration) { *slept += d })
	if err != nil {
		t.Fatal(err)
	}
	return c, bus, slept
}

func TestWM8960Clock(t *testing.T) {
	_, bus, slept := newWM(t)
	r := registers(t, bus.Ops, WM8960Address, false)
	// The data sheet's own example, table "PLL frequency examples": 24 MHz to 12.288 MHz, N = 8, K = 0x3126e8 and a fraction.
	k := uint32(r[wmPLLK1])<<16 | uint32(r[wmPLLK2])<<8 | uint32(r[wmPLLK3])
	if n := r[wmPLLN] & 0xf; n != 8 || k < 0x3126e8 || k > 0x3126e9 {
		t.Errorf("PLL of 24 MHz: N %d, K %#x", n, k)
	}
	f2 := 12e6 * (float64(r[wmPLLN]&0xf) + float64(k)/(1<<24))
	sysclk := f2 / 4 / 2
	if rate := sysclk / 256; rate < 47999.99 || rate > 48000.01 {
		t.Errorf("the registers make %f Hz", rate)
	}
	if r[wmInterface1] != wmMaster|wmFormatI2S16 {
		t.Errorf("interface %#x", r[wmInterface1])
	}
	if *slept < wmPowerUpPause {
		t.Errorf("the reference had %v to charge", *slept)
	}
	if r[wmDACControl]&wmMuteDAC != 0 {
		t.Error("the speaker stays muted after the setup")
	}
}

func TestWM8960MicrophoneIsOffUntilAsked(t *testing.T) {
	c, bus, _ := newWM(t)
	r := registers(t, bus.Ops, WM8960Address, false)
	if r[wmPower1]&(wmLeftAmp|wmLeftADCOn|wmMicBias) != 0 || r[wmLeftInput]&wmInputMute == 0 {
		t.Errorf("after New: power %#x, input %#x", r[wmPower1], r[wmLeftInput])
	}
	if err := c.SetMicrophone(100); err != nil {
		t.Fatal(err)
	}
	r = registers(t, bus.Ops, WM8960Address, false)
	if r[wmPower1]&(wmLeftAmp|wmLeftADCOn) != wmLeftAmp|wmLeftADCOn || r[wmLeftInput] != wmUpdate|63 {
		t.Errorf("at 100 percent: power %#x, input %#x", r[wmPower1], r[wmLeftInput])
	}
	if err := c.SetMicrophone(0); err != nil {
		t.Fatal(err)
	}
	r = registers(t, bus.Ops, WM8960Address, false)
	if r[wmPower1]&(wmLeftAmp|wmLeftADCOn|wmMicBias) != 0 || r[wmLeftInput]&wmInputMute == 0 {
		t.Errorf("at 0 percent: power %#x, input %#x", r[wmPower1], r[wmLeftInput])
	}
}

func TestWM8960Routes(t *testing.T) {
	c, bus, _ := newWM(t)
	if err := c.SetVolume(50); err != nil {
		t.Fatal(err)
	}
	for _, route := range []struct {
		r       hal.Route
		speaker bool
	}{{hal.RouteSpeaker, true}, {hal.RouteHeadset, false}, {hal.RouteEarpiece, false}} {
		if err := c.SetRoute(route.r); err != nil {
			t.Fatal(err)
		}
		r := registers(t, bus.Ops, WM8960Address, false)
		speaker, head := r[wmPower2]&wmSpeakers != 0 && r[wmClassD]>>6 == 3, r[wmPower2]&wmHeads != 0
		if speaker != route.speaker || head == route.speaker {
			t.Errorf("route %d: loudspeaker %v, headphone %v", route.r, speaker, head)
		}
	}
	r := registers(t, bus.Ops, WM8960Address, false)
	if r[wmRightHead] != wmUpdate|88 || r[wmRightSpeaker] != wmUpdate|88 {
		t.Errorf("half volume: %#x and %#x", r[wmRightHead], r[wmRightSpeaker])
	}
	if err := c.SetVolume(0); err != nil {
		t.Fatal(err)
	}
	if r = registers(t, bus.Ops, WM8960Address, false); r[wmRightHead] != wmUpdate {
		t.Errorf("zero percent is %#x, not mute", r[wmRightHead])
	}
	if c.SetRoute(9) == nil {
		t.Error("route 9 exists")
	}
}

func TestMissingChips(t *testing.T) {
	nap := func(time.Duration) {}
	if _, err := NewWM8960(&i2ctest.Playback{DontPanic: true}, nap); !errors.Is(err, ErrMissing) {
		t.Errorf("a WM8960 that is not there: %v", err)
	}
	if _, err := NewSGTL5000(&i2ctest.Playback{DontPanic: true}, nap); !errors.Is(err, ErrMissing) {
		t.Errorf("an SGTL5000 that is not there: %v", err)
	}
	other := &i2ctest.Playback{DontPanic: true, Ops: []i2ctest.IO{{Addr: SGTL5000Address, W: []byte{0, 0}, R: []byte{0x12, 0x34}}}}
	if _, err := NewSGTL5000(other, nap); !errors.Is(err, ErrMissing) {
		t.Errorf("another chip at the SGTL5000's address: %v", err)
	}
}

// chip answers the identity and records the rest.
type chip struct{ i2ctest.Record }

func (c *chip) Tx(address uint16, w, r []byte) error {
	if len(r) > 0 {
		copy(r, []byte{0xa0, 0x11})
		return nil
	}
	return c.Record.Tx(address, w, r)
}

func TestSGTL5000(t *testing.T) {
	bus, slept := &chip{}, time.Duration(0)
	c, err := NewSGTL5000(bus, func(d time.Duration) { slept += d })
	if err != nil {
		t.Fatal(err)
	}
	reg := func() map[uint16]uint16 { return registers(t, bus.Ops, SGTL5000Address, true) }
	r := reg()
	if r[sgAnalog]&(sgMuteADC|sgMuteHead|sgMuteLine) != sgMuteADC|sgMuteHead|sgMuteLine {
		t.Errorf("after New ANA_CTRL is %#x: something is not muted", r[sgAnalog])
	}
	if r[sgClock] != 0x0008 || r[sgI2S] != 0x01b0 || slept < sgPause {
		t.Errorf("clock %#x, I2S %#x, %v of waiting", r[sgClock], r[sgI2S], slept)
	}
	if c.SetVolume(100) != nil || c.SetMicrophone(50) != nil {
		t.Fatal("a chip that answers failed")
	}
	if r = reg(); r[sgHead] != 0 || r[sgMicGain] != 0x88 || r[sgAnalog] != sgZeroCrossing|sgMuteLine {
		t.Errorf("loud earpiece: %#x, gain %#x, ANA_CTRL %#x", r[sgHead], r[sgMicGain], r[sgAnalog])
	}
	if err := c.SetRoute(hal.RouteSpeaker); err != nil {
		t.Fatal(err)
	}
	if r = reg(); r[sgAnalog] != sgZeroCrossing|sgMuteHead {
		t.Errorf("loudspeaker: ANA_CTRL %#x", r[sgAnalog])
	}
	if err := c.SetMicrophone(0); err != nil {
		t.Fatal(err)
	}
	if r = reg(); r[sgAnalog]&sgMuteADC == 0 {
		t.Error("zero percent leaves the microphone open")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if r = reg(); r[sgPower] != sgReferenceOn || r[sgAnalog]&(sgMuteHead|sgMuteLine) != sgMuteHead|sgMuteLine {
		t.Errorf("after Close: power %#x, ANA_CTRL %#x", r[sgPower], r[sgAnalog])
	}
	if c.SetRoute(9) == nil {
		t.Error("route 9 exists")
	}
}
