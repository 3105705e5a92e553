package nat

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"

	"sotto/net/signaling"
)

// search is one search for a way, and then that way. Each has its own user fragment, password and ports.
type search struct {
	config Config
	agent  *ice.Agent
	conn   *ice.Conn // after connect
	failed chan struct{}
	once   sync.Once

	net     *keeper
	every   time.Duration // between what keeps candidates alive
	settled chan struct{} // connect has found a way, or none
}

// newSearch sends nothing. changed is told when the way that was found loses the peer, and when it has it back.
func newSearch(config Config, changed func(s *search, lost bool)) (*search, error) {
	network, err := newKeeper()
	if err != nil {
		return nil, fmt.Errorf("nat: %w", err)
	}
	s := &search{config: config, failed: make(chan struct{}), net: network, every: keepEvery, settled: make(chan struct{})}
	options := []ice.AgentOption{
		ice.WithNet(network),
		ice.WithUrls(urls(config.Servers)),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithCandidateTypes(types(config)),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithDisableActiveTCP(),
		ice.WithCheckInterval(checkInterval),
		ice.WithHostAcceptanceMinWait(hostWait),
		ice.WithPrflxAcceptanceMinWait(reflexiveWait),
		ice.WithSrflxAcceptanceMinWait(reflexiveWait),
		ice.WithRelayAcceptanceMinWait(relayPatience(config)),
		ice.WithSTUNGatherTimeout(gatherLimit),
		ice.WithKeepaliveInterval(keepAlive),
		ice.WithDisconnectedTimeout(disconnected),
		ice.WithFailedTimeout(failed),
		// Retransmission goes on for as long as the search: one lost packet must not cost the direct way.
		ice.WithMaxBindingRequests(100),
		ice.WithProxyDialer(dialer{config.Servers, config.Roots}),
		ice.WithLoggerFactory(quiet{}),
	}
	if config.Loopback {
		options = append(options, ice.WithIncludeLoopback())
	}
	if config.Local.IsValid() {
		options = append(options, ice.WithIPFilter(func(ip net.IP) bool {
			got, ok := netip.AddrFromSlice(ip)
			return ok && got.Unmap() == config.Local
		}))
	}
	if s.agent, err = ice.NewAgentWithOptions(options...); err != nil {
		return nil, fmt.Errorf("nat: %w", err)
	}
	err = s.agent.OnConnectionStateChange(func(state ice.ConnectionState) {
		switch state {
		case ice.ConnectionStateFailed, ice.ConnectionStateClosed:
			s.once.Do(func() { close(s.failed) })
		case ice.ConnectionStateDisconnected, ice.ConnectionStateConnected:
			changed(s, state == ice.ConnectionStateDisconnected)
		}
	})
	if err != nil {
		s.agent.Close()
		return nil, fmt.Errorf("nat: %w", err)
	}
	return s, nil
}

// relayPatience is how long a way by a relay waits for a better one: where there may be none, not at all.
func relayPatience(c Config) time.Duration {
	if c.RelayOnly {
		return 0
	}
	return relayWait
}

func types(c Config) []ice.CandidateType {
	if c.RelayOnly {
		return []ice.CandidateType{ice.CandidateTypeRelay}
	}
	return []ice.CandidateType{ice.CandidateTypeHost, ice.CandidateTypeServerReflexive, ice.CandidateTypeRelay}
}

func urls(servers []Server) (list []*stun.URI) {
	for _, s := range servers {
		u := &stun.URI{Scheme: stun.SchemeTypeSTUN, Host: s.Host, Port: int(s.Port), Proto: stun.ProtoTypeUDP}
		if s.Relay {
			u.Scheme, u.Username, u.Password = stun.SchemeTypeTURN, s.User, s.Password
		}
		switch s.Transport {
		case "tcp":
			u.Proto = stun.ProtoTypeTCP
		case "tls":
			u.Scheme, u.Proto = stun.SchemeTypeTURNS, stun.ProtoTypeTCP
		}
		list = append(list, u)
	}
	return list
}

// gather collects our candidates.
func (s *search) gather(ctx context.Context) (signaling.ICE, netip.AddrPort, error) {
	done := make(chan struct{})
	var once sync.Once
	err := s.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			once.Do(func() { close(done) })
		}
	})
	if err == nil {
		err = s.agent.GatherCandidates()
	}
	if err != nil {
		return signaling.ICE{}, netip.AddrPort{}, ErrClosed
	}
	go s.keepAlive()
	relayed, enough := time.NewTimer(gatherLimit), time.NewTimer(patience)
	defer relayed.Stop()
	defer enough.Stop()
	for {
		select {
		case <-done:
			return s.describe()
		case <-relayed.C: // with a relay there is a way, whoever else has not answered by now
			if s.hasRelay() {
				return s.describe()
			}
		case <-enough.C: // a name that cannot be looked up, or a server that does not answer, must not cost the others
			if local, fallback, err := s.describe(); err == nil {
				return local, fallback, nil
			}
		case <-ctx.Done():
			return signaling.ICE{}, netip.AddrPort{}, ctx.Err()
		case <-s.failed:
			return signaling.ICE{}, netip.AddrPort{}, ErrClosed
		}
	}
}

func (s *search) hasRelay() bool {
	candidates, err := s.agent.GetLocalCandidates()
	return err == nil && slices.ContainsFunc(candidates, func(c ice.Candidate) bool { return c.Type() == ice.CandidateTypeRelay })
}

// describe writes down what was gathered.
func (s *search) describe() (local signaling.ICE, fallback netip.AddrPort, err error) {
	candidates, err := s.agent.GetLocalCandidates()
	if err != nil {
		return local, fallback, ErrClosed
	}
	if local.Ufrag, local.Pwd, err = s.agent.GetLocalUserCredentials(); err != nil {
		return local, fallback, ErrClosed
	}
	best := -1
	for _, c := range candidates {
		if s.config.RelayOnly && c.Type() != ice.CandidateTypeRelay {
			continue
		}
		local.Candidates = append(local.Candidates, scrub(c.Marshal()))
		// RFC 8445, Section 5.1.4: "RECOMMENDED that default candidates be chosen based on the likelihood of those
		// candidates to work with the peer": relayed, then reflexive, then host.
		rank := map[ice.CandidateType]int{ice.CandidateTypeRelay: 3, ice.CandidateTypeServerReflexive: 2, ice.CandidateTypeHost: 1}[c.Type()]
		addr, perr := netip.ParseAddr(c.Address())
		if perr == nil && rank > best {
			best, fallback = rank, netip.AddrPortFrom(addr.Unmap(), uint16(c.Port()))
		}
	}
	if best < 0 {
		return local, fallback, ErrNoCandidates
	}
	return local, fallback, nil
}

// connect finds the way, once.
func (s *search) connect(ctx context.Context, remote signaling.ICE) error {
	defer close(s.settled)
	if err := s.add(remote); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-s.failed:
			cancel()
		case <-stop:
		}
	}()
	var err error
	if s.config.Controlling {
		s.conn, err = s.agent.Dial(ctx, remote.Ufrag, remote.Pwd)
	} else {
		s.conn, err = s.agent.Accept(ctx, remote.Ufrag, remote.Pwd)
	}
	if err != nil {
		return ErrNoWay
	}
	return nil
}

// add hands the peer's candidates to the search.
func (s *search) add(remote signaling.ICE) error {
	good := 0
	careful := s.relayOverStream()
	for _, line := range remote.Candidates {
		c, addr, ok := readCandidate(line)
		if !ok || forbidden(addr, s.config.Loopback) {
			continue
		}
		// A TURN server that is reached by TCP may drop the connection, and the call, when it is asked to send to an
		// address that it cannot reach. Another relay's, or its own, it can.
		if careful && addr.IsPrivate() && c.Type() != ice.CandidateTypeRelay {
			continue
		}
		if err := s.agent.AddRemoteCandidate(c); err != nil {
			return ErrClosed
		}
		good++
	}
	if good == 0 {
		return ErrRemote
	}
	return nil
}

// relayOverStream reports whether UDP does not pass here: no server saw us but by TCP or TLS.
func (s *search) relayOverStream() bool {
	candidates, err := s.agent.GetLocalCandidates()
	if err != nil {
		return false
	}
	stream := false
	for _, c := range candidates {
		switch c := c.(type) {
		case *ice.CandidateServerReflexive:
			return false
		case *ice.CandidateRelay:
			if c.RelayProtocol() == "udp" {
				return false
			}
			stream = true
		}
	}
	return stream
}

// way is the pair in use; ok is false when there is none.
func (s *search) way() (w Way, ok bool) {
	pair, err := s.agent.GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return w, false
	}
	addr, err := netip.ParseAddr(pair.Remote.Address())
	if err != nil {
		return w, false
	}
	w.Relayed = pair.Local.Type() == ice.CandidateTypeRelay || pair.Remote.Type() == ice.CandidateTypeRelay
	w.Remote = netip.AddrPortFrom(addr.Unmap(), uint16(pair.Remote.Port()))
	return w, true
}

// closeLimit is how long close waits for what is under way, a name server that does not answer above all.
const closeLimit = 100 * time.Millisecond

// close ends the search or the way.
func (s *search) close() {
	s.once.Do(func() { close(s.failed) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.agent.Close()
	}()
	select {
	case <-done:
	case <-time.After(closeLimit):
	}
}

// quiet is a logger factory whose loggers say nothing: pion's print addresses.
type quiet struct{}

// NewLogger implements logging.LoggerFactory.
func (quiet) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}
