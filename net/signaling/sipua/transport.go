package sipua

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"sotto/net/signaling"
)

// input is what the world tells the loop.
type input struct {
	from hop
	raw  []byte          // a whole message
	gone signaling.Cause // of a connection that ended or could not be made
	ping bool            // a keep-alive was answered
	idle bool            // nothing came over a connection for idleLimit
	icmp string          // branch of a datagram that came back
	conn *conn           // a connection that came up
}

// transport is the sockets. Its goroutines read; what they read goes to the loop, which alone writes and opens.
type transport struct {
	udp    *net.UDPConn
	tcp    *net.TCPListener // nil when no connections are accepted
	local  netip.AddrPort
	in     chan input
	done   chan struct{}
	wait   sync.WaitGroup
	conns  map[flowID]*conn // owned by the loop
	byAddr map[hopKey]*conn // owned by the loop
	last   flowID           // owned by the loop
	slots  chan struct{}    // one for each connection that strangers opened
	tls    func(name string) *tls.Config
}

// hopKey finds the connection to a place.
type hopKey struct {
	proto proto
	addr  netip.AddrPort
	name  string
}

func keyOf(h hop) hopKey { return hopKey{h.proto, h.addr, h.name} }

// listen opens the sockets; the TCP port only if connections are to be accepted. The error is one clear sentence.
func listen(addr netip.AddrPort, accept bool) (t *transport, err error) {
	for range 8 { // a port that is free for UDP may be in use for TCP
		if t, err = listenAt(addr, accept); err == nil || addr.Port() != 0 {
			break
		}
	}
	return t, err
}

func listenAt(addr netip.AddrPort, accept bool) (*transport, error) {
	t := &transport{in: make(chan input, 64), done: make(chan struct{}), conns: map[flowID]*conn{},
		byAddr: map[hopKey]*conn{}, slots: make(chan struct{}, maxConnections)}
	var err error
	if t.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr)); err != nil {
		return nil, listenError(addr, "UDP", err)
	}
	t.local = t.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	t.local = netip.AddrPortFrom(t.local.Addr().Unmap(), t.local.Port())
	if accept {
		if t.tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(t.local)); err != nil {
			t.udp.Close()
			return nil, listenError(t.local, "TCP", err)
		}
		t.wait.Add(1)
		go t.accept()
	}
	wantErrors(t.udp)
	t.wait.Add(1)
	go t.readUDP()
	return t, nil
}

// ListenError tells that the address cannot be used.
type ListenError struct {
	Addr   netip.AddrPort
	Proto  string // "UDP" or "TCP"
	Reason string
}

// Error is one clear sentence.
func (e *ListenError) Error() string {
	return "sipua: " + e.Proto + " port " + hostPort(e.Addr) + " " + e.Reason
}

func listenError(addr netip.AddrPort, proto string, err error) error {
	reason := "cannot be opened"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		reason = "is in use by another program"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		reason = "is not an address of this machine"
	case errors.Is(err, syscall.EACCES):
		reason = "is not allowed for this user"
	}
	return &ListenError{Addr: addr, Proto: proto, Reason: reason}
}

// put hands an input to the loop; false when the loop is gone.
func (t *transport) put(in input) bool {
	select {
	case t.in <- in:
		return true
	case <-t.done:
		return false
	}
}

// readUDP reads datagrams until the socket is closed.
func (t *transport) readUDP() {
	defer t.wait.Done()
	buf := make([]byte, maxMessage+1)
	for {
		n, from, err := t.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// An ICMP message came for something we sent. Reading on clears it; nothing else is wrong.
			for _, branch := range returned(t.udp) {
				if !t.put(input{icmp: branch, from: hop{proto: udp}, gone: signaling.Unreachable}) {
					return
				}
			}
			continue
		}
		if n > maxMessage || n < 20 { // too long, or a keep-alive
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if from.Port() == 0 {
			continue
		}
		raw := append([]byte(nil), buf[:n]...)
		if !t.put(input{from: hop{proto: udp, addr: from}, raw: raw}) {
			return
		}
	}
}

// accept takes the connections of others.
func (t *transport) accept() {
	defer t.wait.Done()
	for {
		nc, err := t.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: do not spin
			continue
		}
		select {
		case t.slots <- struct{}{}:
		default:
			nc.Close()
			continue
		}
		addr := nc.RemoteAddr().(*net.TCPAddr).AddrPort()
		h := hop{proto: tcp, addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}
		if !t.put(input{from: h, conn: newConn(nc, h, t.slots)}) {
			nc.Close()
			return
		}
	}
}

// send sends a message; called by the loop alone. An error comes back as an input or as the cause.
func (t *transport) send(p packet) signaling.Cause {
	if p.to.proto == udp {
		if _, err := t.udp.WriteToUDPAddrPort(p.data, p.to.addr); err != nil {
			return causeOfNetwork(err)
		}
		return signaling.NoCause
	}
	c := t.conns[p.to.flow]
	if c == nil {
		c = t.byAddr[keyOf(p.to)]
	}
	if c == nil {
		if p.to.flow != 0 && p.to.name == "" && p.to.proto == tlsProto {
			return signaling.Unreachable
		}
		c = t.dial(p.to)
	}
	if !c.queue(p.data) {
		t.drop(c)
		return signaling.Unreachable
	}
	return signaling.NoCause
}

// dial begins a connection. What is sent meanwhile waits in its queue.
func (t *transport) dial(to hop) *conn {
	to.flow = 0
	c := newConn(nil, to, nil)
	t.byAddr[keyOf(to)] = c
	t.wait.Add(1)
	go func() {
		defer t.wait.Done()
		nc, proved, err := t.connect(to)
		in := input{from: to, conn: c}
		if err != nil {
			in.gone = causeOfNetwork(err)
		}
		c.net, c.proved = nc, proved
		if !t.put(in) && nc != nil {
			nc.Close()
		}
	}()
	return c
}

// connect makes a TCP connection and, if asked for, TLS over it.
func (t *transport) connect(to hop) (nc net.Conn, known bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	go func() {
		select {
		case <-t.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	d := net.Dialer{}
	if !t.local.Addr().IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(t.local.Addr(), 0))
	}
	nc, err = d.DialContext(ctx, "tcp", to.addr.String())
	if err != nil || to.proto != tlsProto {
		return nc, false, err
	}
	conf := t.tls(to.name)
	s := tls.Client(nc, conf)
	if err := s.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, false, err
	}
	return s, proved(conf, s.ConnectionState()), nil
}

// proved reports whether a connection is one whose server has shown who it is; called by the loop.
func (t *transport) proved(flow flowID) bool {
	c := t.conns[flow]
	return c != nil && c.proved
}

// connected takes a connection that came up, or one that did not; called by the loop. It starts its goroutines.
func (t *transport) connected(in input) {
	c := in.conn
	if in.gone != signaling.NoCause {
		c.abandon()
		if t.byAddr[keyOf(c.peer)] == c {
			delete(t.byAddr, keyOf(c.peer))
		}
		return
	}
	t.last++
	c.peer.flow = t.last
	t.conns[t.last] = c
	if old := t.byAddr[keyOf(c.peer)]; old == nil || old == c {
		t.byAddr[keyOf(c.peer)] = c
	}
	t.wait.Add(2)
	go func() { defer t.wait.Done(); c.write() }()
	go func() { defer t.wait.Done(); c.read(t) }()
}

// drop closes a connection and forgets it; called by the loop.
func (t *transport) drop(c *conn) {
	c.abandon()
	delete(t.conns, c.peer.flow)
	if k := keyOf(c.peer); t.byAddr[k] == c {
		delete(t.byAddr, k)
	}
}

// close ends everything and waits for the goroutines.
func (t *transport) close() {
	t.release()
	t.finish()
}

// release gives the address back.
func (t *transport) release() {
	close(t.done)
	t.udp.Close()
	if t.tcp != nil {
		t.tcp.Close()
	}
}

// finish ends the connections and waits for the goroutines.
func (t *transport) finish() {
	for _, c := range t.conns {
		c.finish()
	}
	for _, c := range t.byAddr {
		c.finish()
	}
	t.wait.Wait()
}

// causeOfNetwork says in our words what went wrong.
func causeOfNetwork(err error) signaling.Cause {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &verify), errors.As(err, &invalid), errors.As(err, &host), errors.As(err, &unknown),
		errors.Is(err, errPin):
		return signaling.NotTrusted
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EADDRNOTAVAIL):
		return signaling.NoNetwork
	}
	return signaling.Unreachable
}

var errPin = errors.New("sipua: not the pinned certificate")
