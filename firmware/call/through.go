package call

import (
	"slices"
	"strings"
)

// A number has no server of its own: an account completes it. That is the first account, unless the owner chooses another one while
// the number is typed. The address of such a call names the account's server, so that every later call to it finds the same one;
// where two accounts are at one server, the call and its line in the log say which it was.

// choosesAccount tells whether a number is being typed that can go through one account or another.
func (m *Machine) choosesAccount() bool {
	return len(m.setup.Accounts) > 1 && m.chosen < 0 && len(m.typed.text) > 0 && !dotted(m.typed.String())
}

// through is the account that the number goes through. One that is gone is the first again.
func (m *Machine) through() Account {
	if m.account < len(m.setup.Accounts) {
		return m.setup.Accounts[m.account]
	}
	return m.setup.Accounts[0]
}

// shownThrough is how an account is shown while dialling: by its server, and by its user too where that is not enough.
func (m *Machine) shownThrough(a Account) string {
	if slices.ContainsFunc(m.setup.Accounts, func(b Account) bool { return b.Server == a.Server && b.User != a.User }) {
		return a.name()
	}
	return a.Server
}

// stepAccount goes on to the next account, around the end.
func (m *Machine) stepAccount() {
	if m.choosesAccount() {
		m.account = (m.account + 1) % len(m.setup.Accounts)
	}
}

// dialThrough calls the number that was typed through the account that was chosen; false: that is the first, as always.
func (m *Machine) dialThrough(number string) bool {
	if !m.choosesAccount() {
		return false
	}
	a := m.through()
	if a == m.setup.Accounts[0] {
		return false
	}
	to := Party{Address: "sip:" + strings.ReplaceAll(number, "#", "%23") + "@" + a.Server}
	if c, ok := m.contactOf(to.Address); ok {
		to.Name = c.Name
	}
	m.dialBy(to, a.name())
	return true
}

// Account is the name of the account that was chosen for the call with an address; empty: the address finds its own.
func (m *Machine) Account(address string) string {
	if c := m.call; c != nil && c.peer.Address == address {
		return c.account
	}
	return ""
}

// accountParam is how the call log keeps an account: it stands behind the address, as a parameter of our own (RFC 3261, Section
// 19.1.1: other-param). It never leaves the telephone.
const accountParam = ";account="

// logged is the peer of a call as the log keeps it.
func (c *current) logged() Party {
	p := c.peer
	if user, ok := strings.CutSuffix(c.account, p.server()); ok {
		p.Address += accountParam + user
	}
	return p
}

// dialled reads it back. Only what went out is read so: somebody who calls us must not choose with which name we call back.
func (e Entry) dialled() (to Party, account string) {
	address, user, ok := strings.Cut(e.Peer.Address, accountParam)
	if e.Incoming || !ok {
		return e.Peer, ""
	}
	to = Party{e.Peer.Name, address}
	return to, user + to.server()
}

// server is the part of an address from the @ on.
func (p Party) server() string {
	if i := strings.IndexByte(p.Address, '@'); i >= 0 {
		return p.Address[i:]
	}
	return ""
}

// callAgain calls whom a line of the log names, through the same account.
func (m *Machine) callAgain(e Entry) { m.dialBy(e.dialled()) }

// numbersHere makes an account the first one. It is stored at once: it is nothing of the account's own.
func (m *Machine) numbersHere(i int) {
	if i == 0 || i >= len(m.setup.Accounts) {
		return
	}
	a := m.setup.Accounts[i]
	m.setup.Accounts = slices.Insert(slices.Delete(slices.Clone(m.setup.Accounts), i, i+1), 0, a)
	m.saveSetup()
}
