package phone

import (
	"sotto/firmware/call"
	"sotto/net/signaling"
)

// talk is a call as line and media know it. The current one lies in the phone itself; this is the one beside it.
type talk struct {
	id       signaling.CallID
	incoming *signaling.Incoming
	voice    *voice
}

// exchange makes the other call the current one, and tells nobody.
func (p *phone) exchange() {
	now := talk{p.current, p.incoming, p.voice}
	p.current, p.incoming, p.voice = p.other.id, p.other.incoming, p.other.voice
	p.other = now
}

// swap is exchange to be heard: the current call gets the sound card.
func (p *phone) swap() {
	p.exchange()
	if p.voice != nil {
		p.card.front(p.voice.pcm)
	}
}

// hold asks the peer to be silent, or to go on. The microphone is the machine's to close.
func (p *phone) hold(on bool) {
	v := p.voice
	if v == nil || p.on(p.current) == nil {
		return
	}
	v.local.Direction = signaling.SendRecv
	if on {
		v.local.Direction = signaling.SendOnly // RFC 3264, Section 8.4
	}
	p.on(p.current).Update(p.current, v.local)
}

// refuseWaiting hangs up on the incoming call of the event in hand, wherever it was put.
func (p *phone) refuseWaiting(cause call.Cause) {
	p.on(p.waiting).Hangup(p.waiting, lineCause(cause))
	p.calls-- // it never was one
	switch p.waiting {
	case p.current:
		p.forgetCall()
	case p.other.id:
		p.other = talk{}
	}
}

// voiceOf is the media of one of the two calls; nil: neither, or not yet.
func (p *phone) voiceOf(id signaling.CallID) *voice {
	switch {
	case id == 0:
	case id == p.current:
		return p.voice
	case id == p.other.id:
		return p.other.voice
	}
	return nil
}

// numberOf is the number of a call for notes; 0 stands for the newest.
func (p *phone) numberOf(v *voice) int {
	if v == nil {
		return 0
	}
	return v.number
}

// tell gives an event to the machine, as one of the call that it concerns.
func (p *phone) tell(v *voice, ev call.Event) {
	if v == p.other.voice && v != p.voice {
		ev = call.Beside{Event: ev}
	}
	p.handle(ev)
}
