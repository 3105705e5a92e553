package call

// soft is a soft key: the label and what it does stand side by side, so that they cannot differ.
type soft struct {
	label Label
	do    func(*Machine)
}

// softKeys are the two soft keys: left is positive or options, right is back or negative. In one state a label has one
// meaning; where the meaning differs, the label does.
func (m *Machine) softKeys() (left, right soft) {
	clearOrBack := func(empty bool, do func(*Machine)) soft {
		if empty {
			return soft{"back", do}
		}
		return soft{"clear", do}
	}
	c := m.call
	switch m.state() {
	case Idle:
		return soft{"menu", (*Machine).openMenu}, soft{"contacts", (*Machine).openContacts}
	case Dialling:
		return soft{"call", (*Machine).dialTyped}, soft{"clear", (*Machine).erase}
	case Calling:
		return soft{}, soft{"cancel", (*Machine).hangup}
	case Incoming:
		if c.connecting {
			return soft{}, soft{"hangup", (*Machine).hangup}
		}
		if len(m.pages) == 0 {
			return soft{"answer", (*Machine).answer}, soft{"reject", (*Machine).hangup}
		}
	case Waiting:
		return soft{"answer", (*Machine).answerWaiting}, soft{"reject", (*Machine).rejectWaiting}
	case GoingSecure:
		return soft{}, soft{"hangup", (*Machine).hangup}
	case Talking:
		if c.held {
			return soft{"resume", func(m *Machine) { m.holdCall(false) }}, soft{"hangup", (*Machine).hangup}
		}
		if c.trust < Checked && !c.showWhole {
			return soft{"verify", (*Machine).verify}, soft{"hangup", (*Machine).hangup}
		}
		return soft{"options", (*Machine).openOptions}, soft{"hangup", (*Machine).hangup}
	case ToServer:
		if c.held {
			return soft{"resume", func(m *Machine) { m.holdCall(false) }}, soft{"hangup", (*Machine).hangup}
		}
		return soft{"options", (*Machine).openOptions}, soft{"hangup", (*Machine).hangup}
	case Verifying:
		return soft{}, clearOrBack(len(c.theirs.text) == 0, (*Machine).erase)
	case Alarm:
		if c.alarm == Listened || c.showWhole {
			return soft{}, soft{"hangup", (*Machine).hangup}
		}
		return soft{"verify", (*Machine).verify}, soft{"hangup", (*Machine).hangup}
	case Ended:
		return soft{"call", (*Machine).again}, soft{"close", (*Machine).dismiss}
	case Closed:
		return soft{"unlock", (*Machine).openUnlock}, soft{}
	case Entering:
		return m.top().left, clearOrBack(len(m.typed.text) == 0, (*Machine).erase)
	}
	return m.top().left, soft{"back", (*Machine).back}
}

// press handles a key that went down. Any key lights the screen and silences a ring.
func (m *Machine) press(k Key) {
	m.wake()
	m.timers.stop(timerSample)
	for _, c := range []*current{m.call, m.other} {
		if c != nil && c.state == Incoming {
			c.silenced = true
		}
	}
	switch k {
	case KeySoftLeft, KeySoftRight:
		left, right := m.softKeys()
		if k == KeySoftRight {
			left = right
		}
		if left.do != nil {
			left.do(m)
		}
	case KeyCall, KeyOffHook:
		m.pressCall(k)
	case KeyEnd, KeyOnHook:
		m.pressEnd(k)
	case KeyOK:
		m.pressOK()
	case KeyUp, KeyDown, KeyLeft, KeyRight:
		m.move(k)
	default:
		m.pressSymbol(k)
	}
}

// pressCall answers, dials what was typed or chosen, or shows whom one called last.
func (m *Machine) pressCall(k Key) {
	if c := m.call; c != nil && c.state == Incoming && !c.connecting { // also from the ways not to take it
		m.answer()
		return
	}
	switch m.state() {
	case Waiting:
		if k == KeyCall {
			m.answerWaiting()
		}
	case Talking, ToServer:
		if k == KeyCall {
			m.flash()
		}
	case Dialling:
		m.dialTyped()
	case Ended:
		m.again()
	case Idle:
		if k == KeyCall {
			m.openLog()
		}
	case Listing:
		if p := m.top(); p.call != nil && m.call == nil && p.selected >= 0 {
			p.call(p.selected)
		}
	}
}

// pressEnd ends the call, or leaves everything that is open.
func (m *Machine) pressEnd(k Key) {
	switch m.state() {
	case Ended:
		m.dismiss()
	case Idle, Closed:
		if k == KeyEnd {
			m.light = 0
			m.timers.stop(timerLight)
		}
	case Waiting:
		if k == KeyEnd {
			m.rejectWaiting()
			return
		}
		m.hangup()
	default:
		if m.call != nil {
			m.hangup()
			return
		}
		m.leave()
		m.steps = nil
	}
}

// leave closes everything that is open.
func (m *Machine) leave() {
	m.pages = nil
	m.typed.wipe()
	m.timers.stop(timerTap)
}

func (m *Machine) pressOK() {
	switch m.state() {
	case Idle:
		m.openMenu()
	case Talking, ToServer:
		m.openOptions()
	case Incoming:
		m.openReject()
	case Verifying:
		m.stands()
	case Dialling, Listing, Entering, Closed:
		if left, _ := m.softKeys(); left.do != nil {
			left.do(m)
		}
	case Reading:
		m.back()
	}
}

// move handles the four directions.
func (m *Machine) move(k Key) {
	switch s := m.state(); {
	case s == Talking, s == ToServer:
		m.adjust(k)
	case s == Verifying && k == KeyLeft, s == Dialling && k == KeyLeft, s == Entering && k == KeyLeft:
		m.erase()
	case k == KeyRight && (s == Verifying || s == Entering):
		m.stands()
	case s == Dialling && (k == KeyUp || k == KeyDown):
		m.stepFound(k)
	case s == Dialling && k == KeyRight:
		m.stepAccount()
	case s == Listing && (k == KeyUp || k == KeyDown):
		m.top().step(k)
	case s == Reading && k == KeyUp:
		m.top().first = max(m.top().first-1, 0)
	case s == Reading && k == KeyDown:
		m.top().first = max(min(m.top().first+1, len(m.top().lines)-1), 0)
	case s == Idle && k == KeyUp, s == Idle && k == KeyDown:
		m.openContacts()
	}
}

// adjust is what the directions do while one talks: louder, softer, mute, loudspeaker.
func (m *Machine) adjust(k Key) {
	c := m.call
	switch k {
	case KeyUp:
		m.setVolume(m.settings.Volume + volumeStep)
	case KeyDown:
		m.setVolume(m.settings.Volume - volumeStep)
	case KeyLeft:
		c.muted = !c.muted && !c.ptt
	case KeyRight:
		c.speaker = !c.speaker
		m.do(Speaker{c.speaker})
	}
}

func (m *Machine) setVolume(v int) {
	v = min(max(v, 0), 100)
	if v != m.settings.Volume {
		m.settings.Volume = v
		m.do(Volume{v})
	}
}

// pressSymbol handles 0 to 9, * and #.
func (m *Machine) pressSymbol(k Key) {
	r, ok := k.symbol()
	if !ok {
		return
	}
	switch m.state() {
	case Idle, Dialling, Ended:
		m.dismiss()
		if len(m.typed.text) == 0 { // a choice holds for one number
			m.account = 0
		}
		if len(m.typed.text) < maxDigits {
			m.typed.text = append(m.typed.text, r)
		}
		m.chosen = -1
		m.keyTone()
	case Talking, ToServer:
		if m.call.quiet(m.now) {
			return
		}
		if m.call.compared() || m.call.state == ToServer {
			m.do(SendDTMF{r})
		} else if k <= Key9 { // typing at once what one hears needs no other key
			m.verify()
			if m.call.state == Verifying {
				m.typeCode(k)
			}
		}
	case Verifying:
		m.typeCode(k)
	case Entering:
		m.typeEntry(k)
		m.keyTone()
	case Closed:
		m.openUnlock()
		m.typeEntry(k)
	case Listing:
		m.jump(k)
	}
}

func (m *Machine) keyTone() {
	if m.settings.KeyTones && m.call == nil {
		m.beep = ToneKey
	}
}

// hold handles a key that stayed down. Its Press came before and has typed a symbol already.
func (m *Machine) hold(k Key) {
	m.wake()
	t := &m.typed
	first := len(t.text) == 1
	switch s := m.state(); {
	case k == KeyStar && (s == Talking || s == Verifying || s == Alarm):
		m.sayCode()
	case s == Listing && k == KeyCall && m.top().title == "log":
		m.redial()
	case s == Dialling && first && k == Key1:
		m.callMailbox()
	case s == Dialling && k == Key0:
		t.text[len(t.text)-1] = '+'
	case s == Dialling && first && k >= Key2 && k <= Key9:
		m.speedDial(int(k))
	case s == Dialling && first && k == KeyHash:
		t.wipe()
		m.settings.Silent = !m.settings.Silent
		m.do(SaveSettings{m.settings})
		m.say(pick(m.settings.Silent, "silent.on", "silent.off"), "")
	case s == Dialling && first && k == KeyStar:
		t.wipe()
		m.askLock()
	case s == Entering && k == KeyHash:
		m.changeWords()
	case (s == Dialling || s == Entering) && k == KeySoftRight:
		t.wipe()
	}
}

func pick(yes bool, a, b Label) Label {
	if yes {
		return a
	}
	return b
}
