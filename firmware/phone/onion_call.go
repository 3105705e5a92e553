package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/media"
	"sotto/net/nat"
	"sotto/net/onion"
	"sotto/net/onion/bundle"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// Of media over Tor.
const (
	torStreams  = 2                      // circuits that a packet goes over at once
	torPtime    = 40                     // milliseconds of speech in a packet at least: a cell of Tor holds it with room
	torJitter   = 100 * time.Millisecond // with which speech over Tor begins: its relays hand cells on in heaps
	torWayLimit = 90 * time.Second       // for the first stream, from the answer on
	torPoll     = 10 * time.Millisecond
	torPause    = time.Second // between two tries for a stream
	torLongest  = 30 * time.Second
)

// nowhere stands for an address in the description of a call whose media goes over Tor: RFC 5737's documentation and the
// port of discard. Nothing is ever sent there.
var nowhere = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 9)

// over is what a call over Tor has besides; nil in a voice: it goes over the ordinary line.
type over struct {
	route  string // as our side wants it
	to     onion.Target
	caller bool
	token  bundle.Token
	bundle *bundle.Bundle // the way of route torAll; nil: another, or none yet
	noted  time.Time      // when the delay was last reported
	quit   chan struct{}
	once   sync.Once
}

func (o *over) close() {
	o.once.Do(func() { close(o.quit) })
	if o.bundle != nil {
		o.bundle.Close()
	}
}

// byICE tells whether a call over Tor looks for a way by ICE: only when both ends will.
func (o *over) byICE(peer *signaling.Description) bool {
	return o.route != torAll && (peer == nil || peer.ICE != nil && !nat.Mismatch(*peer))
}

// unreadable is why an address of Tor cannot be dialled: what stands for a stranger who called tells nobody where to call back.
func unreadable(to string) call.Cause {
	if strings.HasSuffix(hostOf(to), ".onion") {
		return call.BadAddress
	}
	return call.NoAddress
}

// dialOnion begins a call to an onion address: a stream first, then the call over it. There is no other way: without
// the stream the call ends.
func (p *phone) dialOnion(to string, target onion.Target, route string) {
	uri := "sip:handset@" + target.Address.String() + ";transport=tcp"
	if target.Address == (onion.Address{}) {
		cause := unreadable(to)
		p.note(Note{Event: "ended", Cause: string(cause)})
		p.later(call.LineEnded{Cause: cause})
		return
	}
	token, err := newToken()
	if p.tor.line == nil || err != nil {
		p.note(Note{Event: "ended", Cause: string(call.TorNotReady)})
		p.later(call.LineEnded{Cause: call.TorNotReady})
		return
	}
	target.Circuit = fmt.Sprintf("sip%x", token[:4])
	v, err := p.prepare(to, nil, &over{route: route, to: target, caller: true, token: token, quit: make(chan struct{})})
	if err != nil {
		p.later(call.LineEnded{Cause: call.NoMedia})
		return
	}
	p.voice = v
	p.torWork(p.cfg.Onion.Patience, func(ctx context.Context) func() {
		conn, err := p.tor.child.Dial(ctx, target)
		return func() {
			switch {
			case p.voice != v: // hung up meanwhile
				if conn != nil {
					conn.Close()
				}
			case err != nil:
				cause := onionCause(err)
				p.note(Note{Event: "ended", Cause: string(cause), Why: err.Error()})
				p.forgetCall()
				p.handle(call.LineEnded{Cause: cause})
			default:
				p.tor.line.Inject(p.watched(v, conn), target.Address.String())
				p.describe(v, nil, func(d signaling.Description) {
					v.local = d
					p.current = p.tor.line.Dial(signaling.Dial{To: uri, Offer: d})
				})
				p.handle(call.Tick{}) // and what could not be described
			}
		}
	})
}

// onionCause is why a dial over Tor failed, in the words of the screen.
func onionCause(err error) call.Cause {
	switch {
	case errors.Is(err, onion.ErrNotAuthorised):
		return call.NotLetIn
	case errors.Is(err, onion.ErrNotReachable):
		return call.Unreachable
	}
	return call.TorNotReady
}

// torWork is background with a patience of its own. What it returns is dropped when the phone ends.
func (p *phone) torWork(limit time.Duration, work func(ctx context.Context) func()) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		then := work(ctx)
		select {
		case p.results <- then:
		case <-p.quit:
		}
	}()
}

// watchedConn tells when the line lets it go.
type watchedConn struct {
	net.Conn
	once sync.Once
	gone func()
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.gone)
	return err
}

// watched makes the signaling of a call come back when its stream is lost, as when Tor was restarted: a call whose media
// goes another way must be able to go on, to be held and to end.
func (p *phone) watched(v *voice, conn net.Conn) net.Conn {
	return &watchedConn{Conn: conn, gone: func() { go p.renewSignaling(v) }}
}

// renewSignaling dials again until it succeeds or the call is over.
func (p *phone) renewSignaling(v *voice) {
	for pause := torPause; ; pause = min(2*pause, torLongest) {
		select {
		case <-v.over.quit:
			return
		case <-time.After(pause):
		}
		ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Onion.Patience)
		conn, err := p.tor.child.Dial(ctx, v.over.to)
		cancel()
		if err != nil {
			continue
		}
		select {
		case <-v.over.quit:
			conn.Close()
		default:
			p.tor.line.Inject(p.watched(v, conn), v.over.to.Address.String())
		}
		return
	}
}

// overOf is what an incoming call needs; nil for one over the ordinary line.
func (p *phone) overOf(ev *signaling.Incoming) *over {
	if !sipua.IsOnion(ev.Call) {
		return nil
	}
	_, route, known := p.onionOf(ev.From.URI)
	if !known {
		route = p.cfg.Onion.Route
	}
	return &over{route: route, token: ev.Offer.Token, quit: make(chan struct{})}
}

// findOnionWay looks for the way of an answered call over Tor and then starts its voice. Without one the call ends.
func (p *phone) findOnionWay(v *voice) {
	o := v.over
	switch {
	case v.agent != nil && v.remote.ICE != nil && !nat.Mismatch(v.remote):
		p.findWay(v)
		return
	case o.token == bundle.Token{} || v.remote.Token != o.token:
		p.note(Note{Event: "alert", Why: "no way for the media that the route allows"})
		p.later(call.MediaFailed{Cause: call.NoMedia})
		return
	}
	if v.agent != nil {
		v.agent.Close()
		v.agent = nil
	}
	if o.caller {
		lost := make(chan struct{}, 1)
		o.bundle = bundle.New(func(int) {
			select {
			case lost <- struct{}{}:
			default:
			}
		})
		go p.keepStreams(o, lost)
	}
	b := o.bundle
	p.torWork(torWayLimit, func(ctx context.Context) func() {
		for b.Streams() == 0 && ctx.Err() == nil {
			time.Sleep(torPoll)
		}
		return func() {
			switch {
			case p.voice != v:
			case b.Streams() == 0:
				p.note(Note{Event: "alert", Why: "no stream for the media over Tor"})
				p.handle(call.MediaFailed{Cause: call.NoMedia})
			default:
				p.note(Note{Event: "way", Text: torAll})
				p.speak(v)
			}
		}
	})
}

// expectStreams lets the streams of a call's media in; called before the answer goes out.
func (p *phone) expectStreams(v *voice) {
	if o := v.over; o != nil && !o.caller && v.agent == nil && o.token != (bundle.Token{}) {
		o.bundle = p.tor.gate.Expect(o.token)
	}
}

// keepStreams keeps the media's streams open as long as the call lasts, each over circuits of its own. A stream that was
// lost comes back over another circuit.
func (p *phone) keepStreams(o *over, lost <-chan struct{}) {
	pause := torPause
	for n := 0; ; n++ {
		for o.bundle.Streams() >= torStreams {
			select {
			case <-o.quit:
				return
			case <-lost:
			}
		}
		select {
		case <-o.quit:
			return
		default:
		}
		if p.addStream(o, n) == nil {
			pause = torPause
			continue
		}
		select {
		case <-o.quit:
			return
		case <-time.After(pause):
			pause = min(2*pause, torLongest)
		}
	}
}

// addStream opens one stream and joins it to the call.
func (p *phone) addStream(o *over, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Onion.Patience)
	defer cancel()
	to := o.to
	to.Port, to.Circuit = onionMedia, fmt.Sprintf("media%x.%d", o.token[:4], n)
	conn, err := p.tor.child.Dial(ctx, to)
	if err != nil {
		return err
	}
	if err := bundle.Join(conn, o.token); err != nil {
		conn.Close()
		return err
	}
	o.bundle.Add(conn)
	return nil
}

// ptime is how much speech a packet of ours has.
func (v *voice) ptime(wanted int) int {
	if v.over != nil && (v.over.bundle != nil || v.over.route == torAll) {
		return max(wanted, torPtime)
	}
	return wanted
}

// peerLeft ends a call over Tor whose peer said goodbye under its keys: the stream that would have told us may be gone.
func (p *phone) peerLeft(v *voice) {
	if v.over == nil {
		return
	}
	id := p.current
	if v != p.voice {
		id = p.other.id
	}
	if id == 0 {
		return
	}
	p.on(id).Hangup(id, signaling.HungUp)
	p.lineEnded(signaling.Ended{Call: id, Cause: signaling.PeerHungUp})
}

// delayEvery is how often the delay of a call whose media goes over Tor is reported.
const delayEvery = 5 * time.Second

// noteDelay reports how long speech takes from one mouth to the other's ear, about; the screen shows it with the figures
// of a call.
func (p *phone) noteDelay(v *voice, s media.Stats) {
	if v.over == nil || v.over.bundle == nil || s.RTT == 0 || time.Since(v.over.noted) < delayEvery {
		return
	}
	v.over.noted = time.Now()
	d := s.RTT/2 + s.Playout.Delay + torPtime*time.Millisecond
	p.note(Note{Event: "delay", Call: v.number, Text: fmt.Sprint(d.Milliseconds(), " ms")})
}
