package call

import (
	"fmt"
	"strings"
	"unicode"
)

// Wifi is a network of the air to be in; without a name: none. Printing it shows nothing: the name tells where somebody lives.
type Wifi struct{ Name, Password string }

// String hides everything.
func (Wifi) String() string { return "call.Wifi{}" }

// GoString hides everything.
func (w Wifi) GoString() string { return w.String() }

// WifiNetwork is a network that is in reach. Anybody can call one anything.
type WifiNetwork struct {
	Name    string // text of 1 to 32 bytes
	Bars    int    // 1 to 4, how well it is heard
	Secured bool
}

// Lengths of IEEE 802.11-2020, Section 9.4.2.2 and Annex J.4.1.
const (
	maxWifiName     = 32
	minWifiPassword = 8
	maxWifiPassword = 63
	maxWifiRows     = 32
)

// air is what the machine knows of the networks in reach.
type air struct {
	looking bool
	seen    []WifiNetwork
}

// openWifi looks around, and lets one choose.
func (m *Machine) openWifi() {
	m.air = air{looking: true}
	m.do(LookAround{})
	var p *page
	p = m.menu("wifi", func() []action {
		if p != nil {
			p.hint = m.wifiHint()
		}
		var rows []action
		in := m.setup.Wifi.Name
		if in != "" {
			rows = append(rows, action{Row{Text: shown(in), Mark: onOff(m.network.Joined)}, m.askForget})
		}
		for _, n := range m.air.seen {
			if n.Name == in {
				continue
			}
			row := Row{Text: shown(n.Name), Detail: fmt.Sprintf("%d/4", n.Bars)}
			if !n.Secured {
				row.Detail, row.State = "", "wifi.open"
			}
			rows = append(rows, action{row, func() { m.joinWifi(n.Name, n.Secured) }})
		}
		return append(rows, action{Row{Label: "wifi.other"}, m.nameWifi})
	})
	m.open(p)
}

func (m *Machine) wifiSeen(all []WifiNetwork) {
	m.air = air{seen: all[:min(len(all), maxWifiRows)]}
	m.refresh()
}

// wifiHint is what becomes of the network that was chosen, or else of the look around.
func (m *Machine) wifiHint() Label {
	switch {
	case m.setup.Wifi.Name != "" && m.network.Trouble != "":
		return m.network.Trouble
	case m.setup.Wifi.Name != "" && !m.network.Joined:
		return "wifi.joining"
	case m.air.looking:
		return "wifi.looking"
	case len(m.air.seen) == 0:
		return "wifi.none"
	}
	return ""
}

// shown is a name as it can be shown: what strangers put into it to look like something else cannot be seen.
func shown(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}

// joinWifi asks for what is needed to join.
func (m *Machine) joinWifi(name string, secured bool) {
	if !secured {
		m.confirm("wifi", "wifi.open.sure", shown(name), func() { m.keepWifi(Wifi{Name: name}) })
		return
	}
	p := m.entry("password", "", &passwordSymbols, maxWifiPassword, func(s string) {
		if len(s) < minWifiPassword {
			m.say("wifi.short", "")
			return
		}
		m.back()
		m.keepWifi(Wifi{name, s})
	})
	p.text = shown(name)
	p.hint = "password"
}

// nameWifi takes a network that is not in reach now. One that never says its name cannot be joined: the telephone would have to
// call for it wherever it is. One without password has to be in reach to be chosen.
func (m *Machine) nameWifi() {
	m.entry("wifi.name", "", &passwordSymbols, maxWifiName, func(s string) {
		if s != "" {
			m.back()
			m.joinWifi(s, true)
		}
	})
}

func (m *Machine) askForget() {
	m.confirm("wifi", "wifi.forget.sure", shown(m.setup.Wifi.Name), func() { m.keepWifi(Wifi{}) })
}

func (m *Machine) keepWifi(w Wifi) {
	m.setup.Wifi = w
	m.network.Joined, m.network.Trouble = false, ""
	m.saveSetup()
	m.refresh()
}
