package phone

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"sotto/firmware/call"
	"sotto/net/nat"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// A call with keys outlives its network. When the address goes, the call waits; with the next address the line is bound anew and
// the peer is asked to look for another way (ICE restart), or is told where our ports are now. ZRTP and SRTP know nothing of
// all this: keys, sequence numbers and rollover counters go on. How long to wait is the machine's to say.

// talks are the two calls that there may be, the current one first.
func (p *phone) talks() []talk { return []talk{{p.current, p.incoming, p.voice}, p.other} }

// stays tells whether a call can wait for a network: it has keys, and its media is its own and not Tor's.
func stays(t talk) bool {
	return t.id != 0 && !sipua.IsOnion(t.id) && t.voice != nil && t.voice.call != nil && (t.voice.secure || t.voice.served.up) && t.voice.over == nil
}

// leave lets the calls wait for a network.
func (p *phone) leave() {
	p.away = true
	for _, t := range p.talks() {
		if stays(t) {
			p.note(Note{Event: "alert", Call: t.voice.number, Why: "network lost"})
			p.tell(t.voice, call.WayLost{})
		}
	}
}

// leaveLine closes a line without an address when no call waits for one any more.
func (p *phone) leaveLine() {
	if p.away && !slices.ContainsFunc(p.talks(), stays) {
		p.closeLine()
		p.tellNetwork()
	}
}

// arrive takes the line and its calls to an address. With the one from before nothing of a call has changed.
func (p *phone) arrive(addr netip.Addr) {
	before := p.line.Addr()
	if err := p.line.Rebind(netip.AddrPortFrom(addr, before.Port())); err != nil {
		p.note(Note{Event: "alert", Why: err.Error()})
		p.closeLine()
		return
	}
	p.away = false
	for _, t := range p.talks() {
		switch {
		case !stays(t):
		case addr == before.Addr():
			p.tell(t.voice, call.WayFound{})
		case t.voice.agent == nil:
			p.movePorts(t)
		default:
			p.seek(t)
		}
	}
}

// movePorts goes on from ports at the new address.
func (p *phone) movePorts(t talk) {
	v := t.voice
	rtp, rtcp, err := openWires(p.line.Addr().Addr())
	if err != nil {
		p.note(Note{Event: "alert", Call: v.number, Why: err.Error()})
		p.tell(v, call.WayLost{}) // there may be another address soon
		return
	}
	v.rtp.become(rtp)
	v.rtcp.become(rtcp)
	v.setRemote(v.remote)
	v.local.RTP, v.local.RTCP = v.rtp.addr(), v.rtcp.addr()
	p.line.Update(t.id, v.local)
	p.tell(v, call.WayFound{})
}

// seek asks the peer for another way.
func (p *phone) seek(t talk) {
	v := t.voice
	v.rerouted = time.Time{}
	p.tell(v, call.WayLost{})
	p.gatherAnew(t.id, v, func(err error) {
		if err != nil {
			p.note(Note{Event: "alert", Call: v.number, Why: err.Error()})
			return // the call waits for another address, as long as it waits
		}
		v.moving = true
		p.on(t.id).Update(t.id, v.local)
	})
}

// gatherAnew gathers candidates for a restart, puts them into our side of the call and goes on with then; not when the call
// is over, or when there was a later restart.
func (p *phone) gatherAnew(id signaling.CallID, v *voice, then func(error)) {
	v.searches++
	search, at, agent := v.searches, p.line.Addr().Addr(), v.agent
	p.background(func(ctx context.Context) func() {
		candidates, addr, err := agent.Restart(ctx, at)
		return func() {
			if p.voiceOf(id) != v || v.searches != search {
				return
			}
			if err == nil {
				v.local.RTP, v.local.RTCP, v.local.ICE = addr, addr, &candidates
			}
			then(err)
		}
	})
}

// restart answers a peer that looks for another way. The line has seen to it that nothing else is new.
func (p *phone) restart(ev signaling.Restart) {
	v := p.voiceOf(ev.Call)
	if v == nil || v.agent == nil || v.call == nil || p.line == nil || p.away || nat.Mismatch(ev.Offer) {
		p.on(ev.Call).Answer(ev.Call, signaling.Description{})
		return
	}
	p.gatherAnew(ev.Call, v, func(err error) {
		if err != nil {
			p.note(Note{Event: "alert", Call: v.number, Why: err.Error()})
			p.on(ev.Call).Answer(ev.Call, signaling.Description{})
			return
		}
		v.setRemote(ev.Offer)
		p.on(ev.Call).Answer(ev.Call, v.local)
		p.resume(ev.Call, v)
	})
}

// moved takes in that the peer's media is elsewhere: by its own wish, or because it answers our restart.
func (p *phone) moved(ev signaling.Moved) {
	v := p.voiceOf(ev.Call)
	if v == nil {
		return
	}
	answer := v.moving && ev.Remote.ICE != nil && v.remote.ICE != nil && ev.Remote.ICE.Ufrag != v.remote.ICE.Ufrag
	v.setRemote(ev.Remote)
	if answer {
		v.moving = false
		p.resume(ev.Call, v)
		return
	}
	p.showMoved(v)
}

// showMoved says on the screen that the media comes from another address.
func (p *phone) showMoved(v *voice) {
	p.note(Note{Event: "alert", Call: v.number, Why: "media moved"})
	v.silent = false
	if !v.rewritten { // the reason is known, and stays on the screen
		p.tell(v, call.Alert{Why: "media moved"})
	}
}

// resume finds the new way. Until then, and when there is none, the old one is used.
func (p *phone) resume(id signaling.CallID, v *voice) {
	search, remote, agent := v.searches, *v.remote.ICE, v.agent
	before, _ := agent.Way()
	p.background(func(ctx context.Context) func() {
		err := agent.Resume(ctx, remote)
		return func() {
			switch {
			case p.voiceOf(id) != v || v.searches != search:
			case err != nil:
				p.note(Note{Event: "alert", Call: v.number, Why: err.Error()})
			default:
				v.lost = false
				p.noteWay(v)
				p.tell(v, call.WayFound{})
				if now, ok := agent.Way(); ok && now.Remote.Addr() != before.Remote.Addr() {
					p.showMoved(v)
				}
			}
		}
	})
}
