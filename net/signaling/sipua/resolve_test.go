package sipua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

// names is a name server of the test; it notes what it was asked.
type names struct {
	hosts map[string]string   // name to addresses
	srv   map[string][]string // "_sip._udp.name" to "target:port"
	asked *[]string
}

var errNoName = errors.New("no such name")

func (n names) LookupNetIP(_ context.Context, _, host string) (list []netip.Addr, err error) {
	*n.asked = append(*n.asked, host)
	for a := range strings.FieldsSeq(n.hosts[host]) {
		list = append(list, netip.MustParseAddr(a))
	}
	if list == nil {
		err = errNoName
	}
	return list, err
}

func (n names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	key := "_" + service + "._" + proto + "." + name
	*n.asked = append(*n.asked, key)
	var list []*net.SRV
	for _, s := range n.srv[key] {
		host, port, _ := strings.Cut(s, ":")
		var p uint16
		fmt.Sscan(port, &p)
		list = append(list, &net.SRV{Target: host, Port: p})
	}
	if list == nil {
		return "", nil, errNoName
	}
	return key, list, nil
}

func TestLookUp(t *testing.T) {
	n := names{hosts: map[string]string{"example.test": "192.0.2.1", "one.test": "192.0.2.11 2001:db8::11", "two.test": "192.0.2.12"},
		srv: map[string][]string{"_sip._udp.srv.test": {"one.test:5070", "two.test:5080"}, "_sip._tcp.tcponly.test": {"two.test:5060"},
			"_sips._tcp.srv.test": {"one.test:5071"}, "_sip._udp.closed.test": {".:0"}}}
	for _, tt := range []struct{ uri, want, asked string }{
		{"sip:a@example.test", "UDP 192.0.2.1:5060", "_sip._udp.example.test _sip._tcp.example.test example.test"},
		{"sip:a@example.test:5062", "UDP 192.0.2.1:5062", "example.test"},
		{"sip:a@example.test;transport=tls", "TLS 192.0.2.1:5061", "_sips._tcp.example.test example.test"},
		{"sip:a@srv.test", "UDP 192.0.2.11:5070 UDP [2001:db8::11]:5070 UDP 192.0.2.12:5080", "_sip._udp.srv.test one.test two.test"},
		{"sip:a@srv.test;transport=tls", "TLS 192.0.2.11:5071 TLS [2001:db8::11]:5071", "_sips._tcp.srv.test one.test"},
		{"sip:a@tcponly.test", "TCP 192.0.2.12:5060", "_sip._udp.tcponly.test _sip._tcp.tcponly.test two.test"},
		{"sip:a@nowhere.test", "", "_sip._udp.nowhere.test _sip._tcp.nowhere.test nowhere.test"},
		{"sip:a@closed.test", "", "_sip._udp.closed.test _sip._tcp.closed.test closed.test"},
	} {
		var asked, got []string
		n.asked = &asked
		target, err := parseTarget(tt.uri)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range lookUp(context.Background(), n, target) {
			got = append(got, h.proto.String()+" "+h.addr.String())
			if h.name != target.host {
				t.Errorf("%s: the certificate would be asked for %s", tt.uri, h.name)
			}
		}
		if strings.Join(got, " ") != tt.want || strings.Join(asked, " ") != tt.asked {
			t.Errorf("%s: found %v, asked %v", tt.uri, got, asked)
		}
	}
}

// A call to a name, and one to a name that does not exist.
func TestCallByName(t *testing.T) {
	var asked []string
	u, err := New(Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: "alice",
		Resolver: names{hosts: map[string]string{"bob.test": "127.0.0.1"}, asked: &asked}})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	alice, bob := phone{u, t}, newPhone(t, "bob")
	connect(t, alice, bob, fmt.Sprintf("sip:bob@bob.test:%d", bob.Addr().Port()))
	alice.Dial(signaling.Dial{To: "sip:bob@nowhere.test", Offer: describe(4000)})
	alice.wantEnd(signaling.NotFound)
}

// With AccountsOnly strangers find nothing: no TCP port, and a UDP port that does not answer.
func TestAccountsOnly(t *testing.T) {
	u, err := New(Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: "alice", AccountsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if c, err := net.Dial("tcp", u.Addr().String()); err == nil {
		c.Close()
		t.Error("the TCP port is open")
	}
	c, err := net.Dial("udp", u.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, method := range []string{"OPTIONS", "INVITE", "REGISTER", "BYE"} {
		raw := forge(method, "x", "<sip:x@127.0.0.1>;tag=1", "<sip:alice@127.0.0.1>")
		c.Write([]byte(strings.Replace(raw, ";branch", ";rport;branch", 1)))
	}
	c.Write([]byte("OPTIONS sip:alice@127.0.0.1 SIP/7.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport\r\n\r\n"))
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1500)); err == nil {
		t.Errorf("a stranger got %d bytes", n)
	}
	// It can still call.
	bob := newPhone(t, "bob")
	connect(t, phone{u, t}, bob, bob.uri())
}
