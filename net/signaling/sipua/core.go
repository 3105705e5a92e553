package sipua

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// core is the machine: it is given messages, moments and wishes, and it leaves packets, questions and events. It owns no
// socket, no clock and no goroutine.
type core struct {
	name  string
	rand  io.Reader
	local localFunc
	now   time.Time // of the current step

	calls        map[signaling.CallID]*call
	byCallID     map[string]*call
	clients      map[string]*client
	servers      map[string]*server
	accounts     map[string]*account
	nextCall     signaling.CallID
	accountsOnly bool              // strangers get no answer
	proved       func(flowID) bool // a connection is TLS, and its server has shown that it is the one; nil: none has
	secret       [32]byte          // makes the tags of answers that leave no state

	strangers limiter
	ringing   limiter
	texts     texts
	unwilling unwilling

	packets   []packet
	questions []question
	events    []signaling.Event
}

// localFunc tells the address of ours that a peer at the other end of a hop sees, for Via and Contact.
type localFunc func(hop) netip.AddrPort

// packet is a message to be sent.
type packet struct {
	to   hop
	data []byte
}

// question is a host name to be looked up; the answer comes by resolved.
type question struct {
	call    signaling.CallID
	account string
	found   func([]hop) // of neither
	target  target
}

func newCore(name string, random io.Reader, local localFunc) *core {
	c := &core{name: name, rand: random, local: local,
		calls: map[signaling.CallID]*call{}, byCallID: map[string]*call{}, clients: map[string]*client{},
		servers: map[string]*server{}, accounts: map[string]*account{},
		texts: newTexts(), unwilling: unwilling{}, strangers: newLimiter(strangerRate, strangerBurst), ringing: newLimiter(ringRate, ringBurst)}
	copy(c.secret[:], token(random))
	return c
}

func (c *core) emit(to hop, data []byte) { c.packets = append(c.packets, packet{to, data}) }

func (c *core) tell(e signaling.Event) { c.events = append(c.events, e) }

// known reports whether a Call-ID is that of a call or a registration, and counts the message against its limit.
// Strangers share one limit, so that a flood from outside leaves a running call alone.
func (c *core) known(callID string, now time.Time) bool {
	if k := c.byCallID[callID]; k != nil {
		return k.limit.allow(now)
	}
	for _, a := range c.accounts {
		if a.callID == callID || a.box.callID == callID && callID != "" {
			return a.limit.allow(now)
		}
	}
	return c.strangers.allow(now)
}

// receive takes a whole message as it came.
func (c *core) receive(raw []byte, from hop, now time.Time) {
	m, f := parse(raw, from)
	if f == nil {
		c.handle(m, now)
		return
	}
	if answer := f.bytes(); answer != nil && !c.accountsOnly {
		c.emit(from, answer)
	}
}

// handle takes a message that is in order.
func (c *core) handle(m message, now time.Time) {
	c.now = now
	if m.res != nil {
		c.response(m)
		return
	}
	if c.accountsOnly && !c.expected(m) {
		return
	}
	noteSource(m.req, m.from)
	switch m.req.Method {
	case sip.INVITE:
		c.invite(m)
	case sip.ACK:
		c.ackIn(m)
	case sip.CANCEL:
		c.cancelIn(m)
	case sip.BYE, sip.UPDATE, sip.INFO, sip.NOTIFY, sip.OPTIONS:
		c.other(m)
	default:
		if m.req.Method == sip.MESSAGE && len(c.texts.types) > 0 && tagOf(m.req.To().Params) == "" {
			c.messageIn(m)
			return
		}
		c.refuse(m, 405, "Method Not Allowed", func(r *sip.Response) { add(r, "Allow", c.allow()) })
	}
}

// expected reports whether a request comes from the server of an account, or belongs to a call.
func (c *core) expected(m message) bool {
	for _, a := range c.accounts {
		if a.through(m.from) {
			return true
		}
	}
	return c.inside(m) != nil
}

// response finds the transaction that a response belongs to; all others are dropped. RFC 3261, Section 17.1.3.
func (c *core) response(m message) {
	cseq := m.res.CSeq()
	if t := c.clients[clientKey(branchOf(m.res), cseq.MethodName)]; t != nil {
		t.handle(c, m)
	}
}

// refuse answers without leaving any state. RFC 3261, Section 8.2.7: the same request must get the same tag.
func (c *core) refuse(m message, code int, reason string, fill func(*sip.Response)) {
	res := reply(m, code, reason, c.statelessTag(m.req))
	if fill != nil {
		fill(res)
	}
	finish(res)
	c.emit(answerHop(m.req, m.from), []byte(res.String()))
}

func (c *core) statelessTag(req *sip.Request) string {
	h := hmac.New(sha256.New, c.secret[:])
	io.WriteString(h, branchOf(req)+"\x00"+callIDOf(req)+"\x00"+tagOf(req.From().Params))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// other takes the requests that begin no call.
func (c *core) other(m message) {
	if tagOf(m.req.To().Params) != "" {
		if a := c.subscriptionOf(m); a != nil && m.req.Method == sip.NOTIFY {
			a.notified(c, m)
			return
		}
		c.inDialog(m)
		return
	}
	switch m.req.Method {
	case sip.OPTIONS:
		// RFC 3261, Section 11.2: the answer is what an INVITE would get; it does not tell whether we are in a call.
		if bad := unsupported(m.req); len(bad) > 0 {
			c.badExtension(m, bad)
			return
		}
		c.refuse(m, 200, "OK", func(r *sip.Response) {
			add(r, "Allow", c.allow())
			add(r, "Accept", strings.Join(append([]string{sdpType}, c.texts.types...), ", "))
			add(r, "Supported", supported)
		})
	case sip.NOTIFY:
		c.notifyIn(m)
	default:
		c.refuse(m, 481, "Call/Transaction Does Not Exist", nil)
	}
}

// supported are the extensions that an INVITE of ours names and that a peer may require.
const supported = "timer"

// unsupported are the extensions that a request requires and that we lack.
func unsupported(req *sip.Request) []string {
	return slices.DeleteFunc(options(req, "Require"), func(s string) bool { return s == supported })
}

func (c *core) badExtension(m message, bad []string) {
	c.refuse(m, 420, "Bad Extension", func(r *sip.Response) {
		for _, s := range bad {
			add(r, "Unsupported", s)
		}
	})
}

// tick does what is due.
func (c *core) tick(now time.Time) {
	c.now = now
	for _, t := range c.clients {
		t.tick(c)
	}
	for _, s := range c.servers {
		s.tick(c)
	}
	for _, k := range c.calls {
		k.tick(c)
	}
	for _, a := range c.accounts {
		a.tick(c)
		a.tickMailbox(c)
	}
	c.tickTexts()
}

// deadline is when tick is to be called, zero for never.
func (c *core) deadline() (d time.Time) {
	for _, t := range c.clients {
		d = earliest(d, earliest(t.resend, t.expire))
	}
	for _, s := range c.servers {
		d = earliest(d, earliest(s.resend, s.expire))
	}
	for _, k := range c.calls {
		d = earliest(d, k.deadline())
	}
	for _, a := range c.accounts {
		d = earliest(d, earliest(a.next, a.box.next))
	}
	return earliest(d, c.texts.deadline())
}

// undeliverable tells that nothing can be sent to a hop: the connection could not be made, or it broke. Over UDP only
// the transaction of the branch is told, which came back in the ICMP message: nobody off the path can know it.
func (c *core) undeliverable(to hop, branch string, cause signaling.Cause, now time.Time) {
	c.now = now
	for _, t := range c.clients {
		if t.state != calling || t.to.proto != to.proto {
			continue
		}
		if branch != "" && t.branch == branch || branch == "" && (t.to.addr == to.addr || to.flow != 0 && t.to.flow == to.flow) {
			t.fail(c, cause)
		}
	}
}

// uses reports whether a call or an account needs a connection.
func (c *core) uses(flow flowID) bool {
	for _, k := range c.calls {
		if k.state != closing && k.hop.flow == flow {
			return true
		}
	}
	for _, a := range c.accounts {
		if a.hop.flow == flow {
			return true
		}
	}
	return false
}
