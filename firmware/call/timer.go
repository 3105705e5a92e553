package call

import "time"

// timer names what the machine waits for.
type timer uint8

const (
	timerCall   timer = iota // the phase of the call takes too long, or its end was shown long enough
	timerOther               // nobody answers the call that waits
	timerOpen                // the microphone of an intercom call opens
	timerWay                 // a call waits for a network too long
	timerSample              // a ring tone was heard long enough
	timerTap                 // a symbol of multitap stands
	timerNotice              // a line goes
	timerLight               // the light goes down
	timerLock                // nobody touched the telephone
	timerScreen              // the clock on the screen moves
	numTimers
)

// timers holds when each is due; the zero time is never.
type timers [numTimers]time.Time

func (t *timers) set(n timer, at time.Time) { t[n] = at }
func (t *timers) stop(n timer)              { t[n] = time.Time{} }

// due takes a timer that has passed.
func (t *timers) due(n timer, now time.Time) bool {
	if t[n].IsZero() || now.Before(t[n]) {
		return false
	}
	t.stop(n)
	return true
}

// Deadline is when the next Tick is due; the zero time is never.
func (m *Machine) Deadline() (next time.Time) {
	for _, t := range m.timers {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

// expire does what time alone brings about.
func (m *Machine) expire() {
	if m.timers.due(timerTap, m.now) {
		m.stands()
	}
	if m.timers.due(timerNotice, m.now) {
		m.notice = notice{}
	}
	if m.timers.due(timerCall, m.now) {
		m.callTimeout()
	}
	if m.timers.due(timerOther, m.now) {
		m.refuseWaiting(PeerCancelled)
	}
	if m.timers.due(timerWay, m.now) {
		m.noWay()
	}
	m.timers.due(timerSample, m.now)
	m.timers.due(timerOpen, m.now) // settle sees that the time has come
	if m.timers.due(timerLock, m.now) && m.call == nil && !m.closed {
		m.do(Lock{})
	}
	if m.timers.due(timerLight, m.now) {
		m.dim()
	}
	m.nextScreen()
}

// nextScreen asks for a Tick when what the screen shows of the time will have changed.
func (m *Machine) nextScreen() {
	switch {
	case m.call != nil && !m.call.since.IsZero() && m.call.state != Ended:
		elapsed := m.now.Sub(m.call.since)
		m.timers.set(timerScreen, m.call.since.Add(elapsed.Truncate(time.Second)+time.Second))
	default:
		m.timers.set(timerScreen, m.now.Truncate(time.Minute).Add(time.Minute))
	}
}

// wake puts the light on and begins the waits of an untouched telephone again.
func (m *Machine) wake() {
	m.light = backlightFull
	m.timers.set(timerLight, m.now.Add(dimAfter))
	m.timers.stop(timerLock)
	if m.settings.LockAfter > 0 && m.hasPIN && !m.closed {
		m.timers.set(timerLock, m.now.Add(time.Duration(m.settings.LockAfter)*time.Minute))
	}
}

// dim takes the light down in two steps. A code that is to be compared and an alarm stay lit.
func (m *Machine) dim() {
	if c := m.call; c != nil && (c.state != Talking || c.trust < Checked) && c.state != ToServer && c.state != Ended {
		m.timers.set(timerLight, m.now.Add(dimAfter))
		return
	}
	if m.light == backlightFull {
		m.light = backlightDim
		m.timers.set(timerLight, m.now.Add(darkAfter-dimAfter))
		return
	}
	m.light = 0
}
