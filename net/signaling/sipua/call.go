package sipua

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

type callState uint8

const (
	dialing  callState = iota // we call: nothing final yet
	offered                   // we are called: it rings here
	accepted                  // we answered and wait for the ACK
	up                        // both have agreed
	closing                   // Ended was told; the last messages are on their way
)

// call is one call and its dialog (RFC 3261, Section 12).
type call struct {
	id      signaling.CallID
	state   callState
	account *account // nil for a direct call
	dialog
	client *client // our INVITE, or the request that changes a running call
	server *server // the peer's INVITE
	offer  signaling.Description
	local  signaling.Description // what we said last
	remote signaling.Description // what the peer said last
	policy signaling.Direction   // what we want: SendOnly while we hold
	held   bool                  // the peer does not listen
	caller bool                  // we began the call

	deadlineAt time.Time // of the present state
	resend     time.Time // of the 200 that waits for its ACK
	interval   time.Duration
	unacked    time.Time // when the ACK will not come any more
	limit      limiter
	session    session
	change     change // of ours, that waits or runs
	served     served
	challenged bool
	wasRinging bool
	restarted  time.Time // by the peer, last
}

// dialog is what both sides keep to name each other.
type dialog struct {
	callID              string
	localTag, remoteTag string
	localURI, remoteURI string // From and To without tags
	target              sip.Uri
	routes              []string
	hop                 hop
	localSeq            uint32
	remoteSeq           uint32
	inviteSeq           uint32 // of the peer's latest INVITE, which its ACK bears
	ack                 []byte // ours to the latest 2xx, repeated with it
	answered            answered
}

// answered is the latest request in the dialog that had no transaction of its own, and what it got.
type answered struct {
	branch string
	data   []byte
}

func (c *core) newCall(state callState, callID string) *call {
	c.nextCall++
	k := &call{id: c.nextCall, state: state, limit: newLimiter(callRate, callBurst)}
	k.callID = callID
	c.calls[k.id] = k
	c.byCallID[callID] = k
	return k
}

// end tells the phone, once, that the call is over. What is left of it answers late messages for a while.
func (k *call) end(c *core, cause signaling.Cause) {
	if k.state == closing {
		return
	}
	k.state = closing
	k.resend = time.Time{}
	k.session = session{}
	k.refuseRestart(c)
	k.served.wipe()
	k.deadlineAt = c.now.Add(timerB)
	c.tell(signaling.Ended{Call: k.id, Cause: cause})
	c.shed()
}

// shed forgets the calls that ended first when there are too many.
func (c *core) shed() {
	for len(c.calls) > maxCalls {
		var oldest *call
		for _, k := range c.calls {
			if k.state == closing && (oldest == nil || k.id < oldest.id) {
				oldest = k
			}
		}
		if oldest == nil {
			return
		}
		c.forget(oldest)
	}
}

func (c *core) forget(k *call) {
	delete(c.calls, k.id)
	if c.byCallID[k.callID] == k {
		delete(c.byCallID, k.callID)
	}
}

func (k *call) deadline() time.Time {
	return earliest(earliest(k.deadlineAt, k.resend), earliest(k.session.next(), earliest(k.change.at, k.change.theirs.at)))
}

func (k *call) tick(c *core) {
	if due(k.deadlineAt, c.now) {
		k.deadlineAt = time.Time{}
		k.timeout(c)
	}
	if k.state == up && due(k.unacked, c.now) {
		// RFC 3261, Section 14.2: "If a UAS generates a 2xx response and never receives an ACK, it SHOULD generate a BYE". A call
		// that can be heard is not ended for that, but no change of ours waits any longer.
		k.resend, k.unacked = time.Time{}, time.Time{}
	}
	if due(k.resend, c.now) {
		// RFC 3261, Section 13.3.1.4: the 2xx is repeated until the ACK comes, over any transport.
		k.interval = min(2*k.interval, t2)
		k.resend = c.now.Add(k.interval)
		k.server.repeat(c)
	}
	k.tickSession(c)
	if due(k.change.theirs.at, c.now) {
		k.refuseRestart(c)
	}
	if due(k.change.at, c.now) {
		k.startChange(c)
	}
}

func (k *call) timeout(c *core) {
	switch k.state {
	case closing:
		if k.change.bye {
			k.bye(c)
		}
		c.forget(k)
	case dialing:
		cause := signaling.Unreachable
		if k.wasRinging {
			cause = signaling.NoAnswer
		}
		k.giveUp(c)
		k.end(c, cause)
	case offered:
		k.server.respond(c, 480, "Temporarily Unavailable", nil)
		k.end(c, signaling.NoAnswer)
	case accepted:
		// RFC 3261, Section 13.3.1.4: without ACK "the dialog is confirmed, but the session SHOULD be terminated".
		k.bye(c)
		k.end(c, signaling.Unreachable)
	}
}

// hangup ends the call in whatever state it is.
func (k *call) hangup(c *core, cause signaling.Cause) {
	switch k.state {
	case dialing:
		k.giveUp(c)
		k.end(c, signaling.Cancelled)
	case offered:
		code, reason := rejection(cause)
		k.server.respond(c, code, reason, nil)
		k.end(c, cause)
	case accepted:
		// RFC 3261, Section 15: the callee must not send BYE on a dialog before the ACK or a timeout. The 200 is out,
		// so the call ends for the person now, and for the peer when its ACK comes.
		k.state = closing
		k.deadlineAt = c.now.Add(timerB)
		k.change = change{bye: true}
		c.tell(signaling.Ended{Call: k.id, Cause: signaling.HungUp})
	case up:
		k.bye(c)
		if cause == signaling.NoCause || cause == signaling.Declined || cause == signaling.Busy {
			cause = signaling.HungUp
		}
		k.end(c, cause)
	}
}

// rejection is the response that says why a call is not taken.
func rejection(cause signaling.Cause) (int, string) {
	switch cause {
	case signaling.Busy, signaling.TooMany:
		return 486, "Busy Here"
	case signaling.Declined:
		return 603, "Decline"
	case signaling.NotFound:
		return 404, "Not Found"
	case signaling.NotAcceptable, signaling.PeerNotSecure:
		return 488, "Not Acceptable Here"
	}
	return 480, "Temporarily Unavailable"
}

// causeOf is the cause that a final response stands for.
func causeOf(code int) signaling.Cause {
	switch code {
	case 486, 600:
		return signaling.Busy
	case 603, 607, 608:
		return signaling.Declined
	case 404, 410, 484, 485, 604:
		return signaling.NotFound
	case 401, 403, 407:
		return signaling.NotAuthorized
	case 408, 480:
		return signaling.NoAnswer
	case 487:
		return signaling.Cancelled
	case 406, 415, 488, 606:
		return signaling.NotAcceptable
	case 430, 502, 503, 504:
		return signaling.Unreachable
	}
	switch {
	case code >= 300 && code < 400:
		return signaling.Redirected
	case code >= 500:
		return signaling.ServerError
	}
	return signaling.ProtocolError
}

// request makes a request within the dialog, without Via. RFC 3261, Section 12.2.1.1.
func (k *dialog) request(method sip.RequestMethod, seq uint32) *sip.Request {
	req := sip.NewRequest(method, k.target)
	for _, r := range k.routes {
		add(req, "Route", r)
	}
	add(req, "Max-Forwards", "70")
	add(req, "From", k.localURI+";tag="+k.localTag)
	to := k.remoteURI
	if k.remoteTag != "" {
		to += ";tag=" + k.remoteTag
	}
	add(req, "To", to)
	add(req, "Call-ID", k.callID)
	add(req, "CSeq", strconv.FormatUint(uint64(seq), 10)+" "+string(method))
	return req
}

// bye sends a BYE. Nobody waits for the answer, but a proxy may ask for the password first.
func (k *call) bye(c *core) {
	k.byeWith(c, "", "", func(res *sip.Response, from hop, _ signaling.Cause) {
		if res == nil || res.StatusCode != 401 && res.StatusCode != 407 {
			return
		}
		if name, value, ok := k.credentials(c, res, from, "BYE"); ok {
			k.byeWith(c, name, value, func(*sip.Response, hop, signaling.Cause) {})
		}
	})
}

func (k *call) byeWith(c *core, name, value string, done func(*sip.Response, hop, signaling.Cause)) {
	k.localSeq++
	req := k.request(sip.BYE, k.localSeq)
	if name != "" {
		add(req, name, value)
	}
	req.SetBody(nil)
	c.send(req, k.hop, done)
}

// contact is the header by which the peer finds back.
func (c *core) contact(k *account, to hop) string {
	user, host := c.name, hostPort(c.local(to))
	if k != nil {
		user = k.user
		if k.seenAs.IsValid() {
			host = hostPort(k.seenAs)
		}
	}
	uri := "sip:" + user + "@" + host
	if to.proto != udp {
		uri += ";transport=" + to.proto.param()
	}
	return "<" + uri + ">"
}

// nameAddr is an address of record with a display name.
func nameAddr(name, uri string) string {
	if name == "" {
		return "<" + uri + ">"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(name, 64)) + `" <` + uri + ">"
}

func (c *core) hangup(id signaling.CallID, cause signaling.Cause) {
	if k := c.calls[id]; k != nil {
		k.hangup(c, cause)
	}
}

// stop ends everything: each peer is told once.
func (c *core) stop(now time.Time) {
	c.now = now
	for _, k := range c.calls {
		if k.state == closing {
			continue
		}
		if k.state == accepted {
			k.bye(c)
		}
		k.hangup(c, signaling.Stopped)
		k.end(c, signaling.Stopped)
	}
	for _, a := range c.accounts {
		a.leave(c)
	}
}
