package phone

import (
	"runtime"
	"strings"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/media"
	"sotto/firmware/phonebook"
	"sotto/net/signaling"
)

func now() time.Time { return time.Now() }

// do carries out one action of the machine.
func (p *phone) do(a call.Action) {
	switch a := a.(type) {
	case call.Dial:
		p.dial(a.To)
	case call.Answer:
		p.answer()
	case call.Hangup:
		p.hangup(a.Cause)
	case call.RefuseWaiting:
		p.refuseWaiting(a.Cause)
	case call.HoldCall:
		p.hold(a.On)
	case call.Swap:
		p.swap()
	case call.Aside:
		p.exchange()
		p.do(a.Action)
		p.exchange()
	case call.StartMedia:
		p.startVoice()
	case call.StopMedia:
		p.stopVoice()
	case call.Mute:
		if c := p.talking(); c != nil {
			c.SetMuted(a.On)
		}
	case call.Say:
		p.say(a)
	case call.SetVerified:
		p.setVerified(a.OK)
	case call.SendDTMF:
		if event := strings.IndexRune(digits, a.Digit); p.talking() != nil && event >= 0 {
			p.talking().SendDigit(uint8(event))
		}
	case call.SetBacklight:
		p.cfg.Devices.Display.SetBacklight(a.Percent)
	default:
		p.doRest(a)
	}
}

// dial begins a call.
func (p *phone) dial(to string) {
	p.calls++
	if target, route, ok := p.onionOf(to); ok {
		p.dialOnion(to, target, route)
		return
	}
	if p.line == nil || p.away {
		p.note(Note{Event: "ended", Cause: string(call.NoNetwork)})
		p.later(call.LineEnded{Cause: call.NoNetwork})
		return
	}
	v, err := p.prepare(to, nil, nil)
	if err != nil {
		p.later(call.LineEnded{Cause: call.NoNetwork})
		return
	}
	account := p.accountFor(to)
	p.voice, v.served.account, v.authentic = v, account, p.overTLS(account)
	p.describe(v, nil, func(d signaling.Description) {
		v.local = d
		p.current = p.line.Dial(signaling.Dial{To: to, Account: account, Offer: d, ServerOnly: p.mayServe(to, account)})
	})
}

// answer accepts the call that rings.
func (p *phone) answer() {
	if p.incoming == nil {
		return
	}
	defer p.dropEarly(p.current) // what is not taken
	offer := p.incoming.Offer
	v, err := p.prepare(p.incoming.From.URI, &offer, p.overOf(p.incoming))
	if err != nil {
		p.on(p.current).Hangup(p.current, signaling.MediaFailed)
		p.later(call.LineEnded{Cause: call.NoMedia})
		return
	}
	v.served.account = p.incoming.Account
	p.voice, v.name, v.authentic = v, p.incoming.From.Name, p.incoming.Secure
	p.describe(v, &offer, func(d signaling.Description) {
		v.local = d.AnswerTo(offer)
		p.expectStreams(v)
		p.answerOn(p.incoming, v.local)
	})
}

// hangup ends the current call, whatever it is doing.
func (p *phone) hangup(cause call.Cause) {
	if p.current != 0 {
		p.on(p.current).Hangup(p.current, lineCause(cause))
	}
	p.note(Note{Event: "ended", Call: p.numberOf(p.voice), Cause: string(cause)})
	p.forgetCall()
}

// forgetCall makes the phone deaf to what the line still says of the call. A voice that has not started has no other end.
func (p *phone) forgetCall() {
	p.dropEarly(p.current)
	p.current, p.incoming = 0, nil
	if p.voice != nil && p.voice.call == nil {
		p.stopVoice()
	}
}

// startVoice starts ZRTP and the pipeline of the current call.
func (p *phone) startVoice() {
	if p.voice == nil {
		p.later(call.MediaFailed{Cause: call.NoMedia})
		return
	}
	if p.voice.over != nil {
		p.findOnionWay(p.voice)
		return
	}
	if p.voice.agent != nil {
		p.findWay(p.voice)
		return
	}
	p.speak(p.voice)
}

// speak starts the pipeline: there is a way now.
func (p *phone) speak(v *voice) {
	if err := v.start(p); err != nil {
		p.note(Note{Event: "alert", Why: err.Error()})
		p.later(call.MediaFailed{Cause: call.NoMedia})
		return
	}
	if v.rewritten {
		p.note(Note{Event: "alert", Call: v.number, Why: "the network rewrites calls: use TLS"})
		p.later(call.Alert{Why: string(call.Rewritten)})
	}
}

// stopVoice ends the voice and reports how it was.
func (p *phone) stopVoice() {
	if p.voice == nil {
		return
	}
	v := p.voice
	p.voice = nil
	v.close()
	if v.call != nil {
		p.note(Note{Event: "stats", Call: v.number, Stats: statsNote(v.call.Stats())})
	}
	go forget()
}

// forget has the runtime overwrite what derived and held the keys of a call that is over: it does so as it collects them.
func forget() {
	time.Sleep(time.Second) // the goroutines of the call have ended by then
	runtime.GC()
}

// setVerified passes on that the two people compared the code.
func (p *phone) setVerified(ok bool) {
	c := p.talking()
	if c == nil {
		return
	}
	if ok {
		c.SetVerified()
		p.voice.compared = true
	} else {
		c.RejectSAS()
		p.voice.compared = false
	}
	p.comparedMessages(p.voice, ok)
	address, zid := p.voice.address, p.voice.zid
	p.remember(func(b *phonebook.Book) error { return b.Compared(address, zid, ok) })
}

// talking is the media of the current call, nil before it has started.
func (p *phone) talking() *media.Call {
	if p.voice == nil {
		return nil
	}
	return p.voice.call
}

// digits stand at their event numbers (RFC 4733, Section 3.2).
const digits = "0123456789*#"

// later handles an event after the one that is being handled now.
func (p *phone) later(ev call.Event) { p.pending = append(p.pending, ev) }
