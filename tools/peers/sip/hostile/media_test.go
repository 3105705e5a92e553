//go:build interop

package hostile

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"sotto/tools/wire"
)

// relay passes the media of both on, as a proxy does that has written itself into the descriptions.
type relay struct {
	t       *testing.T
	face    [2]*net.UDPConn // what the other side takes for this one
	drops   func(kind string) bool
	passed  atomic.Int32
	dropped atomic.Int32

	mu   sync.Mutex
	real [2]netip.AddrPort
}

// newRelay opens it at the proxy's address; drops says what it keeps back, nil: nothing.
func newRelay(t *testing.T, at netip.Addr, drops func(kind string) bool) *relay {
	t.Helper()
	r := &relay{t: t, drops: drops}
	for i := range r.face {
		r.face[i] = listen(t, netip.AddrPortFrom(at, 0))
	}
	for i := range r.face {
		go r.carry(side(i))
	}
	return r
}

// carry takes what is sent to one side's face to that side, from the other's.
func (r *relay) carry(to side) {
	buf := make([]byte, 2000)
	for {
		n, _, err := r.face[to].ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if r.drops != nil && r.drops(wire.Kind(buf[:n])) {
			r.dropped.Add(1)
			continue
		}
		r.mu.Lock()
		real := r.real[to]
		r.mu.Unlock()
		if real.IsValid() {
			r.face[to.other()].WriteToUDPAddrPort(buf[:n], real)
			r.passed.Add(1)
		}
	}
}

// meddle puts the relay into every description.
func (r *relay) meddle(_ *proxy, from side, m *message) bool {
	at := home(m.body)
	if !at.IsValid() {
		return true
	}
	r.mu.Lock()
	r.real[from] = at
	r.mu.Unlock()
	m.body = movedTo(addressOf(r.face[from]))(m.body)
	return true
}

func addressOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// sink is where media is sent to that was to go to somebody else.
type sink struct {
	*net.UDPConn
	media  atomic.Int32 // RTP packets
	checks atomic.Int32 // of ICE
}

func newSink(t *testing.T, at netip.Addr) *sink {
	t.Helper()
	s := &sink{UDPConn: listen(t, netip.AddrPortFrom(at, 0))}
	go func() {
		buf := make([]byte, 2000)
		for {
			n, _, err := s.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			switch wire.Kind(buf[:n]) {
			case "RTP":
				s.media.Add(1)
			case "STUN":
				s.checks.Add(1)
			}
		}
	}()
	return s
}
