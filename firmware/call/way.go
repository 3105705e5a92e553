package call

// networkLost is shown while a call waits for a network. What was shown before comes back after it.
const networkLost = "network lost"

// way notes that a call has lost its way or has found one. The keys are those of the two ends and stay; so does all that was said
// of them. Each loss, and each search, has its own time.
func (m *Machine) way(c *current, ev Event) {
	switch ev.(type) {
	case WayLost:
		c.lost = true
		m.timers.set(timerWay, m.now.Add(wayTimeout))
		m.wake()
	case WayFound:
		c.lost = false
	}
}

// noWay ends the calls that have waited long enough.
func (m *Machine) noWay() {
	if o := m.other; o != nil && o.lost {
		m.do(Aside{Hangup{NoNetwork}})
		m.otherOver(NoNetwork)
	}
	if c := m.call; c != nil && c.lost && c.state != Ended {
		m.end(NoNetwork)
	}
}
