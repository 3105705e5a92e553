package sipua

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Texts: MESSAGE requests (RFC 3428), outside any call.

// Of this implementation.
const (
	answerLimit    = 5 * time.Second // the phone's time to take or refuse a text
	maxTexts       = 8               // that wait for the phone at once
	textRate       = 1               // texts a second of one source
	textBurst      = 10
	allTextRate    = 5 // texts a second of all sources
	allTextBurst   = 40
	maxTextSources = 64
)

// texts is what the core keeps for them.
type texts struct {
	types   []string // content types that are taken; none: no texts at all
	next    signaling.TextID
	waiting map[signaling.TextID]*textIn
	sources map[string]*limiter
	all     limiter
}

// textIn waits for the phone.
type textIn struct {
	server *server
	until  time.Time
}

// textOut is a text of ours under way.
type textOut struct {
	id         signaling.TextID
	text       signaling.Text
	account    *account
	to         hop
	challenged bool
	dialog     // only what names sender and receiver
}

func newTexts() texts {
	return texts{waiting: map[signaling.TextID]*textIn{}, sources: map[string]*limiter{}, all: newLimiter(allTextRate, allTextBurst)}
}

// allow is the value of the Allow header.
func (c *core) allow() string {
	if len(c.texts.types) == 0 {
		return allow
	}
	return allow + ", MESSAGE"
}

// messageIn takes a MESSAGE outside any dialog.
func (c *core) messageIn(m message) {
	if s := c.servers[serverKey(m.req, sip.MESSAGE)]; s != nil {
		s.repeat(c)
		return
	}
	kind, _, _ := strings.Cut(header(m.req, "Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	account := c.accountOf(m)
	bad := unsupported(m.req)
	switch {
	case len(bad) > 0:
		c.badExtension(m, bad)
		return
	case !slices.Contains(c.texts.types, kind) || header(m.req, "Content-Encoding") != "":
		c.refuse(m, 415, "Unsupported Media Type", c.accepts)
		return
	case len(m.req.Body()) > signaling.MaxText:
		c.refuse(m, 413, "Request Entity Too Large", nil)
		return
	case len(c.texts.waiting) >= maxTexts || len(c.events) >= maxPending || !c.texts.admit(textSource(m, account), c.now):
		c.refuse(m, 480, "Temporarily Unavailable", func(r *sip.Response) { add(r, "Retry-After", "10") })
		return
	}
	s := c.accept(m)
	if s == nil {
		c.refuse(m, 480, "Temporarily Unavailable", nil)
		return
	}
	c.texts.next++
	c.texts.waiting[c.texts.next] = &textIn{s, c.now.Add(answerLimit)}
	from := m.req.From()
	e := signaling.TextReceived{Text: c.texts.next, From: party(from.DisplayName, &from.Address), ContentType: kind,
		Body: slices.Clone(m.req.Body()), Secure: m.from.proto == tlsProto}
	if account != nil {
		e.Account = account.Name
	}
	c.tell(e)
}

// accepts adds the content types that are taken. RFC 3261, Section 21.4.13: "The server MUST return a list of acceptable
// formats using the Accept, Accept-Encoding, or Accept-Language header field".
func (c *core) accepts(r *sip.Response) { add(r, "Accept", strings.Join(c.texts.types, ", ")) }

// textSource names who is limited: behind a server the caller it tells of, over the network the address.
func textSource(m message, a *account) string {
	if a != nil {
		return a.Name + " " + plainURI(&m.req.From().Address)
	}
	return sourceOf(m.from.addr.Addr())
}

// sourceOf is the address, or the network of an IPv6 one: whoever has one such address has them all.
func sourceOf(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// admit counts a text against the limit of its source and of all.
func (t *texts) admit(source string, now time.Time) bool {
	l := t.sources[source]
	if l == nil {
		if len(t.sources) >= maxTextSources {
			t.forgetRested(now)
		}
		if len(t.sources) >= maxTextSources {
			return false
		}
		fresh := newLimiter(textRate, textBurst)
		l = &fresh
		t.sources[source] = l
	}
	return l.allow(now) && t.all.allow(now)
}

// forgetRested forgets the sources that have their whole burst again: a new limiter is the same.
func (t *texts) forgetRested(now time.Time) {
	for source, l := range t.sources {
		if now.Sub(l.last) >= textBurst/textRate*time.Second {
			delete(t.sources, source)
		}
	}
}

// answerText does what the phone decided.
func (c *core) answerText(id signaling.TextID, cause signaling.Cause) {
	t := c.texts.waiting[id]
	if t == nil {
		return
	}
	delete(c.texts.waiting, id)
	if cause == signaling.NoCause {
		// RFC 3428, Section 7: "A 2xx response [...] MUST NOT contain a body", and no Contact.
		t.server.respond(c, 200, "OK", nil)
		return
	}
	code, reason := rejection(cause)
	switch cause {
	case signaling.NotAcceptable:
		t.server.respond(c, 415, "Unsupported Media Type", c.accepts)
		return
	case signaling.NotAuthorized:
		code, reason = 403, "Forbidden"
	}
	t.server.respond(c, code, reason, nil)
}

func (t *texts) deadline() (d time.Time) {
	for _, w := range t.waiting {
		d = earliest(d, w.until)
	}
	return d
}

// tickTexts answers for a phone that did not.
func (c *core) tickTexts() {
	for id, t := range c.texts.waiting {
		if due(t.until, c.now) {
			c.answerText(id, signaling.NoAnswer)
		}
	}
}

// sendText begins to send a text. All that goes wrong becomes its TextSent.
func (c *core) sendText(text signaling.Text) signaling.TextID {
	c.texts.next++
	t := &textOut{id: c.texts.next, text: text}
	t.text.Body = slices.Clone(text.Body)
	t.callID, t.localTag = token(c.rand), token(c.rand)
	if cause := t.address(c); cause != signaling.NoCause {
		t.end(c, cause, false)
	}
	return t.id
}

// address finds out whom to send to and where, and sends, or asks a name server first.
func (t *textOut) address(c *core) signaling.Cause {
	if len(t.text.Body) > signaling.MaxText || !contentTypeOK(t.text.ContentType) {
		return signaling.NotAcceptable
	}
	to := strings.TrimSpace(t.text.To)
	if t.text.Account != "" {
		a := c.accounts[t.text.Account]
		if a == nil || !a.ready() {
			return signaling.NotRegistered
		}
		target, ok := a.complete(to)
		if !ok {
			return signaling.BadAddress
		}
		t.account = a
		t.begin(c, target, a.hop)
		return signaling.NoCause
	}
	if ip, ok := dotted(to); ok {
		to = ip
	}
	target, err := parseTarget(to)
	if err != nil || c.isUs(&target) {
		return signaling.BadAddress
	}
	if h, ok := target.hop(); ok {
		t.begin(c, target, h)
		return signaling.NoCause
	}
	c.questions = append(c.questions, question{target: target, found: func(hops []hop) {
		if len(hops) == 0 {
			t.end(c, signaling.NotFound, false)
			return
		}
		t.begin(c, target, hops[0])
	}})
	return signaling.NoCause
}

// contentTypeOK reports whether a content type of ours can stand in a header.
func contentTypeOK(s string) bool {
	return strings.Contains(s, "/") && len(s) <= maxURI && printableLine(s) && !strings.ContainsRune(s, '\\')
}

func (t *textOut) begin(c *core, target target, to hop) {
	t.to = to
	t.target = target.uri
	t.remoteURI = "<" + plainURI(&target.uri) + ">"
	t.localURI = nameAddr(c.name, "sip:"+c.name+"@"+hostOnly(c.local(to)))
	if t.account != nil {
		t.localURI = nameAddr(t.account.Display, t.account.aor)
	}
	t.send(c, "", "")
}

// send sends the MESSAGE. RFC 3428, Section 4: it makes no dialog, and "MUST NOT insert Contact header fields".
func (t *textOut) send(c *core, name, credentials string) {
	t.localSeq++
	req := t.request(sip.MESSAGE, t.localSeq)
	if name != "" {
		add(req, name, credentials)
	}
	add(req, "Content-Type", t.text.ContentType)
	req.SetBody(t.text.Body)
	c.send(req, t.to, func(res *sip.Response, from hop, cause signaling.Cause) { t.answer(c, res, from, cause) })
}

// answer takes the response. The password is for the account's own server and realm, once.
func (t *textOut) answer(c *core, res *sip.Response, from hop, cause signaling.Cause) {
	switch {
	case res == nil:
		t.end(c, cause, false)
	case res.StatusCode < 200:
	case res.StatusCode < 300:
		t.end(c, signaling.NoCause, res.StatusCode == 202)
	case (res.StatusCode == 401 || res.StatusCode == 407) && t.account != nil && !t.challenged:
		t.challenged = true
		name, value, ok := t.account.credentials(c, res, from, "MESSAGE", t.target.String())
		if !ok {
			t.end(c, signaling.NotAuthorized, false)
			return
		}
		t.send(c, name, value)
	default:
		t.end(c, causeOf(res.StatusCode), false)
	}
}

func (t *textOut) end(c *core, cause signaling.Cause, stored bool) {
	c.tell(signaling.TextSent{Text: t.id, Cause: cause, Stored: stored})
}

// SendText sends a text; TextSent tells what became of it.
func (u *UA) SendText(t signaling.Text) (id signaling.TextID) {
	u.ask(func() { id = u.core.sendText(t) })
	return id
}

// AnswerText takes a text (NoCause) or refuses it: NotAcceptable for its content, NotAuthorized, Declined, Busy or NotFound
// for its sender. Without a word within 5 s it is refused as one that nobody was there for.
func (u *UA) AnswerText(id signaling.TextID, cause signaling.Cause) {
	u.ask(func() { u.core.answerText(id, cause) })
}
