package call

import (
	"strings"
	"time"
)

// current is a call, the current one or the other.
type current struct {
	state   State
	peer    Party
	account string // that the owner chose for it; empty: the one that the address finds
	contact string // ID of the contact with that address; empty: none
	claimed bool   // the name is only what the peer calls itself
	course
	pause
	media  bool      // the pipeline runs
	lost   bool      // the network is gone from under it
	begun  time.Time // when it began to ring
	since  time.Time // when it became secure; zero: never
	cause  Cause
	talked time.Duration

	keys      Secure // what ZRTP agreed
	trust     Trust
	alarm     AlarmKind
	alert     string
	checking  bool // the alarm was seen, and the code is being compared
	showWhole bool
	theirs    typing // the peer's half, as heard
	misses    int
	muted     bool // by the user
	ptt       bool // push to talk: muted but while a key is down
	speaker   bool
	stats     Stats
}

// course is how far a call has come.
type course struct {
	outgoing   bool
	ringing    bool // there
	connecting bool // answered here, the line has not said so yet
	silenced   bool // its ring
	serverOnly bool // it cannot be answered otherwise
	answered   bool
	rejected   bool // by a key
}

// dial begins a call to a contact, a number or an address.
func (m *Machine) dial(to Party) { m.dialBy(to, "") }

// dialBy is dial through the account of that name; empty: through the one that the address finds.
func (m *Machine) dialBy(to Party, account string) {
	if m.call != nil && m.call.state != Ended {
		return
	}
	m.wake()
	m.typed = typing{}
	m.pages = nil
	m.call = &current{state: Calling, peer: to, account: account, course: course{outgoing: true}, begun: m.now}
	if c, ok := m.contactOf(to.Address); ok {
		m.call.contact = c.ID
	}
	if to.Address == "" {
		m.end(BadAddress)
		return
	}
	m.timers.set(timerCall, m.now.Add(ringTimeout))
	m.do(Dial{to.Address})
}

// fromLine handles what the line tells.
func (m *Machine) fromLine(ev Event) {
	c := m.call
	switch ev := ev.(type) {
	case IncomingCall:
		m.incoming(ev)
	case Ringing:
		if c != nil && c.state == Calling {
			c.ringing = true
		}
	case Answered:
		if c != nil && (c.state == Calling || c.state == Incoming && c.connecting) {
			m.wake()
			c.state, c.answered, c.media = GoingSecure, true, true
			m.timers.set(timerCall, m.now.Add(secureTimeout))
			m.do(StartMedia{})
		}
	case PeerHeld:
		if c != nil {
			c.heldThere = ev.On
		}
	case LineEnded:
		if c != nil && c.state != Ended {
			m.over(ev.Cause)
		}
	}
}

// quoted is a party whose name is only what it calls itself.
func (p Party) quoted() Party {
	p.Name = "“" + strings.Trim(p.Name, "“” ") + "”"
	return p
}

// answer accepts the call that rings.
func (m *Machine) answer() {
	if c := m.call; c != nil && c.state == Incoming && !c.connecting {
		c.connecting = true
		if !c.byItself {
			m.rings.forgive(c.peer)
		}
		m.do(Answer{})
	}
}

// hangup ends the call from our side, in the words that fit its state.
func (m *Machine) hangup() {
	c := m.call
	switch {
	case c == nil || c.state == Ended:
	case c.alarm == Listened:
		m.end(CodeDiffers)
	case c.state == Alarm || c.trust == Broken:
		m.end(KeyRefused)
	case c.state == Calling:
		m.end(Cancelled)
	case c.state == Incoming && !c.connecting:
		m.reject(Declined)
	default:
		m.end(HungUp)
	}
}

// end hangs up for cause.
func (m *Machine) end(cause Cause) {
	if cause != BadAddress || m.call.answered {
		m.do(Hangup{cause})
	}
	m.over(cause)
}

// over shows that the call has ended and keeps what came of it.
func (m *Machine) over(cause Cause) {
	c := m.call
	if c.media {
		m.do(StopMedia{})
	}
	m.wake()
	c.state, c.cause, c.media, c.theirs = Ended, cause, false, typing{}
	m.beep = ToneEnded
	if !c.since.IsZero() {
		c.talked = m.now.Sub(c.since)
	}
	m.pages = nil
	show := endedLong
	if (cause.ordinary() || c.rejected) && !c.missed() {
		show = endedShort
	}
	m.timers.set(timerCall, m.now.Add(show))
	m.record(c, cause)
	if m.other != nil {
		m.goOn(cause)
	}
}

// missed tells whether somebody called in vain and nobody knows.
func (c *current) missed() bool { return !c.outgoing && !c.answered && !c.rejected }

// record keeps what came of a call.
func (m *Machine) record(c *current, cause Cause) {
	peer := c.logged()
	if c.claimed { // the log must not lend a name either
		peer = peer.quoted()
	}
	m.keep(Entry{When: c.begun, Peer: peer, Contact: c.contact, Incoming: !c.outgoing, Answered: c.answered,
		Missed: c.missed(), Talked: c.talked, Cause: cause, Trust: c.trust, Alarm: c.alarm})
}

// keep writes a line of the call log.
func (m *Machine) keep(e Entry) {
	if e.Missed {
		m.missed++
	}
	m.do(LogCall{e})
}

// callTimeout says what happens when a phase of the call takes too long.
func (m *Machine) callTimeout() {
	switch c := m.call; {
	case c == nil:
	case c.state == Ended:
		m.call = nil
	case c.state == Calling:
		m.end(NoAnswer)
	case c.state == Incoming:
		m.end(PeerCancelled)
	case c.state == GoingSecure:
		m.end(c.unsecured())
	}
}

// helloReplaced is the warning that what came is not what the signaling had announced (a=zrtp-hash): it is not listened to.
const helloReplaced = "hello hash mismatch"

// unsecured is why a call that was answered could not become secure.
func (c *current) unsecured() Cause {
	switch c.alert {
	case string(Rewritten): // it is not the peer's fault
		return Rewritten
	case helloReplaced:
		return KeyFailed
	}
	return CannotEncrypt
}

// tone is what the ear hears beside the voice.
func (c *current) tone() ToneKind {
	switch {
	case c.state == Calling && c.ringing:
		return ToneRingback
	case c.state == GoingSecure:
		return ToneProgress
	case c.state == Alarm:
		return ToneAlarm
	}
	return ToneNone
}

// fromMedia handles what ZRTP and the voice pipeline tell.
func (m *Machine) fromMedia(ev Event) {
	c := m.call
	if ev, ok := ev.(MediaFailed); ok && c != nil && c.state != Ended { // also before there was a voice: no way was found
		m.end(ev.Cause)
		return
	}
	if c == nil || !c.media {
		return
	}
	switch ev := ev.(type) {
	case Secure:
		m.secure(ev)
	case CacheMismatch:
		m.raise(KeyChanged)
	case EncryptedToServer:
		m.toServer(ev)
	case PeerCannotEncrypt:
		if c.state == GoingSecure {
			m.end(c.unsecured())
		}
	case Alert:
		c.alert = ev.Why
	case WayLost, WayFound:
		m.way(c, ev)
	case Stats:
		c.stats = ev
		c.noteDelay()
		m.refresh()
	}
}

// secure opens the microphone, unless something is wrong with who is at the other end.
func (m *Machine) secure(ev Secure) {
	c := m.call
	if c.state != GoingSecure && c.state != Alarm {
		return
	}
	c.keys = ev
	c.since = m.now
	c.theirs = typing{}
	m.timers.stop(timerCall)
	m.wake()
	switch {
	case ev.Verified:
		c.trust = Verified
	case ev.Checked:
		c.trust = Checked
	case ev.FirstCall:
		c.trust = First
	default:
		c.trust = Known
	}
	switch {
	case c.byItself && !c.mayListen():
		m.end(KeyRefused)
		return
	case ev.Paired:
		m.paired()
		return
	case c.alarm != NoAlarm:
		m.raise(c.alarm)
		return
	case ev.OtherPerson:
		m.raise(OtherPerson)
		return
	case ev.OtherDevice:
		m.raise(OtherDevice)
		return
	}
	c.state = Talking
	if ev.Name != "" {
		c.peer.Name, c.claimed = ev.Name, false // the device's name, not the network's
	}
	m.beep = ToneSecure
	if c.byItself {
		m.warn()
	}
}

// raise gives alarm: the microphone closes until the peer's half of the code was typed right.
func (m *Machine) raise(kind AlarmKind) {
	c := m.call
	if kind < c.alarm {
		kind = c.alarm
	}
	m.wake()
	c.alarm, c.trust, c.checking = kind, Broken, false
	if c.state != GoingSecure || c.keys.SAS != "" {
		c.state = Alarm
		m.pages = nil
		m.refuseWaiting(Busy) // one thing at a time
	}
}
