package phone

import (
	"sync/atomic"
	"time"

	"sotto/firmware/call"
)

// A translator on the way can forget a call, as a router does that is restarted: then nothing comes any more although our address
// is what it was. The silence cannot tell on whose side that is. The account's server can: if it sees us elsewhere than before, or
// over another connection, we look for another way. Otherwise it is the peer's to do.

// sameCause is how long a lost way and another way to the server may lie apart and have one cause.
const sameCause = 10 * time.Second

// watcher makes what the way of a voice is to tell (nat.Agent, Watch).
func (p *phone) watcher(v *voice) func(lost bool) {
	var latest atomic.Bool
	return func(lost bool) {
		latest.Store(lost)
		go func() { // the way does not wait for us
			select {
			case p.results <- func() { p.wayChanged(v, latest.Load()) }:
			case <-p.quit:
			}
		}()
	}
}

// talkOf is the call of a voice, when it can be taken to another way.
func (p *phone) talkOf(v *voice) (t talk, ok bool) {
	for _, t := range p.talks() {
		if t.voice == v && stays(t) && v.agent != nil && v.served.account != "" && p.line != nil && !p.away {
			return t, true
		}
	}
	return talk{}, false
}

// wayChanged takes in that nothing comes over the way of a call, or something again.
func (p *phone) wayChanged(v *voice, lost bool) {
	t, ok := p.talkOf(v)
	if !ok {
		return
	}
	v.lost = lost
	switch {
	case !lost:
		p.tell(v, call.WayFound{})
	case now().Sub(v.rerouted) < sameCause:
		p.seek(t)
	default:
		p.line.Check(v.served.account)
	}
}

// rerouted takes in that the server of an account reaches us another way than before.
func (p *phone) rerouted(account string) {
	p.note(Note{Event: "rerouted"})
	for _, t := range p.talks() {
		if t.voice == nil || t.voice.served.account != account {
			continue
		}
		t.voice.rerouted = now()
		if t, ok := p.talkOf(t.voice); ok && t.voice.lost {
			p.seek(t)
		}
	}
}
