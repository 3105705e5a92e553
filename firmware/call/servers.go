package call

import (
	"slices"
	"strings"
)

// The servers that find a way for the voice: STUN tells our address as others see it, a relay (TURN) passes everything on, so
// that the peer learns no address of ours.

// openRelay shows the relay to be changed. Nothing is stored before "save"; without a server there is no relay.
func (m *Machine) openRelay() {
	a := m.setup.Relay
	if a.Transport == "" {
		a.Transport = transports[0]
	}
	edit := func(l Label, to *string, table *symbols) action {
		return action{Row{Label: l, Detail: *to}, func() {
			m.entry(l, *to, table, maxInput, func(s string) { *to = strings.TrimSpace(s); m.back() })
		}}
	}
	m.open(m.menu("relay", func() []action {
		password := edit("password", &a.Password, &passwordSymbols)
		password.row.Detail = strings.Repeat("*", min(len(a.Password), 1)*4)
		rows := []action{
			edit("server", &a.Server, &addressSymbols),
			edit("user", &a.User, &addressSymbols),
			password,
			{Row{Label: "transport", Detail: strings.ToUpper(a.Transport)}, func() {
				a.Transport = transports[(slices.Index(transports, a.Transport)+1)%len(transports)]
			}},
			{Row{Label: "save"}, func() { m.keepRelay(a) }},
		}
		if m.setup.Relay == (Account{}) {
			return rows
		}
		return append(rows, action{Row{Label: "delete"}, func() {
			m.confirm("delete", "delete.sure", a.Server, func() { m.storeRelay(Account{}) })
		}})
	}))
}

func (m *Machine) keepRelay(a Account) {
	if !plainWord(a.Server) || !plainWord(a.User) || a.Password == "" {
		m.say("relay.empty", "")
		return
	}
	m.storeRelay(a)
}

func (m *Machine) storeRelay(a Account) {
	m.setup.Relay = a
	m.saveSetup()
	m.back()
}

// editSTUN asks for the server that tells our address; an empty one is none.
func (m *Machine) editSTUN() {
	m.entry("stun", m.setup.STUN, &addressSymbols, maxInput, func(s string) {
		if s = strings.TrimSpace(s); s != "" && !plainWord(s) {
			m.say("ip.wrong", "")
			return
		}
		m.setup.STUN = s
		m.saveSetup()
		m.back()
	})
}
