// Package nat finds a way for the media between two telephones that may stand behind translators and firewalls: ICE
// (RFC 8445) with STUN and TURN, one component, all candidates at once.
//
// It promises that nothing is gathered or sent before Gather is called, so that nobody learns an address of ours before
// the phone wants it; that with RelayOnly no address of ours but the relay's leaves the telephone in a candidate; that no
// name is announced or looked up by multicast DNS; and that no port of a router is opened by UPnP or NAT-PMP. It never
// logs. It cannot hide our address from the STUN and TURN servers, and it does not encrypt: what it carries must be SRTP
// and ZRTP already.
package nat

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"sotto/net/signaling"
)

// Of this implementation. pion's own values wait up to two seconds for better pairs than a call has time for.
const (
	checkInterval = 20 * time.Millisecond // RFC 8445, Section 14.2: Ta may be as low as 5 ms
	hostWait      = 0
	reflexiveWait = 60 * time.Millisecond
	relayWait     = 400 * time.Millisecond
	gatherLimit   = 1500 * time.Millisecond // a STUN server that does not answer by then will not
	patience      = 3 * time.Second         // with gathering, when there is a candidate already
	keepAlive     = 2 * time.Second
	disconnected  = 3 * time.Second
	failed        = 20 * time.Second // without any answer the way is lost
)

// Server is a STUN or TURN server.
type Server struct {
	Host      string // name or address
	Port      uint16
	Relay     bool   // TURN, else STUN
	Transport string // of TURN: "udp", "tcp" or "tls"
	User      string
	Password  string
}

// String hides the password.
func (s Server) String() string { return "nat.Server{" + s.Host + "}" }

// GoString hides the password.
func (s Server) GoString() string { return s.String() }

// Format hides the password from every verb.
func (s Server) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// Config is what an Agent needs.
type Config struct {
	Servers     []Server
	RelayOnly   bool           // only candidates of TURN servers
	Controlling bool           // the caller is (RFC 8445, Section 6.1.1: the offerer)
	Local       netip.Addr     // gather on this address alone; the zero Addr means on all
	Loopback    bool           // gather on loopback too
	Roots       *x509.CertPool // who may sign a TURN server's certificate; nil: the system's
}

// Errors.
var (
	ErrNoCandidates = errors.New("nat: no address on which media could come")
	ErrRemote       = errors.New("nat: peer's candidates cannot be read")
	ErrNoWay        = errors.New("nat: no way to the peer was found")
	ErrClosed       = errors.New("nat: closed")
	ErrServer       = errors.New("nat: bad server: want host:port or turn:user:password@host:port[?transport=udp|tcp|tls]")
)

// Agent is one call's way: the search for it, and any later search that replaces it. Gather, Connect, Restart and Resume are
// for one goroutine at a time each; the others are for all.
type Agent struct {
	config Config
	ended  chan struct{} // Close was called
	once   sync.Once

	mu   sync.Mutex
	next *search // under way; nil: none

	way     atomic.Pointer[search]     // found; nil before Connect
	watcher atomic.Pointer[func(bool)] // nil: nobody wants to know
}

// New makes an Agent. It sends nothing.
func New(config Config) (*Agent, error) {
	a := &Agent{config: config, ended: make(chan struct{})}
	s, err := newSearch(config, a.watch)
	if err != nil {
		return nil, err
	}
	a.next = s
	return a, nil
}

// Gather collects our candidates and the default one, for the c= and m= lines: the one that works from most places.
// Errors: ErrNoCandidates, ErrClosed, or that of ctx.
func (a *Agent) Gather(ctx context.Context) (signaling.ICE, netip.AddrPort, error) {
	s := a.searching()
	if s == nil {
		return signaling.ICE{}, netip.AddrPort{}, ErrClosed
	}
	return s.gather(ctx)
}

// Connect finds a way to the peer and returns when media can pass. Errors: ErrRemote, ErrNoWay, ErrClosed, or that of ctx.
func (a *Agent) Connect(ctx context.Context, remote signaling.ICE) error {
	s := a.searching()
	if s == nil {
		return ErrClosed
	}
	if err := s.connect(ctx, remote); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next != s { // closed, or restarted, meanwhile
		return ErrClosed
	}
	a.next = nil
	if old := a.way.Swap(s); old != nil {
		old.close() // whoever reads there goes on reading here
	}
	return nil
}

// Watch lets f know when nothing has come over the way in use for three seconds, not even a keep-alive, and when something comes
// again. It must not block.
func (a *Agent) Watch(f func(lost bool)) { a.watcher.Store(&f) }

// watch passes on what becomes of the way in use.
func (a *Agent) watch(s *search, lost bool) {
	if f := a.watcher.Load(); f != nil && a.way.Load() == s {
		(*f)(lost)
	}
}

// searching is the search that is under way.
func (a *Agent) searching() *search {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.next
}

// Restart begins a new search, because our address changed or the peer asks for it, and gathers for it on local alone; the
// zero Addr means on all. The peer is told, and Resume is called with what it says. Media goes on over the old way, as far
// as that works, until the new one is found. A restart that was under way is forgotten.
//
// RFC 8445, Section 9: "To restart ICE, an agent MUST change both the password and the username fragment for the data
// stream(s) being restarted"; the roles stay (Section 6.1.1). Errors: those of Gather.
func (a *Agent) Restart(ctx context.Context, local netip.Addr) (signaling.ICE, netip.AddrPort, error) {
	config := a.config
	config.Local, config.Loopback = local, config.Loopback && local.IsLoopback()
	s, err := newSearch(config, a.watch)
	if err != nil {
		return signaling.ICE{}, netip.AddrPort{}, err
	}
	a.mu.Lock()
	select {
	case <-a.ended:
		a.mu.Unlock()
		s.close()
		return signaling.ICE{}, netip.AddrPort{}, ErrClosed
	default:
	}
	old := a.next
	a.next = s
	a.mu.Unlock()
	if old != nil {
		old.close()
	}
	return s.gather(ctx)
}

// Resume finds the new way with the peer's side of a restart. After an error the old way is still there, for what it is
// worth, and the restart is over. Errors: those of Connect.
func (a *Agent) Resume(ctx context.Context, remote signaling.ICE) error {
	s := a.searching()
	err := a.Connect(ctx, remote)
	if err != nil && s != nil {
		a.mu.Lock()
		if a.next == s {
			a.next = nil
		}
		a.mu.Unlock()
		s.close()
	}
	return err
}

// ReadPacket blocks for the next datagram of the peer. STUN never comes out here.
func (a *Agent) ReadPacket(dst []byte) (int, error) {
	for {
		s := a.way.Load()
		if s == nil {
			return 0, ErrNoWay
		}
		n, err := s.conn.Read(dst)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, io.ErrShortBuffer):
			return len(dst), nil
		case s == a.way.Load():
			return n, err
		}
	}
}

// WritePacket sends one datagram over the best way of the moment.
func (a *Agent) WritePacket(packet []byte) error {
	s := a.way.Load()
	if s == nil {
		return ErrNoWay
	}
	_, err := s.conn.Write(packet)
	return err
}

// Way tells how the media goes.
type Way struct {
	Relayed bool           // through a TURN server, ours or the peer's
	Remote  netip.AddrPort // where it is sent to
}

// Way returns the present way; ok is false when there is none.
func (a *Agent) Way() (w Way, ok bool) {
	s := a.way.Load()
	if s == nil {
		return w, false
	}
	return s.way()
}

// Close ends everything; a blocked ReadPacket returns.
func (a *Agent) Close() error {
	a.once.Do(func() { close(a.ended) })
	a.mu.Lock()
	next := a.next
	a.next = nil
	a.mu.Unlock()
	if next != nil {
		next.close()
	}
	if s := a.way.Load(); s != nil {
		s.close()
	}
	return nil
}
