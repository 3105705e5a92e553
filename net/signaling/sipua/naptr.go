package sipua

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// NAPTR is what RFC 3403, Section 4.1, has in such a record, but for the regular expression: those with one are not for SIP
// (RFC 3263, Section 4.1).
type NAPTR struct {
	Order, Preference    uint16
	Flags, Service, Name string // Name is the replacement
}

type naptrResolver interface {
	LookupNAPTR(ctx context.Context, name string) ([]NAPTR, error)
}

// Of this implementation.
const (
	typeNAPTR   dnsmessage.Type = 35
	naptrWait                   = time.Second // for a name server; some routers never answer such questions
	maxNAPTR                    = 8           // records of an answer that are looked at
	nameServers                 = 2           // of the list that are asked
	maxAnswer                   = 4096        // bytes
	resolvConf                  = "/etc/resolv.conf"
)

var errNAPTR = errors.New("sipua: no NAPTR records")

// services are the transports that a record may name.
var services = map[string]proto{"SIPS+D2T": tlsProto, "SIP+D2T": tcp, "SIP+D2U": udp}

// lookUpNAPTR finds the transport and the places of a target that names no transport. RFC 3263, Section 4.1: "The services
// [...] and the transport protocols that the client supports"; of these TLS goes first whatever the order says, since who
// offers it can have it.
func lookUpNAPTR(ctx context.Context, r Resolver, t target) (hops []hop) {
	asker, ok := r.(naptrResolver)
	if t.named || !ok {
		return nil
	}
	all, err := asker.LookupNAPTR(ctx, t.host)
	if err != nil {
		return nil
	}
	all = slices.DeleteFunc(all[:min(len(all), maxNAPTR)], func(n NAPTR) bool {
		_, known := services[strings.ToUpper(n.Service)]
		return !known || !strings.EqualFold(n.Flags, "s") || !hostOK(strings.TrimSuffix(n.Name, "."))
	})
	slices.SortStableFunc(all, func(a, b NAPTR) int {
		inClear := func(n NAPTR) int {
			if services[strings.ToUpper(n.Service)] == tlsProto {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(inClear(a), inClear(b)), cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, n := range all {
		_, records, err := r.LookupSRV(ctx, "", "", n.Name)
		if err != nil {
			continue
		}
		t.proto = services[strings.ToUpper(n.Service)]
		if hops = lookUpTargets(ctx, r, t, records); len(hops) > 0 {
			return hops
		}
	}
	return nil
}

// system is the resolver of the machine, and asks its name servers for what net.Resolver does not know.
type system struct{ *net.Resolver }

// LookupNAPTR asks the first name servers of the machine. Errors: none answered, or there is no such record.
func (system) LookupNAPTR(ctx context.Context, name string) ([]NAPTR, error) {
	text, err := os.ReadFile(resolvConf)
	if err != nil {
		return nil, err
	}
	err = errNAPTR
	for _, server := range serversOf(string(text)) {
		var list []NAPTR
		if list, err = askNAPTR(ctx, netip.AddrPortFrom(server, 53), name); err == nil {
			return list, nil
		}
	}
	return nil, err
}

// serversOf are the first name servers that the text of a resolv.conf names.
func serversOf(text string) (list []netip.Addr) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" && len(list) < nameServers {
			if a, err := netip.ParseAddr(f[1]); err == nil {
				list = append(list, a)
			}
		}
	}
	return list
}

// askNAPTR puts one question to one name server, over UDP and, where the answer does not fit, over TCP.
func askNAPTR(ctx context.Context, server netip.AddrPort, name string) ([]NAPTR, error) {
	full, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, err
	}
	var id [2]byte
	rand.Read(id[:])
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: full, Type: typeNAPTR, Class: dnsmessage.ClassINET}},
	}
	query, err := q.Pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, naptrWait)
	defer cancel()
	for _, network := range []string{"udp", "tcp"} {
		list, whole, err := exchange(ctx, network, server, query, &q)
		if err != nil || whole {
			return list, err
		}
	}
	return nil, errNAPTR
}

// exchange sends a query and waits for its answer. whole is false when the server had more to say than fits.
func exchange(ctx context.Context, network string, server netip.AddrPort, query []byte, q *dnsmessage.Message) (list []NAPTR, whole bool, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	conn.SetDeadline(end)
	if network == "tcp" {
		query = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...) // RFC 1035, Section 4.2.2
	}
	if _, err := conn.Write(query); err != nil {
		return nil, false, err
	}
	buf := make([]byte, maxAnswer)
	for {
		n, err := readAnswer(conn, network, buf)
		if err != nil {
			return nil, false, err
		}
		if list, whole, ok := readNAPTR(buf[:n], q); ok {
			return list, whole || network == "tcp", nil
		}
		if network == "tcp" {
			return nil, false, errNAPTR
		}
	}
}

func readAnswer(conn net.Conn, network string, buf []byte) (int, error) {
	if network == "udp" {
		return conn.Read(buf)
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		return 0, errNAPTR
	}
	return io.ReadFull(conn, buf[:n])
}

// readNAPTR takes the records out of an answer; ok is false when it is none to q.
func readNAPTR(answer []byte, q *dnsmessage.Message) (list []NAPTR, whole, ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(answer)
	if err != nil || !h.Response || h.ID != q.ID {
		return nil, false, false
	}
	asked, err := p.AllQuestions()
	if err != nil || len(asked) != 1 || asked[0].Type != typeNAPTR || !strings.EqualFold(asked[0].Name.String(), q.Questions[0].Name.String()) {
		return nil, false, false
	}
	if h.RCode != dnsmessage.RCodeSuccess {
		return nil, true, true
	}
	for len(list) < maxNAPTR {
		rh, err := p.AnswerHeader()
		if err != nil {
			break
		}
		if rh.Type != typeNAPTR { // an alias, which the server has followed
			if p.SkipAnswer() != nil {
				break
			}
			continue
		}
		r, err := p.UnknownResource()
		if err != nil {
			break
		}
		if n, ok := parseNAPTR(r.Data); ok {
			list = append(list, n)
		}
	}
	return list, !h.Truncated, true
}

// parseNAPTR reads a record's data (RFC 3403, Section 4.1); ok is false when it is malformed or has a regular expression.
func parseNAPTR(data []byte) (n NAPTR, ok bool) {
	if len(data) < 4 {
		return n, false
	}
	n.Order, n.Preference = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
	data = data[4:]
	var text [3]string // flags, service, regular expression
	for i := range text {
		if len(data) == 0 || len(data) < 1+int(data[0]) {
			return n, false
		}
		text[i], data = string(data[1:1+data[0]]), data[1+data[0]:]
	}
	n.Flags, n.Service = text[0], text[1]
	var labels []string
	for len(data) > 0 && data[0] != 0 {
		// "Name compression MUST NOT be performed for this field."
		if data[0] > 63 || len(data) < 1+int(data[0]) {
			return n, false
		}
		labels, data = append(labels, string(data[1:1+data[0]])), data[1+data[0]:]
	}
	n.Name = strings.Join(labels, ".")
	return n, len(data) == 1 && text[2] == "" && len(n.Name) <= 253
}
