package gpiopin

import (
	"errors"
	"strings"
	"testing"

	"periph.io/x/conn/v3/gpio"

	"sotto/hal"
)

var _ hal.Indicator = (*Lamp)(nil)

type pin struct {
	gpio.PinIO
	level gpio.Level
	pull  gpio.Pull
	fail  error
}

func (p *pin) Out(l gpio.Level) error               { p.level = l; return p.fail }
func (p *pin) In(pull gpio.Pull, _ gpio.Edge) error { p.pull = pull; return p.fail }
func (p *pin) Read() gpio.Level                     { return p.level }
func (p *pin) String() string                       { return "GPIO6" }

func TestLampIsDarkUntilAsked(t *testing.T) {
	for _, on := range []gpio.Level{gpio.High, gpio.Low} {
		p := &pin{level: on} // as the last program left it
		l, err := NewLamp(p, on)
		if err != nil || p.level == on {
			t.Fatalf("lit after opening: %v", err)
		}
		if l.Set(true) != nil || p.level != on {
			t.Error("does not light")
		}
		if l.Close() != nil || p.level == on {
			t.Error("lit after closing")
		}
	}
}

func TestErrorsNameThePin(t *testing.T) {
	burnt := &pin{fail: errors.New("burnt")}
	if _, err := NewLamp(burnt, gpio.High); err == nil || !strings.Contains(err.Error(), "GPIO6") {
		t.Errorf("lamp: %v", err)
	}
	if _, err := NewJack(burnt, gpio.High); err == nil || !strings.Contains(err.Error(), "GPIO6") {
		t.Errorf("jack: %v", err)
	}
}

func TestJack(t *testing.T) {
	p := &pin{}
	j, err := NewJack(p, gpio.High)
	if err != nil || p.pull != gpio.PullUp {
		t.Fatalf("pull %v, %v", p.pull, err)
	}
	if r := j.Route(hal.RouteSpeaker); r != hal.RouteSpeaker {
		t.Errorf("without a plug: %d", r)
	}
	p.level = gpio.High
	if r := j.Route(hal.RouteSpeaker); r != hal.RouteHeadset {
		t.Errorf("with a plug: %d", r)
	}
}
