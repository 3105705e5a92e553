package sipua

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

const (
	aliceOnion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
	bobOnion   = "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion"
)

func onionPhone(t *testing.T, name, onion string) phone {
	t.Helper()
	u, err := NewOnion(Config{Name: name}, onion)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return phone{u, t}
}

// tap notes what goes through a connection.
type tap struct {
	net.Conn
	said chan string
}

func (c tap) Write(b []byte) (int, error) {
	c.said <- string(b)
	return c.Conn.Write(b)
}

// TestOnionCall: a call over an injected stream, both ways of ending it, and no address of this machine in any message.
func TestOnionCall(t *testing.T) {
	alice, bob := onionPhone(t, "alice", aliceOnion), onionPhone(t, "bob", bobOnion)
	said := make(chan string, 100)
	near, far := net.Pipe()
	alice.Inject(tap{near, said}, bobOnion)
	bob.Inject(tap{far, said}, "")
	uri := "sip:bob@" + bobOnion + ";transport=tcp"
	a, _ := connect(t, alice, bob, uri)
	if !IsOnion(a) || IsOnion(1) {
		t.Errorf("call %d passes for one without Tor", a)
	}
	alice.Hangup(a, signaling.HungUp)
	alice.wantEnd(signaling.HungUp)
	bob.wantEnd(signaling.PeerHungUp)
	_, b := connect(t, alice, bob, uri)
	bob.Hangup(b, signaling.HungUp)
	bob.wantEnd(signaling.HungUp)
	alice.wantEnd(signaling.PeerHungUp)
	if len(said) < 10 {
		t.Fatalf("%d messages for two calls", len(said))
	}
	for len(said) > 0 {
		m := <-said
		head, _, _ := strings.Cut(m, "\r\n\r\n") // the body has what the caller wrote into it
		if strings.Contains(head, "127.0.0.1") || strings.Contains(head, "[::") || !strings.Contains(head, "[2001:db8:") {
			t.Errorf("a message tells of this machine:\n%s", head)
		}
	}
	// The stream goes: nothing can be called any more.
	near.Close()
	far.Close()
	time.Sleep(50 * time.Millisecond)
	alice.Dial(signaling.Dial{To: uri, Offer: describe(4000)})
	alice.wantEnd(signaling.NoNetwork)
	// And with another it can.
	near, far = net.Pipe()
	alice.Inject(near, bobOnion)
	bob.Inject(far, "")
	connect(t, alice, bob, uri)
}

// TestOnionFailsClosed: without a stream a call ends, and nothing but the stream is ever used, whatever is dialled.
func TestOnionFailsClosed(t *testing.T) {
	alice := onionPhone(t, "alice", aliceOnion)
	udp4, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp4.Close()
	port := udp4.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	tcp4, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp4.Close()
	tcp6, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp6.Close()
	at4 := hostPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	at6 := hostPort(tcp6.Addr().(*net.TCPAddr).AddrPort())
	for to, cause := range map[string]signaling.Cause{
		"sip:bob@" + bobOnion:                    signaling.Unreachable,
		"sip:bob@" + bobOnion + ";transport=tcp": signaling.NoNetwork,
		"sip:bob@" + bobOnion + ";transport=tls": signaling.NoNetwork,
		"sips:bob@" + bobOnion:                   signaling.NoNetwork,
		"sip:bob@" + at4:                         signaling.Unreachable,
		"sip:bob@" + at4 + ";transport=tcp":      signaling.Unreachable,
		"sip:bob@" + at6 + ";transport=tcp":      signaling.NoNetwork,
		"sips:bob@" + at6:                        signaling.NoNetwork,
		"sip:bob@localhost":                      signaling.NotFound,
		"sip:bob@localhost;transport=tcp":        signaling.NotFound,
	} {
		alice.Dial(signaling.Dial{To: to, Offer: describe(4000)})
		if e := want[signaling.Ended](alice); e.Cause != cause {
			t.Errorf("%s: ended with %q, want %q", to, e.Cause, cause)
		}
	}
	past := time.Now().Add(50 * time.Millisecond)
	udp4.SetReadDeadline(past)
	tcp4.SetDeadline(past)
	tcp6.SetDeadline(past)
	if n, from, err := udp4.ReadFrom(make([]byte, 2000)); err == nil {
		t.Errorf("%d octets came from %v by UDP", n, from)
	}
	for _, l := range []*net.TCPListener{tcp4, tcp6} {
		if c, err := l.Accept(); err == nil {
			t.Errorf("a connection came from %v", c.RemoteAddr())
		}
	}
}

// notebook is a name server that knows nothing and notes what it is asked.
type notebook struct{ asked []string }

func (n *notebook) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.asked = append(n.asked, host)
	return nil, errors.New("no such name")
}

func (n *notebook) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	n.asked = append(n.asked, name)
	return "", nil, errors.New("no such name")
}

// TestNoOnionAtNameServers: RFC 7686.
func TestNoOnionAtNameServers(t *testing.T) {
	asked := &notebook{}
	r := WithoutOnion(asked)
	for _, host := range []string{bobOnion, strings.ToUpper(bobOnion), "www." + bobOnion, bobOnion + "."} {
		_, err := r.LookupNetIP(t.Context(), "ip", host)
		_, _, err2 := r.LookupSRV(t.Context(), "sip", "tcp", host)
		if err == nil || err2 == nil || len(asked.asked) != 0 {
			t.Errorf("%s was looked up: %v", host, asked.asked)
		}
	}
	r.LookupNetIP(t.Context(), "ip", "onion.example")
	r.LookupSRV(t.Context(), "sip", "tcp", "onion.example")
	if len(asked.asked) != 2 {
		t.Errorf("asked %v", asked.asked)
	}
}

// TestOnionFlood: who opens many streams has only those that a listener would take, too.
func TestOnionFlood(t *testing.T) {
	bob := onionPhone(t, "bob", bobOnion)
	open := 0
	for range maxConnections + 20 {
		near, far := net.Pipe()
		bob.Inject(far, "")
		near.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := near.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
		defer near.Close()
	}
	if open != maxConnections {
		t.Errorf("%d streams are open, want %d", open, maxConnections)
	}
}

// TestOnionHost: a name and what stands for it are told from all others.
func TestOnionHost(t *testing.T) {
	for host, want := range map[string]bool{aliceOnion: true, "[" + OnionAddr(aliceOnion).Addr().String() + "]": true,
		OnionAddr("x").Addr().String(): true, "example.test": false, "192.0.2.1": false, "[2001:db9::1]": false, "": false} {
		if IsOnionHost(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
