package sipua

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// ordered is a name server that knows NAPTR records, too.
type ordered struct {
	names
	naptr map[string][]NAPTR
}

func (o ordered) LookupNAPTR(_ context.Context, name string) ([]NAPTR, error) {
	*o.asked = append(*o.asked, "NAPTR "+name)
	if list := o.naptr[name]; list != nil {
		return list, nil
	}
	return nil, errNAPTR
}

// LookupSRV takes whole names.
func (o ordered) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if service == "" {
		service, rest, _ := strings.Cut(name, ".")
		proto, rest, _ := strings.Cut(rest, ".")
		return o.names.LookupSRV(ctx, strings.TrimPrefix(service, "_"), strings.TrimPrefix(proto, "_"), rest)
	}
	return o.names.LookupSRV(ctx, service, proto, name)
}

func TestLookUpNAPTR(t *testing.T) {
	var asked []string
	record := func(order uint16, service, name string) NAPTR {
		return NAPTR{Order: order, Flags: "s", Service: service, Name: name}
	}
	o := ordered{names{hosts: map[string]string{"one.test": "192.0.2.11", "both.test": "192.0.2.1"}, asked: &asked,
		srv: map[string][]string{"_sip._udp.both.test": {"one.test:5070"}, "_sips._tcp.both.test": {"one.test:5071"}, "_sip._tcp.both.test": {"one.test:5072"}}},
		map[string][]NAPTR{
			"both.test":  {record(10, "SIP+D2U", "_sip._udp.both.test"), record(20, "sip+d2t", "_sip._tcp.both.test"), record(90, "SIPS+D2T", "_sips._tcp.both.test")},
			"clear.test": {record(20, "SIP+D2U", "_sip._udp.both.test"), record(10, "SIP+D2T", "_sip._tcp.both.test")},
			"dead.test":  {record(10, "SIPS+D2T", "_sips._tcp.nowhere.test"), record(20, "SIP+D2T", "_sip._tcp.both.test")},
			"odd.test":   {record(10, "SIP+D2W", "_sip._ws.both.test"), {Flags: "u", Service: "E2U+sip", Name: "_sip._udp.both.test"}, record(1, "SIP+D2U", "no name")},
			"onion.test": {record(10, "SIP+D2T", "_sip._tcp."+strings.Repeat("a", 56)+".onion")},
		}}
	for _, tt := range []struct{ uri, want string }{
		{"sip:a@both.test", "TLS 192.0.2.11:5071"}, // though the order has it last
		{"sip:a@clear.test", "TCP 192.0.2.11:5072"},
		{"sip:a@dead.test", "TCP 192.0.2.11:5072"},
		{"sip:a@odd.test", ""},
		{"sip:a@onion.test", ""},
		{"sip:a@both.test;transport=udp", "UDP 192.0.2.11:5070"},
		{"sips:a@both.test", "TLS 192.0.2.11:5071"},
		{"sip:a@both.test:5062", "UDP 192.0.2.1:5062"},
	} {
		asked = nil
		target, err := parseTarget(tt.uri)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range lookUp(context.Background(), WithoutOnion(o), target) {
			got = append(got, h.proto.String()+" "+h.addr.String())
			if h.name != target.host {
				t.Errorf("%s: the certificate would be asked for %s", tt.uri, h.name)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: found %v, want %s; asked %v", tt.uri, got, tt.want, asked)
		}
		if s := strings.Join(asked, " "); strings.Contains(s, "onion ") || strings.HasSuffix(s, ".onion") || target.named && strings.Contains(s, "NAPTR") {
			t.Errorf("%s: asked %s", tt.uri, s)
		}
	}
}

// naptrData is a record as it is on the wire.
func naptrData(n NAPTR, regexp string) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, n.Order), n.Preference)
	for _, s := range []string{n.Flags, n.Service, regexp} {
		b = append(append(b, byte(len(s))), s...)
	}
	for l := range strings.SplitSeq(n.Name, ".") {
		b = append(append(b, byte(len(l))), l...)
	}
	return append(b, 0)
}

// answerTo is a name server's answer to a query.
func answerTo(query []byte, change func(*dnsmessage.Message), records ...[]byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return nil
	}
	m.Response = true
	for _, r := range records {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: typeNAPTR, Class: dnsmessage.ClassINET, TTL: 60},
			Body: &dnsmessage.UnknownResource{Type: typeNAPTR, Data: r}})
	}
	if change != nil {
		change(&m)
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// A name server on a real socket: another's answers are passed over, one that does not fit is asked for by TCP.
func TestAskNAPTR(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	pc, err := net.ListenPacket("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	want := NAPTR{10, 20, "s", "SIPS+D2T", "_sips._tcp.example.test"}
	go func() {
		buf := make([]byte, 512)
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		lie := naptrData(NAPTR{1, 1, "s", "SIP+D2U", "_sip._udp.evil.test"}, "")
		for _, b := range [][]byte{
			{1, 2, 3},
			answerTo(buf[:n], func(m *dnsmessage.Message) { m.ID++ }, lie),
			answerTo(buf[:n], func(m *dnsmessage.Message) { m.Response = false }, lie),
			answerTo(buf[:n], func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("evil.test.") }, lie),
			answerTo(buf[:n], func(m *dnsmessage.Message) { m.Truncated = true }, lie),
		} {
			pc.WriteTo(b, from)
		}
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var size [2]byte
		io.ReadFull(c, size[:])
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		io.ReadFull(c, query)
		b := answerTo(query, nil, naptrData(want, ""), naptrData(want, "!^.*$!sip:evil@evil.test!"), []byte{0, 1, 0, 2, 9}, naptrData(want, "")[:20])
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	}()
	got, err := askNAPTR(context.Background(), at, "example.test")
	if err != nil || !slices.Equal(got, []NAPTR{want}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSilentNameServer(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	began := time.Now()
	if _, err := askNAPTR(context.Background(), pc.LocalAddr().(*net.UDPAddr).AddrPort(), "example.test"); err == nil || time.Since(began) < naptrWait {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	if got := serversOf("# comment\nsearch home\nnameserver 192.0.2.1\nnameserver oops\nnameserver 2001:db8::1\nnameserver 192.0.2.3\n"); fmt.Sprint(got) !=
		fmt.Sprint([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}) {
		t.Errorf("the name servers are %v", got)
	}
}

func FuzzNAPTR(f *testing.F) {
	q := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("example.test."), Type: typeNAPTR, Class: dnsmessage.ClassINET}}}
	query, err := q.Pack()
	if err != nil {
		f.Fatal(err)
	}
	good := answerTo(query, nil, naptrData(NAPTR{10, 20, "s", "SIPS+D2T", "_sips._tcp.example.test"}, ""))
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _, ok := readNAPTR(b, &q)
		if len(list) > maxNAPTR || len(list) > 0 && !ok {
			t.Fatalf("%d records, %v", len(list), ok)
		}
		for _, n := range list {
			if len(n.Name) > 253 || len(n.Service) > 255 {
				t.Fatalf("%+v", n)
			}
		}
	})
}
