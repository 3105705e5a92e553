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
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v4"

	"sotto/net/signaling"
)

// Of this implementation. pion's own values wait up to two seconds for better pairs than a call has time for.
const (
	checkInterval = 20 * time.Millisecond // RFC 8445, Section 14.2: Ta may be as low as 5 ms
	hostWait      = 0
	reflexiveWait = 60 * time.Millisecond
	relayWait     = 400 * time.Millisecond
	gatherLimit   = 1500 * time.Millisecond // a STUN server that does not answer by then will not
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

// Agent is one call's search for a way, and then the way itself.
type Agent struct {
	config Config
	agent  *ice.Agent
	conn   *ice.Conn // after Connect
	failed chan struct{}
	once   sync.Once
}

// New makes an Agent. It sends nothing.
func New(config Config) (*Agent, error) {
	a := &Agent{config: config, failed: make(chan struct{})}
	options := []ice.AgentOption{
		ice.WithUrls(urls(config.Servers)),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithCandidateTypes(types(config)),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithDisableActiveTCP(),
		ice.WithCheckInterval(checkInterval),
		ice.WithHostAcceptanceMinWait(hostWait),
		ice.WithPrflxAcceptanceMinWait(reflexiveWait),
		ice.WithSrflxAcceptanceMinWait(reflexiveWait),
		ice.WithRelayAcceptanceMinWait(relayWait),
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
	agent, err := ice.NewAgentWithOptions(options...)
	if err != nil {
		return nil, fmt.Errorf("nat: %w", err)
	}
	a.agent = agent
	err = agent.OnConnectionStateChange(func(s ice.ConnectionState) {
		if s == ice.ConnectionStateFailed || s == ice.ConnectionStateClosed {
			a.once.Do(func() { close(a.failed) })
		}
	})
	if err != nil {
		agent.Close()
		return nil, fmt.Errorf("nat: %w", err)
	}
	return a, nil
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

// Gather collects our candidates and the default one, for the c= and m= lines: the one that works from most places.
// Errors: ErrNoCandidates, ErrClosed, or that of ctx.
func (a *Agent) Gather(ctx context.Context) (signaling.ICE, netip.AddrPort, error) {
	done := make(chan struct{})
	var once sync.Once
	err := a.agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			once.Do(func() { close(done) })
		}
	})
	if err == nil {
		err = a.agent.GatherCandidates()
	}
	if err != nil {
		return signaling.ICE{}, netip.AddrPort{}, ErrClosed
	}
	select {
	case <-done:
	case <-ctx.Done():
		return signaling.ICE{}, netip.AddrPort{}, ctx.Err()
	case <-a.failed:
		return signaling.ICE{}, netip.AddrPort{}, ErrClosed
	}
	return a.describe()
}

// describe writes down what was gathered.
func (a *Agent) describe() (local signaling.ICE, fallback netip.AddrPort, err error) {
	candidates, err := a.agent.GetLocalCandidates()
	if err != nil {
		return local, fallback, ErrClosed
	}
	if local.Ufrag, local.Pwd, err = a.agent.GetLocalUserCredentials(); err != nil {
		return local, fallback, ErrClosed
	}
	best := -1
	for _, c := range candidates {
		if a.config.RelayOnly && c.Type() != ice.CandidateTypeRelay {
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

// scrub takes the related address out of a candidate: it is for diagnosis only, and it is an address of ours. RFC 8839,
// Section 5.1: "If [the agent] does not want to disclose [...] 'raddr' value of '0.0.0.0' or '::' and 'rport' of '9'". And
// it drops pion's extensions, which say nothing: an offer should fit into one datagram.
func scrub(candidate string) string {
	fields := strings.Fields(candidate)
	for i := 0; i+1 < len(fields); i++ {
		switch fields[i] {
		case "ufrag", "generation":
			fields = slices.Delete(fields, i, i+2)
			i--
		case "raddr":
			if strings.Contains(fields[i+1], ":") {
				fields[i+1] = "::"
			} else {
				fields[i+1] = "0.0.0.0"
			}
		case "rport":
			fields[i+1] = "9"
		}
	}
	return strings.Join(fields, " ")
}

// Connect finds a way to the peer and returns when media can pass. Errors: ErrRemote, ErrNoWay, ErrClosed, or that of ctx.
func (a *Agent) Connect(ctx context.Context, remote signaling.ICE) error {
	if err := a.add(remote); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-a.failed:
			cancel()
		case <-stop:
		}
	}()
	var err error
	if a.config.Controlling {
		a.conn, err = a.agent.Dial(ctx, remote.Ufrag, remote.Pwd)
	} else {
		a.conn, err = a.agent.Accept(ctx, remote.Ufrag, remote.Pwd)
	}
	if err != nil {
		return ErrNoWay
	}
	return nil
}

// add hands the peer's candidates to the search.
func (a *Agent) add(remote signaling.ICE) error {
	good := 0
	careful := a.relayOverStream()
	for _, s := range remote.Candidates {
		c, addr, ok := readCandidate(s)
		if !ok || forbidden(addr, a.config.Loopback) {
			continue
		}
		// A TURN server that is reached by TCP may drop the connection, and the call, when it is asked to send to an
		// address that it cannot reach.
		if careful && addr.IsPrivate() {
			continue
		}
		if err := a.agent.AddRemoteCandidate(c); err != nil {
			return ErrClosed
		}
		good++
	}
	if good == 0 {
		return ErrRemote
	}
	return nil
}

// readCandidate reads what a peer wrote. Host names are refused: to look one up would tell a name server of the call.
func readCandidate(s string) (c ice.Candidate, addr netip.Addr, ok bool) {
	c, err := ice.UnmarshalCandidate(s)
	if err != nil || c.NetworkType().IsTCP() || c.Component() != ice.ComponentRTP {
		return nil, addr, false
	}
	addr, err = netip.ParseAddr(c.Address())
	if err != nil || addr.Zone() != "" || c.Port() < 1 || c.Port() > 65535 {
		return nil, addr, false
	}
	return c, addr.Unmap(), true
}

// Mismatch reports whether somebody on the path changed the media address of a description without knowing ICE, as
// application-level gateways of routers do. RFC 8839, Section 4.2.5: the default destination must be among the
// candidates.
func Mismatch(d signaling.Description) bool {
	if d.ICE == nil || d.RTP.Addr().IsUnspecified() {
		return false
	}
	for _, s := range d.ICE.Candidates {
		if c, addr, ok := readCandidate(s); ok && addr == d.RTP.Addr() && c.Port() == int(d.RTP.Port()) {
			return false
		}
	}
	return true
}

// forbidden are the addresses to which nothing is ever sent, whoever asks for it.
func forbidden(a netip.Addr, loopback bool) bool {
	return a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || a.IsLoopback() && !loopback
}

// relayOverStream reports whether UDP does not pass here: no server saw us but by TCP or TLS.
func (a *Agent) relayOverStream() bool {
	candidates, err := a.agent.GetLocalCandidates()
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

// Restart begins the search anew, because our address changed: gather again, tell the peer, and Resume with its answer.
// Media goes on over the old way as long as that works. RFC 8445, Section 9.
func (a *Agent) Restart(ctx context.Context) (signaling.ICE, netip.AddrPort, error) {
	if err := a.agent.Restart(token(8), token(24)); err != nil {
		return signaling.ICE{}, netip.AddrPort{}, ErrClosed
	}
	return a.Gather(ctx)
}

// Resume takes the peer's side of a restart.
func (a *Agent) Resume(remote signaling.ICE) error {
	if err := a.agent.SetRemoteCredentials(remote.Ufrag, remote.Pwd); err != nil {
		return ErrClosed
	}
	return a.add(remote)
}

// token is n ice-chars.
func token(n int) string {
	const chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = chars[b[i]%64]
	}
	return string(b)
}

// ReadPacket blocks for the next datagram of the peer. STUN never comes out here.
func (a *Agent) ReadPacket(dst []byte) (int, error) {
	if a.conn == nil {
		return 0, ErrNoWay
	}
	n, err := a.conn.Read(dst)
	if errors.Is(err, io.ErrShortBuffer) {
		return len(dst), nil
	}
	return n, err
}

// WritePacket sends one datagram over the best way of the moment.
func (a *Agent) WritePacket(packet []byte) error {
	if a.conn == nil {
		return ErrNoWay
	}
	_, err := a.conn.Write(packet)
	return err
}

// Way tells how the media goes.
type Way struct {
	Relayed bool           // through a TURN server, ours or the peer's
	Remote  netip.AddrPort // where it is sent to
}

// Way returns the present way; ok is false when there is none.
func (a *Agent) Way() (w Way, ok bool) {
	pair, err := a.agent.GetSelectedCandidatePair()
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

// Failed is closed when the way is lost for good.
func (a *Agent) Failed() <-chan struct{} { return a.failed }

// Close ends everything; a blocked ReadPacket returns.
func (a *Agent) Close() error {
	a.once.Do(func() { close(a.failed) })
	return a.agent.Close()
}

// quiet is a logger factory whose loggers say nothing: pion's print addresses.
type quiet struct{}

// NewLogger implements logging.LoggerFactory.
func (quiet) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}
