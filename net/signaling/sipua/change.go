package sipua

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// change is a wish of ours that waits for its turn in a running call.
type change struct {
	bye    bool // hang up as soon as the peer's ACK has come
	cancel bool // withdraw our INVITE as soon as the peer is known to have it
	want   *signaling.Description
	at     time.Time             // when to begin
	busy   bool                  // our re-INVITE runs
	sent   signaling.Description // in it
	theirs restart               // of the peer, that waits for our candidates
}

// update changes a running call: hold (the direction) or another address or other candidates.
func (c *core) update(id signaling.CallID, d signaling.Description) {
	k := c.calls[id]
	if k == nil || k.state != up {
		return
	}
	k.change.want = &d
	k.change.at = c.now
	k.startChange(c)
}

// startChange sends a re-INVITE if nothing else is under way; RFC 3261, Section 14.1: one at a time.
func (k *call) startChange(c *core) {
	k.change.at = time.Time{}
	if k.state != up || k.change.want == nil || k.change.busy {
		return
	}
	if k.unregistered() || !k.maySay(c) {
		k.change.at = c.now.Add(registerWait)
		return
	}
	if !k.resend.IsZero() || k.change.theirs.server != nil { // theirs is not acknowledged yet
		k.change.at = c.now.Add(t1)
		return
	}
	// The payload types and the number of lines stay: RFC 3264, Section 8.
	d := k.local
	d.RTP, d.RTCP, d.ICE, d.Direction = k.change.want.RTP, k.change.want.RTCP, k.change.want.ICE, k.change.want.Direction
	d.Version++
	k.policy = d.Direction
	k.change.want = nil
	body := k.wire(d)
	if body == nil {
		return
	}
	k.change.busy, k.change.sent = true, d
	k.localSeq++
	req := k.request(sip.INVITE, k.localSeq)
	add(req, "Contact", c.contact(k.account, k.hop))
	add(req, "Allow", c.allow())
	add(req, "Supported", supported)
	k.session.offer(req)
	setSDP(req, body)
	k.client = c.send(req, k.hop, func(res *sip.Response, _ hop, cause signaling.Cause) { k.changeAnswer(c, d, res, cause) })
}

// changeAnswer takes the response to our re-INVITE.
func (k *call) changeAnswer(c *core, d signaling.Description, res *sip.Response, cause signaling.Cause) {
	if res != nil && res.StatusCode < 200 {
		return
	}
	first := k.change.busy
	k.change.busy = false
	switch {
	case res == nil:
		if k.state == up {
			k.bye(c)
			k.end(c, signaling.SessionExpired)
		}
	case res.StatusCode < 300:
		if !first {
			c.emit(k.hop, k.ack)
			return
		}
		k.acknowledge(c, res.CSeq().SeqNo)
		k.session.agreed(c, res)
		if answer, err := k.readChange(res.Body()); err == nil && k.compatible(answer) {
			k.local = d
			k.moveTo(c, answer)
		}
	case res.StatusCode == 491 && k.state == up:
		// RFC 3261, Section 14.1: who made the Call-ID waits 2.1 to 4 s, the other up to 2 s.
		if again := d; k.change.want == nil {
			k.change.want = &again
		}
		wait := time.Duration(rand.IntN(200)) * 10 * time.Millisecond
		if k.caller {
			wait = 2100*time.Millisecond + time.Duration(rand.IntN(190))*10*time.Millisecond
		}
		k.change.at = c.now.Add(wait)
	case res.StatusCode == 481 || res.StatusCode == 408:
		// RFC 3261, Section 12.2.1.2: the peer does not know the dialog any more.
		k.end(c, signaling.SessionExpired)
	}
	if first && k.change.want != nil && k.change.at.IsZero() { // one more wish came meanwhile
		k.change.at = c.now
	}
}

// changeIn takes a re-INVITE or an UPDATE. Whatever it says, it cannot change the codec, the profile or the keys: the
// answer is ours as it was, or 488 and the call goes on.
func (k *call) changeIn(c *core, m message) {
	// RFC 3261, Section 14.2: a re-INVITE while ours is under way. When our 200 to the one before has waited for long enough, its
	// ACK was lost, or the network between, and a new one is taken.
	if k.change.busy || k.change.theirs.server != nil || !k.resend.IsZero() && k.interval < 4*t1 {
		k.reply(c, m, 491, "Request Pending", nil)
		return
	}
	if bad := unsupported(m.req); len(bad) > 0 {
		c.badExtension(m, bad)
		return
	}
	if len(m.req.Body()) == 0 {
		k.refresh(c, m)
		return
	}
	offer, err := k.readChange(m.req.Body())
	if !isSDP(m.req) || err != nil || !k.compatible(offer) {
		k.reply(c, m, 488, "Not Acceptable Here", nil)
		return
	}
	if k.local.ICE != nil && k.remote.ICE != nil && newICE(k.remote.ICE, offer.ICE) {
		k.restartIn(c, m, offer)
		return
	}
	d := k.local
	d.Direction = k.policy
	d = d.AnswerTo(offer)
	if !bytes.Equal(k.wire(d), k.wire(k.local)) {
		d.Version++
	}
	k.follow(c, m)
	k.accept2xx(c, m, k.wire(d))
	k.local = d
	k.moveTo(c, offer)
}

// compatible reports whether an offer leaves the call what it is.
func (k *call) compatible(offer signaling.Description) bool {
	return offer.PayloadType == k.remote.PayloadType && (len(offer.Hashes) == 0 || slices.Equal(offer.Hashes, k.remote.Hashes))
}

// refresh answers a request without an offer: an UPDATE asks nothing, an INVITE asks for our offer.
func (k *call) refresh(c *core, m message) {
	k.follow(c, m)
	var body []byte
	if m.req.Method == sip.INVITE {
		body = k.wire(k.local)
	}
	k.accept2xx(c, m, body)
}

// accept2xx answers 200, and for an INVITE repeats it until the ACK.
func (k *call) accept2xx(c *core, m message, body []byte) {
	fill := func(r *sip.Response) {
		k.answerHeaders(c, r)
		add(r, "Supported", supported)
		k.session.answer(c, m.req, r)
		if body != nil {
			setSDP(r, body)
		}
	}
	if m.req.Method != sip.INVITE {
		k.reply(c, m, 200, "OK", fill)
		return
	}
	s := c.accept(m)
	if s == nil {
		return
	}
	s.tag = k.localTag
	k.server = s
	k.inviteSeq = m.req.CSeq().SeqNo
	s.respond(c, 200, "OK", fill)
	k.awaitACK(c)
}

// lateAnswer takes the answer that an ACK may carry.
func (k *call) lateAnswer(c *core, m message) {
	if len(m.req.Body()) == 0 || !isSDP(m.req) {
		return
	}
	if answer, err := k.readChange(m.req.Body()); err == nil && k.compatible(answer) {
		k.moveTo(c, answer)
	}
}

// moveTo notes what the peer said anew and tells the phone what matters.
func (k *call) moveTo(c *core, d signaling.Description) {
	before := k.remote
	k.note(c, d)
	moved := d.RTP != before.RTP || d.RTCP != before.RTCP || newICE(before.ICE, d.ICE)
	if moved && !d.RTP.Addr().IsUnspecified() && len(c.events) < maxPending {
		c.tell(signaling.Moved{Call: k.id, Remote: k.remote})
	}
}

// note remembers what the peer said anew, and tells the phone of a hold.
func (k *call) note(c *core, d signaling.Description) {
	if len(d.Hashes) == 0 {
		d.Hashes = k.remote.Hashes // a hash that was said cannot be taken back
	}
	k.remote = d
	if hold := d.Direction.Hold(); hold != k.held {
		k.held = hold
		c.tell(signaling.Held{Call: k.id, Hold: hold})
	}
}

// newICE reports an ICE restart. RFC 8445, Section 2.4: new user fragment and password.
func newICE(before, now *signaling.ICE) bool {
	return now != nil && (before == nil || before.Ufrag != now.Ufrag || before.Pwd != now.Pwd)
}

func wire(d signaling.Description) []byte {
	b, err := d.Marshal()
	if err != nil {
		return nil
	}
	return b
}
