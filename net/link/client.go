package link

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"time"
)

// Implementation constants.
const (
	firstTry = 500 * time.Millisecond // RFC 2131 asks for 4 s; a person waits for this screen
	lastTry  = 30 * time.Second
)

type state uint8

// States of RFC 2131, Figure 5, without the reboot branch: a handset has no lease to remember.
const (
	selecting state = iota
	requesting
	bound
	renewing
	rebinding
)

// client is the DHCP client of one interface, a pure machine: octets and time go in, octets and a lease come out.
type client struct {
	mac     net.HardwareAddr
	rand    io.Reader
	state   state
	xid     uint32
	wait    time.Duration // until the next try
	next    time.Time     // of the next try
	since   time.Time     // the lease in hand was acknowledged
	lease   Lease         // in hand or asked for
	changed bool
	out     []byte
	unicast bool // out goes to the server, not to everybody
}

func newClient(mac net.HardwareAddr, rand io.Reader, now time.Time) (*client, error) {
	c := &client{mac: mac, rand: rand}
	return c, c.restart(now)
}

// restart begins anew, without a lease.
func (c *client) restart(now time.Time) error {
	var b [4]byte
	if _, err := io.ReadFull(c.rand, b[:]); err != nil {
		return err
	}
	c.changed = c.changed || c.Held()
	c.xid, c.state, c.lease = binary.BigEndian.Uint32(b[:]), selecting, Lease{}
	c.try(firstTry, now)
	return nil
}

// Held tells whether there is a lease to use.
func (c *client) Held() bool { return c.state >= bound }

// Changed tells once that the lease has come, gone or changed.
func (c *client) Changed() (Lease, bool, bool) {
	changed := c.changed
	c.changed = false
	if !c.Held() {
		return Lease{}, false, changed
	}
	return c.lease, true, changed
}

// Outgoing is the message to send, once, and to whom.
func (c *client) Outgoing() (b []byte, to netip.Addr, ok bool) {
	b, c.out = c.out, nil
	to = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if c.unicast {
		to = c.lease.server
	}
	return b, to, b != nil
}

// Deadline is when Tick has something to do.
func (c *client) Deadline() time.Time { return c.next }

// try sends what the state asks for and sets the next deadline.
func (c *client) try(wait time.Duration, now time.Time) {
	c.wait, c.next = wait, now.Add(wait)
	var none netip.Addr
	c.unicast = c.state == renewing
	switch c.state {
	case selecting:
		c.out = encode(discover, c.xid, c.mac, none, none, none)
	case requesting:
		c.out = encode(request, c.xid, c.mac, none, c.lease.Address.Addr(), c.lease.server)
	case renewing, rebinding:
		// RFC 2131, Section 4.3.2: "server identifier MUST NOT be filled in, requested IP address option MUST NOT be
		// filled in, ciaddr MUST be filled in with client's IP address."
		c.out = encode(request, c.xid, c.mac, c.lease.Address.Addr(), none, none)
	}
}

// Tick moves on when the deadline has come.
func (c *client) Tick(now time.Time) error {
	if now.Before(c.next) {
		return nil
	}
	switch c.state {
	case selecting:
		c.try(min(2*c.wait, lastTry), now)
	case requesting:
		if c.wait > 4*time.Second {
			return c.restart(now) // the server that offered is silent
		}
		c.try(2*c.wait, now)
	case bound:
		c.state = renewing
		c.try(c.lease.rebind-c.lease.renew, now)
	case renewing:
		c.state = rebinding
		c.try(c.lease.length-c.lease.rebind, now)
	case rebinding:
		return c.restart(now)
	}
	return nil
}

// Handle takes in what arrived on the client's port. Anything that is not an answer to us is ignored.
func (c *client) Handle(b []byte, now time.Time) error {
	m, err := decode(b, c.mac)
	if err != nil || m.xid != c.xid {
		return nil
	}
	switch {
	case m.kind == offer && c.state == selecting && m.lease.server.Is4():
		c.lease, c.state = m.lease, requesting
		c.try(firstTry, now)
	case m.kind == ack && (c.state == requesting || c.state == renewing || c.state == rebinding):
		if c.state == requesting && m.lease.server.IsValid() && m.lease.server != c.lease.server {
			return nil // RFC 2131, Section 3.1: other servers are declined by not being named
		}
		if !m.lease.server.IsValid() {
			m.lease.server = c.lease.server
		}
		c.changed = c.changed || c.state == requesting || m.lease.Address != c.lease.Address
		c.lease, c.state, c.since = m.lease, bound, now
		c.next = now.Add(c.lease.renew)
	case m.kind == nak && c.state > selecting && c.state != bound:
		return c.restart(now)
	}
	return nil
}
