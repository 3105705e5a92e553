package call

import "time"

// Of a path that takes long, as one over Tor does: two who do not wait for each other talk at once.
const (
	longDelay = 400 * time.Millisecond // from mouth to ear, from which on push-to-talk is offered
	fairDelay = 300 * time.Millisecond // below which that is taken back
	lateAlert = "long delay"
)

// oneWay is about how long speech takes from one mouth to the other's ear.
func (c *current) oneWay() time.Duration { return c.stats.RTT/2 + c.stats.Delay }

// noteDelay offers push-to-talk where the delay is long; a warning that stands there is worth more.
func (c *current) noteDelay() {
	switch d := c.oneWay(); {
	case d > longDelay && c.alert == "" && !c.ptt:
		c.alert = lateAlert
	case (d < fairDelay || c.ptt) && c.alert == lateAlert:
		c.alert = ""
	}
}

// changePTT begins or ends push-to-talk.
func (m *Machine) changePTT() {
	c := m.call
	c.ptt = !c.ptt
	c.muted = c.ptt
	c.noteDelay()
	m.leave()
	if c.ptt {
		m.say("ptt.on", "")
	}
}

// release handles a key that came up again: the one that was held to speak.
func (m *Machine) release(k Key) {
	if c := m.call; k == KeyLeft && c != nil && c.ptt {
		c.muted = true
	}
}
