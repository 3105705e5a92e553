package onion

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxStreams is how many streams one circuit to us may have open. A call has a few; more is an attack.
const maxStreams = 16

// ServiceConfig is what Listen needs.
type ServiceConfig struct {
	Seed    Seed
	Ports   []uint16   // under which streams arrive, as 5060; each has a listener
	Clients []ClientID // who may find the service; without any it is not published
	Open    bool       // everybody who knows the address may find it, and Clients is ignored
}

// Service is an onion service of ours. It outlives Tor's restarts.
type Service struct {
	tor       *Tor
	seed      Seed
	address   Address
	ports     []uint16
	listeners map[uint16]*listener
	once      sync.Once

	// Owned by Tor.run.
	open    bool
	clients []ClientID // sorted
	applied *published // what this child was told; nil: it knows nothing of the service
	uploads uploads    // since then
}

// published is a service as a child was told of it.
type published struct {
	command string
	open    bool
	clients []ClientID
}

// Listen opens a service. It works while Tor is away, too: the service comes with Tor. An error that is none of this
// package is the operating system's.
func (t *Tor) Listen(ctx context.Context, c ServiceConfig) (*Service, error) {
	if len(c.Ports) == 0 || slices.Contains(c.Ports, 0) {
		return nil, fmt.Errorf("%w: a service needs ports", ErrConfig)
	}
	s := &Service{tor: t, seed: c.Seed, address: c.Seed.Address(), ports: slices.Clone(c.Ports), open: c.Open,
		listeners: map[uint16]*listener{}, clients: sorted(c.Clients)}
	err := t.do(ctx, func() error {
		if slices.ContainsFunc(t.services, func(o *Service) bool { return o.address == s.address }) {
			return fmt.Errorf("%w: the service is open already", ErrConfig)
		}
		if err := s.bind(); err != nil {
			s.unbind()
			return err
		}
		t.services = append(t.services, s)
		return t.settle()
	})
	if err != nil && !lost(err) {
		return nil, err
	}
	return s, nil
}

// lost tells whether an error is Tor's absence, after which it will be told again.
func lost(err error) bool {
	return !errors.Is(err, ErrControl) && !errors.Is(err, ErrConfig) && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNotReady)
}

func sorted(clients []ClientID) []ClientID {
	c := slices.Clone(clients)
	slices.SortFunc(c, func(a, b ClientID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(c)
}

// bind makes a socket for each port. Their names say nothing about the service.
func (s *Service) bind() error {
	for _, p := range s.ports {
		path := s.tor.target(p)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return fmt.Errorf("onion: %w", err)
		}
		s.listeners[p] = &listener{UnixListener: l, at: endpoint{s.address, p}}
		if s.tor.config.User != 0 {
			err = errors.Join(os.Chown(path, -1, int(s.tor.config.User)), os.Chmod(path, 0o660))
		} else {
			err = os.Chmod(path, 0o600)
		}
		if err != nil {
			return fmt.Errorf("onion: %w", err)
		}
	}
	return nil
}

// target is a path for a socket that is not in use. What a killed process left is removed.
func (t *Tor) target(port uint16) string {
	for n := 0; ; n++ {
		path := filepath.Join(t.config.Dir, targetDir, strconv.Itoa(n)+"-"+strconv.Itoa(int(port)))
		if !slices.ContainsFunc(t.services, func(s *Service) bool { l := s.listeners[port]; return l != nil && l.Addr().String() == path }) {
			os.Remove(path)
			return path
		}
	}
}

func (s *Service) unbind() {
	for _, l := range s.listeners {
		l.UnixListener.Close()
	}
}

// Address is where the service can be reached.
func (s *Service) Address() Address { return s.address }

// Listener takes the streams of one of the service's ports; nil when it has no such port. Closing it closes that port.
func (s *Service) Listener(port uint16) net.Listener {
	if l := s.listeners[port]; l != nil {
		return l
	}
	return nil
}

// SetClients says anew who may find the service. When one is taken away all streams to the service are cut, since nobody
// knows whose they are, and one who kept his could open more. With no clients the service disappears.
func (s *Service) SetClients(ctx context.Context, clients []ClientID) error {
	err := s.tor.do(ctx, func() error {
		s.clients = sorted(clients)
		return s.tor.settle()
	})
	if lost(err) {
		return nil // the next child will be told
	}
	return err
}

// Close ends the service. Streams that are open stay.
func (s *Service) Close() error {
	err := s.tor.do(context.Background(), func() error {
		s.shut()
		return s.tor.settle()
	})
	if lost(err) || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// shut makes the service unwanted; called by the owner.
func (s *Service) shut() {
	s.once.Do(func() {
		s.unbind()
		s.ports = nil
		clear(s.seed[:])
	})
}

// wanted tells whether Tor shall publish the service.
func (s *Service) wanted() bool { return len(s.ports) > 0 && (s.open || len(s.clients) > 0) }

// command makes Tor publish the service as it is wanted; empty when it is not.
func (s *Service) command() string {
	if !s.wanted() {
		return ""
	}
	flags := "DiscardPK,MaxStreamsCloseCircuit"
	if !s.open {
		flags += ",V3Auth"
	}
	words := []string{"ADD_ONION ED25519-V3:" + s.seed.blob(), "Flags=" + flags, "MaxStreams=" + strconv.Itoa(maxStreams)}
	for _, p := range s.ports {
		words = append(words, fmt.Sprintf("Port=%d,unix:%s", p, s.listeners[p].Addr()))
	}
	if !s.open {
		for _, c := range s.clients {
			words = append(words, "ClientAuthV3="+c.String())
		}
	}
	return strings.Join(words, " ")
}

// settle tells the child of what it does not know yet; called by the owner. Without a child nothing is to be told.
func (t *Tor) settle() error {
	if t.line == nil || !t.now.Running {
		return nil
	}
	var refused error
	t.services = slices.DeleteFunc(t.services, func(s *Service) bool {
		if err := t.apply(s); err != nil {
			refused = err
			return false
		}
		return len(s.ports) == 0
	})
	return refused
}

// apply makes one service what it shall be. ADD_ONION cannot change a service, so it is taken away before; its open
// streams stay, unless somebody lost his right to them.
func (t *Tor) apply(s *Service) error {
	want, was := s.command(), s.applied
	if was == nil && want == "" || was != nil && was.command == want {
		return nil
	}
	if was != nil {
		s.applied, s.uploads = nil, uploads{}
		if _, err := t.line.ask("DEL_ONION %s", s.address.id()); err != nil {
			return err
		}
		if len(s.ports) > 0 && was.allowedMore(s) {
			if err := t.cut(s.address); err != nil {
				return err
			}
		}
	}
	if want == "" {
		return nil
	}
	if _, err := t.line.ask("%s", want); err != nil {
		return err
	}
	s.applied = &published{want, s.open, slices.Clone(s.clients)}
	return nil
}

// allowedMore tells whether somebody could reach the service who shall not now.
func (p *published) allowedMore(s *Service) bool {
	if s.open {
		return false
	}
	return p.open || slices.ContainsFunc(p.clients, func(c ClientID) bool { return !slices.Contains(s.clients, c) })
}

// cut closes the circuits that lead to a service of ours: DEL_ONION leaves them, and who has one can open streams on it
// for as long as he likes.
func (t *Tor) cut(a Address) error {
	lines, err := t.line.ask("GETINFO circuit-status")
	if err != nil {
		return err
	}
	for _, id := range circuitsTo(lines, a) {
		if _, err := t.line.ask("CLOSECIRCUIT %s", id); err != nil && !errors.Is(err, ErrControl) { // it may be closed already
			return err
		}
	}
	return nil
}

// circuitsTo finds in the answer of GETINFO circuit-status the circuits to a service:
//
//	<id> BUILT <path> ... PURPOSE=HS_SERVICE_REND ... REND_QUERY=<service>
func circuitsTo(lines []string, a Address) (ids []string) {
	for _, l := range lines {
		for line := range strings.Lines(l) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "circuit-status=")
			id, rest, _ := strings.Cut(line, " ")
			if argument(rest, "PURPOSE") == "HS_SERVICE_REND" && argument(rest, "REND_QUERY") == a.id() {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// listener marks the streams with where they arrived: who sent them nobody knows.
type listener struct {
	*net.UnixListener
	at endpoint
}

// Accept waits for the next stream.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return &stream{UnixConn: c, local: l.at}, nil
}

// endpoint is one end of a stream; the zero value is an unknown one.
type endpoint struct {
	address Address
	port    uint16
}

// Network is "onion".
func (endpoint) Network() string { return "onion" }

// String is address and port, or "unknown".
func (e endpoint) String() string {
	if e == (endpoint{}) {
		return "unknown"
	}
	return net.JoinHostPort(e.address.String(), strconv.Itoa(int(e.port)))
}

// stream is a connection through Tor.
type stream struct {
	*net.UnixConn
	local, remote endpoint
}

// LocalAddr is the service that a stream arrived at.
func (s *stream) LocalAddr() net.Addr { return s.local }

// RemoteAddr is the service that a stream goes to.
func (s *stream) RemoteAddr() net.Addr { return s.remote }
