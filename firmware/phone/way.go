package phone

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/net/nat"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// Reach is how the phone finds a way for its media when the two ends cannot simply send to each other.
type Reach struct {
	Servers   []nat.Server   // STUN and TURN; empty: candidates are offered to nobody
	RelayOnly bool           // the peer learns no address but the relay's
	Roots     *x509.CertPool // who may sign a TURN server's certificate; nil: the system's
}

// wayLimit is how long the search for a way may take, from the answer on.
const wayLimit = 20 * time.Second

// background does work that waits for the network; what it returns is run by the loop.
func (p *phone) background(work func(ctx context.Context) func()) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), wayLimit)
		defer cancel()
		then := work(ctx)
		select {
		case p.results <- then:
		case <-p.quit:
		}
	}()
}

// wantsWay tells whether a call goes by ICE: when we have servers to ask, or when the peer offers candidates.
func (p *phone) wantsWay(v *voice, peer *signaling.Description) bool {
	if v.over != nil {
		return v.over.byICE(peer)
	}
	if peer != nil {
		return peer.ICE != nil && !nat.Mismatch(*peer)
	}
	return len(p.cfg.Reach.Servers) > 0
}

// describe makes our side of the call and hands it to ready, at once or when the candidates have been gathered. Nobody
// learns an address of ours before this: it is called when we dial or answer.
func (p *phone) describe(v *voice, peer *signaling.Description, ready func(signaling.Description)) {
	if !p.wantsWay(v, peer) {
		if v.over == nil && p.relayOnly(v) { // rather no call than one that tells our address
			p.noRelay()
			return
		}
		ready(v.description(p.cfg.Ptime))
		return
	}
	if p.line == nil || p.away {
		p.later(call.MediaFailed{Cause: call.NoMedia})
		return
	}
	config := p.search(v, peer == nil)
	g := p.takeEarly(config)
	if g == nil {
		var err error
		if g, err = p.gather(config); err != nil {
			p.note(Note{Event: "alert", Why: err.Error()})
			p.later(call.MediaFailed{Cause: call.NoMedia})
			return
		}
	}
	v.agent = g.agent
	v.agent.Watch(p.watcher(v))
	g.wait(func() {
		switch {
		case p.voice != v: // hung up meanwhile
		case g.err != nil:
			p.note(Note{Event: "alert", Why: g.err.Error()})
			p.handle(call.MediaFailed{Cause: p.noWay(v)})
		default:
			d := v.description(p.cfg.Ptime)
			d.RTP, d.RTCP, d.ICE = g.addr, g.addr, &g.candidates
			ready(d)
		}
	})
}

// search is how a way is looked for now.
func (p *phone) search(v *voice, controlling bool) nat.Config {
	at := p.line.Addr().Addr()
	return nat.Config{Servers: p.cfg.Reach.Servers, RelayOnly: p.relayOnly(v), Controlling: controlling,
		Local: at, Loopback: at.IsLoopback(), Roots: p.cfg.Reach.Roots}
}

// gathering is the collecting of our candidates. The loop owns it.
type gathering struct {
	call       signaling.CallID // that rings; 0: we have dialled or answered
	config     nat.Config
	agent      *nat.Agent
	done       bool
	candidates signaling.ICE
	addr       netip.AddrPort
	err        error
	then       func() // what waits for the end; nil: nothing yet
}

// gather begins to collect candidates.
func (p *phone) gather(config nat.Config) (*gathering, error) {
	agent, err := nat.New(config)
	if err != nil {
		return nil, err
	}
	g := &gathering{config: config, agent: agent}
	p.background(func(ctx context.Context) func() {
		candidates, addr, err := agent.Gather(ctx)
		return func() {
			g.candidates, g.addr, g.err, g.done = candidates, addr, err, true
			if g.then != nil {
				g.then()
			}
		}
	})
	return g, nil
}

// wait does something when the gathering is over; at once, if it is.
func (g *gathering) wait(then func()) {
	if g.done {
		then()
		return
	}
	g.then = then
}

// gatherEarly begins to gather while a call rings, so that the answer need not wait for a server: where the caller bears the
// address of a contact whose code was compared, and the call would go by ICE. That address is what the network says and no
// proof, and whoever forged it must learn nothing of ours: no candidate is sent before a person answers, in a 180 or 183
// least of all. Only our own STUN and TURN servers are asked, and know some seconds sooner that something rings.
func (p *phone) gatherEarly(in *signaling.Incoming, contact string) {
	if p.incoming != in || p.voice != nil || !p.compared(contact) || sipua.IsOnion(in.Call) || p.line == nil || p.away {
		return
	}
	v := &voice{address: in.From.URI}
	if !p.wantsWay(v, &in.Offer) {
		return
	}
	g, err := p.gather(p.search(v, false))
	if err != nil {
		return // the answer will say so
	}
	g.call, p.early = in.Call, g
}

// compared tells whether the code was compared with a contact. A locked telephone knows none.
func (p *phone) compared(contact string) bool {
	if p.book == nil || contact == "" {
		return false
	}
	contacts := p.book.Contacts()
	i := slices.IndexFunc(contacts, func(c phonebook.Contact) bool { return c.ID == contact })
	if i < 0 {
		return false
	}
	trust := p.trustOf(contacts[i])
	return trust == call.Checked || trust == call.Verified
}

// takeEarly is what was gathered while the current call rang, or is being gathered; nil without, or when it has failed, or was
// meant for another network or other servers than there are now.
func (p *phone) takeEarly(now nat.Config) *gathering {
	g := p.early
	if g == nil || g.call != p.current || g.err != nil || g.config.Controlling != now.Controlling ||
		g.config.Local != now.Local || g.config.RelayOnly != now.RelayOnly || !slices.Equal(g.config.Servers, now.Servers) {
		return nil
	}
	p.early = nil
	return g
}

// dropEarly gives back what was gathered for a call that rings no more, a relay too.
func (p *phone) dropEarly(id signaling.CallID) {
	if g := p.early; g != nil && g.call == id {
		p.early = nil
		g.agent.Close()
	}
}

// relayOnly tells whether the peer of a call may learn no address but a relay's.
func (p *phone) relayOnly(v *voice) bool {
	return p.cfg.Reach.RelayOnly || v.over != nil && v.over.route == torRelay || p.routeOf(v.address) == "relay"
}

// noWay is why no candidates were found, in the words of the screen.
func (p *phone) noWay(v *voice) call.Cause {
	if p.relayOnly(v) {
		return call.NoRelay
	}
	return call.NoMedia
}

// noRelay ends a call that could only go on by telling the peer where we are.
func (p *phone) noRelay() {
	p.note(Note{Event: "alert", Why: "phone: relay only, and there is none that both ends can use"})
	p.later(call.MediaFailed{Cause: call.NoRelay})
}

// findWay looks for the way of an answered call and then starts its voice.
func (p *phone) findWay(v *voice) {
	if v.remote.ICE == nil || nat.Mismatch(v.remote) {
		p.withoutWay(v)
		return
	}
	remote := *v.remote.ICE
	p.background(func(ctx context.Context) func() {
		err := v.agent.Connect(ctx, remote)
		return func() {
			switch {
			case p.voice != v:
			case err != nil:
				p.note(Note{Event: "alert", Why: err.Error()})
				p.handle(call.MediaFailed{Cause: call.NoMedia})
			default:
				p.noteWay(v)
				p.speak(v)
			}
		}
	})
}

// noteWay reports how the media goes.
func (p *phone) noteWay(v *voice) {
	if w, ok := v.agent.Way(); ok {
		p.note(Note{Event: "way", Text: map[bool]string{false: "direct", true: "relay"}[w.Relayed]})
	}
}

// withoutWay goes on with a peer that does not know ICE: it gets our plain address by an update of the call.
func (p *phone) withoutWay(v *voice) {
	if p.relayOnly(v) {
		p.noRelay()
		return
	}
	v.agent.Close()
	v.agent = nil
	v.setRemote(v.remote)
	d := v.description(p.cfg.Ptime)
	d.Version = 2
	v.local = d
	p.line.Update(p.current, d)
	p.speak(v)
}
