package call

import (
	"strconv"
	"strings"
)

// dialTyped calls what was typed.
func (m *Machine) dialTyped() {
	typed := m.typed.String()
	if found := m.found(); m.chosen >= 0 && m.chosen < len(found) {
		m.dial(Party{found[m.chosen].Name, found[m.chosen].Address})
		return
	}
	if m.dialThrough(typed) {
		return
	}
	address := dialAddress(typed)
	if c, ok := m.contactOf(address); ok {
		m.dial(Party{c.Name, c.Address})
		return
	}
	m.dial(Party{Address: address})
}

// dialAddress is what the line is asked for: with * for the dot, an address of the Internet can be typed without another
// mode, and # before its port. An impossible address is empty; everything else is a number for the account.
func dialAddress(typed string) string {
	if !dotted(typed) {
		return typed
	}
	host, port, hasPort := strings.Cut(typed, "#")
	parts := strings.Split(host, "*")
	if len(parts) != 4 {
		return ""
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return ""
		}
		parts[i] = strconv.FormatUint(n, 10)
	}
	uri := "sip:" + strings.Join(parts, ".")
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return ""
		}
		uri += ":" + strconv.FormatUint(n, 10)
	}
	return uri
}

// dotted tells that * stands for a dot: it follows a number, which no service code of a network does.
func dotted(typed string) bool {
	i := strings.IndexByte(typed, '*')
	return i > 0 && strings.Trim(typed[:i], "0123456789") == ""
}

// shownDigits is how typed digits look.
func shownDigits(typed string) string {
	if !dotted(typed) {
		return typed
	}
	return strings.NewReplacer("*", ".", "#", ":").Replace(typed)
}

// found are the contacts that what was typed may mean: a word of the name on the letters of the keys, or the beginning of
// the number.
func (m *Machine) found() (out []Contact) {
	typed := m.typed.String()
	if typed == "" || strings.Trim(typed, "0123456789") != "" {
		return nil
	}
	for _, c := range m.contacts {
		number := strings.HasPrefix(strings.TrimPrefix(c.Address, "sip:"), typed)
		for word := range strings.FieldsSeq(c.Name) {
			number = number || strings.HasPrefix(onKeys(word), typed)
		}
		if number {
			out = append(out, c)
		}
	}
	return out
}

// onKeys is a word as digits of the keys that bear its letters. What no key bears is nothing.
func onKeys(word string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(word) {
		for k, table := range nameSymbols[:KeyStar] {
			if strings.ContainsRune(table, r) {
				b.WriteByte('0' + byte(k))
			}
		}
	}
	return b.String()
}

// stepFound chooses among what was found; before the first stands what was typed itself.
func (m *Machine) stepFound(k Key) {
	n := len(m.found()) + 1
	d := 1
	if k == KeyUp {
		d = n - 1
	}
	m.chosen = (m.chosen+1+d)%n - 1
}

// contactOf is the contact whose address is written exactly so. What looks different and may be the same is the phone
// book's to judge, and comes with the events.
func (m *Machine) contactOf(address string) (Contact, bool) {
	for _, c := range m.contacts {
		if address != "" && strings.TrimPrefix(c.Address, "sip:") == strings.TrimPrefix(address, "sip:") {
			return c, true
		}
	}
	return Contact{}, false
}

// display is the name, or the address where there is none.
func (p Party) display() string {
	if p.Name != "" {
		return p.Name
	}
	return strings.TrimPrefix(p.Address, "sip:")
}

func (m *Machine) speedDial(n int) {
	for _, c := range m.contacts {
		if c.Speed == n {
			m.dial(Party{c.Name, c.Address})
			return
		}
	}
	m.typed.wipe()
	m.say("speed.empty", strconv.Itoa(n))
}

// erase takes the last symbol away; where there is none, it leaves.
func (m *Machine) erase() {
	switch m.state() {
	case Verifying:
		m.timers.stop(timerTap)
		if !m.call.theirs.erase() {
			m.leaveCode()
		}
	case Dialling:
		m.typed.erase()
		m.chosen = -1
	case Entering:
		m.timers.stop(timerTap)
		if !m.eraseKey() && !m.typed.erase() {
			m.back()
		}
	}
}

// again calls back, or once more.
func (m *Machine) again() {
	if c := m.call; c != nil && c.state == Ended {
		m.dismiss()
		m.dialBy(c.peer, c.account)
	}
}

// dismiss takes the end of a call off the screen.
func (m *Machine) dismiss() {
	if m.call != nil && m.call.state == Ended {
		m.call = nil
		m.timers.stop(timerCall)
	}
}
