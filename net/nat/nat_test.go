package nat

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"sotto/net/signaling"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// relay runs a STUN and TURN server on loopback, by UDP and TCP.
func relay(t *testing.T) (port uint16) {
	port, _ = relayWith(t, nil)
	return port
}

// relayWith runs it by TLS too, with a certificate of its own, and returns who signed that.
func relayWith(t *testing.T, secure *uint16) (port uint16, roots *x509.CertPool) {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = uint16(udp.LocalAddr().(*net.UDPAddr).Port)
	tcp, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	generator := func() turn.RelayAddressGenerator {
		return &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	}
	listeners := []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: generator()}}
	if secure != nil {
		var l net.Listener
		l, roots = tlsListener(t)
		*secure = uint16(l.Addr().(*net.TCPAddr).Port)
		listeners = append(listeners, turn.ListenerConfig{Listener: l, RelayAddressGenerator: generator()})
	}
	s, err := turn.NewServer(turn.ServerConfig{Realm: "test", LoggerFactory: quiet{},
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, "test", "secret"), a.Username == "hs"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: generator()}},
		ListenerConfigs:   listeners})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return port, roots
}

func tlsListener(t *testing.T) (net.Listener, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	return l, roots
}

func newAgent(t *testing.T, c Config) *Agent {
	t.Helper()
	c.Local, c.Loopback = loopback, true
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func gather(t *testing.T, a *Agent) signaling.ICE {
	t.Helper()
	local, fallback, err := a.Gather(within(t, 5*time.Second))
	if err != nil || !fallback.IsValid() {
		t.Fatal(fallback, err)
	}
	return local
}

// connect joins two agents and returns how long it took.
func connect(t *testing.T, a, b *Agent) time.Duration {
	t.Helper()
	atA, atB := gather(t, a), gather(t, b)
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- b.Connect(within(t, 10*time.Second), atA) }()
	if err := a.Connect(within(t, 10*time.Second), atB); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// talk sends a datagram each way.
func talk(t *testing.T, a, b *Agent) {
	t.Helper()
	for _, pair := range [][2]*Agent{{a, b}, {b, a}} {
		if err := pair[0].WritePacket([]byte("\x80 twelve bytes and more")); err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 1)
		go func() {
			buf := make([]byte, 100)
			n, err := pair[1].ReadPacket(buf)
			got <- fmt.Sprint(string(buf[:n]), err)
		}()
		select {
		case s := <-got:
			if s != "\x80 twelve bytes and more<nil>" {
				t.Fatalf("got %q", s)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nothing comes")
		}
	}
}

func TestDirect(t *testing.T) {
	a, b := newAgent(t, Config{Controlling: true}), newAgent(t, Config{})
	if d := connect(t, a, b); d > 500*time.Millisecond {
		t.Errorf("it took %v", d)
	}
	talk(t, a, b)
	if w, ok := a.Way(); !ok || w.Relayed || w.Remote.Addr() != loopback {
		t.Errorf("way %+v %v", w, ok)
	}
}

func TestRelayOnly(t *testing.T) {
	port := relay(t)
	for _, transport := range []string{"udp", "tcp"} {
		c := Config{RelayOnly: true, Servers: []Server{{Host: "127.0.0.1", Port: port, Relay: true, Transport: transport, User: "hs", Password: "secret"}}}
		a := newAgent(t, c)
		c.Controlling = true
		b := newAgent(t, c)
		if d := connect(t, a, b); d > 1500*time.Millisecond {
			t.Errorf("%s: it took %v", transport, d)
		}
		talk(t, a, b)
		if w, ok := a.Way(); !ok || !w.Relayed {
			t.Errorf("%s: way %+v %v", transport, w, ok)
		}
	}
}

// TURN over TLS, with our own authority and, in vain, without it.
func TestRelayOverTLS(t *testing.T) {
	var port uint16
	_, roots := relayWith(t, &port)
	c := Config{RelayOnly: true, Roots: roots, Servers: []Server{{Host: "127.0.0.1", Port: port, Relay: true, Transport: "tls", User: "hs", Password: "secret"}}}
	a := newAgent(t, c)
	c.Controlling = true
	b := newAgent(t, c)
	connect(t, a, b)
	talk(t, a, b)
	c.Roots = x509.NewCertPool()
	if _, _, err := newAgent(t, c).Gather(within(t, 5*time.Second)); !errors.Is(err, ErrNoCandidates) {
		t.Error("a server that nobody vouches for: ", err)
	}
}

// What leaves the telephone names no address but the one that must be named.
func TestNothingElseIsTold(t *testing.T) {
	port := relay(t)
	servers := []Server{{Host: "127.0.0.1", Port: port, Relay: true, Transport: "udp", User: "hs", Password: "secret"}}
	local := gather(t, newAgent(t, Config{RelayOnly: true, Servers: servers}))
	if len(local.Candidates) == 0 {
		t.Fatal("no candidates")
	}
	for _, c := range local.Candidates {
		if !strings.Contains(c, " typ relay") || !strings.Contains(c, "raddr 0.0.0.0 rport 9") {
			t.Errorf("told %q", c)
		}
	}
	for _, c := range gather(t, newAgent(t, Config{Servers: servers})).Candidates {
		if strings.Contains(c, "raddr 1") || strings.Contains(c, ".local") {
			t.Errorf("told %q", c)
		}
	}
}

func TestScrub(t *testing.T) {
	for in, want := range map[string]string{
		"1 1 udp 99 192.0.2.1 5000 typ host":                                      "1 1 udp 99 192.0.2.1 5000 typ host",
		"1 1 udp 99 192.0.2.1 5000 typ srflx raddr 10.0.0.7 rport 4000":           "1 1 udp 99 192.0.2.1 5000 typ srflx raddr 0.0.0.0 rport 9",
		"1 1 udp 99 2001:db8::1 5000 typ relay raddr 2001:db8::7 rport 4000 x y":  "1 1 udp 99 2001:db8::1 5000 typ relay raddr :: rport 9 x y",
		"1 1 udp 99 192.0.2.1 5000 typ relay raddr 10.0.0.7 rport 4000 ufrag abc": "1 1 udp 99 192.0.2.1 5000 typ relay raddr 0.0.0.0 rport 9",
	} {
		if got := scrub(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// Nobody learns anything before Gather: the server sees no datagram.
func TestSilentBeforeGather(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	a := newAgent(t, Config{Servers: []Server{{Host: "127.0.0.1", Port: uint16(server.LocalAddr().(*net.UDPAddr).Port), Transport: "udp"}}})
	buf := make([]byte, 1500)
	server.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, _, err := server.ReadFrom(buf); err == nil {
		t.Errorf("%d bytes came before Gather", n)
	}
	go a.Gather(within(t, time.Second))
	server.SetReadDeadline(time.Now().Add(time.Second))
	if _, _, err := server.ReadFrom(buf); err != nil {
		t.Error("nothing came after Gather: ", err)
	}
}

func TestDeadServer(t *testing.T) {
	a := newAgent(t, Config{Servers: []Server{{Host: "127.0.0.1", Port: 9, Transport: "udp"}}})
	began := time.Now()
	if got := gather(t, a); len(got.Candidates) == 0 {
		t.Error("no host candidate")
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("a dead server cost %v", d)
	}
	b := newAgent(t, Config{RelayOnly: true, Servers: []Server{{Host: "127.0.0.1", Port: 9, Relay: true, Transport: "tcp", User: "u", Password: "p"}}})
	if _, _, err := b.Gather(within(t, 5*time.Second)); !errors.Is(err, ErrNoCandidates) {
		t.Error(err)
	}
}

func TestBadCandidates(t *testing.T) {
	for _, list := range [][]string{nil, {"nonsense"}, {"1 1 udp 99 tracker.example 5000 typ host"}, {"1 1 udp 99 224.0.0.1 5000 typ host"},
		{"1 1 udp 99 255.255.255.255 5000 typ host"}, {"1 1 udp 99 0.0.0.0 5000 typ host"}, {"1 1 tcp 99 10.0.0.1 9 typ host tcptype active"},
		{"1 1 udp 99 secret-name.local 5000 typ host"}} {
		a := newAgent(t, Config{Controlling: true})
		gather(t, a)
		err := a.Connect(within(t, time.Second), signaling.ICE{Ufrag: "abcd", Pwd: "0123456789abcdefghijkl", Candidates: list})
		if !errors.Is(err, ErrRemote) {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	a := newAgent(t, Config{Controlling: true})
	gather(t, a)
	err := a.Connect(within(t, 300*time.Millisecond), signaling.ICE{Ufrag: "abcd", Pwd: "0123456789abcdefghijkl",
		Candidates: []string{"1 1 udp 99 127.0.0.1 9 typ host"}})
	if !errors.Is(err, ErrNoWay) {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	a, b := newAgent(t, Config{Controlling: true}), newAgent(t, Config{})
	connect(t, a, b)
	read := make(chan error, 1)
	go func() {
		_, err := a.ReadPacket(make([]byte, 100))
		read <- err
	}()
	a.Close()
	select {
	case err := <-read:
		if err == nil {
			t.Error("a packet after Close")
		}
	case <-time.After(2 * time.Second):
		t.Error("ReadPacket hangs")
	}
	if _, _, err := a.Restart(within(t, time.Second), loopback); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	c := newAgent(t, Config{})
	if _, err := c.ReadPacket(nil); !errors.Is(err, ErrNoWay) {
		t.Error(err)
	}
	if err := c.WritePacket(nil); !errors.Is(err, ErrNoWay) {
		t.Error(err)
	}
}

func TestParseServers(t *testing.T) {
	for in, want := range map[string]string{
		"turn:hs:se:cret@turn.test:3478":              "turn.test 3478 true udp hs se:cret",
		"turn:hs:secret@[2001:db8::1]:3478":           "2001:db8::1 3478 true udp hs secret",
		"turn:hs:secret@turn.test:443?transport=tcp":  "turn.test 443 true tcp hs secret",
		"turn:hs:secret@turn.test:443?transport=tls":  "turn.test 443 true tls hs secret",
		"turns:hs:secret@turn.test:443?transport=tcp": "turn.test 443 true tls hs secret",
	} {
		s, err := ParseTURN(in)
		if got := fmt.Sprint(s.Host, " ", s.Port, " ", s.Relay, " ", s.Transport, " ", s.User, " ", s.Password); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", s, s, s), "secret") {
			t.Error("the password prints")
		}
	}
	for _, in := range []string{"", "turn:", "turn:host:1", "turn:u:p@host", "turn:u:p@host:0", "turn:u:p@host:99999", "stun:u:p@host:1",
		"turn:u@host:1", "turn:u:p@host:1?transport=sctp", "turns:u:p@host:1?transport=udp", "turn:u:p@ho st:1"} {
		if _, err := ParseTURN(in); !errors.Is(err, ErrServer) {
			t.Errorf("%q: %v", in, err)
		}
	}
	if s, err := ParseSTUN("stun.test:3478"); err != nil || s.Host != "stun.test" || s.Relay {
		t.Error(s.Host, err)
	}
	if _, err := ParseSTUN("stun.test"); !errors.Is(err, ErrServer) {
		t.Error(err)
	}
}

func TestMismatch(t *testing.T) {
	d := signaling.Description{RTP: netip.MustParseAddrPort("192.0.2.1:5000"), ICE: &signaling.ICE{
		Candidates: []string{"1 1 udp 99 10.0.0.1 4000 typ host", "2 1 udp 98 192.0.2.1 5000 typ srflx raddr 0.0.0.0 rport 9"}}}
	if Mismatch(d) {
		t.Error("an honest description")
	}
	d.RTP = netip.MustParseAddrPort("203.0.113.9:5000")
	if !Mismatch(d) {
		t.Error("a changed address")
	}
	d.RTP = netip.MustParseAddrPort("192.0.2.1:5002")
	if !Mismatch(d) {
		t.Error("a changed port")
	}
	d.ICE = nil
	if Mismatch(d) {
		t.Error("no ICE at all")
	}
}

// Whatever a peer writes as a candidate is refused or names an address and a port.
func FuzzCandidate(f *testing.F) {
	f.Add("1 1 udp 99 10.0.0.1 4000 typ host")
	f.Add("candidate:2 1 UDP 98 2001:db8::1 5000 typ relay raddr :: rport 9 ufrag x generation 0")
	f.Add("3 1 tcp 9 10.0.0.1 9 typ host tcptype active")
	f.Fuzz(func(t *testing.T, s string) {
		scrub(s)
		if c, addr, ok := readCandidate(s); ok && (!addr.IsValid() || c.Port() == 0) {
			t.Errorf("%q: %v", s, c)
		}
	})
}
