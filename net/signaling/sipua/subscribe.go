package sipua

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Of this implementation.
const (
	mailboxExpires = time.Hour
	mailboxRetry   = 5 * time.Minute
)

// mailbox is the subscription (RFC 6665) of an account to its voice mailbox (RFC 3842). The zero value is none.
type mailbox struct {
	dialog
	running    bool // a SUBSCRIBE waits for its answer
	challenged bool
	contact    string    // that the server has
	next       time.Time // of the next SUBSCRIBE
}

// watchMailbox subscribes, or says our new address, after a registration.
func (a *account) watchMailbox(c *core) {
	b := &a.box
	switch {
	case !a.Mailbox || b.running:
	case b.callID == "":
		*b = mailbox{dialog: dialog{callID: token(c.rand), localTag: token(c.rand), target: a.target.uri,
			localURI: nameAddr(a.Display, a.aor), remoteURI: "<" + a.aor + ">"}}
		b.target.UriParams = nil
		a.subscribe(c, "", "")
	case b.contact != "" && b.contact != a.bound:
		a.subscribe(c, "", "")
	}
}

// subscribe sends a SUBSCRIBE: the first one, or one that keeps the subscription.
func (a *account) subscribe(c *core, name, credentials string) {
	b := &a.box
	b.running, b.next, b.hop = true, time.Time{}, a.hop
	b.challenged = name != ""
	b.localSeq++
	req := b.request(sip.SUBSCRIBE, b.localSeq)
	contact := c.contact(a, a.hop)
	add(req, "Contact", contact)
	add(req, "Event", "message-summary")
	add(req, "Accept", "application/simple-message-summary")
	add(req, "Expires", seconds(mailboxExpires))
	if name != "" {
		add(req, name, credentials)
	}
	req.SetBody(nil)
	callID := b.callID
	c.send(req, a.hop, func(res *sip.Response, from hop, cause signaling.Cause) {
		if b.callID == callID { // else it belongs to a subscription before
			a.subscribed(c, res, from, contact)
		}
	})
}

// subscribed takes the answer to a SUBSCRIBE.
func (a *account) subscribed(c *core, res *sip.Response, from hop, contact string) {
	b := &a.box
	if res != nil && res.StatusCode < 200 {
		return
	}
	b.running = false
	switch {
	case res == nil || res.StatusCode == 408 || res.StatusCode == 481 || res.StatusCode >= 500 && res.StatusCode != 501:
		a.resubscribe(c, mailboxRetry)
	case res.StatusCode < 300:
		b.remoteTag = tagOf(res.To().Params)
		if h := res.Contact(); h != nil && !h.Address.Wildcard {
			b.target = h.Address
			b.target.Headers = nil
		}
		b.routes = nil
		records := values(res, "Record-Route")
		for i := len(records) - 1; i >= 0; i-- {
			b.routes = append(b.routes, records[i])
		}
		b.contact = contact
		// RFC 6665, Section 4.1.2.1: the server may shorten the time, and not lengthen it.
		lifetime := mailboxExpires
		if n, err := strconv.ParseUint(header(res, "Expires"), 10, 31); err == nil {
			lifetime = min(max(time.Duration(n)*time.Second, minExpires), mailboxExpires)
		}
		b.next = c.now.Add(lifetime - lifetime/10)
	case (res.StatusCode == 401 || res.StatusCode == 407) && !b.challenged:
		if name, value, ok := a.credentials(c, res, from, "SUBSCRIBE", b.target.String()); ok {
			a.subscribe(c, name, value)
		}
	}
	// Anything else is a server without mailboxes: it is not asked again.
}

// resubscribe begins anew after a while.
func (a *account) resubscribe(c *core, after time.Duration) {
	a.box = mailbox{next: c.now.Add(after)}
}

// tickMailbox keeps the subscription.
func (a *account) tickMailbox(c *core) {
	if !due(a.box.next, c.now) {
		return
	}
	if a.state != registered {
		a.box.next = c.now.Add(retryMin)
		return
	}
	if a.box.callID == "" {
		a.box.next = time.Time{}
		a.watchMailbox(c)
		return
	}
	a.subscribe(c, "", "")
}

// subscriptionOf finds the account whose subscription a NOTIFY belongs to: from its own server, with our tag of 128 bits.
func (c *core) subscriptionOf(m message) *account {
	for _, a := range c.accounts {
		b := &a.box
		if b.callID == "" || b.callID != callIDOf(m.req) || tagOf(m.req.To().Params) != b.localTag || !a.through(m.from) {
			continue
		}
		if b.remoteTag == "" || b.remoteTag == tagOf(m.req.From().Params) { // RFC 6665, Section 4.1.2.4: it may overtake the 200
			return a
		}
	}
	return nil
}

// notified takes a NOTIFY of a subscription.
func (a *account) notified(c *core, m message) {
	b := &a.box
	if seq := m.req.CSeq().SeqNo; seq < b.remoteSeq {
		c.refuse(m, 500, "Server Internal Error", nil)
		return
	} else if seq > b.remoteSeq {
		a.summary(c, m)
		b.remoteSeq = seq
	}
	c.refuse(m, 200, "OK", nil)
	state, params, _ := strings.Cut(header(m.req, "Subscription-State"), ";")
	if !strings.EqualFold(strings.TrimSpace(state), "terminated") {
		return
	}
	// RFC 6665, Section 4.1.3: after "deactivated" and "timeout" at once, after "rejected" and "noresource" never, else later.
	switch params = strings.ToLower(params); {
	case strings.Contains(params, "reason=deactivated"), strings.Contains(params, "reason=timeout"):
		a.resubscribe(c, retryMin)
	case strings.Contains(params, "reason=rejected"), strings.Contains(params, "reason=noresource"):
		a.box.next, a.box.contact = time.Time{}, ""
	default:
		a.resubscribe(c, mailboxRetry)
	}
}
