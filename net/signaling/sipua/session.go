package sipua

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// Session timers (RFC 4028) end a call whose peer, or whose server, is gone without a word.
const (
	sessionExpires = 30 * time.Minute
	minSession     = 90 * time.Second // RFC 4028, Section 4
)

// session is the timer of one call; the zero value is none.
type session struct {
	interval time.Duration
	least    time.Duration // what the peer wants at least
	ours     bool          // we refresh
	refresh  time.Time
	expire   time.Time
	update   bool // the peer takes UPDATE
}

// offer asks for a session timer.
func (s *session) offer(req *sip.Request) {
	interval := s.interval
	if interval == 0 {
		interval = max(sessionExpires, s.least)
	}
	value := seconds(interval)
	if s.interval != 0 {
		value += ";refresher=uac"
		if !s.ours {
			value = seconds(interval) + ";refresher=uas"
		}
	}
	add(req, "Session-Expires", value)
	add(req, "Min-SE", seconds(max(minSession, s.least)))
}

// lengthen takes a 422 Session Interval Too Small, once. RFC 4028, Section 7.4.
func (s *session) lengthen(res *sip.Response) bool {
	n, err := strconv.ParseUint(header(res, "Min-SE"), 10, 31)
	least := time.Duration(n) * time.Second
	if err != nil || s.least != 0 || least <= sessionExpires || least > 24*time.Hour {
		return false
	}
	s.least = least
	return true
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// parseExpires reads a Session-Expires header; 0 for none or one that is out of order.
func parseExpires(m sip.Message) (interval time.Duration, refresher string) {
	v := header(m, "Session-Expires")
	if v == "" {
		v = header(m, "x") // RFC 4028, Section 4: the compact form
	}
	number, params, _ := strings.Cut(v, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	if err != nil || time.Duration(n)*time.Second < minSession {
		return 0, ""
	}
	for p := range strings.SplitSeq(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "refresher") {
			refresher = strings.ToLower(v)
		}
	}
	return time.Duration(n) * time.Second, refresher
}

// answer agrees to the session timer of a request; the peer refreshes unless it wants us to.
func (s *session) answer(c *core, req *sip.Request, res *sip.Response) {
	interval, refresher := parseExpires(req)
	if interval == 0 || !slices.Contains(options(req, "Supported"), "timer") {
		*s = session{}
		return
	}
	if refresher == "" {
		refresher = "uac"
	}
	add(res, "Session-Expires", seconds(interval)+";refresher="+refresher)
	add(res, "Require", "timer")
	s.start(c, interval, refresher == "uas", takesUpdate(req))
}

// agreed takes what the peer answered to our request.
func (s *session) agreed(c *core, res *sip.Response) {
	interval, refresher := parseExpires(res)
	if interval == 0 {
		*s = session{}
		return
	}
	s.start(c, interval, refresher != "uas", takesUpdate(res) || s.update)
}

func takesUpdate(m sip.Message) bool { return slices.Contains(options(m, "Allow"), "update") }

func (s *session) start(c *core, interval time.Duration, ours, update bool) {
	*s = session{interval: interval, ours: ours, update: update}
	if ours {
		s.refresh = c.now.Add(interval / 2)
	}
	// RFC 4028, Section 10: "the minimum of 32 seconds and one third of the session interval" before it expires.
	s.expire = c.now.Add(interval - min(32*time.Second, interval/3))
}

func (s *session) next() time.Time { return earliest(s.refresh, s.expire) }

// tickSession refreshes the session, or ends a call that nobody refreshed.
func (k *call) tickSession(c *core) {
	if k.state != up {
		return
	}
	if due(k.session.expire, c.now) {
		k.bye(c)
		k.end(c, signaling.SessionExpired)
		return
	}
	if !due(k.session.refresh, c.now) {
		return
	}
	k.session.refresh = time.Time{}
	if !k.session.update {
		same := k.local
		same.Direction = k.policy
		k.change.want = &same
		k.startChange(c)
		return
	}
	k.localSeq++
	req := k.request(sip.UPDATE, k.localSeq)
	add(req, "Contact", c.contact(k.account, k.hop))
	add(req, "Supported", supported)
	k.session.offer(req)
	req.SetBody(nil)
	c.send(req, k.hop, func(res *sip.Response, _ hop, cause signaling.Cause) {
		switch {
		case k.state != up:
		case res == nil || res.StatusCode == 481 || res.StatusCode == 408:
			k.bye(c)
			k.end(c, signaling.SessionExpired)
		case res.StatusCode >= 200 && res.StatusCode < 300:
			k.session.agreed(c, res)
		}
	})
}
