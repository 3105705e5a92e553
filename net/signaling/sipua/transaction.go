package sipua

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// clientState is that of RFC 3261, Sections 17.1.1 and 17.1.2, with Accepted of RFC 6026.
type clientState uint8

const (
	calling    clientState = iota // or Trying
	proceeding                    // a provisional response came
	completed                     // a final response came; repetitions are absorbed
)

// client is a client transaction: a request that waits for its answer.
type client struct {
	req      *sip.Request
	branch   string
	to       hop
	below    *hop   // where a request goes that was too long for a datagram, when no connection can be made
	data     []byte // the request as sent, repeated as it was
	ack      []byte // to a final response but 2xx
	state    clientState
	interval time.Duration
	resend   time.Time // zero: no more
	expire   time.Time
	// done is told every response that is new, and at last a cause when there is no response. Nil responses end it.
	done func(res *sip.Response, from hop, cause signaling.Cause)
}

func (t *client) invite() bool { return t.req.Method == sip.INVITE }

func clientKey(branch string, method sip.RequestMethod) string { return branch + " " + string(method) }

// send starts a client transaction. The request needs all its headers but Via.
func (c *core) send(req *sip.Request, to hop, done func(*sip.Response, hop, signaling.Cause)) *client {
	t := &client{req: req, to: to, done: done, interval: t1, branch: branchCookie + token(c.rand)}
	c.via(req, to, t.branch)
	if c.tooLong(req, to) {
		t.below = &to
		t.move(c, hop{proto: tcp, addr: to.addr, name: to.name})
	}
	t.start(c)
	return t
}

// via puts our Via on top of a request.
func (c *core) via(req *sip.Request, to hop, branch string) {
	req.PrependHeader(sip.NewHeader("Via", "SIP/2.0/"+to.proto.String()+" "+hostPort(c.local(to))+";branch="+branch+";rport"))
}

func (t *client) start(c *core) {
	t.data = []byte(t.req.String())
	t.expire = c.now.Add(timerB)
	if t.invite() && !t.to.proto.reliable() {
		t.expire = c.now.Add(silence)
	}
	// RFC 3261, Section 17.1.1.2: "For unreliable transports, the client transaction MUST set timer A".
	if !t.to.proto.reliable() {
		t.resend = c.now.Add(t.interval)
	}
	if len(c.clients) >= maxTransactions && !c.evictClient() {
		t.done(nil, hop{}, signaling.TooMany)
		return
	}
	c.clients[clientKey(t.branch, t.req.Method)] = t
	c.emit(t.to, t.data)
}

// evictClient makes room by forgetting the finished transaction that would be forgotten first: all that is lost is the
// answer to repeated responses.
func (c *core) evictClient() bool {
	var oldest *client
	for _, t := range c.clients {
		if t.state == completed && (oldest == nil || t.expire.Before(oldest.expire)) {
			oldest = t
		}
	}
	if oldest != nil {
		delete(c.clients, clientKey(oldest.branch, oldest.req.Method))
	}
	return oldest != nil
}

// evictServer makes room in the same way.
func (c *core) evictServer() bool {
	var oldest *server
	for _, s := range c.servers {
		if s.final != 0 && s.resend.IsZero() && (oldest == nil || s.expire.Before(oldest.expire)) {
			oldest = s
		}
	}
	if oldest != nil {
		delete(c.servers, oldest.key)
	}
	return oldest != nil
}

// cancel sends the CANCEL of an INVITE. RFC 3261, Section 9.1: it has the branch of the request that it cancels.
func (t *client) cancel(c *core) {
	req := derived(t.req, sip.CANCEL, t.req.To().Value())
	x := &client{req: req, branch: t.branch, to: t.to, interval: t1, done: func(*sip.Response, hop, signaling.Cause) {}}
	x.start(c)
	// RFC 3261, Section 9.1: the INVITE is given up when no 487 comes within 64*T1.
	t.expire = c.now.Add(timerB)
}

// derived is the ACK (to a failure) or CANCEL of an INVITE: the same in all that names the transaction.
func derived(invite *sip.Request, method sip.RequestMethod, to string) *sip.Request {
	req := sip.NewRequest(method, invite.Recipient)
	add(req, "Via", invite.Via().Value())
	for _, r := range values(invite, "Route") {
		add(req, "Route", r)
	}
	add(req, "Max-Forwards", "70")
	add(req, "From", invite.From().Value())
	add(req, "To", to)
	add(req, "Call-ID", callIDOf(invite))
	number, _, _ := strings.Cut(invite.CSeq().Value(), " ")
	add(req, "CSeq", number+" "+string(method))
	req.SetBody(nil)
	return req
}

// handle takes a response that has the branch of the transaction.
func (t *client) handle(c *core, m message) {
	code := m.res.StatusCode
	if t.below != nil && m.from.proto == tcp && m.from.addr == t.to.addr {
		m.from = *t.below // whoever answered there is whom we asked
	}
	switch {
	case t.state == completed:
		// RFC 3261, Section 17.1.1.2: "Any retransmissions of the final response [...] MUST cause the ACK to be
		// re-passed to the transport layer"; those of a 2xx are for the dialog.
		if t.ack != nil && code >= 300 {
			c.emit(t.to, t.ack)
		} else if t.invite() && code >= 200 && code < 300 {
			t.done(m.res, m.from, signaling.NoCause)
		}
		return
	case code < 200:
		if t.invite() {
			t.resend = time.Time{}
			if t.state == calling {
				t.expire = c.now.Add(ringLimit + timerB) // the call has its own, shorter limit
			}
		}
		t.state = proceeding
		t.done(m.res, m.from, signaling.NoCause)
		return
	}
	t.state = completed
	t.resend = time.Time{}
	t.expire = c.now.Add(t4)
	if t.invite() {
		t.expire = c.now.Add(timerB) // timers D and M
		if code >= 300 {
			t.ack = []byte(derived(t.req, sip.ACK, m.res.To().Value()).String())
			c.emit(t.to, t.ack)
		}
	}
	t.done(m.res, m.from, signaling.NoCause)
}

// fail ends a transaction whose request could not be delivered.
func (t *client) fail(c *core, cause signaling.Cause) {
	if t.below != nil && t.state == calling {
		t.fallBack(c)
		return
	}
	delete(c.clients, clientKey(t.branch, t.req.Method))
	if t.state != completed {
		t.state = completed
		t.done(nil, hop{}, cause)
	}
}

// tick repeats the request, or gives up.
func (t *client) tick(c *core) {
	if due(t.expire, c.now) {
		cause := signaling.Unreachable
		if t.state == proceeding {
			cause = signaling.NoAnswer
		}
		t.fail(c, cause)
		return
	}
	if due(t.resend, c.now) {
		t.interval *= 2
		// RFC 3261, Section 17.1.2.2: other requests than INVITE go on at T2, and at T2 at once when provisional.
		if !t.invite() && (t.interval > t2 || t.state == proceeding) {
			t.interval = t2
		}
		t.resend = c.now.Add(t.interval)
		c.emit(t.to, t.data)
	}
}

// server is a server transaction: a request that was, or will be, answered.
type server struct {
	req      message
	key      string
	to       hop
	tag      string // our To tag
	last     []byte // latest response, repeated when the request is
	final    int    // status of the final response, 0 before
	interval time.Duration
	resend   time.Time
	expire   time.Time
	call     *call // of an INVITE outside a dialog
}

// serverKey names the transaction of a request. RFC 3261, Section 17.2.3: branch, sent-by and method, where ACK and
// CANCEL have those of their INVITE; without the magic cookie the rules of RFC 2543.
func serverKey(req *sip.Request, method sip.RequestMethod) string {
	via := req.Via()
	if b := branchOf(req); strings.HasPrefix(b, branchCookie) && len(b) > len(branchCookie) {
		return strings.ToLower(b) + " " + strings.ToLower(via.SentBy()) + " " + string(method)
	}
	number, _, _ := strings.Cut(req.CSeq().Value(), " ")
	to := tagOf(req.To().Params)
	if method == sip.INVITE {
		to = "" // the ACK has the tag of the response, the INVITE has none
	}
	return strings.Join([]string{req.Recipient.String(), to, tagOf(req.From().Params), callIDOf(req), number,
		via.SentBy(), string(method)}, " ")
}

// accept starts a server transaction; nil when there are too many.
func (c *core) accept(m message) *server {
	if len(c.servers) >= maxTransactions && !c.evictServer() {
		return nil
	}
	s := &server{req: m, key: serverKey(m.req, m.req.Method), to: answerHop(m.req, m.from), interval: t1,
		tag: token(c.rand), expire: c.now.Add(ringLimit + timerB)}
	c.servers[s.key] = s
	return s
}

// respond sends a response and remembers it. fill adds headers and body, and may be nil.
func (s *server) respond(c *core, code int, reason string, fill func(*sip.Response)) {
	if s.final != 0 {
		return
	}
	res := reply(s.req, code, reason, s.tag)
	if fill != nil {
		fill(res)
	}
	finish(res)
	s.last = []byte(res.String())
	c.emit(s.to, s.last)
	if code < 200 {
		return
	}
	s.final = code
	s.expire = c.now.Add(timerB) // timers H, J and L
	if s.req.req.Method == sip.INVITE && code >= 300 && !s.to.proto.reliable() {
		s.resend = c.now.Add(s.interval) // RFC 3261, Section 17.2.1: timer G
	}
}

// finish adds what every response has.
func finish(res *sip.Response) {
	if res.Body() == nil {
		res.SetBody(nil)
	}
}

// repeat answers a request that came again.
func (s *server) repeat(c *core) {
	if s.last != nil {
		c.emit(s.to, s.last)
	}
}

func (s *server) tick(c *core) {
	if due(s.expire, c.now) {
		delete(c.servers, s.key)
		return
	}
	if due(s.resend, c.now) {
		s.interval = min(2*s.interval, t2)
		s.resend = c.now.Add(s.interval)
		s.repeat(c)
	}
}

// acked ends the repetition of a failure.
func (s *server) acked(c *core) {
	s.resend = time.Time{}
	s.expire = earliest(s.expire, c.now.Add(t4)) // timer I
}
