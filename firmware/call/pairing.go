package call

// Pairing is for people who meet: one telephone shows a number, the other is told it by hand, and the next call between the
// two proves that nobody is in between (auxsecret, RFC 6189, Section 4.3). No code need be compared then.

// PairingDigits is the length of the number: with the work that the phone puts into each guess it cannot be found while a
// call is set up.
const PairingDigits = 16

func (m *Machine) openPair(c Contact) {
	p := m.menu("pair", func() []action {
		return []action{
			{Row{Label: "pair.show"}, func() { m.showNumber(c.ID) }},
			{Row{Label: "pair.type"}, func() { m.typeNumber(c.ID) }},
		}
	})
	m.open(p)
}

// showNumber asks for a number and shows it.
func (m *Machine) showNumber(id string) {
	m.pairing = ""
	m.do(ShowPairing{id})
	var p *page
	p = m.list("pair", "", func() []Row {
		if p.hint = "pin.checking"; m.pairing == "" {
			return nil
		}
		p.hint = ""
		rows := []Row{{Label: "pair.give"}}
		for n := m.pairing; n != ""; n = n[8:] {
			rows = append(rows, Row{Text: n[:4] + " " + n[4:8]})
		}
		return append(rows, Row{Label: "pair.call"})
	}, func(int) {})
	p.left = soft{}
	m.open(p)
}

// showPairing takes the number.
func (m *Machine) showPairing(number string) {
	if len(number) == PairingDigits {
		m.pairing = number
		m.refresh()
	}
}

func (m *Machine) typeNumber(id string) {
	m.entry("pair", "", &digitSymbols, PairingDigits, func(number string) {
		if len(number) != PairingDigits {
			m.say("pair.short", "")
			return
		}
		m.do(Pair{id, number})
		m.typed.wipe()
		m.back()
		m.back()
		m.say("pin.checking", "")
	})
}

// paired is a call whose two ends knew the number: as good as a code that was typed right.
func (m *Machine) paired() {
	m.codeRight()
	m.say("pair.done", m.call.peer.display())
}
