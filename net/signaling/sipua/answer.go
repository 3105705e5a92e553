package sipua

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// invite takes an INVITE: a repeated one, one that changes a call, or a new call.
func (c *core) invite(m message) {
	if s := c.servers[serverKey(m.req, sip.INVITE)]; s != nil {
		s.repeat(c)
		return
	}
	if tagOf(m.req.To().Params) != "" {
		c.inDialog(m)
		return
	}
	// RFC 3261, Section 8.2.2.2: the same request by two ways is answered once.
	if k := c.byCallID[callIDOf(m.req)]; k != nil {
		c.refuse(m, 482, "Loop Detected", nil)
		return
	}
	if bad := unsupported(m.req); len(bad) > 0 {
		c.badExtension(m, bad)
		return
	}
	offer, keys, ok := c.readOffer(m)
	if !ok {
		return
	}
	if !c.mayRing() {
		c.refuse(m, 486, "Busy Here", nil)
		return
	}
	s := c.accept(m)
	if s == nil {
		c.refuse(m, 486, "Busy Here", nil)
		return
	}
	c.ring(m, s, offer, keys)
}

// readOffer reads the session description of an INVITE, or refuses it.
func (c *core) readOffer(m message) (offer signaling.Description, keys *signaling.Crypto, ok bool) {
	if !isSDP(m.req) {
		c.refuse(m, 415, "Unsupported Media Type", func(r *sip.Response) { add(r, "Accept", sdpType) })
		return offer, nil, false
	}
	offer, keys, err := c.readServed(c.accountOf(m), m.from, m.req.Body())
	if err != nil {
		// Also for an INVITE without an offer, which asks us for one: only gateways do that.
		c.refuse(m, 488, "Not Acceptable Here", nil)
		return offer, nil, false
	}
	return offer, keys, true
}

// isSDP reports whether a message has a session description, or no body at all.
func isSDP(m sip.Message) bool {
	if len(m.Body()) == 0 {
		return true
	}
	kind, _, _ := strings.Cut(header(m, "Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), sdpType) && header(m, "Content-Encoding") == ""
}

// mayRing limits how many strangers can make the telephone ring, and how often.
func (c *core) mayRing() bool {
	ringing, open := 0, 0
	for _, k := range c.calls {
		if k.state == offered {
			ringing++
		}
		if k.state != closing {
			open++
		}
	}
	return ringing < maxRinging && open < maxCalls && len(c.events) < maxPending && c.ringing.allow(c.now)
}

// ring makes the call of an INVITE and tells the phone.
func (c *core) ring(m message, s *server, offer signaling.Description, keys *signaling.Crypto) {
	from := m.req.From()
	k := c.newCall(offered, callIDOf(m.req))
	k.server, s.call = s, k
	k.localTag, k.remoteTag = s.tag, tagOf(from.Params)
	k.localURI = withoutTag(m.req.To().Value())
	k.remoteURI = withoutTag(from.Value())
	k.inviteSeq = m.req.CSeq().SeqNo
	k.remoteSeq = k.inviteSeq
	k.routes = values(m.req, "Record-Route")
	k.account = c.accountOf(m)
	k.hop = c.backTo(k, m)
	k.target = from.Address
	k.retarget(m.req)
	k.remote, k.served.theirs = offer, keys
	k.deadlineAt = c.now.Add(ringLimit)
	s.respond(c, 180, "Ringing", func(r *sip.Response) { k.ringHeaders(c, r) })
	e := signaling.Incoming{Call: k.id, From: party(from.DisplayName, &from.Address), Offer: offer,
		Secure: m.from.proto == tlsProto, ServerOnly: offer.SAVP()}
	if k.account != nil {
		e.Account = k.account.Name
	}
	c.tell(e)
	c.shed()
}

// backTo is where requests of ours go to in a call that came in: the way it came. A direct caller that says in its Contact
// that it listens on another port of the same address is believed: over UDP at once, over TCP when its connection is gone.
func (c *core) backTo(k *call, m message) hop {
	h := m.from
	contact := m.req.Contact()
	if h.proto == tlsProto || k.account != nil || len(k.routes) > 0 || contact == nil {
		return h
	}
	t, err := parseTarget(contact.Address.String())
	if err != nil {
		return h
	}
	if there, ok := t.hop(); ok && there.proto == h.proto && there.addr.Addr() == h.addr.Addr() {
		h.addr = there.addr
	}
	return h
}

func withoutTag(value string) string {
	if i := strings.LastIndex(value, ">"); i >= 0 {
		return value[:i+1]
	}
	uri, _, _ := strings.Cut(value, ";")
	return "<" + uri + ">"
}

// answerHeaders are those of a response that makes a dialog.
func (k *call) answerHeaders(c *core, r *sip.Response) {
	add(r, "Contact", c.contact(k.account, k.hop))
	add(r, "Allow", c.allow())
}

// ringHeaders are those of a 180. Nobody has answered: who calls through a server learns no address of ours yet. Nothing but
// requests of an early dialog would go to the Contact, and we take none.
func (k *call) ringHeaders(c *core, r *sip.Response) {
	if k.account == nil {
		k.answerHeaders(c, r)
		return
	}
	add(r, "Contact", "<"+k.account.aor+">")
	add(r, "Allow", c.allow())
}

// answer takes the call. The phone's description is completed here from the offer.
func (c *core) answer(id signaling.CallID, d signaling.Description) {
	k := c.calls[id]
	if k != nil && k.state == up {
		k.answerRestart(c, d)
		return
	}
	if k == nil || k.state != offered {
		return
	}
	if err := k.takeKeys(c); err != nil {
		k.server.respond(c, 488, "Not Acceptable Here", nil)
		k.end(c, signaling.CauseOf(err))
		return
	}
	d = d.AnswerTo(k.remote)
	body := k.wire(d)
	if body == nil {
		k.server.respond(c, 488, "Not Acceptable Here", nil)
		k.end(c, signaling.MediaFailed)
		return
	}
	c.ringing.refund() // who is answered was no spam
	k.local = d
	k.state = accepted
	k.server.respond(c, 200, "OK", func(r *sip.Response) {
		k.answerHeaders(c, r)
		add(r, "Supported", supported)
		k.session.answer(c, k.server.req.req, r)
		setSDP(r, body)
	})
	k.awaitACK(c)
}

// awaitACK repeats the 200 until it is acknowledged.
func (k *call) awaitACK(c *core) {
	k.interval = t1
	k.resend = c.now.Add(t1)
	k.unacked = c.now.Add(timerB)
	if k.state == accepted {
		k.deadlineAt = c.now.Add(timerB)
	}
}

// ackIn takes an ACK: of a failure, or of a 200.
func (c *core) ackIn(m message) {
	if s := c.servers[serverKey(m.req, sip.INVITE)]; s != nil && s.final >= 300 {
		s.acked(c)
		return
	}
	k := c.inside(m)
	if k == nil || m.req.CSeq().SeqNo != k.inviteSeq {
		return
	}
	k.resend, k.unacked = time.Time{}, time.Time{}
	switch {
	case k.state == accepted:
		k.state = up
		k.deadlineAt = time.Time{}
		c.tell(signaling.Answered{Call: k.id, Remote: k.remote, Keys: k.served.keys(k.remote)})
	case k.state == closing && k.change.bye:
		k.change.bye = false
		k.bye(c)
	case k.state == up:
		k.lateAnswer(c, m)
	}
}

// cancelIn takes a CANCEL. It is matched by its transaction, so it comes from one who has seen the INVITE.
func (c *core) cancelIn(m message) {
	s := c.servers[serverKey(m.req, sip.INVITE)]
	if s == nil || callIDOf(s.req.req) != callIDOf(m.req) || s.req.from.addr.Addr() != m.from.addr.Addr() {
		c.refuse(m, 481, "Call/Transaction Does Not Exist", nil)
		return
	}
	// RFC 3261, Section 9.2: the CANCEL itself is answered with 200 whatever it does.
	res := reply(m, 200, "OK", s.tag)
	finish(res)
	c.emit(answerHop(m.req, m.from), []byte(res.String()))
	if s.call != nil && s.call.state == offered {
		s.respond(c, 487, "Request Terminated", nil)
		s.call.end(c, signaling.PeerCancelled)
	}
	for _, k := range c.calls {
		if k.change.theirs.server == s {
			s.respond(c, 487, "Request Terminated", nil)
			k.change.theirs = restart{}
		}
	}
}

// inside finds the call whose dialog a request belongs to: Call-ID and both tags, of which ours is 128 random bits.
func (c *core) inside(m message) *call {
	k := c.byCallID[callIDOf(m.req)]
	if k == nil || tagOf(m.req.To().Params) != k.localTag || tagOf(m.req.From().Params) != k.remoteTag {
		return nil
	}
	// A dialog that began over TLS is not continued in clear.
	if k.hop.proto == tlsProto && m.from.proto != tlsProto {
		return nil
	}
	return k
}

// inDialog takes a request that belongs to a call.
func (c *core) inDialog(m message) {
	k := c.inside(m)
	if k == nil {
		c.refuse(m, 481, "Call/Transaction Does Not Exist", nil)
		return
	}
	if b := branchOf(m.req); k.answered.data != nil && b == k.answered.branch {
		c.emit(answerHop(m.req, m.from), k.answered.data)
		return
	}
	seq := m.req.CSeq().SeqNo
	// RFC 3261, Section 12.2.2: "If the remote sequence number is not empty, but the sequence number of the request is
	// lower than the remote sequence number, the request is out of order and MUST be rejected with a 500".
	if seq < k.remoteSeq {
		c.refuse(m, 500, "Server Internal Error", nil)
		return
	}
	k.remoteSeq = seq
	if k.state != up && m.req.Method != sip.BYE {
		k.reply(c, m, 481, "Call/Transaction Does Not Exist", nil)
		return
	}
	switch m.req.Method {
	case sip.BYE:
		k.byeIn(c, m)
	case sip.INVITE, sip.UPDATE:
		k.changeIn(c, m)
	case sip.OPTIONS:
		k.reply(c, m, 200, "OK", func(r *sip.Response) { add(r, "Allow", c.allow()) })
	case sip.INFO:
		k.infoIn(c, m)
	default:
		k.reply(c, m, 405, "Method Not Allowed", func(r *sip.Response) { add(r, "Allow", c.allow()) })
	}
}

// reply answers a request in the dialog; the answer is kept for the case that it is lost.
func (k *call) reply(c *core, m message, code int, reason string, fill func(*sip.Response)) {
	res := reply(m, code, reason, k.localTag)
	if fill != nil {
		fill(res)
	}
	finish(res)
	k.answered = answered{branchOf(m.req), []byte(res.String())}
	c.emit(answerHop(m.req, m.from), k.answered.data)
}

// infoIn takes an INFO: an empty one asks whether we are there; what others want is not for a telephone.
func (k *call) infoIn(c *core, m message) {
	if len(m.req.Body()) == 0 {
		k.reply(c, m, 200, "OK", nil)
		return
	}
	k.reply(c, m, 415, "Unsupported Media Type", nil)
}

// byeIn ends the call at the peer's wish.
func (k *call) byeIn(c *core, m message) {
	k.reply(c, m, 200, "OK", nil)
	if k.state == offered {
		k.server.respond(c, 487, "Request Terminated", nil) // RFC 3261, Section 15.1.2
		k.end(c, signaling.PeerCancelled)
		return
	}
	k.end(c, signaling.PeerHungUp)
}
