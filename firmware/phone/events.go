package phone

import (
	"strconv"

	"sotto/firmware/call"
	"sotto/firmware/media"
	"sotto/firmware/phonebook"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
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

// lineEvent passes on what the line says of the two calls that there may be.
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
			p.voice.keepServer(ev.Keys)
			p.note(Note{Event: "answered"})
			p.handle(call.Answered{})
		}
	case signaling.Registration:
		p.registration(ev)
	case signaling.Rerouted:
		p.rerouted(ev.Account)
	case signaling.Messages:
		p.messages(ev)
	case signaling.Moved:
		p.moved(ev)
	case signaling.Restart:
		p.restart(ev)
	case signaling.Held:
		if v := p.voiceOf(ev.Call); v != nil {
			p.note(Note{Event: "held", Call: v.number, Text: map[bool]string{true: "on", false: "off"}[ev.Hold]})
			p.tell(v, call.PeerHeld{On: ev.Hold})
		}
	case signaling.Ended:
		p.lineEnded(ev)
	}
}

// lineEnded forgets the call and says why it is over.
func (p *phone) lineEnded(ev signaling.Ended) {
	over := call.LineEnded{Cause: p.voiceOf(ev.Call).ended(ev.Cause)}
	switch {
	case ev.Call == 0:
	case ev.Call == p.current:
		p.note(Note{Event: "ended", Call: p.numberOf(p.voice), Cause: string(over.Cause)})
		p.forgetCall()
		p.handle(over)
	case ev.Call == p.other.id:
		p.note(Note{Event: "ended", Call: p.numberOf(p.other.voice), Cause: string(over.Cause)})
		p.exchange()
		p.forgetCall()
		p.exchange()
		p.handle(call.Beside{Event: over})
	}
}

// ended is why the call is over, for people: where the network rewrites calls, or announces a telephone that is not the one which
// speaks, both sides give up, and who did first is chance.
func (v *voice) ended(c signaling.Cause) call.Cause {
	if v != nil && !v.secure && c == signaling.PeerHungUp {
		switch {
		case v.rewritten:
			return call.Rewritten
		case v.replaced:
			return call.KeyFailed
		}
	}
	return call.Cause(c.String())
}

// incomingCall rings, waits, or is refused, as the machine decides.
func (p *phone) incomingCall(ev signaling.Incoming) {
	if sipua.IsOnion(ev.Call) {
		p.nameOnion(&ev)
	}
	from := call.Party{Name: ev.From.Name, Address: ev.From.URI}
	contact := ""
	if p.book != nil {
		if p.book.Blocked(ev.From.URI) {
			p.on(ev.Call).Hangup(ev.Call, signaling.Busy) // no ring, and no hint that it is personal
			return
		}
		contact = p.book.ContactAt(ev.From.URI)
	}
	p.waiting = ev.Call
	p.calls++
	switch {
	case p.current == 0 && p.voice == nil:
		p.current, p.incoming = ev.Call, &ev
		p.note(Note{Event: "ringing", Direction: "in", Name: from.Name})
	case p.other == talk{}:
		p.other = talk{id: ev.Call, incoming: &ev}
	}
	p.handle(call.IncomingCall{From: from, Contact: contact, ServerOnly: ev.ServerOnly, Known: ev.ServerOnly && p.knows(ev.From.URI, ev.Account)})
	p.gatherEarly(&ev, contact)
}

// messages adds up what waits in the mailboxes of all accounts.
func (p *phone) messages(ev signaling.Messages) {
	if p.mailbox == nil {
		p.mailbox = map[string]signaling.Messages{}
	}
	p.mailbox[ev.Account] = ev
	var all call.Mailbox
	for _, m := range p.mailbox {
		all.Waiting = all.Waiting || m.Waiting
		all.New += m.New
	}
	p.note(Note{Event: "messages", Text: strconv.Itoa(all.New)})
	p.handle(call.MailboxChanged{Mailbox: all})
}

// voiceEvent passes on what the media says of a call.
func (p *phone) voiceEvent(ev voiceEvent) {
	v := p.voice
	if v == nil || v.number != ev.number {
		v = p.other.voice
	}
	if v == nil || v.number != ev.number {
		return
	}
	switch e := ev.Event.(type) {
	case media.Agreement:
		p.agreement(v, e.Event)
	case media.ServerOnly:
		p.servedCall(v)
	case media.Hearing:
		p.note(Note{Event: "hearing", Call: v.number})
	case media.Broken:
		p.note(Note{Event: "alert", Call: v.number, Why: e.Err.Error()})
		p.tell(v, call.MediaFailed{Cause: call.NoMedia})
	case media.PeerMissed:
		if v.expectsSpeech() {
			p.wayChanged(v, true)
		}
	case media.PeerSilent:
		if v.expectsSpeech() && !p.away {
			v.silent = true
			p.note(Note{Event: "alert", Call: v.number, Why: "peer silent"})
			p.tell(v, call.Alert{Why: "peer silent"})
		}
	case media.PeerLeft:
		p.peerLeft(v)
	case media.PeerBack:
		p.wayChanged(v, false)
		if v.silent {
			v.silent = false
			p.tell(v, call.Alert{})
		}
	}
}

// expectsSpeech tells that nobody has asked for silence.
func (v *voice) expectsSpeech() bool {
	return v.local.Direction == signaling.SendRecv && !v.remote.Direction.Hold()
}

// agreement passes on what ZRTP says.
func (p *phone) agreement(v *voice, ev zrtp.Event) {
	switch e := ev.(type) {
	case zrtp.PeerFound:
		v.forgetServer()
		v.authentic = v.authentic && e.HelloHash
		p.judge(v, e.ZID)
	case zrtp.NoPeer:
		p.nobodyInZRTP(v)
	case zrtp.SASReady:
		v.sas = e
	case zrtp.Secure:
		p.secured(v, e)
	case zrtp.CacheMismatch:
		p.note(Note{Event: "alert", Why: "key changed"})
		p.tell(v, call.CacheMismatch{})
	case zrtp.AuxMismatch:
		p.note(Note{Event: "alert", Call: v.number, Why: "pairing failed"})
		p.tell(v, call.Alert{Why: "pairing failed"})
	case zrtp.Alert:
		v.replaced = v.replaced || e.Reason == zrtp.AlertHelloHash
		p.note(Note{Event: "alert", Why: e.Reason.String()})
		p.tell(v, call.Alert{Why: e.Reason.String()})
	case zrtp.Failed:
		p.note(Note{Event: "alert", Why: e.Err.Error()})
		p.tell(v, call.MediaFailed{Cause: call.KeyFailed})
	case zrtp.CacheFailed:
		p.note(Note{Event: "alert", Why: "retained secret not stored: " + e.Err.Error()})
		p.tell(v, call.Alert{Why: "retained secret not stored"})
	}
}

// secured shows the code.
func (p *phone) secured(v *voice, e zrtp.Secure) {
	v.secure = true
	if e.AuxMatch {
		p.forgetPairing() // a number is good for one call
	}
	a, sas := e.Algorithms, v.sas
	verified := sas.Verified
	v.compared = verified
	v.openCards(e.Role == zrtp.Initiator)
	p.note(Note{Event: "secure", SAS: sas.SAS, KA: a.KeyAgreement.String(), Hash: a.Hash.String(),
		Cipher: a.Cipher.String(), Auth: a.AuthTag.String(), Role: e.Role.String(), Verified: &verified})
	j := v.judgement
	if j.Lost || j.Broken {
		p.note(Note{Event: "alert", Why: "key changed"})
		p.tell(v, call.CacheMismatch{})
	} else if !j.OtherDevice && !sas.CacheMismatch {
		address, zid := v.address, v.zid
		p.remember(func(b *phonebook.Book) error { return b.Met(address, zid) })
	}
	p.seedMessages(v, e.Role == zrtp.Initiator, j.Lost || j.Broken || j.OtherDevice || j.OtherPerson || sas.CacheMismatch)
	p.tell(v, call.Secure{Name: j.Name, OtherDevice: j.OtherDevice, OtherPerson: j.OtherPerson, Checked: j.Checked, Paired: e.AuxMatch, SAS: sas.SAS, Initiator: e.Role == zrtp.Initiator, KA: a.KeyAgreement.String(),
		Hash: a.Hash.String(), Cipher: a.Cipher.String(), Tag: a.AuthTag.String(), Verified: sas.Verified,
		FirstCall: sas.NewDevice, Disclosure: e.Disclosure, Authentic: v.authentic})
}
