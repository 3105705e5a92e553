package natlab

import (
	"encoding/binary"
	"net/netip"
)

const (
	tcp = 6
	udp = 17
)

// Packet is an IPv4 packet.
type Packet []byte

// ok reports whether it is whole, unfragmented, and UDP or TCP.
func (p Packet) ok() bool {
	if len(p) < 20 || p[0]>>4 != 4 || p.header() < 20 || len(p) < p.header()+8 || int(binary.BigEndian.Uint16(p[2:])) != len(p) {
		return false
	}
	if binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
		return false
	}
	return p.protocol() == udp || p.protocol() == tcp && len(p) >= p.header()+20
}

// with is a packet with another payload, of UDP.
func (p Packet) with(payload []byte) Packet {
	h := p.header()
	q := append(append(Packet{}, p[:h+8]...), payload...)
	binary.BigEndian.PutUint16(q[2:], uint16(len(q)))
	binary.BigEndian.PutUint16(q[h+4:], uint16(len(q)-h))
	q.fix()
	return q
}

func (p Packet) header() int    { return int(p[0]&15) * 4 }
func (p Packet) protocol() byte { return p[9] }

func (p Packet) source() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[12:16])), binary.BigEndian.Uint16(p[p.header():]))
}

func (p Packet) destination() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[16:20])), binary.BigEndian.Uint16(p[p.header()+2:]))
}

func (p Packet) setSource(a netip.AddrPort) {
	copy(p[12:16], a.Addr().AsSlice())
	binary.BigEndian.PutUint16(p[p.header():], a.Port())
	p.fix()
}

func (p Packet) setDestination(a netip.AddrPort) {
	copy(p[16:20], a.Addr().AsSlice())
	binary.BigEndian.PutUint16(p[p.header()+2:], a.Port())
	p.fix()
}

// fix writes both checksums anew.
func (p Packet) fix() {
	h := p.header()
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], ^sum(0, p[:h]))
	at := h + 6
	if p.protocol() == tcp {
		at = h + 16
	}
	p[at], p[at+1] = 0, 0
	pseudo := sum(uint32(p.protocol())+uint32(len(p)-h), p[12:20])
	check := ^sum(uint32(pseudo), p[h:])
	if check == 0 && p.protocol() == udp {
		check = 0xffff
	}
	binary.BigEndian.PutUint16(p[at:], check)
}

// sum is the sum of RFC 1071.
func sum(s uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
