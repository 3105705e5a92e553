package sipua

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sotto/net/signaling"
)

// Config is what a UA needs.
type Config struct {
	Listen   netip.AddrPort // for UDP and TCP; port 0 takes a free one
	Name     string         // the user part and display name of direct calls: letters, digits, ".-_"
	Accounts []Account
	// AccountsOnly takes nothing from anybody but the servers of the accounts: no TCP port is open, and to others the UDP
	// port is silent.
	AccountsOnly bool
	// Texts are the content types, in lower case and without parameters, that are taken in a MESSAGE; none: no texts come in.
	Texts    []string
	Rand     io.Reader // nil: crypto/rand
	Resolver Resolver  // nil: the system's
}

// Resolver looks up names; *net.Resolver is one. One that has LookupNAPTR(ctx, name) ([]NAPTR, error) is asked for these, too.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// ErrName tells that the configured name cannot be part of a SIP address.
var ErrName = errors.New("sipua: the name must consist of letters, digits and .-_")

// UA is a signaling.Line over SIP. One goroutine owns its state; the methods hand it their wishes.
type UA struct {
	config Config
	core   *core
	net    *transport                     // owned by the loop
	local  atomic.Pointer[netip.AddrPort] // of net
	wishes chan func()
	events chan signaling.Event
	quit   chan struct{}
	ended  chan struct{}
	once   sync.Once
}

var _ signaling.Line = (*UA)(nil)

// New opens the sockets and starts. Errors: *ListenError, ErrName, ErrAccount.
func New(config Config) (*UA, error) {
	if !isToken(config.Name) || len(config.Name) > 64 {
		return nil, ErrName
	}
	if config.Rand == nil {
		config.Rand = rand.Reader
	}
	if config.Resolver == nil {
		config.Resolver = system{net.DefaultResolver}
	}
	config.Resolver = WithoutOnion(config.Resolver)
	t, err := listen(config.Listen, !config.AccountsOnly)
	if err != nil {
		return nil, err
	}
	u := &UA{config: config, net: t, wishes: make(chan func(), 16), events: make(chan signaling.Event),
		quit: make(chan struct{}), ended: make(chan struct{})}
	u.core = newCore(config.Name, config.Rand, u.localFor)
	u.core.accountsOnly, u.core.texts.types = config.AccountsOnly, config.Texts
	u.use(t)
	if err := u.core.setAccounts(config.Accounts, time.Now()); err != nil {
		t.close()
		return nil, err
	}
	go u.loop()
	return u, nil
}

// Addr is the address on which calls are taken.
func (u *UA) Addr() netip.AddrPort { return *u.local.Load() }

// use makes the sockets those over which the core speaks.
func (u *UA) use(t *transport) {
	u.net = t
	u.local.Store(&t.local)
	u.core.proved = t.proved
	t.tls = func(name string) *tls.Config { return tlsConfig(u.config.Accounts, name) }
}

// Dial implements signaling.Line.
func (u *UA) Dial(d signaling.Dial) (id signaling.CallID) {
	u.ask(func() { id = u.core.dial(d) })
	return id
}

// Answer implements signaling.Line.
func (u *UA) Answer(id signaling.CallID, d signaling.Description) {
	u.ask(func() { u.core.answer(id, d) })
}

// AnswerServerOnly is Answer, and allows keys that the server knows, where the account and the connection do.
func (u *UA) AnswerServerOnly(id signaling.CallID, d signaling.Description) {
	u.ask(func() {
		if k := u.core.calls[id]; k != nil {
			k.served.allowed = true
		}
		u.core.answer(id, d)
	})
}

// Hangup implements signaling.Line.
func (u *UA) Hangup(id signaling.CallID, cause signaling.Cause) {
	u.ask(func() { u.core.hangup(id, cause) })
}

// Update changes a running call: its Direction (hold and resume), its address or its ICE candidates. Codec, payload
// types and profile stay. The peer's answer comes as Held and Moved, if it changes anything.
func (u *UA) Update(id signaling.CallID, d signaling.Description) {
	u.ask(func() { u.core.update(id, d) })
}

// Check asks the server of an account at once whether it is there and where it sees us: for a call that hears nothing. If
// anything is other than before, Rerouted comes.
func (u *UA) Check(account string) {
	u.ask(func() { u.core.check(account) })
}

// Events implements signaling.Line. The channel is closed after Close.
func (u *UA) Events() <-chan signaling.Event { return u.events }

// Close ends all calls, leaves the registrars and closes the sockets.
func (u *UA) Close() error {
	u.once.Do(func() { close(u.quit) })
	<-u.ended
	return nil
}

// ask lets the loop do something and waits for it; after Close nothing is done.
func (u *UA) ask(wish func()) {
	done := make(chan struct{})
	select {
	case u.wishes <- func() { wish(); close(done) }:
	case <-u.ended:
		return
	}
	select {
	case <-done:
	case <-u.ended:
	}
}

// loop owns the core and the connections.
func (u *UA) loop() {
	defer close(u.ended)
	defer close(u.events)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		u.flush()
		wait := time.Hour
		if d := u.core.deadline(); !d.IsZero() {
			wait = max(0, time.Until(d))
		}
		timer.Reset(wait)
		var out chan<- signaling.Event
		var first signaling.Event
		if len(u.core.events) > 0 {
			out, first = u.events, u.core.events[0]
		}
		select {
		case in := <-u.net.in:
			u.take(in)
		case wish := <-u.wishes:
			u.core.now = time.Now()
			wish()
		case out <- first:
			u.core.events = slices.Delete(u.core.events, 0, 1)
		case <-timer.C:
			u.core.tick(time.Now())
		case <-u.quit:
			u.core.stop(time.Now())
			u.flush()
			u.net.close()
			return
		}
	}
}

// take hands what came from the network to the core.
func (u *UA) take(in input) {
	now := time.Now()
	switch {
	case in.raw != nil:
		// Connections are slowed down where they are read: what is lost there does not come again.
		if in.from.proto == udp && !u.core.known(peekCallID(in.raw), now) {
			return
		}
		u.core.receive(in.raw, in.from, now)
	case in.icmp != "":
		u.core.undeliverable(in.from, in.icmp, in.gone, now)
	case in.idle:
		if !u.core.uses(in.from.flow) {
			u.net.drop(in.conn)
		}
	case in.gone != signaling.NoCause:
		if in.from.flow == 0 {
			u.net.connected(in)
		} else {
			u.net.drop(in.conn)
		}
		u.core.undeliverable(in.from, "", in.gone, now)
		u.core.flowLost(in.from, now)
	case in.conn != nil:
		u.net.connected(in)
	case in.ping:
		u.core.pong(in.from, now)
	}
}

// flush sends what the core left, which may make it leave more.
func (u *UA) flush() {
	for len(u.core.packets) > 0 || len(u.core.questions) > 0 {
		packets, questions := u.core.packets, u.core.questions
		u.core.packets, u.core.questions = nil, nil
		for _, p := range packets {
			if cause := u.net.send(p); cause != signaling.NoCause {
				u.core.undeliverable(p.to, branchIn(p.data), cause, time.Now())
			}
		}
		for _, q := range questions {
			u.resolve(q)
		}
	}
}

// localFor is the address under which the other end of a hop can reach us.
func (u *UA) localFor(to hop) netip.AddrPort {
	if !u.net.local.Addr().IsUnspecified() {
		return u.net.local
	}
	// A UDP socket that is connected and sends nothing tells which of our addresses leads there.
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to.addr))
	if err != nil {
		return u.net.local
	}
	defer c.Close()
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), u.net.local.Port())
}
