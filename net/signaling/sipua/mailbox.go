package sipua

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// notifyIn takes a NOTIFY outside a call: the message summary (RFC 3842) of an account's own server, and nothing else.
func (c *core) notifyIn(m message) {
	a := c.accountOf(m)
	event, _, _ := strings.Cut(header(m.req, "Event"), ";")
	if a == nil || !strings.EqualFold(trim(event), "message-summary") {
		c.refuse(m, 489, "Bad Event", func(r *sip.Response) { add(r, "Allow-Events", "message-summary") })
		return
	}
	c.refuse(m, 200, "OK", nil)
	a.summary(c, m)
}

// summary tells the phone what a NOTIFY says.
func (a *account) summary(c *core, m message) {
	if e, ok := parseSummary(string(m.req.Body())); ok && len(c.events) < maxPending {
		e.Account = a.Name
		c.tell(e)
	}
}

// parseSummary reads a message summary. RFC 3842, Section 5.2.
func parseSummary(body string) (e signaling.Messages, ok bool) {
	for l := range strings.SplitSeq(body, "\n") {
		name, value, _ := strings.Cut(l, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "messages-waiting":
			e.Waiting, ok = strings.EqualFold(value, "yes"), true
		case "voice-message":
			count, _, _ := strings.Cut(value, "/")
			if n, err := strconv.ParseUint(count, 10, 16); err == nil {
				e.New = int(n)
			}
		}
	}
	return e, ok
}
