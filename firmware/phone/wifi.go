package phone

import (
	"context"
	"time"
	"unicode/utf8"

	"sotto/firmware/call"
	"sotto/net/link"
)

// Link is what the telephone has a say in. Any of its functions may be nil: then it has none there.
type Link struct {
	Set  func(call.Setup) error // gives the cable another address
	Join func(call.Wifi) error  // makes the radio join a network, or none; it does not remember
	Look func(context.Context) ([]call.WifiNetwork, error)
}

// lookLimit is how long networks in reach are awaited.
const lookLimit = 25 * time.Second

// troubles are what a screen says of a radio that is in no network.
var troubles = map[link.Trouble]call.Label{
	link.WrongPassword: "wifi.wrong", link.OutOfReach: "wifi.away", link.NotLetIn: "wifi.refused", link.RadioFailed: "wifi.failed",
}

// radio is what the telephone knows of the radio.
type radio struct {
	air  link.Air
	told bool      // what to join
	join call.Wifi // and this it was
}

// hear takes in what the radio tells.
func (p *phone) hear(a link.Air) {
	before := p.radio.air
	p.radio.air = a
	if a.Radio != before.Radio {
		p.handle(call.SetupChanged{Setup: p.own.Setup, Able: p.able()})
	}
	if a != before {
		p.tellNetwork()
	}
}

// join tells the radio what the owner chose, which it does not remember itself: the password lies in the sealed memory only.
func (p *phone) join() {
	w := p.own.Setup.Wifi
	if p.cfg.Link.Join == nil || p.book == nil || p.radio.told && p.radio.join == w {
		return
	}
	p.radio.told, p.radio.join = true, w
	p.background(func(context.Context) func() {
		err := p.cfg.Link.Join(w)
		return func() {
			if err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
			}
		}
	})
}

// lookAround asks for the networks in reach. A name that is no text is left out: nobody could tell it from another.
func (p *phone) lookAround() {
	if p.cfg.Link.Look == nil {
		return
	}
	p.background(func(context.Context) func() {
		ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
		defer cancel()
		all, err := p.cfg.Link.Look(ctx)
		var seen []call.WifiNetwork
		for _, n := range all {
			if utf8.ValidString(n.Name) {
				seen = append(seen, n)
			}
		}
		return func() {
			if err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
			}
			p.handle(call.WifiSeen{Networks: seen})
		}
	})
}
