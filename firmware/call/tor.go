package call

import (
	"net/netip"
	"strings"
)

// maxBridge is the length of the line of a bridge: with a pluggable transport it has a certificate.
const maxBridge = 256

// openTor is how Tor is entered. A Tor that runs has made its choice: what is set here counts from the next start.
func (m *Machine) openTor() {
	m.open(m.menu("tor", func() []action {
		s := &m.setup
		return []action{
			{Row{Label: "tor.forget", Mark: onOff(s.Forgetful)}, func() {
				s.Forgetful = !s.Forgetful
				m.saveTor()
			}},
			{Row{Label: "tor.bridge", Detail: bridgeName(s.Bridge)}, m.editBridge},
		}
	}))
}

func (m *Machine) editBridge() {
	m.entry("tor.bridge", m.setup.Bridge, &passwordSymbols, maxBridge, func(s string) {
		s = strings.Join(strings.Fields(s), " ")
		if s != "" && !ValidBridge(s) {
			m.say("tor.wrong", "")
			return
		}
		m.setup.Bridge = s
		m.back()
		m.saveTor()
	})
}

func (m *Machine) saveTor() {
	m.saveSetup()
	m.say("tor.next", "")
}

// ValidBridge tells whether a line has the form in which bridges are given away: "192.0.2.1:443 FINGERPRINT", or a
// transport's name before it and its arguments behind.
func ValidBridge(line string) bool {
	f := strings.Fields(line)
	if len(line) > maxBridge || len(f) == 0 {
		return false
	}
	if _, err := netip.ParseAddrPort(f[0]); err == nil {
		return true
	}
	if len(f) < 2 || strings.ContainsAny(f[0], ".:") {
		return false
	}
	_, err := netip.ParseAddrPort(f[1])
	return err == nil
}

// bridgeName is the part of a line that tells bridges apart.
func bridgeName(line string) string {
	for _, f := range strings.Fields(line) {
		if _, err := netip.ParseAddrPort(f); err == nil {
			return f
		}
	}
	return ""
}
