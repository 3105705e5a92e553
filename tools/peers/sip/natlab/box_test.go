package natlab

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
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
		{"full cone", Behaviour{Mapping: Independent, Filtering: Independent}, true, true, true, true},
		{"address-restricted", Behaviour{Mapping: Independent, Filtering: Address}, true, true, true, false},
		{"port-restricted", Behaviour{Mapping: Independent, Filtering: AddressPort}, true, true, false, false},
		{"symmetric", Behaviour{Mapping: AddressPort, Filtering: AddressPort}, false, false, false, false},
		{"address-dependent", Behaviour{Mapping: Address, Filtering: Address}, true, false, true, false},
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

// A mapping is forgotten when nothing went out by it between two sweeps; another one does not suffer.
func TestSweep(t *testing.T) {
	b := NewBox(Behaviour{Mapping: Independent, Filtering: Independent}, netip.MustParseAddr("198.51.100.1"))
	idle, busy := datagram("10.0.0.2:4000", "192.0.2.1:1000"), datagram("10.0.0.2:5000", "192.0.2.1:1000")
	b.Out(idle)
	b.Out(busy)
	first := []string{idle.source().String(), busy.source().String()}
	b.Sweep()
	again := datagram("10.0.0.2:5000", "192.0.2.1:1000")
	b.Out(again)
	for range 2 { // what comes in keeps nothing alive
		b.In(datagram("192.0.2.1:1000", first[0]))
	}
	b.Sweep()
	if b.In(datagram("192.0.2.1:1000", first[0])) || !b.In(datagram("192.0.2.1:1000", first[1])) || again.source().String() != first[1] {
		t.Errorf("after two sweeps: %v", b.mappings)
	}
}

func TestHairpin(t *testing.T) {
	for _, hairpin := range []bool{true, false} {
		b := NewBox(Behaviour{Mapping: Independent, Filtering: Independent, Hairpin: hairpin}, netip.MustParseAddr("198.51.100.1"))
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

// An ALG rewrites what it knows, in SIP over UDP alone, and the lengths follow.
func TestMeddling(t *testing.T) {
	const said = "INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z\r\nContact: <sip:alice@10.0.0.2:5060>\r\n" +
		"Content-Type: application/sdp\r\nContent-Length: 83\r\n\r\nv=0\r\nc=IN IP4 203.0.113.9\r\nm=audio 4000 RTP/AVP 96\r\na=candidate:1 1 udp 1 10.0.0.2 4000\r\n"
	for _, meddle := range []bool{true, false} {
		for _, to := range []string{"192.0.2.1:5060", "192.0.2.1:5061"} {
			b := NewBox(Behaviour{Filtering: Independent, Meddle: meddle}, netip.MustParseAddr("198.51.100.1"))
			p := datagram("10.0.0.2:5070", to).with([]byte(said))
			b.Out(p)
			seen := p.source().String()
			q := b.Meddled(p, ap("10.0.0.2:5060"))
			text := string(q[28:])
			if !meddle || to == "192.0.2.1:5061" {
				if text != said {
					t.Errorf("meddle %v, to %s: %s", meddle, to, text)
				}
				continue
			}
			for _, want := range []string{"Via: SIP/2.0/UDP " + seen + ";", "alice@" + seen + ">", "c=IN IP4 198.51.100.1\r\n", "m=audio 20014 ",
				"a=candidate:1 1 udp 1 10.0.0.2 4000", "Content-Length: " + strconv.Itoa(len(text)-strings.Index(text, "v=0"))} {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if !q.ok() || sum(0, q[:20]) != 0xffff {
				t.Error("not a packet any more")
			}
		}
	}
}
