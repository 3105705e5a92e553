package call

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func (m *Machine) openMenu() {
	m.open(m.menu("menu", func() []action {
		rows := []action{
			{Row{Label: "contacts"}, m.openContacts},
			{Row{Label: "log", Detail: missedCount(m.missed)}, m.openLog},
			{Row{Label: "messages", Detail: missedCount(m.unread())}, m.openMessages},
			{Row{Label: "settings"}, m.openSettings},
			{Row{Label: "address"}, m.openAddress},
			{Row{Label: "test"}, m.openTest},
			{Row{Label: "about"}, m.openRunning},
		}
		if m.hasPIN {
			rows = append(rows, action{Row{Label: "lock"}, m.askLock})
		}
		return rows
	}))
}

func missedCount(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// openAddress tells what to give to somebody who wants to call.
func (m *Machine) openAddress() {
	lines := []string{m.own}
	if m.network.Address != "" {
		lines = append(lines, m.network.Address)
	}
	m.open(&page{state: Reading, title: "address", lines: lines, qr: m.network.Address})
}

func (m *Machine) openContacts() {
	p := m.list("contacts", "options", func() []Row {
		rows := make([]Row, 0, len(m.contacts)+1)
		for _, c := range m.contacts {
			r := Row{Text: c.Name, Trust: c.Trust, Mark: MarkTrust}
			if c.Speed > 0 {
				r.Detail = fmt.Sprint(c.Speed)
			}
			rows = append(rows, r)
		}
		return append(rows, Row{Label: "contact.new"})
	}, func(i int) {
		if i < len(m.contacts) {
			m.openContact(m.contacts[i].ID)
		} else {
			m.newContact("")
		}
	})
	p.call = func(i int) {
		if i < len(m.contacts) {
			m.dial(Party{m.contacts[i].Name, m.contacts[i].Address})
		}
	}
	m.open(p)
}

// jump goes to the first contact whose name begins with a letter of the key.
func (m *Machine) jump(k Key) {
	p := m.top()
	if p.title != "contacts" || k > Key9 {
		return
	}
	for i := range m.contacts {
		at := (p.selected + 1 + i) % len(m.contacts)
		if r, _ := utf8.DecodeRuneInString(m.contacts[at].Name); strings.ContainsRune(nameSymbols[k], unicode.ToLower(r)) {
			p.selected = at
			return
		}
	}
}

func (m *Machine) contact(id string) (Contact, bool) {
	for _, c := range m.contacts {
		if c.ID == id {
			return c, true
		}
	}
	return Contact{}, false
}

// openContact is what can be done with a contact.
func (m *Machine) openContact(id string) {
	c, ok := m.contact(id)
	if !ok {
		return
	}
	p := m.menu("", func() []action {
		c, ok := m.contact(id)
		if !ok {
			return nil
		}
		rows := []action{
			{Row{Label: "call", Detail: strings.TrimPrefix(c.Address, "sip:")}, func() { m.dial(Party{c.Name, c.Address}) }},
			{Row{Label: "name", Detail: c.Name}, func() { m.editName(c) }},
			{Row{Label: "address"}, func() { m.editAddress(c) }},
			{Row{Label: "speed", Detail: missedCount(c.Speed)}, func() { m.nextSpeed(c) }},
			{Row{Label: "always", Mark: onOff(c.Always)}, func() { c.Always = !c.Always; m.do(SaveContact{c}) }},
		}
		if c.Trust == Checked || c.Trust == Verified || c.Intercom { // nobody else may open the microphone
			rows = append(rows, action{Row{Label: "intercom", Mark: onOff(c.Intercom)}, func() { m.changeIntercom(c) }})
		}
		if routes := m.contactRoutes(c); len(routes) > 1 {
			rows = append(rows, action{Row{Label: "route", State: contactRoute(c.Route)}, func() { m.openContactRoutes(c, routes) }})
		}
		if t, ok := m.threadOf(c.ID); ok {
			rows = append(rows, action{Row{Label: "messages", Detail: missedCount(t.Unread)}, func() { m.openThread(t.Device) }})
		}
		rows = append(rows, action{Row{Label: "pair"}, func() { m.openPair(c) }})
		if c.Number != "" {
			rows = append(rows, action{Row{Label: "number"}, func() { m.read("number", strings.Split(c.Number, "\n")) }})
		}
		if c.Trust == Checked || c.Trust == Verified {
			rows = append(rows, action{Row{Label: "unverify", Trust: c.Trust}, func() { m.do(Unverify{c.ID}) }})
		}
		if m.able.Tor {
			rows = append(rows, action{Row{Label: "invite"}, func() { m.do(Invite{c.ID}) }})
		}
		if c.Tor {
			rows = append(rows, action{Row{Label: "revoke"}, func() {
				m.confirm("revoke", "revoke.sure", c.Name, func() { m.do(Revoke{c.ID}) })
			}})
		}
		return append(rows, action{Row{Label: "delete"}, func() {
			m.confirm("delete", "delete.sure", c.Name, func() { m.back(); m.do(DeleteContact{c.ID}) })
		}})
	})
	p.text = c.Name
	m.open(p)
}

// nextSpeed gives a contact the next free key of speed dial, or none after the last.
func (m *Machine) nextSpeed(c Contact) {
	taken := map[int]bool{}
	for _, other := range m.contacts {
		taken[other.Speed] = other.ID != c.ID
	}
	for n := max(c.Speed+1, 2); n <= 10; n++ {
		if n == 10 {
			n = 0
		}
		if n == 0 || !taken[n] {
			c.Speed = n
			break
		}
	}
	m.do(SaveContact{c})
}

func (m *Machine) editName(c Contact) {
	m.entry("name", c.Name, &nameSymbols, maxInput, func(s string) {
		if s = strings.TrimSpace(s); s == "" {
			m.say("name.empty", "")
			return
		}
		c.Name = s
		m.back()
		m.do(SaveContact{c})
	})
}

func (m *Machine) editAddress(c Contact) {
	m.entry("address", strings.TrimPrefix(c.Address, "sip:"), &addressSymbols, maxInput, func(s string) {
		c.Address = fullAddress(s)
		m.back()
		m.do(SaveContact{c})
	})
}

// newContact asks for an address, then for a name.
func (m *Machine) newContact(address string) {
	name := func(address string) {
		m.entry("name", "", &nameSymbols, maxInput, func(s string) {
			if s = strings.TrimSpace(s); s == "" {
				m.say("name.empty", "")
				return
			}
			m.back()
			m.do(SaveContact{Contact{Name: s, Address: address}})
		})
	}
	if address != "" {
		name(address)
		return
	}
	m.entry("address", "", &addressSymbols, maxInput, func(s string) {
		if s == "" {
			m.say("address.empty", "")
			return
		}
		m.back()
		name(fullAddress(s))
	})
}

// fullAddress makes a SIP URI of what looks like a host or a user at a host; a number stays one.
func fullAddress(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "@.") && !strings.HasPrefix(s, "sip:") {
		return "sip:" + s
	}
	return s
}

func (m *Machine) openLog() {
	m.missed = 0
	p := m.list("log", "details", func() []Row {
		var rows []Row
		for _, e := range m.log {
			to, _ := e.dialled()
			r := Row{Text: to.display(), Detail: m.when(e.When), Trust: e.Trust, Mark: MarkOut}
			switch {
			case e.Missed:
				r.Mark = MarkMissed
			case e.Incoming:
				r.Mark = MarkIn
			}
			rows = append(rows, r)
		}
		return rows
	}, func(i int) { m.openEntry(m.log[i]) })
	p.call = func(i int) { m.callAgain(m.log[i]) }
	if len(m.log) == 0 {
		p.hint, p.left = "log.empty", soft{}
	}
	m.open(p)
}

// openEntry is what can be done with a line of the call log.
func (m *Machine) openEntry(e Entry) {
	peer, _ := e.dialled()
	p := m.menu("", func() []action {
		rows := []action{
			{Row{Label: Label("cause." + string(e.Cause)), Detail: m.when(e.When)}, func() {}},
			{Row{Label: trustLabel(e.Trust), Trust: e.Trust, Mark: MarkTrust, Detail: talked(e.Talked)}, func() {}},
			{Row{Label: "call"}, func() { m.callAgain(e) }},
		}
		if e.Contact == "" && peer.Address != "" {
			rows = append(rows, action{Row{Label: "contact.new"}, func() { m.newContact(peer.Address) }},
				action{Row{Label: "block"}, func() {
					m.confirm("block", "block.sure", peer.display(), func() { m.back(); m.do(Block{peer.Address}) })
				}})
		}
		return rows
	})
	p.text = peer.display()
	m.open(p)
}

func trustLabel(t Trust) Label {
	return [...]Label{"trust.unknown", "trust.first", "trust.known", "trust.checked", "trust.verified", "trust.broken", "trust.server"}[t]
}

func talked(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return Clock(d)
}

// Clock is a duration as it is shown: minutes and seconds, with hours where there are any.
func Clock(d time.Duration) string {
	s := int(d / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// ClockLayout is how a time of day is written.
func ClockLayout(hours12 bool) string {
	if hours12 {
		return "3:04 pm"
	}
	return "15:04"
}

// when is the time for today and the date for other days.
func (m *Machine) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(m.now.Location())
	if y, d := t.Year(), t.YearDay(); y == m.now.Year() && d == m.now.YearDay() {
		return t.Format(ClockLayout(m.settings.Hours12))
	}
	return t.Format("2.1.")
}

// openOptions is what can be done during a call, beside talking.
func (m *Machine) openOptions() {
	m.open(m.menu("options", func() []action {
		c := m.call
		if c == nil || !c.talks() {
			return nil
		}
		var rows []action
		if c.state == Talking && !c.showWhole && !c.held {
			rows = append(rows, action{Row{Label: "verify"}, m.verify})
		}
		if c.trust < Checked {
			rows = append(rows, action{Row{Label: "say.code"}, m.sayCode})
		}
		rows = append(rows,
			action{Row{Label: "hold", Mark: onOff(c.held)}, func() { m.holdCall(!c.held) }},
			action{Row{Label: "mute", Mark: onOff(c.muted)}, func() { c.muted = !c.muted }},
			action{Row{Label: "speaker", Mark: onOff(c.speaker)}, func() { m.adjust(KeyRight) }})
		if c.ptt || c.oneWay() > longDelay {
			rows = append(rows, action{Row{Label: "ptt", Mark: onOff(c.ptt)}, m.changePTT})
		}
		if m.other != nil {
			rows = append(rows, action{Row{Label: "swap", Detail: m.other.peer.display()}, m.swap})
		}
		if c.trust < Checked && !c.showWhole {
			// Who has seen the peer's half on the screen could type it without listening.
			rows = append(rows, action{Row{Label: "whole"}, func() { c.showWhole = true; m.leave() }})
		}
		if _, known := m.contactOf(c.peer.Address); !known && c.contact == "" && c.peer.Address != "" {
			rows = append(rows, action{Row{Label: "contact.new"}, func() { m.newContact(c.peer.Address) }})
		}
		if m.able.Tor && c.compared() {
			rows = append(rows, action{Row{Label: "card"}, func() { m.do(GiveCard{}); m.leave(); m.say("card.given", "") }})
		}
		rows = append(rows, action{Row{Label: "stats"}, m.openStats})
		return append(rows, action{Row{Label: "algorithms"}, func() {
			m.read("algorithms", strings.Fields(c.keys.algorithms()))
		}})
	}))
}

func onOff(on bool) Mark {
	if on {
		return MarkOn
	}
	return MarkOff
}

func (k *Secure) algorithms() string {
	return strings.Join([]string{k.KA, k.Hash, k.Cipher, k.Tag}, " ")
}

// confirm asks before something that cannot be taken back.
func (m *Machine) confirm(title, question Label, arg string, yes func()) {
	p := &page{state: Reading, title: title, hint: question, hintArg: arg}
	p.left = soft{"yes", func(m *Machine) { m.back(); yes() }}
	m.open(p)
}
