package phone

import (
	"net/netip"
	"slices"
	"strings"

	"sotto/firmware/call"
	"sotto/net/link"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// network takes in what the link is now. A line belongs to one address: when the address changes, the line is opened anew,
// and a call that stays is taken along.
func (p *phone) network(s link.Status) {
	p.hear(s.Air)
	addr := s.Address.Addr()
	switch {
	case p.line != nil && s.Up() && !p.away && p.line.Addr().Addr() == addr:
		return
	case p.line != nil && slices.ContainsFunc(p.talks(), stays):
		p.dropCalls(func(t talk) bool { return !stays(t) })
		if s.Up() {
			p.arrive(addr)
		} else if !p.away { // news of the radio is no second loss
			p.leave()
		}
	default:
		p.closeLine()
		if s.Up() {
			if err := p.openLine(netip.AddrPortFrom(addr, p.cfg.Listen.Port())); err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
			}
		}
	}
	p.tellNetwork()
}

// openLine takes calls at an address from now on.
func (p *phone) openLine(at netip.AddrPort) (err error) {
	p.line, err = sipua.New(sipua.Config{Listen: at, Name: p.cfg.Name, Accounts: p.cfg.Accounts, Texts: []string{textType},
		AccountsOnly: p.cfg.Closed})
	if err != nil {
		p.line = nil
	}
	return err
}

// closeLine ends what is going on over the line and gives its ports back.
func (p *phone) closeLine() {
	if p.line == nil {
		return
	}
	p.dropCalls(func(talk) bool { return true })
	p.line.Close()
	p.line, p.away = nil, false
}

// dropCalls ends those calls over the line that are to go.
func (p *phone) dropCalls(goes func(talk) bool) {
	if t := p.other; t.id != 0 && !sipua.IsOnion(t.id) && goes(t) {
		p.line.Hangup(t.id, signaling.HungUp)
		p.exchange()
		p.forgetCall()
		p.exchange()
		p.handle(call.Beside{Event: call.LineEnded{Cause: call.NoNetwork}})
	}
	if t := p.talks()[0]; t.id != 0 && !sipua.IsOnion(t.id) && goes(t) {
		p.line.Hangup(t.id, signaling.HungUp)
		p.forgetCall()
		p.handle(call.LineEnded{Cause: call.NoNetwork})
	}
}

// tellNetwork shows what can be reached, and where we can be reached.
func (p *phone) tellNetwork() {
	n := call.Network{Registered: len(p.cfg.Accounts) == 0}
	for _, ok := range p.accounts {
		n.Registered = n.Registered || ok
	}
	for _, a := range p.cfg.Accounts {
		if !p.accounts[a.Name] {
			n.Missing = append(n.Missing, a.Name)
		}
	}
	n.Why = p.refused
	n.Joined, n.Trouble = p.radio.air.Joined, troubles[p.radio.air.Trouble]
	if p.line != nil && !p.away {
		n.Up, n.Route, n.Address = true, "direct", p.line.Addr().String()
	}
	if p.tor.service != nil && p.tor.status.Reachable() {
		n.Up, n.Route, n.Address = true, torAll, "sip:handset@"+p.tor.service.Address().String()
	}
	p.handle(call.NetworkChanged{Network: n})
}

// registration takes in what a registrar said.
func (p *phone) registration(ev signaling.Registration) {
	p.accounts[ev.Account] = ev.OK
	if ev.OK {
		p.note(Note{Event: "registered"})
		p.wakeMessages("")
		p.refused = ""
	} else {
		p.refused = call.Cause(ev.Cause.String())
		p.note(Note{Event: "alert", Why: "account: " + ev.Cause.String()})
	}
	p.tellNetwork()
}

// accountFor names the account that a call goes through: the one that was chosen for it, or else the one whose server the address
// names, or the first for a plain number. A direct address goes through none.
func (p *phone) accountFor(to string) string {
	if len(p.cfg.Accounts) == 0 {
		return ""
	}
	if chosen := p.machine.Account(to); p.hasAccount(chosen) { // two accounts may be at one server: the address cannot tell
		return chosen
	}
	_, host, ok := strings.Cut(to, "@")
	host, _, _ = strings.Cut(host, ";")
	if !ok && strings.Trim(to, "0123456789+*#") == "" {
		return p.firstAccount()
	}
	for _, a := range p.cfg.Accounts {
		if _, own, _ := strings.Cut(a.Name, "@"); host != "" && own == host {
			return a.Name
		}
	}
	return ""
}

func (p *phone) hasAccount(name string) bool {
	return slices.ContainsFunc(p.cfg.Accounts, func(a sipua.Account) bool { return a.Name == name })
}

// firstAccount takes plain numbers. What the owner put first on the screen goes before the configuration.
func (p *phone) firstAccount() string {
	for _, a := range p.own.Setup.Accounts {
		if conf, ok := accountOf(a); ok && p.hasAccount(conf.Name) {
			return conf.Name
		}
	}
	return p.cfg.Accounts[0].Name
}

// overTLS tells whether an account reaches its server over TLS, with a certificate that is good or pinned.
func (p *phone) overTLS(account string) bool {
	return account != "" && slices.ContainsFunc(p.cfg.Accounts, func(a sipua.Account) bool {
		return a.Name == account && strings.Contains(strings.ToLower(a.URI), ";transport=tls")
	})
}

// lineEvents is nil without a line: nothing comes then.
func (p *phone) lineEvents() <-chan signaling.Event {
	if p.line == nil {
		return nil
	}
	return p.line.Events()
}
