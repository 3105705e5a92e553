package phone

import (
	"context"
	"crypto/x509"
	"time"

	"sotto/firmware/call"
	"sotto/net/nat"
	"sotto/net/signaling"
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
	reach := p.cfg.Reach
	agent, err := nat.New(nat.Config{Servers: reach.Servers, RelayOnly: p.relayOnly(v), Controlling: peer == nil,
		Local: p.line.Addr().Addr(), Loopback: p.line.Addr().Addr().IsLoopback(), Roots: reach.Roots, Watch: p.watcher(v)})
	if err != nil {
		p.note(Note{Event: "alert", Why: err.Error()})
		p.later(call.MediaFailed{Cause: call.NoMedia})
		return
	}
	v.agent = agent
	p.background(func(ctx context.Context) func() {
		candidates, addr, err := agent.Gather(ctx)
		return func() {
			switch {
			case p.voice != v: // hung up meanwhile
			case err != nil:
				p.note(Note{Event: "alert", Why: err.Error()})
				p.handle(call.MediaFailed{Cause: p.noWay(v)})
			default:
				d := v.description(p.cfg.Ptime)
				d.RTP, d.RTCP, d.ICE = addr, addr, &candidates
				ready(d)
			}
		}
	})
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
