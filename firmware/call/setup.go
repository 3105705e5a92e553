package call

import (
	"net/netip"
	"slices"
	"strings"
)

// Setup is how the telephone reaches others. Printing it shows no password.
type Setup struct {
	Static  bool   // a fixed address instead of one by DHCP
	Address string // of a fixed one, with the length of its network: 192.0.2.7/24
	Router  string
	DNS     string
	Wifi    Wifi
	Route   string // "direct", "relay" or "tor"; empty: direct
	STUN    string // server, with a port if wanted; empty: none
	Relay   Account
	Clock   string // server that tells the time; empty: nobody is asked
	NTP     bool   // and by plain NTP, without proof

	Forgetful bool   // Tor begins with new guards at every start
	Bridge    string // by which Tor is entered; empty: by a guard of its choice

	Accounts     []Account
	AccountsOnly bool // nobody is heard but the accounts' servers
}

// Account is an account at a server.
type Account struct {
	Server    string // name or address, with a port if wanted
	User      string
	Password  string
	Transport string // "udp", "tcp" or "tls"
	Gateway   bool   // over TLS, calls may be encrypted to the server only
	Pin       string // SHA-256 of the server's public key in hexadecimal; empty: the certificate must be good
}

// Able is what this telephone can change.
type Able struct {
	Link   bool     // its address
	Clock  bool     // its clock
	Wifi   bool     // there is a radio
	Routes []string // of the media
	Tor    bool     // addresses over Tor can be exchanged
}

// String hides the password.
func (a Account) String() string { return a.name() }

// GoString hides the password.
func (a Account) GoString() string { return a.name() }

func (a Account) name() string { return a.User + "@" + a.Server }

// pinLength is that of a SHA-256 in hexadecimal.
const pinLength = 64

var transports = []string{"tls", "tcp", "udp"}

func (m *Machine) saveSetup() {
	s := m.setup
	s.Accounts = slices.Clone(s.Accounts)
	m.do(SaveSetup{s})
}

func (m *Machine) openNetwork() {
	m.open(m.menu("network", func() []action {
		s := &m.setup
		var rows []action
		if len(m.able.Routes) > 1 {
			rows = append(rows, action{Row{Label: "route", State: routeLabel(s.Route)}, m.openRoutes})
		}
		rows = append(rows, action{Row{Label: "address", Detail: m.network.Address}, m.openAddress},
			action{Row{Label: "stun", Detail: s.STUN}, m.editSTUN}, action{Row{Label: "relay", Detail: s.Relay.Server}, m.openRelay})
		if m.able.Tor {
			rows = append(rows, action{Row{Label: "tor"}, m.openTor})
		}
		if m.able.Wifi {
			rows = append(rows, action{Row{Label: "wifi", Detail: shown(s.Wifi.Name)}, m.openWifi})
		}
		if !m.able.Link {
			return rows
		}
		rows = append(rows, action{Row{Label: "dhcp", Mark: onOff(!s.Static)}, func() {
			if s.Static = !s.Static; s.Static && s.Address == "" {
				m.editIP("ip", &s.Address, true)
				return
			}
			m.saveSetup()
		}})
		if !s.Static {
			return rows
		}
		return append(rows,
			action{Row{Label: "ip", Detail: s.Address}, func() { m.editIP("ip", &s.Address, true) }},
			action{Row{Label: "router", Detail: s.Router}, func() { m.editIP("router", &s.Router, false) }},
			action{Row{Label: "dns", Detail: s.DNS}, func() { m.editIP("dns", &s.DNS, false) }})
	}))
}

// editIP asks for an address: * is the dot, as in dialling, and # the stroke before the length of the network.
func (m *Machine) editIP(title Label, to *string, network bool) {
	p := m.entry(title, *to, &addressDigits, maxDigits, func(s string) {
		s = strings.TrimSpace(s)
		_, err := netip.ParseAddr(s)
		if network {
			_, err = netip.ParsePrefix(s)
		}
		if err != nil {
			m.say("ip.wrong", "")
			return
		}
		*to = s
		m.saveSetup()
		m.back()
	})
	p.hint = pick(network, "ip.hint", "dial.hint")
}

func routeLabel(route string) Label {
	if route == "" {
		route = "direct"
	}
	return Label("route." + route)
}

func (m *Machine) openRoutes() {
	m.open(m.menu("route", func() []action {
		var rows []action
		for _, r := range m.able.Routes {
			rows = append(rows, action{Row{Label: routeLabel(r), Mark: onOff(routeLabel(r) == routeLabel(m.setup.Route))}, func() {
				m.chooseRoute(r, routeLabel(r), func() {
					m.setup.Route = r
					m.saveSetup()
				})
			}})
		}
		return rows
	}))
}

// chooseRoute takes a route; a way over Tor says first who learns our address by it.
func (m *Machine) chooseRoute(route string, name Label, set func()) {
	take := func() {
		set()
		m.back()
	}
	if !strings.HasPrefix(route, "tor") {
		take()
		return
	}
	m.confirm(name, Label("reveals."+route), "", take)
}

// contactRoutes are the ways to a contact among which one can choose.
func (m *Machine) contactRoutes(c Contact) []string {
	routes := []string{""}
	if slices.Contains(m.able.Routes, "relay") {
		routes = append(routes, "relay")
	}
	if c.Onion {
		routes = append(routes, "tor", "tor-relay", "tor-direct")
	}
	return routes
}

func contactRoute(route string) Label {
	if route == "" {
		return "route.usual"
	}
	return Label("route." + route)
}

// openContactRoutes lets one choose.
func (m *Machine) openContactRoutes(c Contact, routes []string) {
	m.open(m.menu("route", func() []action {
		var rows []action
		for _, r := range routes {
			rows = append(rows, action{Row{Label: contactRoute(r), Mark: onOff(r == c.Route)}, func() {
				m.chooseRoute(r, contactRoute(r), func() { m.do(SetRoute{c.ID, r}) })
			}})
		}
		return rows
	}))
}

func (m *Machine) openAccounts() {
	m.open(m.menu("accounts", func() []action {
		var rows []action
		for i, a := range m.setup.Accounts {
			mark := MarkNone
			if i == 0 && len(m.setup.Accounts) > 1 {
				mark = MarkNumbers
			}
			rows = append(rows, action{Row{Text: a.name(), Mark: mark}, func() { m.editAccount(i) }})
		}
		rows = append(rows, action{Row{Label: "account.new"}, func() { m.editAccount(-1) }})
		if len(m.setup.Accounts) == 0 {
			return rows
		}
		return append(rows, action{Row{Label: "accounts.only", Mark: onOff(m.setup.AccountsOnly)}, func() {
			m.setup.AccountsOnly = !m.setup.AccountsOnly
			m.saveSetup()
		}})
	}))
}

// editAccount shows an account to be changed, or a new one for -1. Nothing is stored before "save",
// but for the account's place.
func (m *Machine) editAccount(i int) {
	a := Account{Transport: transports[0]}
	if i >= 0 {
		a = m.setup.Accounts[i]
	}
	edit := func(l Label, to *string, table *symbols, limit int) action {
		return action{Row{Label: l, Detail: *to}, func() {
			m.entry(l, *to, table, limit, func(s string) { *to = strings.TrimSpace(s); m.back() })
		}}
	}
	m.open(m.menu("account", func() []action {
		password := edit("password", &a.Password, &passwordSymbols, maxInput)
		password.row.Detail = strings.Repeat("*", min(len(a.Password), 1)*4)
		rows := []action{
			edit("server", &a.Server, &addressSymbols, maxInput),
			edit("user", &a.User, &addressSymbols, maxInput),
			password,
			{Row{Label: "transport", Detail: strings.ToUpper(a.Transport)}, func() {
				a.Transport = transports[(slices.Index(transports, a.Transport)+1)%len(transports)]
				a.Gateway = false
			}},
			{Row{Label: "gateway", Mark: onOff(a.Gateway)}, func() { m.changeGateway(&a) }},
			edit("pin.server", &a.Pin, &hexSymbols, pinLength),
			{Row{Label: "save"}, func() { m.keepAccount(i, a) }},
		}
		if i < 0 {
			return rows
		}
		if len(m.setup.Accounts) > 1 {
			rows = append(rows, action{Row{Label: "account.numbers", Mark: onOff(i == 0)}, func() { m.numbersHere(i); i = 0 }})
		}
		return append(rows, action{Row{Label: "delete"}, func() {
			m.confirm("delete", "delete.sure", a.name(), func() {
				m.setup.Accounts = slices.Delete(slices.Clone(m.setup.Accounts), i, i+1)
				m.saveSetup()
				m.back()
			})
		}})
	}))
}

// keepAccount stores an account that can work.
func (m *Machine) keepAccount(i int, a Account) {
	other := func(b Account) bool { return b.name() == a.name() }
	switch at := slices.IndexFunc(m.setup.Accounts, other); {
	case !plainWord(a.Server) || !plainWord(a.User):
		m.say("account.empty", "")
		return
	case a.Pin != "" && len(a.Pin) != pinLength:
		m.say("pin.length", "")
		return
	case at >= 0 && at != i:
		m.say("account.twice", "")
		return
	}
	list := slices.Clone(m.setup.Accounts)
	if i < 0 {
		list = append(list, a)
	} else {
		list[i] = a
	}
	m.setup.Accounts = list
	m.saveSetup()
	m.back()
}

// plainWord is what can stand in an address.
func plainWord(s string) bool { return s != "" && !strings.ContainsAny(s, " @;,<>\"?&/") }
