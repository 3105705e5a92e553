// Package natlab is a small internet for tests: translators with the exact behaviours of RFC 4787, which nftables cannot
// give, between the network namespaces of two telephones and a server.
//
// A Box is a pure value: packets in, packets out. It promises the mapping, filtering and hairpinning that its Behaviour
// names, for UDP and TCP over IPv4 without fragments; other packets are dropped. Mappings expire by Sweep alone, and Forget ends all.
package natlab

import (
	"maps"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Scope says on what of the other end a mapping or a filter depends. RFC 4787, Sections 4.1 and 5.
type Scope uint8

// The scopes.
const (
	Independent Scope = iota // on nothing
	Address                  // on its address
	AddressPort              // on its address and port
)

// Behaviour is what kind of translator a Box is.
type Behaviour struct {
	Mapping   Scope
	Filtering Scope
	Hairpin   bool // RFC 4787, Section 6: who is inside can reach another who is inside by the outer address
	BlockUDP  bool
	Meddle    bool // a SIP ALG: it rewrites the addresses in SIP over UDP, and opens ports for media as it understands it
}

// Box is one translator with one outer address.
type Box struct {
	behaviour Behaviour
	outer     netip.Addr
	mappings  map[mappingKey]uint16
	owners    map[ownerKey]netip.AddrPort // outer port to inner address
	allowed   map[filterKey]bool
	used      map[mappingKey]bool // since the last Sweep
	next      uint16
}

type mappingKey struct {
	protocol byte
	inner    netip.AddrPort
	remote   netip.AddrPort // as far as Mapping depends on it
}

type ownerKey struct {
	protocol byte
	port     uint16
}

type filterKey struct {
	owner  ownerKey
	remote netip.AddrPort // as far as Filtering depends on it
}

// NewBox returns a translator without mappings.
func NewBox(b Behaviour, outer netip.Addr) *Box {
	return &Box{behaviour: b, outer: outer, mappings: map[mappingKey]uint16{}, owners: map[ownerKey]netip.AddrPort{},
		allowed: map[filterKey]bool{}, used: map[mappingKey]bool{}, next: 20000}
}

// Forget is a restart of the translator: no mapping is left, and none gets the port that it had.
func (b *Box) Forget() {
	clear(b.mappings)
	clear(b.owners)
	clear(b.allowed)
	b.next += 1000
}

// Sweep ends the mappings of UDP by which nothing has gone out since the Sweep before. RFC 4787, Section 4.3: what comes in need not
// keep one alive.
func (b *Box) Sweep() {
	for key, port := range b.mappings {
		if key.protocol != udp || b.used[key] {
			continue
		}
		owner := ownerKey{udp, port}
		delete(b.mappings, key)
		delete(b.owners, owner)
		maps.DeleteFunc(b.allowed, func(f filterKey, _ bool) bool { return f.owner == owner })
	}
	clear(b.used)
}

// Outer is the address that the world sees.
func (b *Box) Outer() netip.Addr { return b.outer }

// cut keeps of the other end what a scope depends on.
func cut(s Scope, remote netip.AddrPort) netip.AddrPort {
	switch s {
	case Independent:
		return netip.AddrPort{}
	case Address:
		return netip.AddrPortFrom(remote.Addr(), 0)
	}
	return remote
}

// Out translates a packet that goes out, in place; false drops it.
func (b *Box) Out(p Packet) bool {
	if !p.ok() || b.behaviour.BlockUDP && p.protocol() == udp {
		return false
	}
	key := mappingKey{p.protocol(), p.source(), cut(b.mappingScope(p), p.destination())}
	port, known := b.mappings[key]
	if !known {
		b.next += 7 // as most do, another port than the inner one
		port = b.next
		b.mappings[key] = port
		b.owners[ownerKey{p.protocol(), port}] = p.source()
	}
	b.used[key] = true
	owner := ownerKey{p.protocol(), port}
	b.allowed[filterKey{owner, cut(b.filterScope(p), p.destination())}] = true
	p.setSource(netip.AddrPortFrom(b.outer, port))
	return true
}

// Meddled is a packet that goes Out or has come In as a SIP ALG would have it. It knows the headers and the session
// description, and neither ICE nor TLS.
func (b *Box) Meddled(p Packet, inner netip.AddrPort) Packet {
	if !b.behaviour.Meddle || !p.ok() || p.protocol() != udp || p.source().Port() != sipPort && p.destination().Port() != sipPort {
		return p
	}
	head, body, ok := strings.Cut(string(p[p.header()+8:]), "\r\n\r\n")
	if !ok {
		return p
	}
	outer := p.source()
	head = strings.ReplaceAll(head, inner.String(), outer.String())
	if strings.Contains(head, "application/sdp") {
		body = b.meddledBody(body, inner.Addr())
		head = contentLength.ReplaceAllString(head, "Content-Length: "+strconv.Itoa(len(body)))
	}
	return p.with([]byte(head + "\r\n\r\n" + body))
}

const sipPort = 5060

var (
	contentLength = regexp.MustCompile(`(?i)Content-Length: *\d+`)
	mediaLine     = regexp.MustCompile(`m=audio (\d+)`)
	addressLine   = regexp.MustCompile(`([co]=.*IN IP4 )\S+`)
)

// meddledBody puts the outer address in place of any, and a port that leads to the same one inside.
func (b *Box) meddledBody(body string, inner netip.Addr) string {
	body = addressLine.ReplaceAllString(body, "${1}"+b.outer.String())
	return mediaLine.ReplaceAllStringFunc(body, func(line string) string {
		n, err := strconv.ParseUint(strings.TrimPrefix(line, "m=audio "), 10, 16)
		if err != nil {
			return line
		}
		b.next += 7
		owner := ownerKey{udp, b.next}
		b.owners[owner] = netip.AddrPortFrom(inner, uint16(n))
		return "m=audio " + strconv.Itoa(int(b.next))
	})
}

// In translates a packet that comes in for the outer address, in place; false drops it.
func (b *Box) In(p Packet) bool {
	if !p.ok() || b.behaviour.BlockUDP && p.protocol() == udp {
		return false
	}
	owner := ownerKey{p.protocol(), p.destination().Port()}
	inner, known := b.owners[owner]
	if !known || !b.allowed[filterKey{owner, cut(b.filterScope(p), p.source())}] {
		return false
	}
	p.setDestination(inner)
	return true
}

// Turn takes a packet that has gone Out and is for the outer address itself; false drops it.
func (b *Box) Turn(p Packet) bool { return b.behaviour.Hairpin && b.In(p) }

// mappingScope and filterScope: TCP is always filtered and mapped by the connection.
func (b *Box) mappingScope(p Packet) Scope {
	if p.protocol() == tcp {
		return AddressPort
	}
	return b.behaviour.Mapping
}

func (b *Box) filterScope(p Packet) Scope {
	if p.protocol() == tcp {
		return AddressPort
	}
	return b.behaviour.Filtering
}
