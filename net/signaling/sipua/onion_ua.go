package sipua

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"

	"sotto/net/signaling"
)

// onionSuffix ends the names that no name server may be asked for (RFC 7686).
const onionSuffix = ".onion"

// onionPort is the port of every synthetic address.
const onionPort = 5060

// onionCalls is what the handles of calls over onion streams are greater than.
const onionCalls signaling.CallID = 1 << 62

// IsOnion tells whether a call is one of NewOnion's: a telephone with both kinds of line knows by its handle whose it is.
func IsOnion(id signaling.CallID) bool { return id > onionCalls }

// documentation is the prefix that no route leads to (RFC 3849). An onion address has its place in it, since SIP and the
// table of connections want addresses: a digest of 96 bits. It says nothing that the onion address does not.
var documentation = [4]byte{0x20, 0x01, 0x0d, 0xb8}

// OnionAddr is the synthetic address of an onion name, or of any name that a stream is known by.
func OnionAddr(name string) netip.AddrPort {
	h := sha256.Sum256([]byte("sotto onion address " + strings.ToLower(name)))
	var a [16]byte
	copy(a[copy(a[:], documentation[:]):], h[:])
	return netip.AddrPortFrom(netip.AddrFrom16(a), onionPort)
}

// IsOnionHost tells whether a host is an onion name or stands for one: an address of those that OnionAddr makes. None may
// ever be called over an ordinary line.
func IsOnionHost(host string) bool {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return isOnion(host)
	}
	b := a.As16()
	return a.Is6() && [4]byte(b[:4]) == documentation
}

// NewOnion makes a UA that owns no socket and asks no name server: it speaks over streams that Inject brings, and over
// nothing else. A call to "sip:user@NAME.onion;transport=tcp" goes over the stream that was injected as NAME.onion; without
// one it ends with NoNetwork. name is our own onion name: what stands for our address in messages.
//
// It fails closed twice: the dialer would have to bind to an address that no machine has, and no route leads to those that
// it would dial. Config.Listen, Resolver and Accounts are not used. Errors: ErrName.
func NewOnion(config Config, name string) (*UA, error) {
	if !isToken(config.Name) || len(config.Name) > 64 {
		return nil, ErrName
	}
	if config.Rand == nil {
		config.Rand = rand.Reader
	}
	config.Accounts, config.Resolver = nil, onionResolver{}
	// Sockets of no use: every method of them fails, and none of them is open.
	t := &transport{udp: &net.UDPConn{}, tcp: &net.TCPListener{}, local: OnionAddr(name), in: make(chan input, 64),
		done: make(chan struct{}), conns: map[flowID]*conn{}, byAddr: map[hopKey]*conn{}, slots: make(chan struct{}, maxConnections)}
	t.tls = func(string) *tls.Config { return tlsConfig(nil, "") }
	u := &UA{config: config, net: t, wishes: make(chan func(), 16), events: make(chan signaling.Event),
		quit: make(chan struct{}), ended: make(chan struct{})}
	u.local.Store(&t.local)
	u.core = newCore(config.Name, config.Rand, u.localFor)
	u.core.texts.types, u.core.nextCall = config.Texts, onionCalls
	go u.loop()
	return u, nil
}

// Inject gives a UA a stream: one that was dialled to the onion service called name, or, with an empty name, one that
// came in. The UA closes it. A second stream of the same name takes the place of the first for new calls. With too many
// streams that came in it is closed at once.
func (u *UA) Inject(nc net.Conn, name string) {
	h := hop{proto: tcp, addr: OnionAddr(name), name: name}
	var slot chan struct{}
	if name == "" {
		select {
		case u.net.slots <- struct{}{}:
			slot = u.net.slots
		default:
			nc.Close()
			return
		}
		// Nobody knows who it is; the address only has to be another for each.
		var b [16]byte
		rand.Read(b[:])
		h.addr = OnionAddr("incoming " + string(b[:]))
	}
	c := newConn(nc, h, slot)
	u.ask(func() {
		if old := u.net.byAddr[keyOf(h)]; old != nil {
			delete(u.net.byAddr, keyOf(h))
		}
		u.net.connected(input{from: h, conn: c})
	})
	select {
	case <-u.ended:
		nc.Close()
	default:
	}
}

// onionResolver knows the places of onion names without asking anybody, and no others.
type onionResolver struct{}

// LookupNetIP is OnionAddr for onion names.
func (onionResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if !isOnion(host) {
		return nil, errAddress
	}
	return []netip.Addr{OnionAddr(host).Addr()}, nil
}

// LookupSRV knows no services.
func (onionResolver) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", nil, errAddress
}

func isOnion(host string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), onionSuffix)
}

// WithoutOnion is a Resolver that never asks r for an onion name. RFC 7686, Section 2: such names must not be looked up,
// or whoever keeps the name server learns whom we wanted to reach.
func WithoutOnion(r Resolver) Resolver { return withoutOnion{r} }

type withoutOnion struct{ Resolver }

// LookupNetIP asks for any name but an onion's.
func (w withoutOnion) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if isOnion(host) {
		return nil, errAddress
	}
	return w.Resolver.LookupNetIP(ctx, network, host)
}

// LookupSRV asks for any name but an onion's.
func (w withoutOnion) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if isOnion(name) {
		return "", nil, errAddress
	}
	return w.Resolver.LookupSRV(ctx, service, proto, name)
}

// LookupNAPTR asks for any name but an onion's, if r can.
func (w withoutOnion) LookupNAPTR(ctx context.Context, name string) ([]NAPTR, error) {
	asker, ok := w.Resolver.(naptrResolver)
	if !ok || isOnion(name) {
		return nil, errAddress
	}
	return asker.LookupNAPTR(ctx, name)
}
