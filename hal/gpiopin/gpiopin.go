// Package gpiopin is the handset's single pins: the lamp that shines while a call is secure, and the contact of the
// headset's jack.
//
// It promises that the lamp is off from the moment it is opened and when it is closed, so that it never promises a
// security that nobody has checked.
//
// It never remembers a state for the phone: what it says is what the pin says.
package gpiopin

import (
	"fmt"

	"periph.io/x/conn/v3/gpio"

	"sotto/hal"
)

// Lamp is a hal.Indicator.
type Lamp struct {
	pin gpio.PinOut
	on  gpio.Level
}

// NewLamp takes a pin whose level on lights the lamp, and switches it off.
func NewLamp(pin gpio.PinOut, on gpio.Level) (*Lamp, error) {
	l := &Lamp{pin: pin, on: on}
	return l, l.Set(false)
}

// Set implements hal.Indicator.
func (l *Lamp) Set(on bool) error {
	level := l.on
	if !on {
		level = !l.on
	}
	if err := l.pin.Out(level); err != nil {
		return fmt.Errorf("gpiopin: lamp on %s: %w", l.pin, err)
	}
	return nil
}

// Close switches the lamp off.
func (l *Lamp) Close() error { return l.Set(false) }

// Jack is the contact of a headset's jack: a plug opens or closes it.
type Jack struct {
	pin  gpio.PinIn
	with gpio.Level
}

// NewJack takes a pin that has the level with while a headset is plugged in.
func NewJack(pin gpio.PinIn, with gpio.Level) (*Jack, error) {
	if err := pin.In(gpio.PullUp, gpio.NoEdge); err != nil {
		return nil, fmt.Errorf("gpiopin: jack on %s: %w", pin, err)
	}
	return &Jack{pin: pin, with: with}, nil
}

// Route is the headset while one is plugged in, otherwise fallback.
func (j *Jack) Route(fallback hal.Route) hal.Route {
	if j.pin.Read() == j.with {
		return hal.RouteHeadset
	}
	return fallback
}
