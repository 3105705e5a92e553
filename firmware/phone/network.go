package phone

import (
	"net/netip"

	"sotto/firmware/call"
	"sotto/net/link"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// network takes in what the link is now. A line belongs to one address: when the address changes, the line is opened anew
// and a call over the old one has ended.
func (p *phone) network(s link.Status) {
	addr := s.Address.Addr()
	if p.line != nil && s.Up() && p.line.Addr().Addr() == addr {
		return
	}
	p.closeLine()
	if s.Up() {
		if err := p.openLine(netip.AddrPortFrom(addr, p.cfg.Listen.Port())); err != nil {
			p.note(Note{Event: "alert", Why: err.Error()})
		}
	}
	p.tellNetwork()
}

// openLine takes calls at an address from now on.
func (p *phone) openLine(at netip.AddrPort) (err error) {
	p.line, err = sipua.New(sipua.Config{Listen: at, Name: p.cfg.Name})
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
	if p.current != 0 {
		p.forgetCall()
		p.handle(call.LineEnded{Cause: call.NoNetwork})
	}
	p.line.Close()
	p.line = nil
}

// tellNetwork shows what can be reached, and where we can be reached.
func (p *phone) tellNetwork() {
	n := call.Network{Registered: true}
	if p.line != nil {
		n.Up, n.Route, n.Address = true, "direct", p.line.Addr().String()
	}
	p.handle(call.NetworkChanged{Network: n})
}

// lineEvents is nil without a line: nothing comes then.
func (p *phone) lineEvents() <-chan signaling.Event {
	if p.line == nil {
		return nil
	}
	return p.line.Events()
}
