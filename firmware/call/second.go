package call

import "time"

// Two calls: one is current, the other waits or is held. Only a call in which people talk can be held, so that there is
// never more than one that rings, agrees on keys or gives alarm.

// pause is why a call that is secure is silent all the same.
type pause struct {
	held      bool // by us
	heldThere bool // by the peer: what is said here is nobody's business then
	intercom
}

// beside handles an event of the other call.
func (m *Machine) beside(ev Event) {
	c := m.other
	if c == nil {
		return
	}
	switch ev := ev.(type) {
	case LineEnded:
		m.otherOver(ev.Cause)
	case MediaFailed:
		m.do(Aside{Hangup(ev)})
		m.otherOver(ev.Cause)
	case PeerHeld:
		c.heldThere = ev.On
	case Alert:
		c.alert = ev.Why
	case WayLost, WayFound:
		m.way(c, ev)
	case Stats:
		c.stats = ev
	case CacheMismatch:
		if c.media { // to be seen when it is current again
			c.state, c.alarm, c.trust = Alarm, max(c.alarm, KeyChanged), Broken
		}
	}
}

// otherOver forgets the other call.
func (m *Machine) otherOver(cause Cause) {
	c := m.other
	m.other = nil
	m.timers.stop(timerOther)
	if c.media {
		m.do(Aside{StopMedia{}})
	}
	if !c.since.IsZero() {
		c.talked = m.now.Sub(c.since)
	}
	if !c.rejected {
		m.say("other.ended", c.peer.display())
	}
	m.record(c, cause)
	m.refresh()
}

// answerWaiting holds the current call and takes the one that waits.
func (m *Machine) answerWaiting() {
	m.holdCall(true)
	m.exchange()
	m.timers.stop(timerOther)
	m.timers.set(timerCall, m.now.Add(ringTimeout))
	m.answer()
}

// rejectWaiting tells the caller who waits that we are busy.
func (m *Machine) rejectWaiting() {
	if m.other != nil {
		m.other.rejected = true
	}
	m.refuseWaiting(Busy)
}

func (m *Machine) refuseWaiting(cause Cause) {
	if m.other == nil || m.other.state != Incoming {
		return
	}
	m.do(Aside{Hangup{cause}})
	m.otherOver(cause)
}

// flash is the call key while one talks: it goes to the other call, or holds and resumes the only one.
func (m *Machine) flash() {
	switch {
	case m.other != nil:
		m.swap()
	case m.call.quiet(m.now) && !m.call.held && !m.call.heldThere: // an intercom call that is about to open
	default:
		m.holdCall(!m.call.held)
	}
}

// swap holds the current call and goes on with the other.
func (m *Machine) swap() {
	if m.other == nil || !m.call.talks() {
		return
	}
	m.holdCall(true)
	m.exchange()
	m.holdCall(false)
}

// holdCall holds or resumes the current call.
func (m *Machine) holdCall(on bool) {
	c := m.call
	if c == nil || !c.talks() && c.state != Alarm || c.held == on {
		return
	}
	c.held = on
	m.do(HoldCall{on})
	m.refresh()
}

// exchange makes the other call the current one. The microphone of the one that leaves is closed first.
func (m *Machine) exchange() {
	if m.call.media {
		m.do(Mute{true})
	}
	m.call, m.other = m.other, m.call
	if m.call.speaker != m.other.speaker {
		m.call.speaker = m.other.speaker
	}
	m.told.media = false // what this call was told last is not what that one was
	m.pages, m.notice = nil, notice{}
	m.do(Swap{})
}

// goOn brings the other call forward when the current one has ended: one that waits rings, one that was held stays on hold
// until somebody presses a key. No microphone opens because a stranger hung up.
func (m *Machine) goOn(cause Cause) {
	m.exchange()
	m.other = nil
	m.timers[timerCall], m.timers[timerOther] = m.timers[timerOther], time.Time{}
	m.say("cause."+Label(cause), "")
}
