package phone

import (
	"sotto/firmware/call"
	"sotto/hal"
)

// doRest carries out what concerns the house: levels, memory, lock.
func (p *phone) doRest(a call.Action) {
	mixer := p.cfg.Devices.Mixer
	switch a := a.(type) {
	case call.Speaker:
		if mixer != nil {
			route := hal.RouteEarpiece
			if a.On {
				route = hal.RouteSpeaker
			}
			mixer.SetRoute(route)
		}
	case call.Volume:
		if mixer != nil {
			mixer.SetVolume(a.Percent)
		}
	case call.LogCall:
		p.log = append([]call.Entry{a.Entry}, p.log[:min(len(p.log), maxLog-1)]...)
		p.later(call.LogChanged{Entries: p.log})
	case call.Ring:
		p.ring(a.Kind)
	case call.Tone:
		p.tone(a.Kind)
	}
}

// maxLog is how many calls the log keeps.
const maxLog = 50
