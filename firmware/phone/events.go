package phone

import (
	"sotto/firmware/call"
	"sotto/firmware/media"
	"sotto/firmware/phonebook"
	"sotto/net/signaling"
	"sotto/zrtp"
)

// lineCause is the signaling's name of a cause; what only we know is told to nobody.
func lineCause(c call.Cause) signaling.Cause {
	switch c {
	case call.Busy:
		return signaling.Busy
	case call.Declined:
		return signaling.Declined
	case call.Cancelled:
		return signaling.Cancelled
	case call.CannotEncrypt:
		return signaling.PeerNotSecure
	}
	return signaling.HungUp
}

// lineEvent passes on what the line says of the current call; a second call is only refused.
func (p *phone) lineEvent(ev signaling.Event) {
	switch ev := ev.(type) {
	case signaling.Incoming:
		p.incomingCall(ev)
	case signaling.Ringing:
		if ev.Call == p.current {
			p.note(Note{Event: "ringing", Direction: "out"})
			p.handle(call.Ringing{})
		}
	case signaling.Answered:
		if ev.Call == p.current && p.voice != nil {
			p.voice.setRemote(ev.Remote)
			p.note(Note{Event: "answered"})
			p.handle(call.Answered{})
		}
	case signaling.Registration:
		p.registration(ev)
	case signaling.Moved:
		if ev.Call == p.current && p.voice != nil {
			p.voice.setRemote(ev.Remote)
			p.note(Note{Event: "alert", Why: "media moved"})
			p.handle(call.Alert{Why: "media moved"})
		}
	case signaling.Ended:
		if ev.Call == p.current {
			p.note(Note{Event: "ended", Cause: ev.Cause.String()})
			p.forgetCall()
			p.handle(call.LineEnded{Cause: call.Cause(ev.Cause.String())})
		}
	}
}

// incomingCall rings, or is refused because another call is up.
func (p *phone) incomingCall(ev signaling.Incoming) {
	if p.book != nil && p.book.Blocked(ev.From.URI) {
		p.line.Hangup(ev.Call, signaling.Busy) // no ring, and no hint that it is personal
		return
	}
	from := call.Party{Name: ev.From.Name, Address: ev.From.URI}
	if p.current != 0 {
		p.waiting = ev.Call
		p.handle(call.IncomingCall{From: from})
		return
	}
	p.calls++
	p.current, p.incoming = ev.Call, &ev
	p.note(Note{Event: "ringing", Direction: "in", Name: from.Name})
	p.handle(call.IncomingCall{From: from})
}

// voiceEvent passes on what the media says of the current call.
func (p *phone) voiceEvent(ev voiceEvent) {
	v := p.voice
	if v == nil || v.number != ev.number {
		return
	}
	switch e := ev.Event.(type) {
	case media.Agreement:
		p.agreement(v, e.Event)
	case media.Broken:
		p.note(Note{Event: "alert", Why: e.Err.Error()})
		p.handle(call.MediaFailed{Cause: call.NoMedia})
	case media.PeerSilent:
		p.note(Note{Event: "alert", Why: "peer silent"})
		p.handle(call.Alert{Why: "peer silent"})
	}
}

// agreement passes on what ZRTP says.
func (p *phone) agreement(v *voice, ev zrtp.Event) {
	switch e := ev.(type) {
	case zrtp.PeerFound:
		p.judge(v, e.ZID)
	case zrtp.NoPeer:
		p.note(Note{Event: "alert", Why: "peer cannot encrypt"})
		p.handle(call.PeerCannotEncrypt{})
	case zrtp.SASReady:
		v.sas = e
	case zrtp.Secure:
		p.secured(v, e)
	case zrtp.CacheMismatch:
		p.note(Note{Event: "alert", Why: "key changed"})
		p.handle(call.CacheMismatch{})
	case zrtp.Alert:
		p.note(Note{Event: "alert", Why: e.Reason.String()})
		p.handle(call.Alert{Why: e.Reason.String()})
	case zrtp.Failed:
		p.note(Note{Event: "alert", Why: e.Err.Error()})
		p.handle(call.MediaFailed{Cause: call.KeyFailed})
	case zrtp.CacheFailed:
		p.note(Note{Event: "alert", Why: "retained secret not stored: " + e.Err.Error()})
		p.handle(call.Alert{Why: "retained secret not stored"})
	}
}

// secured shows the code.
func (p *phone) secured(v *voice, e zrtp.Secure) {
	v.secure = true
	a, sas := e.Algorithms, v.sas
	verified := sas.Verified
	p.note(Note{Event: "secure", SAS: sas.SAS, KA: a.KeyAgreement.String(), Hash: a.Hash.String(),
		Cipher: a.Cipher.String(), Auth: a.AuthTag.String(), Role: e.Role.String(), Verified: &verified})
	j := v.judgement
	if j.Lost || j.Broken {
		p.note(Note{Event: "alert", Why: "key changed"})
		p.handle(call.CacheMismatch{})
	} else if !j.OtherDevice && !sas.CacheMismatch {
		address, zid := v.address, v.zid
		p.remember(func(b *phonebook.Book) error { return b.Met(address, zid) })
	}
	p.handle(call.Secure{Name: j.Name, OtherDevice: j.OtherDevice, Checked: j.Checked, SAS: sas.SAS, Initiator: e.Role == zrtp.Initiator, KA: a.KeyAgreement.String(),
		Hash: a.Hash.String(), Cipher: a.Cipher.String(), Tag: a.AuthTag.String(), Verified: sas.Verified,
		FirstCall: sas.NewDevice, Disclosure: e.Disclosure})
}
