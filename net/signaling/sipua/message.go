package sipua

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

const (
	branchCookie = "z9hG4bK" // RFC 3261, Section 8.1.1.7
	allow        = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, NOTIFY"
	product      = "sotto"
	sdpType      = "application/sdp"
)

// token is 128 random bits: tags, branches and Call-IDs are what keeps strangers out of a dialog.
func token(r io.Reader) string {
	var b [16]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		rand.Read(b[:]) // never fails
	}
	return hex.EncodeToString(b[:])
}

// message is one request or response that came in.
type message struct {
	req  *sip.Request  // one of the two
	res  *sip.Response // is nil
	from hop
}

// tagOf is the tag of a From or To header, empty for none.
func tagOf(p sip.HeaderParams) string {
	v, _ := p.Get("tag")
	return v
}

// branchOf is the branch of the top Via header.
func branchOf(m sip.Message) string {
	if v := m.Via(); v != nil {
		b, _ := v.Params.Get("branch")
		return b
	}
	return ""
}

func callIDOf(m sip.Message) string {
	if h := m.CallID(); h != nil {
		return string(*h)
	}
	return ""
}

// header is the value of a header that sipgo does not know, empty for none.
func header(m sip.Message, name string) string {
	for _, h := range m.GetHeaders(name) {
		return strings.TrimSpace(h.Value())
	}
	return ""
}

// options are the tags of a header such as Require.
func options(m sip.Message, name string) (tags []string) {
	for _, h := range m.GetHeaders(name) {
		for s := range strings.SplitSeq(h.Value(), ",") {
			if s = strings.ToLower(strings.TrimSpace(s)); s != "" {
				tags = append(tags, s)
			}
		}
	}
	return tags
}

// values are all the values of a header.
func values(m sip.Message, name string) (v []string) {
	for _, h := range m.GetHeaders(name) {
		v = append(v, h.Value())
	}
	return v
}

// add appends a header.
func add(m sip.Message, name, value string) { m.AppendHeader(sip.NewHeader(name, value)) }

// reply builds a response to a request. RFC 3261, Section 8.2.6. toTag is added where the request has none; 100 has none.
func reply(m message, code int, reason, toTag string) *sip.Response {
	req := m.req
	res := sip.NewResponse(code, reason)
	for _, h := range req.GetHeaders("Via") {
		add(res, "Via", h.Value())
	}
	if code > 100 && code < 300 {
		for _, h := range req.GetHeaders("Record-Route") {
			add(res, "Record-Route", h.Value())
		}
	}
	add(res, "From", req.From().Value())
	to := req.To().Value()
	if tagOf(req.To().Params) == "" && code > 100 && toTag != "" {
		to += ";tag=" + toTag
	}
	add(res, "To", to)
	add(res, "Call-ID", callIDOf(req))
	add(res, "CSeq", req.CSeq().Value())
	return res
}

// noteSource notes in the top Via where a request came from, so that the answer finds back. RFC 3261, Section 18.2.1: "If
// the host portion of the "sent-by" parameter contains a domain name, or if it contains an IP address that differs from
// the packet source address, the server MUST add a "received" parameter". RFC 3581, Section 4: rport.
func noteSource(req *sip.Request, from hop) {
	via := req.Via()
	ip := from.addr.Addr().String()
	if _, ok := via.Params.Get("rport"); ok {
		via.Params.Add("rport", strconv.Itoa(int(from.addr.Port())))
		via.Params.Add("received", ip)
	} else if strings.Trim(via.Host, "[]") != ip {
		via.Params.Add("received", ip)
	}
}

// answerHop is where a response goes. RFC 3261, Section 18.2.2, without maddr: an answer goes to nobody but the one who
// asked.
func answerHop(req *sip.Request, from hop) hop {
	if from.proto.reliable() {
		return from
	}
	via := req.Via()
	if _, ok := via.Params.Get("rport"); !ok {
		port := uint16(via.Port)
		if via.Port <= 0 || via.Port > 65535 {
			port = from.proto.defaultPort()
		}
		from.addr = addrPort(from.addr.Addr(), port)
	}
	return from
}

// party is what a peer calls itself, fit to be shown.
func party(name string, uri *sip.Uri) signaling.Party {
	return signaling.Party{Name: printable(name, 64), URI: printable(uri.String(), maxURI)}
}

// printable cuts out what could play tricks on a screen.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		// Control characters, and those that change the direction of writing or cannot be seen.
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e ||
			r >= 0x2060 && r <= 0x206f || r == 0xfeff || r == 0xfffd {
			return -1
		}
		return r
	}, s)
	for len(s) > limit {
		cut := limit
		for cut > 0 && s[cut]&0xc0 == 0x80 {
			cut--
		}
		s = s[:cut]
	}
	return strings.TrimSpace(s)
}
