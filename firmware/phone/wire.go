package phone

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
)

// ErrNoPorts says that no pair of neighbouring UDP ports could be had.
var ErrNoPorts = errors.New("phone: no free pair of media ports")

// wire is one UDP port of a call's media, towards one peer. One goroutine reads, any may write.
type wire struct {
	conn   *net.UDPConn
	remote atomic.Pointer[netip.AddrPort] // nil until the answer names it
}

// openWires opens two neighbouring ports on ip. RFC 3550, Section 11: RTP "SHOULD use an even destination port number and
// the corresponding RTCP stream SHOULD use the next higher (odd) destination port number".
func openWires(ip netip.Addr) (rtp, rtcp *wire, err error) {
	for range 64 {
		a, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			return nil, nil, err
		}
		port := a.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if port%2 != 0 {
			a.Close()
			continue
		}
		b, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port+1)))
		if err != nil {
			a.Close()
			continue
		}
		return &wire{conn: a}, &wire{conn: b}, nil
	}
	return nil, nil, ErrNoPorts
}

// addr is our own address.
func (w *wire) addr() netip.AddrPort {
	a := w.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// setRemote says where packets go from now on.
func (w *wire) setRemote(to netip.AddrPort) { w.remote.Store(&to) }

// ReadPacket reads the next datagram, whoever sent it: what counts is that ZRTP and SRTP can check it.
func (w *wire) ReadPacket(dst []byte) (int, error) {
	n, _, err := w.conn.ReadFromUDPAddrPort(dst)
	return n, err
}

// WritePacket sends a datagram to the peer; before the peer's address is known it is dropped.
func (w *wire) WritePacket(packet []byte) error {
	to := w.remote.Load()
	if to == nil {
		return nil
	}
	_, err := w.conn.WriteToUDPAddrPort(packet, *to)
	return err
}

// Close ends a blocked ReadPacket.
func (w *wire) Close() error { return w.conn.Close() }
