package call

import (
	"slices"
	"strings"
	"time"
)

// Limits of what may ring: a telephone that never stops ringing is as good as none.
const (
	ringWindow      = time.Minute
	ringsBySource   = 3 // of one address in ringWindow; the next are refused without a ring
	ringsOfAll      = 8 // of all who are no contacts
	ringsRemembered = 32
	intercomWarning = 3 * time.Second // from keys to an open microphone in a call that answered itself
)

// rings are who rang lately, oldest first.
type rings []rung

type rung struct {
	source  string
	contact bool
	at      time.Time
}

// count notes a call and tells how many of its kind there were within the window, this one included.
func (r *rings) count(ev IncomingCall, now time.Time) (same, strangers int) {
	keep := (*r)[:0]
	for _, x := range *r {
		if now.Sub(x.at) < ringWindow && now.Sub(x.at) >= 0 {
			keep = append(keep, x)
		}
	}
	if len(keep) == ringsRemembered {
		keep = append(keep[:0], keep[1:]...)
	}
	source := source(ev.From)
	*r = append(keep, rung{source, ev.Contact != "", now})
	for _, x := range *r {
		if x.source == source {
			same++
		}
		if !x.contact {
			strangers++
		}
	}
	return same, strangers
}

// source is from whom a call comes, as far as the network tells.
func source(from Party) string {
	address, _, _ := strings.Cut(strings.ToLower(from.Address), ";")
	return address
}

// forgive forgets the rings of one whose call is answered by a person: that was no flood.
func (r *rings) forgive(from Party) {
	*r = slices.DeleteFunc(*r, func(x rung) bool { return x.source == source(from) })
}

// incoming rings, waits, or is refused.
func (m *Machine) incoming(ev IncomingCall) {
	c := &current{state: Incoming, begun: m.now, contact: ev.Contact, course: course{serverOnly: ev.ServerOnly}}
	c.peer, c.claimed = m.known(ev)
	same, strangers := m.rings.count(ev, m.now)
	flood := same - ringsBySource
	if ev.Contact == "" {
		flood = max(flood, strangers-ringsOfAll)
	}
	free := m.call == nil || m.call.state == Ended
	switch {
	case flood > 1: // the first that is too many is in the log: a flood must not wash the others out
		m.do(RefuseWaiting{Busy})
		return
	case flood == 1:
		m.refuse(c, TooMany)
	case !m.mayRing(ev.Contact):
		m.refuse(c, Busy)
	case ev.ServerOnly && ev.Known:
		m.refuseServed(c)
	case free:
		m.wake()
		m.leave()
		m.call = c
		m.timers.set(timerCall, m.now.Add(ringTimeout))
		m.answerItself()
	case m.other == nil && m.call.talks():
		m.wake()
		m.other = c
		m.timers.set(timerOther, m.now.Add(ringTimeout))
	default:
		m.wake()
		m.refuse(c, Busy)
	}
}

// refuse tells the caller that we are busy, whatever the reason is: it is none of his business.
func (m *Machine) refuse(c *current, cause Cause) {
	m.do(RefuseWaiting{Busy})
	m.record(c, cause)
}

// mayRing asks the owner's wish about who may disturb.
func (m *Machine) mayRing(contact string) bool {
	if m.closed && m.settings.LockQuiet {
		return false
	}
	c, known := m.contact(contact)
	switch m.settings.Quiet {
	case QuietContacts:
		return known
	case QuietVerified:
		return known && (c.Always || c.Trust == Checked || c.Trust == Verified)
	case QuietChosen:
		return known && c.Always
	}
	return true
}

// known gives the caller the name of the contact with that address: what the caller calls itself counts for little, and
// both are only what the network says until ZRTP has spoken.
func (m *Machine) known(ev IncomingCall) (named Party, claimed bool) {
	if c, ok := m.contact(ev.Contact); ok {
		return Party{c.Name, ev.From.Address}, false
	}
	return ev.From, ev.From.Name != ""
}

// ring is what the owner wants to hear.
func (m *Machine) ring() Ring {
	kind := RingNormal
	if m.settings.Rising {
		kind = RingRising
	}
	return Ring{kind, m.settings.Tune}
}

// intercom is a call that answers itself.
type intercom struct {
	byItself bool
	opens    time.Time // when the microphone opens
}

// answerItself takes a call of somebody who was chosen for that. What the network says decides only that it is taken;
// whether the microphone opens, the device must prove.
func (m *Machine) answerItself() {
	c, known := m.contact(m.call.contact)
	if !known || !c.Intercom || m.closed || m.call.serverOnly {
		return
	}
	m.call.byItself = true
	m.answer()
}

// mayListen tells whether the device at the other end is the one whose code was compared, and no alarm stands.
func (c *current) mayListen() bool {
	k := &c.keys
	return c.alarm == NoAlarm && !k.OtherDevice && !k.OtherPerson && k.Name != "" && (c.trust == Checked || c.trust == Verified)
}

// warn lets everybody in the room know that somebody will listen, before it is so.
func (m *Machine) warn() {
	c := m.call
	c.opens = m.now.Add(intercomWarning)
	m.timers.set(timerOpen, c.opens)
	m.beep = ToneIntercom
	c.speaker = true
	m.do(Speaker{true})
	m.say("intercom.warn", c.peer.display())
}

// quiet tells that the call is secure and silent all the same.
func (c *current) quiet(now time.Time) bool { return c.held || c.heldThere || now.Before(c.opens) }

// changeIntercom asks before a contact may open the microphone.
func (m *Machine) changeIntercom(c Contact) {
	set := func() { c.Intercom = !c.Intercom; m.do(SaveContact{c}) }
	if c.Intercom {
		set()
		return
	}
	m.confirm("intercom", "intercom.sure", c.Name, set)
}

// openReject offers ways not to take a call.
func (m *Machine) openReject() {
	if m.call.connecting {
		return
	}
	m.open(m.menu("reject", func() []action {
		c := m.call
		if c == nil || c.state != Incoming {
			return nil
		}
		return []action{
			{Row{Label: "reject.busy"}, func() { m.reject(Busy) }},
			{Row{Label: "reject.no"}, func() { m.reject(Declined) }},
			{Row{Label: "reject.silent"}, m.back}, // any key has silenced it already
			{Row{Label: "block"}, func() { m.do(Block{c.peer.Address}); m.reject(Busy) }},
		}
	}))
}

// reject refuses the call that rings, in the words of the cause.
func (m *Machine) reject(cause Cause) {
	m.call.rejected = true
	m.end(cause)
}

// redial calls once more whom one called last.
func (m *Machine) redial() {
	for _, e := range m.log {
		if !e.Incoming {
			m.callAgain(e)
			return
		}
	}
	m.say("redial.none", "")
}

// callMailbox hears the voice messages.
func (m *Machine) callMailbox() {
	if m.settings.Voicemail == "" {
		m.typed.wipe()
		m.say("voicemail.none", "")
		return
	}
	m.dial(Party{Address: dialAddress(m.settings.Voicemail)})
}
