package sipua

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Of this implementation.
const (
	restartLimit = 5 * time.Second        // in which the telephone gathers candidates for an answer
	restartPause = 500 * time.Millisecond // between two restarts of a peer: each makes us ask servers
)

// restart is a re-INVITE of the peer that asks for another way for the media, and waits for our candidates. The zero value is
// none.
type restart struct {
	server *server
	offer  signaling.Description
	at     time.Time // when it has waited long enough
}

// restartIn takes an offer with another user fragment or password. It was read and compared as every change is: nothing but
// addresses can be new in it. The call goes on over the old way meanwhile, and after a refusal.
func (k *call) restartIn(c *core, m message, offer signaling.Description) {
	if m.req.Method != sip.INVITE {
		// RFC 3311, Section 5.2: an UPDATE that cannot be answered at once is refused.
		k.reply(c, m, 504, "Server Time-out", nil)
		return
	}
	if c.now.Before(k.restarted.Add(restartPause)) {
		k.reply(c, m, 491, "Request Pending", nil)
		return
	}
	if len(c.events) >= maxPending {
		k.reply(c, m, 500, "Server Internal Error", nil)
		return
	}
	s := c.accept(m)
	if s == nil {
		return
	}
	if len(offer.Hashes) == 0 {
		offer.Hashes = k.remote.Hashes
	}
	k.restarted = c.now
	s.tag = k.localTag
	s.respond(c, 100, "Trying", nil)
	k.follow(c, m)
	k.change.theirs = restart{server: s, offer: offer, at: c.now.Add(restartLimit)}
	c.tell(signaling.Restart{Call: k.id, Offer: offer})
}

// answerRestart answers it with our candidates. RFC 8839, Section 4.4.1.1.1: with a new user fragment and password, too.
func (k *call) answerRestart(c *core, d signaling.Description) {
	r := k.change.theirs
	if r.server == nil {
		return
	}
	local := k.local
	local.RTP, local.RTCP, local.ICE, local.Direction = d.RTP, d.RTCP, d.ICE, k.policy
	local = local.AnswerTo(r.offer)
	local.Version++
	body := k.wire(local)
	if d.ICE == nil || !newICE(k.local.ICE, d.ICE) || body == nil {
		k.refuseRestart(c)
		return
	}
	k.change.theirs = restart{}
	k.server = r.server
	k.inviteSeq = r.server.req.req.CSeq().SeqNo
	k.server.respond(c, 200, "OK", func(res *sip.Response) {
		k.answerHeaders(c, res)
		add(res, "Supported", supported)
		k.session.answer(c, k.server.req.req, res)
		setSDP(res, body)
	})
	k.awaitACK(c)
	k.local = local
	if w := k.change.want; w != nil { // a restart of ours that waited: this was it
		w.RTP, w.RTCP, w.ICE = d.RTP, d.RTCP, d.ICE
	}
	k.note(c, r.offer)
}

// refuseRestart leaves the call as it was.
func (k *call) refuseRestart(c *core) {
	if s := k.change.theirs.server; s != nil {
		s.respond(c, 488, "Not Acceptable Here", nil)
	}
	k.change.theirs = restart{}
}

// follow notes where the peer of a running call is now: the address of its Contact and, where it is called without any
// server, that from which its request came. Only what was said within the dialog gets here.
func (k *call) follow(c *core, m message) {
	k.retarget(m.req)
	if k.account == nil && len(k.routes) == 0 {
		k.hop = c.backTo(k, m)
	}
}
