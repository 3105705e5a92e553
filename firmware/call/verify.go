package call

import "strings"

// Saying and typing the code. Each side says its half and types what it hears of the other's: nobody can say "yes" without
// having listened. One miss asks again, two are an alarm.

// wordLetters is how much of a word is typed: the PGP words differ enough in four letters.
const wordLetters = 4

// halves divides the code: the initiator says the first half. Four symbols fall into two and two, words at their colon.
func (k *Secure) halves() (own, theirs string, words bool) {
	first, second, words := strings.Cut(k.SAS, ":")
	if !words {
		r := []rune(k.SAS)
		first, second = string(r[:len(r)/2]), string(r[len(r)/2:])
	}
	if k.Initiator {
		return first, second, words
	}
	return second, first, words
}

// wanted is what must be typed, and with which keys.
func (k *Secure) wanted() (text string, table *symbols) {
	_, theirs, words := k.halves()
	if !words {
		return theirs, &codeSymbols
	}
	letters := []rune(strings.ToLower(theirs))
	return string(letters[:min(wordLetters, len(letters))]), &wordSymbols
}

// verify opens the entry of the peer's half. It is the only way out of an alarm but hanging up.
func (m *Machine) verify() {
	c := m.call
	if c == nil || c.keys.SAS == "" || c.alarm == Listened || c.showWhole {
		return
	}
	m.holdCall(false)
	c.state, c.checking, c.theirs = Verifying, c.alarm != NoAlarm, typing{}
	m.pages = nil
	m.notice = notice{}
}

// typeCode takes a key of the dial pad while the peer's half is typed.
func (m *Machine) typeCode(k Key) {
	c := m.call
	want, table := c.keys.wanted()
	m.notice = notice{}
	if c.theirs.tap(k, table, len([]rune(want))) {
		m.timers.set(timerTap, m.now.Add(tapTime))
		return
	}
	m.stands()
}

// stands tells that the last symbol will not change any more. A code that is complete is judged.
func (m *Machine) stands() {
	m.timers.stop(timerTap)
	m.typed.open = false
	m.typed.endWord()
	c := m.call
	if c == nil || c.state != Verifying {
		return
	}
	c.theirs.open = false
	want, _ := c.keys.wanted()
	if len(c.theirs.text) < len([]rune(want)) {
		return
	}
	heard := c.theirs.String()
	c.theirs = typing{}
	if heard == want {
		m.codeRight()
	} else {
		m.codeWrong()
	}
}

func (m *Machine) codeRight() {
	c := m.call
	if c.alarm == OtherPerson {
		c.peer.Name, c.claimed = c.keys.Name, false // the code was right, the name was not
	}
	c.state, c.alarm, c.checking, c.misses = Talking, NoAlarm, false, 0
	if c.trust != Verified {
		c.trust = Checked
	}
	m.beep = ToneGood
	m.say("code.right", c.peer.display())
	m.do(SetVerified{true})
}

func (m *Machine) codeWrong() {
	c := m.call
	c.misses++
	if c.misses < wrongCodeLimit {
		m.beep = ToneWrong
		m.say("code.again", "")
		return
	}
	m.do(SetVerified{false})
	m.raise(Listened)
}

// sayCode lets our half be heard.
func (m *Machine) sayCode() {
	c := m.call
	if c == nil || c.keys.SAS == "" || c.alarm == Listened || c.trust == Checked || c.trust == Verified {
		return
	}
	own, _, words := c.keys.halves()
	if words {
		own += ":" // a short word is no row of symbols
	}
	m.do(Say{own, m.settings.Language})
}

// leaveCode goes back from the entry to where it was opened.
func (m *Machine) leaveCode() {
	c := m.call
	c.theirs = typing{}
	m.timers.stop(timerTap)
	c.state = Talking
	if c.checking {
		c.state, c.checking = Alarm, false
	}
}

// code is what the screen shows of the code.
func (c *current) code() Code {
	if c.keys.SAS == "" {
		return Code{}
	}
	own, theirs, words := c.keys.halves()
	want, _ := c.keys.wanted()
	code := Code{Own: own, OwnFirst: c.keys.Initiator, Typed: c.theirs.String(), Pending: c.theirs.open,
		Length: len([]rune(want)), Words: words, Misses: c.misses}
	if c.showWhole || c.trust == Checked || c.trust == Verified {
		first, second := own, theirs
		if !c.keys.Initiator {
			first, second = theirs, own
		}
		code.Whole = first + " " + second
	}
	return code
}
