//go:build hil

package hil

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

// hub is the cable between the handsets: an Ethernet switch on loopback sockets that also answers DHCP, as the router of
// a home does. It sees every frame, and can be cut.
//
//	QEMU -netdev dgram  <->  port's UDP socket  <->  forward  <->  the other ports
type hub struct {
	t      *testing.T
	mu     sync.Mutex
	ports  []*port
	cut    atomic.Bool
	frames [][]byte // everything that handsets sent
}

// port is a socket of the switch for one machine.
type port struct {
	hub  *hub
	mac  net.HardwareAddr
	air  net.HardwareAddr // what speaks behind an access point
	addr netip.Addr
	conn *net.UDPConn
	peer *net.UDPAddr
}

var (
	hubMAC  = net.HardwareAddr{2, 0x50, 0x77, 0, 0, 1}
	hubAddr = netip.MustParseAddr("10.77.0.1")
)

func newHub(t *testing.T) *hub { return &hub{t: t} }

// plug adds a port; the machine gets the address 10.77.0.n.
func (h *hub) plug() *port {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	n := byte(len(h.ports) + 2)
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		h.t.Fatal(err)
	}
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // finds a free port for QEMU's end
	if err != nil {
		h.t.Fatal(err)
	}
	p := &port{hub: h, mac: net.HardwareAddr{2, 0x50, 0x77, 0, 1, n}, addr: netip.AddrFrom4([4]byte{10, 77, 0, n}),
		conn: conn, peer: other.LocalAddr().(*net.UDPAddr)}
	_ = other.Close()
	h.ports = append(h.ports, p)
	h.t.Cleanup(func() { _ = conn.Close() })
	go p.read()
	return p
}

// move makes a port the place of a handset that was at another: its machine has the new address from then on.
func (h *hub) move(from, to *port) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from.addr = to.addr
}

// netdev is QEMU's side.
func (p *port) netdev() string {
	return fmt.Sprintf("dgram,id=n,local.type=inet,local.host=127.0.0.1,local.port=%d,remote.type=inet,remote.host=127.0.0.1,"+
		"remote.port=%d", p.peer.Port, p.conn.LocalAddr().(*net.UDPAddr).Port)
}

func (p *port) read() {
	b := make([]byte, 2048)
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return
		}
		p.hub.forward(p, bytes.Clone(b[:n]))
	}
}

func (p *port) send(frame []byte) { _, _ = p.conn.WriteToUDP(frame, p.peer) }

// forward passes a frame on, and answers what is for the router.
func (h *hub) forward(from *port, f []byte) {
	if len(f) < 34 || h.cut.Load() {
		return
	}
	h.mu.Lock()
	h.frames = append(h.frames, f)
	if f[12] == 8 && f[6]&1 == 0 && !bytes.Equal(f[6:12], from.mac) {
		from.air = bytes.Clone(f[6:12])
	}
	var to []*net.UDPAddr
	for _, p := range h.ports {
		if p != from && (f[0]&1 == 1 || bytes.Equal(f[:6], p.mac) || bytes.Equal(f[:6], p.air)) {
			to = append(to, p.peer)
		}
	}
	h.mu.Unlock()
	if answer := arpReply(f); answer != nil {
		from.send(answer)
		return
	}
	if answer := dhcpReply(f, from); answer != nil {
		from.send(answer)
		return
	}
	for _, peer := range to {
		_, _ = from.conn.WriteToUDP(f, peer)
	}
}

// seen is the frames so far.
func (h *hub) seen() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([][]byte(nil), h.frames...)
}

// arpReply answers who-has for the router.
func arpReply(f []byte) []byte {
	if len(f) < 42 || f[12] != 8 || f[13] != 6 || f[21] != 1 || !bytes.Equal(f[38:42], hubAddr.AsSlice()) {
		return nil
	}
	r := bytes.Clone(f[:42])
	copy(r[0:], f[6:12])
	copy(r[6:], hubMAC)
	r[21] = 2
	copy(r[22:], hubMAC)
	copy(r[28:], hubAddr.AsSlice())
	copy(r[32:], f[22:32])
	return r
}

// dhcpReply lends the port's address.
func dhcpReply(f []byte, p *port) []byte {
	if f[12] != 8 || f[13] != 0 || f[23] != 17 || len(f) < 42+240 || binary.BigEndian.Uint16(f[36:]) != 67 {
		return nil
	}
	q := f[42:]
	kind := byte(2)
	for o := q[240:]; len(o) > 2 && o[0] != 255; o = o[2+int(o[1]):] {
		if o[0] == 53 && o[2] == 3 {
			kind = 5
		}
	}
	b := bytes.Clone(q[:240])
	b[0] = 2
	copy(b[16:], p.addr.AsSlice())
	b = append(b, 53, 1, kind, 54, 4, 10, 77, 0, 1, 1, 4, 255, 255, 255, 0, 3, 4, 10, 77, 0, 1, 51, 4, 0, 0, 14, 16, 255)
	broadcast := net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	return ipv4(broadcast, hubAddr, netip.MustParseAddr("255.255.255.255"), 17, udp(67, 68, b))
}

func udp(from, to uint16, b []byte) []byte {
	u := binary.BigEndian.AppendUint16(nil, from)
	u = binary.BigEndian.AppendUint16(u, to)
	u = binary.BigEndian.AppendUint16(u, uint16(8+len(b)))
	return append(append(u, 0, 0), b...) // IPv4 may leave the checksum out
}

// syn opens a TCP connection as far as its first segment.
func syn(src, dst netip.Addr, to uint16) []byte {
	s := binary.BigEndian.AppendUint16(nil, 40000)
	s = binary.BigEndian.AppendUint16(s, to)
	s = append(s, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0)
	pseudo := append(append(append([]byte{}, src.AsSlice()...), dst.AsSlice()...), 0, 6, 0, byte(len(s)))
	binary.BigEndian.PutUint16(s[16:], checksum(append(pseudo, s...)))
	return s
}

// ipv4 frames a packet from the router.
func ipv4(to net.HardwareAddr, src, dst netip.Addr, protocol byte, b []byte) []byte {
	h := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0}
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(b)))
	h = append(append(h, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	f := append(append(append([]byte{}, to...), hubMAC...), 8, 0)
	return append(append(f, h...), b...)
}

func checksum(b []byte) uint16 {
	if len(b)%2 == 1 {
		b = append(bytes.Clone(b), 0)
	}
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}
