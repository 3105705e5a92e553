package sipua

import (
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// RFC 3261, Section 18.1.1: "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the path
// MTU is unknown, the request MUST be sent using an RFC 2914 congestion controlled transport protocol, such as TCP". Longer
// datagrams would come in fragments, which many routers drop.
const maxDatagram = 1300

// Of this implementation.
const (
	datagramsFor = 10 * time.Minute // no other connection is tried with a server that takes none
	maxUnwilling = 32
)

// tooLong reports whether a request is to go by TCP though UDP was meant.
func (c *core) tooLong(req *sip.Request, to hop) bool {
	return to.proto == udp && len(req.String()) > maxDatagram && !c.now.Before(c.unwilling[to.addr])
}

// move sends a request another way. RFC 3261, Section 18.1.1: "If this causes a change in the transport protocol from the one
// indicated in the top Via, the value in the top Via MUST be changed."
func (t *client) move(c *core, to hop) {
	t.to = to
	t.req.RemoveHeader("Via")
	c.via(t.req, to, t.branch)
}

// fallBack takes the datagram after all. RFC 3261, Section 18.1.1: "if the attempt to establish the connection generates
// either an ICMP Protocol Not Supported, or results in a TCP reset, the element SHOULD retry the request, using UDP."
func (t *client) fallBack(c *core) {
	to := *t.below
	t.below = nil
	c.forgetWilling()
	c.unwilling[to.addr] = c.now.Add(datagramsFor)
	t.move(c, to)
	t.start(c)
}

// forgetWilling makes room.
func (c *core) forgetWilling() {
	for addr, until := range c.unwilling {
		if !c.now.Before(until) || len(c.unwilling) >= maxUnwilling {
			delete(c.unwilling, addr)
		}
	}
}

// unwilling are the places that took no connection, and until when none is tried.
type unwilling map[netip.AddrPort]time.Time
