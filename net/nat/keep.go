package nat

import (
	"net"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// Candidates wait for people: between the offer and the answer lies as long as somebody needs to come to the telephone, and
// translators forget an idle port after half a minute. RFC 8445, Section 5.1.1.4: "Once server-reflexive and relayed candidates
// are allocated, they MUST be kept alive until ICE processing has completed", the former "by additional Binding requests to the
// server". pion refreshes allocations every few minutes and does nothing more, so it is done here, from each port that it opened.

// keepEvery is between two of these requests: RFC 8445, Section 11, wants no less than 15 s between keep-alives.
const keepEvery = 15 * time.Second

// keeper is the system's network, and remembers what was opened and which servers were asked.
type keeper struct {
	*stdnet.Net
	mu      sync.Mutex
	ports   []*net.UDPConn
	servers map[string]*net.UDPAddr // each once, by its text
}

func newKeeper() (*keeper, error) {
	n, err := stdnet.NewNet()
	return &keeper{Net: n, servers: map[string]*net.UDPAddr{}}, err
}

// ListenUDP implements transport.Net.
func (k *keeper) ListenUDP(network string, at *net.UDPAddr) (transport.UDPConn, error) {
	c, err := k.Net.ListenUDP(network, at)
	k.opened(c)
	return c, err
}

// ListenPacket implements transport.Net.
func (k *keeper) ListenPacket(network, at string) (net.PacketConn, error) {
	c, err := k.Net.ListenPacket(network, at)
	k.opened(c)
	return c, err
}

func (k *keeper) opened(c any) {
	if port, ok := c.(*net.UDPConn); ok && port != nil {
		k.mu.Lock()
		k.ports = append(k.ports, port)
		k.mu.Unlock()
	}
}

// ResolveUDPAddr implements transport.Net. Nobody but servers is looked up.
func (k *keeper) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	a, err := k.Net.ResolveUDPAddr(network, address)
	if err == nil {
		k.mu.Lock()
		k.servers[a.String()] = a
		k.mu.Unlock()
	}
	return a, err
}

// keep asks every server once, from every port. What is answered, or lost, changes nothing.
func (k *keeper) keep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, server := range k.servers {
		for _, port := range k.ports {
			if m, err := stun.Build(stun.TransactionID, stun.BindingRequest); err == nil {
				_, _ = port.WriteToUDP(m.Raw, server)
			}
		}
	}
}

// keepAlive does so until the search is over.
func (s *search) keepAlive() {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.net.keep()
		case <-s.settled:
			return
		case <-s.failed:
			return
		}
	}
}
