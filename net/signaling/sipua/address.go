package sipua

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// proto is a transport protocol.
type proto uint8

const (
	udp proto = iota
	tcp
	tlsProto
)

// String is the name in a Via header.
func (p proto) String() string { return [...]string{"UDP", "TCP", "TLS"}[p] }

// param is the value of the URI parameter "transport".
func (p proto) param() string { return [...]string{"udp", "tcp", "tls"}[p] }

func (p proto) reliable() bool { return p != udp }

// defaultPort is that of RFC 3261, Section 19.1.2.
func (p proto) defaultPort() uint16 {
	if p == tlsProto {
		return 5061
	}
	return 5060
}

// flowID names a connection; 0 is none.
type flowID uint64

// hop is where a message goes to, or where it came from.
type hop struct {
	proto proto
	addr  netip.AddrPort
	flow  flowID // the connection to use if it is still there
	name  string // of the server, for its certificate
}

var errAddress = errors.New("sipua: not an address that can be called")

const maxURI = 256 // bytes

// target is whom a call goes to.
type target struct {
	uri   sip.Uri
	proto proto
	named bool // the URI names its transport
	host  string
	port  uint16 // 0 where the URI has none
}

// parseTarget reads what a person or an account calls an address: a SIP or SIPS URI, with or without the scheme.
func parseTarget(s string) (t target, err error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxURI || !visible(s) || strings.ContainsAny(s, "<>\"") {
		return t, errAddress
	}
	lower := strings.ToLower(s)
	if !strings.HasPrefix(lower, "sip:") && !strings.HasPrefix(lower, "sips:") {
		s = "sip:" + s
	}
	if err := sip.ParseUri(s, &t.uri); err != nil || t.uri.Wildcard || t.uri.Host == "" {
		return t, errAddress
	}
	if t.uri.Port < 0 || t.uri.Port > 65535 || t.uri.HierarhicalSlashes {
		return t, errAddress
	}
	// RFC 3261, Section 19.1.5: headers in a URI would let its author write into our messages; and a password is none
	// that stands in an address.
	if len(t.uri.Headers) > 0 || t.uri.Password != "" {
		return t, errAddress
	}
	if t.proto, t.named, err = transportOf(&t.uri); err != nil {
		return t, err
	}
	t.host = strings.Trim(t.uri.Host, "[]")
	if !hostOK(t.host) {
		return t, errAddress
	}
	t.port = uint16(t.uri.Port)
	return t, nil
}

// transportOf is the transport protocol that a URI asks for, UDP where it asks for none.
func transportOf(u *sip.Uri) (p proto, named bool, err error) {
	v, named := u.UriParams.Get("transport")
	switch strings.ToLower(v) {
	case "":
	case "udp":
	case "tcp":
		p = tcp
	case "tls":
		p = tlsProto
	default:
		return 0, false, errAddress
	}
	if u.Scheme == "sips" {
		if named && p == udp {
			return 0, false, errAddress
		}
		return tlsProto, true, nil
	}
	return p, named, nil
}

// hop is the place of a target whose host is an address; ok is false when a name server must be asked.
func (t *target) hop() (h hop, ok bool) {
	a, err := netip.ParseAddr(t.host)
	if err != nil {
		return h, false
	}
	port := t.port
	if port == 0 {
		port = t.proto.defaultPort()
	}
	return hop{proto: t.proto, addr: netip.AddrPortFrom(a.Unmap(), port), name: t.host}, true
}

func hostOK(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return !strings.Contains(h, "%")
	}
	if h == "" || len(h) > 253 || h[0] == '-' || h[0] == '.' {
		return false
	}
	for i := range len(h) {
		c := h[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// dotted turns the digits that a desk phone can type, 192*168*1*5, into an address.
func dotted(s string) (string, bool) {
	if strings.Count(s, "*") != 3 {
		return "", false
	}
	a, err := netip.ParseAddr(strings.ReplaceAll(s, "*", "."))
	if err != nil {
		return "", false
	}
	return a.String(), true
}

// hostPort writes an address as URIs and Via headers have it.
func hostPort(a netip.AddrPort) string {
	if a.Addr().Is6() {
		return "[" + a.Addr().String() + "]:" + strconv.Itoa(int(a.Port()))
	}
	return a.String()
}

func addrPort(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }
