package phone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNoPorts says that no pair of neighbouring UDP ports could be had.
var ErrNoPorts = errors.New("phone: no free pair of media ports")

// wire is one UDP port of a call's media, towards one peer. One goroutine reads, any may write. The reader waits in
// recvfrom(2), not in Go's poller: a packet of speech wakes one thread, and no other has to tell it.
type wire struct {
	local  netip.AddrPort
	remote atomic.Pointer[destination] // nil until the answer names it
	closed atomic.Bool
	mu     sync.RWMutex // held for reading by every system call on fd, for writing by its close
	fd     int
}

// destination is a struct sockaddr as the kernel wants it, made once a peer and not once a packet.
type destination struct {
	raw    [unix.SizeofSockaddrInet6]byte
	length uintptr
}

// patience of a read: only an upper bound, Close wakes the reader.
const patience = 1 // second

// openWires opens two neighbouring ports on ip. RFC 3550, Section 11: RTP "SHOULD use an even destination port number and
// the corresponding RTCP stream SHOULD use the next higher (odd) destination port number".
func openWires(ip netip.Addr) (rtp, rtcp *wire, err error) {
	for range 64 {
		a, err := openWire(netip.AddrPortFrom(ip, 0))
		if err != nil {
			return nil, nil, err
		}
		port := a.addr().Port()
		if port%2 != 0 {
			a.Close()
			continue
		}
		b, err := openWire(netip.AddrPortFrom(ip, port+1))
		if err != nil {
			a.Close()
			continue
		}
		return a, b, nil
	}
	return nil, nil, ErrNoPorts
}

func openWire(at netip.AddrPort) (*wire, error) {
	ip := at.Addr().Unmap()
	family, address := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(at.Port())})
	if ip.Is4() {
		address = &unix.SockaddrInet4{Port: int(at.Port()), Addr: ip.As4()}
	} else if ip.IsValid() {
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: ip.As16(), ZoneId: zone(ip)}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("phone: media port: %w", err)
	}
	w := &wire{fd: fd}
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patience}), unix.Bind(fd, address))
	if err == nil {
		var name unix.Sockaddr
		name, err = unix.Getsockname(fd)
		switch name := name.(type) {
		case *unix.SockaddrInet4:
			w.local = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))
		case *unix.SockaddrInet6:
			w.local = netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), uint16(name.Port))
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("phone: media port: %w", err)
	}
	return w, nil
}

// zone is the interface of a link-local address.
func zone(ip netip.Addr) uint32 {
	if i, err := net.InterfaceByName(ip.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}

// addr is our own address.
func (w *wire) addr() netip.AddrPort { return w.local }

// setRemote says where packets go from now on.
func (w *wire) setRemote(to netip.AddrPort) {
	d, ip := &destination{}, to.Addr().Unmap()
	if w.local.Addr().Is4() {
		if !ip.Is4() {
			return // no way there from here: as before the answer
		}
		d.length = unix.SizeofSockaddrInet4
		binary.NativeEndian.PutUint16(d.raw[:], unix.AF_INET)
		copy(d.raw[4:], ip.AsSlice())
	} else {
		d.length = unix.SizeofSockaddrInet6
		binary.NativeEndian.PutUint16(d.raw[:], unix.AF_INET6)
		sixteen := ip.As16()
		copy(d.raw[8:], sixteen[:])
		binary.NativeEndian.PutUint32(d.raw[24:], zone(ip))
	}
	binary.BigEndian.PutUint16(d.raw[2:], to.Port())
	w.remote.Store(d)
}

// WaitsInKernel lets the voice read on a thread of its own (media.Waiter).
func (w *wire) WaitsInKernel() bool { return true }

// ReadPacket reads the next datagram, whoever sent it: what counts is that ZRTP and SRTP can check it.
func (w *wire) ReadPacket(dst []byte) (int, error) {
	for !w.closed.Load() {
		n, err := w.read(dst)
		switch {
		case w.closed.Load():
		case err == nil && n > 0: // nothing is what a port says that become closes
			return n, nil
		case err == nil:
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNREFUSED):
		default:
			return 0, fmt.Errorf("phone: media port: %w", err)
		}
	}
	return 0, net.ErrClosed
}

// read lets become take the port away between two datagrams.
func (w *wire) read(dst []byte) (int, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return unix.Read(w.fd, dst)
}

// become goes on over the port of another wire, which is not to be used any more. Who reads and writes notices nothing. Where
// packets go must be said anew. The goroutine that calls addr and setRemote calls it.
func (w *wire) become(other *wire) {
	old := w.fd
	_ = unix.Shutdown(old, unix.SHUT_RDWR) // it wakes the reader
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed.Load() {
		old = other.fd
	} else {
		w.fd, w.local = other.fd, other.local
	}
	w.remote.Store(nil)
	_ = unix.Close(old)
}

// WritePacket sends a datagram to the peer; before the peer's address is known it is dropped.
func (w *wire) WritePacket(packet []byte) error {
	to := w.remote.Load()
	if to == nil || len(packet) == 0 {
		return nil
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return net.ErrClosed
	}
	if _, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(w.fd), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)),
		unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to.raw)), to.length); errno != 0 {
		return errno
	}
	return nil
}

// Close ends a blocked ReadPacket.
func (w *wire) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	_ = unix.Shutdown(w.fd, unix.SHUT_RDWR) // it wakes the reader, and then says that there is no connection
	w.mu.Lock()
	defer w.mu.Unlock()
	return unix.Close(w.fd)
}
