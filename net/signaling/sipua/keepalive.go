package sipua

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Keep-alives hold the way open by which an account's server reaches us, and notice when it is gone: when the server is silent,
// and when a translator on the way has forgotten us and lets us be seen at another place.
//
// Over a connection they are two CRLFs, answered by one (RFC 5626, Section 4.4.1); a server that does not answer these is asked
// by OPTIONS. Over UDP RFC 5626 wants STUN, which hardly a server speaks on its SIP port, so there it is OPTIONS at once: the
// answer tells where we were seen (RFC 3581). A server that leaves OPTIONS unanswered and is there is registered with more often.
const (
	keepAliveMin  = 24 * time.Second // RFC 5626, Section 4.4: over UDP at random between 24 and 29 s
	keepAliveMax  = 29 * time.Second
	pongLimit     = 10 * time.Second        // RFC 5626, Section 4.4.1
	checkLimit    = 2500 * time.Millisecond // the same while somebody hears nothing
	shyExpires    = 2 * time.Minute         // between two registrations with a server that answers nothing else
	lostPause     = time.Second             // before the next try: the server may do the same again
	lostPauseCall = 100 * time.Millisecond  // while somebody hears nothing
)

// alive is what is known of the way to an account's server.
type alive struct {
	ping   time.Time // when a keep-alive went out that was not answered yet; zero: none
	ponged bool      // over this connection CRLFs were answered
	asks   bool      // over this connection OPTIONS are needed
	doubt  bool      // OPTIONS were not answered: is it the server, or is it shy?
	shy    bool      // it answers no OPTIONS
	urgent bool      // a call hears nothing
	moved  bool      // it sees us at another place than before
}

// keep plans the next keep-alive.
func (a *account) keep(c *core) {
	a.ping, a.urgent = time.Time{}, false
	a.next = earliest(a.renew, c.now.Add(keepAliveMin+rand.N(keepAliveMax-keepAliveMin)))
}

// knock sends a keep-alive.
func (a *account) knock(c *core) {
	if a.shy {
		c.emit(a.hop, []byte("\r\n\r\n")) // for the translators on the way
		a.keep(c)
		return
	}
	a.ping = c.now
	a.next = c.now.Add(pongLimit)
	if a.urgent {
		a.next = c.now.Add(checkLimit)
	}
	if a.hop.proto.reliable() && !a.asks {
		c.emit(a.hop, []byte("\r\n\r\n"))
		return
	}
	a.ask(c)
}

// ask sends OPTIONS. RFC 3261, Section 11: whatever is answered, somebody has answered.
func (a *account) ask(c *core) {
	req := sip.NewRequest(sip.OPTIONS, sip.Uri{Scheme: a.target.uri.Scheme, Host: a.target.uri.Host})
	a.seq++
	add(req, "Max-Forwards", "70")
	add(req, "From", nameAddr(a.Display, a.aor)+";tag="+a.localTag)
	add(req, "To", "<"+req.Recipient.String()+">")
	add(req, "Call-ID", a.callID)
	add(req, "CSeq", strconv.FormatUint(uint64(a.seq), 10)+" OPTIONS")
	req.SetBody(nil)
	asked := a.ping
	c.send(req, a.hop, func(res *sip.Response, _ hop, _ signaling.Cause) {
		if res == nil || res.StatusCode < 200 || a.ping != asked || a.state != registered {
			return
		}
		a.doubt = false
		if a.notice(res) {
			a.ping, a.next = time.Time{}, time.Time{}
			a.register(c)
			return
		}
		a.keep(c)
	})
}

// unanswered takes the silence after a keep-alive.
func (a *account) unanswered(c *core) {
	switch {
	case !a.hop.proto.reliable():
		a.ping, a.next, a.doubt = time.Time{}, time.Time{}, true
		a.register(c)
	case !a.asks && !a.ponged:
		a.asks = true
		a.knock(c)
	default:
		a.lost(c)
	}
}

// pong takes the answer to a keep-alive over a connection.
func (c *core) pong(from hop, now time.Time) {
	c.now = now
	for _, a := range c.accounts {
		if a.state == registered && a.hop.flow == from.flow && !a.ping.IsZero() {
			a.ponged = true
			a.keep(c)
		}
	}
}

// check asks an account's server at once whether it is there, and where it sees us. If that is elsewhere than before, or over
// another connection, Rerouted tells of it.
func (c *core) check(name string) {
	a := c.accounts[name]
	if a == nil || a.state != registered || a.urgent {
		return
	}
	a.urgent = true
	switch {
	case a.shy:
		a.next = time.Time{}
		a.register(c)
	case a.ping.IsZero():
		a.knock(c)
	default:
		a.next = earliest(a.next, c.now.Add(checkLimit))
	}
}

// flowLost takes the end of a connection.
func (c *core) flowLost(from hop, now time.Time) {
	c.now = now
	for _, a := range c.accounts {
		if a.state == registered && a.hop.flow != 0 && a.hop.flow == from.flow {
			a.lost(c)
		}
	}
}

// lost registers anew over a new connection.
func (a *account) lost(c *core) {
	pause := lostPause
	if a.urgent {
		pause = lostPauseCall
	}
	a.state = offline
	a.hop.flow = 0
	a.alive = alive{moved: true, urgent: a.urgent}
	a.next = c.now.Add(pause)
	a.tell(c, false, signaling.Unreachable)
}

// reached takes a registration that is in order, and tells once when it goes another way than the one before.
func (a *account) reached(c *core, lifetime time.Duration) {
	if a.doubt {
		a.doubt, a.shy = false, true
	}
	if a.shy {
		lifetime = min(lifetime, shyExpires)
	}
	a.renew = c.now.Add(max(lifetime-lifetime/10, lifetime/2))
	a.keep(c)
	if a.moved {
		a.moved = false
		c.tell(signaling.Rerouted{Account: a.Name})
	}
}
