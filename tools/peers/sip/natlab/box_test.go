package natlab

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func datagram(from, to string) Packet {
	p := make(Packet, 33)
	p[0], p[8], p[9] = 0x45, 64, udp
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[24:], uint16(len(p)-20))
	copy(p[28:], "hello")
	p.setSource(ap(from))
	p.setDestination(ap(to))
	return p
}

// The tests of RFC 4787: which of three outsiders sees which address, and which of them gets in.
func TestBehaviours(t *testing.T) {
	const inner, first, sameHost, other = "10.0.0.2:4000", "192.0.2.1:1000", "192.0.2.1:2000", "192.0.2.9:1000"
	for _, tt := range []struct {
		name               string
		b                  Behaviour
		sameAddr, sameDest bool // the mapping for another port, for another address, is the same
		port, addr         bool // who was not sent to gets in: another port of the same address, another address
	}{
		{"full cone", Behaviour{Independent, Independent, false, false}, true, true, true, true},
		{"address-restricted", Behaviour{Independent, Address, false, false}, true, true, true, false},
		{"port-restricted", Behaviour{Independent, AddressPort, false, false}, true, true, false, false},
		{"symmetric", Behaviour{AddressPort, AddressPort, false, false}, false, false, false, false},
		{"address-dependent", Behaviour{Address, Address, false, false}, true, false, true, false},
	} {
		b := NewBox(tt.b, netip.MustParseAddr("198.51.100.1"))
		out := func(to string) netip.AddrPort {
			p := datagram(inner, to)
			if !b.Out(p) {
				t.Fatalf("%s: nothing gets out", tt.name)
			}
			if p.source().Addr() != b.Outer() || p.destination() != ap(to) {
				t.Fatalf("%s: %v to %v", tt.name, p.source(), p.destination())
			}
			return p.source()
		}
		seen := out(first)
		in := func(from string) bool {
			p := datagram(from, seen.String())
			ok := b.In(p)
			if ok && p.destination() != ap(inner) {
				t.Fatalf("%s: delivered to %v", tt.name, p.destination())
			}
			return ok
		}
		if !in(first) || in(sameHost) != tt.port || in(other) != tt.addr {
			t.Errorf("%s: filters %v %v %v", tt.name, in(first), in(sameHost), in(other))
		}
		if got := out(first); got != seen {
			t.Errorf("%s: the mapping moved", tt.name)
		}
		if same := out(sameHost) == seen; same != tt.sameAddr {
			t.Errorf("%s: same mapping for another port: %v", tt.name, same)
		}
		if same := out(other) == seen; same != tt.sameDest {
			t.Errorf("%s: same mapping for another address: %v", tt.name, same)
		}
		if b.In(datagram(first, "198.51.100.1:9")) {
			t.Errorf("%s: a port without mapping is open", tt.name)
		}
	}
}

func TestHairpin(t *testing.T) {
	for _, hairpin := range []bool{true, false} {
		b := NewBox(Behaviour{Independent, Independent, hairpin, false}, netip.MustParseAddr("198.51.100.1"))
		one := datagram("10.0.0.2:4000", "192.0.2.1:1000")
		b.Out(one)
		two := datagram("10.0.0.3:4000", one.source().String())
		b.Out(two)
		if got := b.Turn(two); got != hairpin || hairpin && (two.destination() != ap("10.0.0.2:4000") || two.source().Addr() != b.Outer()) {
			t.Errorf("hairpin %v: %v, %v to %v", hairpin, got, two.source(), two.destination())
		}
	}
}

func TestBlocked(t *testing.T) {
	b := NewBox(Behaviour{BlockUDP: true}, netip.MustParseAddr("198.51.100.1"))
	if b.Out(datagram("10.0.0.2:4000", "192.0.2.1:1000")) {
		t.Error("UDP gets out")
	}
}

func TestChecksums(t *testing.T) {
	p := datagram("10.0.0.2:4000", "192.0.2.1:1000")
	if s := sum(0, p[:20]); s != 0xffff {
		t.Errorf("header sums to %x", s)
	}
	if s := sum(uint32(sum(uint32(udp)+uint32(len(p)-20), p[12:20])), p[20:]); s != 0xffff {
		t.Errorf("datagram sums to %x", s)
	}
}

func TestOddPackets(t *testing.T) {
	whole := datagram("10.0.0.2:4000", "192.0.2.1:1000")
	b := NewBox(Behaviour{}, netip.MustParseAddr("198.51.100.1"))
	for n := range whole {
		if b.Out(whole[:n:n]) {
			t.Errorf("%d bytes got out", n)
		}
	}
	whole[6] = 0x20 // a fragment
	if b.Out(whole) {
		t.Error("a fragment got out")
	}
}
