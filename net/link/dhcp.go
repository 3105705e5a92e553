package link

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"
)

// RFC 2131 and the options of RFC 2132.
const (
	opRequest, opReply = 1, 2
	hardwareEthernet   = 1
	flagBroadcast      = 0x8000 // RFC 2131, Section 4.1: "A client that cannot receive unicast IP datagrams until ..."
	fixedSize          = 236    // octets before the magic cookie
	minimumSize        = 300    // BOOTP relays drop less
	magicCookie        = 0x63825363

	optPad, optMask, optRouter, optDNS  = 0, 1, 3, 6
	optRequested, optLease, optOverload = 50, 51, 52
	optType, optServer, optParameters   = 53, 54, 55
	optRenewal, optRebinding, optClient = 58, 59, 61
	optEnd                              = 255

	discover, offer, request, ack, nak = 1, 2, 3, 5, 6
)

// Implementation constants.
const (
	maxDNS      = 3
	minLease    = 60 * time.Second // shorter ones are treated as this: nobody makes us ask every second
	maxLease    = 7 * 24 * time.Hour
	maxDHCPSize = 1500
)

// errMessage is returned for octets that are no DHCP reply.
var errMessage = errors.New("link: no DHCP reply")

// Lease is what a server lends.
type Lease struct {
	Address       netip.Prefix
	Router        netip.Addr // invalid when there is none
	DNS           []netip.Addr
	server        netip.Addr
	renew, rebind time.Duration
	length        time.Duration
}

// message is a DHCP reply as far as it matters.
type message struct {
	xid   uint32
	kind  byte
	lease Lease
}

// encode builds a request. It tells the hardware address, which the link knows already, and nothing else: no host name,
// no vendor, no list by which a system can be told from another (RFC 7844, Sections 3.5 to 3.11).
func encode(kind byte, xid uint32, mac net.HardwareAddr, current, requested, server netip.Addr) []byte {
	b := make([]byte, fixedSize, minimumSize)
	b[0], b[1], b[2] = opRequest, hardwareEthernet, 6
	binary.BigEndian.PutUint32(b[4:], xid)
	if current.Is4() {
		copy(b[12:16], current.AsSlice())
	} else {
		binary.BigEndian.PutUint16(b[10:], flagBroadcast)
	}
	copy(b[28:34], mac)
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	b = append(b, optType, 1, kind)
	// RFC 7844, Section 3.5: "the client identifier ... MUST ... be based solely on the link-layer address".
	b = append(b, optClient, 7, hardwareEthernet)
	b = append(b, mac[:6]...)
	if requested.Is4() {
		b = append(append(b, optRequested, 4), requested.AsSlice()...)
	}
	if server.Is4() {
		b = append(append(b, optServer, 4), server.AsSlice()...)
	}
	b = append(b, optParameters, 3, optMask, optRouter, optDNS)
	b = append(b, optEnd)
	for len(b) < minimumSize {
		b = append(b, optPad)
	}
	return b
}

// decode reads a reply to mac.
func decode(b []byte, mac net.HardwareAddr) (message, error) {
	var m message
	if len(b) < fixedSize+4 || len(b) > maxDHCPSize || b[0] != opReply || b[1] != hardwareEthernet || b[2] != 6 ||
		string(b[28:34]) != string(mac) || binary.BigEndian.Uint32(b[fixedSize:]) != magicCookie {
		return m, errMessage
	}
	m.xid = binary.BigEndian.Uint32(b[4:])
	addr := netip.AddrFrom4([4]byte(b[16:20]))
	mask := 24
	for o := b[fixedSize+4:]; len(o) > 0 && o[0] != optEnd; {
		if o[0] == optPad {
			o = o[1:]
			continue
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return m, errMessage
		}
		if bits, ok := m.option(o[0], o[2:2+int(o[1])]); ok {
			mask = bits
		}
		o = o[2+int(o[1]):]
	}
	if m.kind == nak {
		return m, nil
	}
	if !usable(addr) || mask < 8 || mask > 30 {
		return m, errMessage
	}
	m.lease.Address = netip.PrefixFrom(addr, mask)
	if !m.lease.Address.Masked().Contains(m.lease.Router) {
		m.lease.Router = netip.Addr{} // a router that is not on the link cannot be reached
	}
	m.times()
	return m, nil
}

// option takes in one option; ok is true for the mask, whose bits are returned.
func (m *message) option(code byte, v []byte) (bits int, ok bool) {
	switch {
	case code == optType && len(v) == 1:
		m.kind = v[0]
	case code == optMask && len(v) == 4:
		ones, size := net.IPMask(v).Size()
		return ones, size == 32
	case code == optRouter && len(v) >= 4:
		m.lease.Router = netip.AddrFrom4([4]byte(v))
	case code == optServer && len(v) == 4:
		m.lease.server = netip.AddrFrom4([4]byte(v))
	case code == optDNS:
		m.lease.DNS = nil
		for ; len(v) >= 4 && len(m.lease.DNS) < maxDNS; v = v[4:] {
			if a := netip.AddrFrom4([4]byte(v)); usable(a) {
				m.lease.DNS = append(m.lease.DNS, a)
			}
		}
	case code == optLease && len(v) == 4:
		m.lease.length = seconds(v)
	case code == optRenewal && len(v) == 4:
		m.lease.renew = seconds(v)
	case code == optRebinding && len(v) == 4:
		m.lease.rebind = seconds(v)
	}
	return 0, false
}

func seconds(v []byte) time.Duration { return time.Duration(binary.BigEndian.Uint32(v)) * time.Second }

// usable tells whether an address can be somebody's.
func usable(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a.As4()[0] != 0 && a.As4()[0] < 240
}

// times fills in what the server left out: RFC 2131, Section 4.4.5: "T1 defaults to (0.5 * duration_of_lease). T2
// defaults to (0.875 * duration_of_lease)."
func (m *message) times() {
	l := &m.lease
	l.length = max(minLease, min(maxLease, l.length))
	if l.renew <= 0 || l.renew >= l.length {
		l.renew = l.length / 2
	}
	if l.rebind <= l.renew || l.rebind >= l.length {
		l.rebind = l.renew + (l.length-l.renew)*3/4
	}
}
