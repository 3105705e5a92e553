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
	case call.ShowPairing:
		p.showPairing(a.ID)
	case call.Pair:
		p.pair(a.ID, a.Number, call.PairingReady{})
	case call.Ring:
		p.ring(a)
	case call.Tone:
		p.tone(a.Kind)
	default:
		p.doMemory(a)
	}
}
