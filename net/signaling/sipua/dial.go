package sipua

import (
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// dial begins a call. All that goes wrong becomes an Ended of it.
func (c *core) dial(d signaling.Dial) signaling.CallID {
	k := c.newCall(dialing, token(c.rand))
	k.caller = true
	k.localTag = token(c.rand)
	k.offer, k.local = d.Offer, d.Offer
	k.served.allowed = d.ServerOnly
	k.deadlineAt = c.now.Add(ringLimit)
	c.shed()
	if len(c.calls) > maxCalls {
		k.end(c, signaling.TooMany)
	} else if cause := k.address(c, d); cause != signaling.NoCause {
		k.end(c, cause)
	}
	return k.id
}

// address finds out whom to call and where, and calls, or asks a name server first.
func (k *call) address(c *core, d signaling.Dial) signaling.Cause {
	to := strings.TrimSpace(d.To)
	if d.Account != "" {
		a := c.accounts[d.Account]
		if a == nil || !a.ready() {
			return signaling.NotRegistered
		}
		return k.addressBy(c, a, to)
	}
	if ip, ok := dotted(to); ok {
		to = ip
	}
	t, err := parseTarget(to)
	if err != nil {
		return signaling.BadAddress
	}
	if c.isUs(&t) {
		return signaling.BadAddress
	}
	k.target = t.uri
	k.remoteURI = "<" + plainURI(&t.uri) + ">"
	if h, ok := t.hop(); ok {
		k.begin(c, h)
		return signaling.NoCause
	}
	c.questions = append(c.questions, question{call: k.id, target: t})
	return signaling.NoCause
}

// isUs reports whether a target is this very telephone.
func (c *core) isUs(t *target) bool {
	h, ok := t.hop()
	return ok && h.addr == c.local(h)
}

func hostOnly(a netip.AddrPort) string {
	if a.Addr().Is6() {
		return "[" + a.Addr().String() + "]"
	}
	return a.Addr().String()
}

// plainURI is a URI as From and To have it: RFC 3261, Section 19.1.1, Table 1: no port, no transport.
func plainURI(u *sip.Uri) string {
	p := sip.Uri{Scheme: u.Scheme, User: u.User, Host: u.Host}
	return p.String()
}

// begin sends the INVITE.
func (k *call) begin(c *core, to hop) {
	k.hop = to
	k.localURI = nameAddr(c.name, "sip:"+c.name+"@"+hostOnly(c.local(to)))
	if k.account != nil {
		k.localURI = nameAddr(k.account.Display, k.account.aor)
	}
	k.offerKeys(c, false)
	k.invite(c, "", "")
}

// invite sends an INVITE with our offer, with credentials where the server asked for them.
func (k *call) invite(c *core, authHeader, credentials string) {
	body := k.wire(k.offer)
	if body == nil {
		k.end(c, signaling.MediaFailed)
		return
	}
	k.localSeq++
	req := k.request(sip.INVITE, k.localSeq)
	add(req, "Contact", c.contact(k.account, k.hop))
	add(req, "Allow", c.allow())
	add(req, "Supported", supported)
	k.session.offer(req)
	if credentials != "" {
		add(req, authHeader, credentials)
	}
	setSDP(req, body)
	k.client = c.send(req, k.hop, func(res *sip.Response, from hop, cause signaling.Cause) { k.inviteAnswer(c, res, from, cause) })
}

func setSDP(m sip.Message, body []byte) {
	add(m, "Content-Type", sdpType)
	m.SetBody(body)
}

// inviteAnswer takes a response to the INVITE that began the call.
func (k *call) inviteAnswer(c *core, res *sip.Response, from hop, cause signaling.Cause) {
	if res == nil {
		k.end(c, cause)
		return
	}
	code := res.StatusCode
	switch {
	case code < 200:
		k.provisional(c, res)
	case code < 300:
		k.success(c, res, from)
	case code == 422 && k.state == dialing && k.session.lengthen(res):
		k.invite(c, "", "")
	case k.insist(c, code):
		k.invite(c, "", "")
	case (code == 488 || code == 606) && k.needsTLS(c):
		k.end(c, signaling.NeedsTLS)
	case (code == 401 || code == 407) && k.state == dialing && k.authenticate(c, res, from):
	default:
		k.end(c, causeOf(code))
	}
}

// provisional tells that the peer rings. What it says about media is not looked at: there is no early media, for it
// could only be in clear.
func (k *call) provisional(c *core, res *sip.Response) {
	if k.state == closing {
		// RFC 3261, Section 9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent".
		if k.change.cancel {
			k.change.cancel = false
			k.client.cancel(c)
		}
		return
	}
	if res.StatusCode >= 180 && res.StatusCode <= 183 && k.state == dialing && !k.wasRinging {
		k.wasRinging = true
		c.tell(signaling.Ringing{Call: k.id})
	}
}

// success takes a 2xx: it makes the dialog and is acknowledged, each time it comes.
func (k *call) success(c *core, res *sip.Response, from hop) {
	tag := tagOf(res.To().Params)
	if k.remoteTag != "" && tag == k.remoteTag {
		c.emit(k.hop, k.ack)
		return
	}
	if k.remoteTag != "" {
		// RFC 3261, Section 13.2.2.4: a proxy forked, and a second telephone answered. It is told that it came late.
		late := *k
		late.establish(res, from)
		late.acknowledge(c, res.CSeq().SeqNo)
		late.bye(c)
		return
	}
	k.establish(res, from)
	k.acknowledge(c, res.CSeq().SeqNo)
	if k.state != dialing { // we had given up, and our CANCEL came too late
		k.bye(c)
		return
	}
	answer, err := k.readAnswer(res.Body())
	if err != nil {
		k.bye(c)
		k.end(c, signaling.CauseOf(err))
		return
	}
	k.remote = answer
	k.state = up
	k.deadlineAt = time.Time{}
	k.session.agreed(c, res)
	c.tell(signaling.Answered{Call: k.id, Remote: answer, Keys: k.served.keys(answer)})
}

// establish makes the dialog of a 2xx. RFC 3261, Section 12.1.2.
func (k *call) establish(res *sip.Response, from hop) {
	k.remoteTag = tagOf(res.To().Params)
	k.retarget(res)
	k.routes = nil
	records := values(res, "Record-Route")
	for i := len(records) - 1; i >= 0; i-- {
		k.routes = append(k.routes, records[i])
	}
	if from.flow != 0 {
		k.hop.flow = from.flow
	}
}

// retarget takes the address of the peer's Contact for the request line. Where requests are sent to does not change by
// it: a peer, or a server, cannot point us to somebody else's machine.
func (k *call) retarget(m interface{ Contact() *sip.ContactHeader }) {
	if h := m.Contact(); h != nil && !h.Address.Wildcard && (h.Address.Scheme == "sip" || h.Address.Scheme == "sips") {
		k.target = h.Address
		k.target.Headers = nil
	}
}

// acknowledge sends the ACK to a 2xx and keeps it.
func (k *call) acknowledge(c *core, seq uint32) {
	req := k.request(sip.ACK, seq)
	c.via(req, k.hop, branchCookie+token(c.rand))
	req.SetBody(nil)
	k.ack = []byte(req.String())
	c.emit(k.hop, k.ack)
}

// giveUp withdraws our INVITE, now or as soon as the peer is known to have it.
func (k *call) giveUp(c *core) {
	if k.client == nil {
		return
	}
	if k.client.state == proceeding {
		k.client.cancel(c)
		return
	}
	k.change.cancel = true
}
