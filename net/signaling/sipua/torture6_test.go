package sipua

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sotto/net/signaling"
)

// message6 is one of the twelve messages of RFC 5118, Section 4, in short: the request line and what differs from
// From: sip:user@example.com;tag=81x2 and Via: [2001:db8::9:1]. Content-Length is that of the body with CRLF; the RFC
// prints that of its own archive.
type message6 struct {
	name, line, to, vias, contact, body, want string
}

const via6 = "[2001:db8::9:1];branch=z9hG4bKas3-111"

var rfc5118 = []message6{
	{"ipv6-good", "REGISTER sip:[2001:db8::10]", "user@example.com", "UDP " + via6, "[2001:db8::1]", "", "405"},
	{"ipv6-bad", "REGISTER sip:2001:db8::10", "user@example.com", "UDP " + via6, "[2001:db8::1]", "", "400"},
	{"port-ambiguous", "REGISTER sip:[2001:db8::10:5070]", "user@example.com", "UDP " + via6, "[2001:db8::1]", "", "405"},
	{"port-unambiguous", "REGISTER sip:[2001:db8::10]:5070", "user@example.com", "UDP " + via6, "[2001:db8::1]", "", "405"},
	{"via-received-param-with-delim", "BYE sip:[2001:db8::10]", "user@example.com;tag=bd76ya",
		"UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111", "", "", "481"},
	{"via-received-param-no-delim", "OPTIONS sip:[2001:db8::10]", "user@example.com",
		"UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3", "[2001:db8::9:1]", "", "200"},
	{"ipv6-in-sdp", "INVITE sip:user@[2001:db8::10]", "user@[2001:db8::10]", "UDP [2001:db8::20];branch=z9hG4bKas3-111",
		"[2001:db8::20]", "v=0\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\ns=Live video feed for today's meeting\n" +
			"c=IN IP6 2001:db8::20\nt=3338481189 3370017201\nm=audio 6000 RTP/AVP 2\na=rtpmap:2 G726-32/8000\n" +
			"m=video 6024 RTP/AVP 107\na=rtpmap:107 H263-1998/90000\n", "488"},
	{"mult-ip-in-header", "BYE sip:user@host.example.net", "user@example.net;tag=9817--94",
		"UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\nUDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\n" +
			"TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200", "", "", "481"},
	{"mult-ip-in-sdp", "INVITE sip:user@[2001:db8::10]", "user@[2001:db8::10]", "UDP " + via6, "[2001:db8::9:1]",
		"v=0\no=bob 280744730 28977631 IN IP4 host.example.com\ns=\nt=0 0\nm=audio 22334 RTP/AVP 0\nc=IN IP4 192.0.2.1\n" +
			"m=video 6024 RTP/AVP 107\nc=IN IP6 2001:db8::1\na=rtpmap:107 H263-1998/90000\n", "488"},
	{"ipv4-mapped-ipv6", "INVITE sip:user@example.com", "user@example.com",
		"UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19\nUDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111", "[::ffff:192.0.2.2]",
		"v=0\no=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2\ns=Call me soon, please!\nc=IN IP6 ::ffff:192.0.2.2\n" +
			"t=3338481189 3370017201\nm=audio 6000 RTP/AVP 2\na=rtpmap:2 G726-32/8000\nm=video 6024 RTP/AVP 107\n" +
			"a=rtpmap:107 H263-1998/90000\n", "488"},
	{"ipv6-bug-abnf-3-colons", "OPTIONS sip:user@[2001:db8:::192.0.2.1]", "user@[2001:db8:::192.0.2.1]",
		"UDP lab1.east.example.com;branch=z9hG4bKas3-111", "", "", "200"},
	{"ipv6-correct-abnf-2-colons", "OPTIONS sip:user@[2001:db8::192.0.2.1]", "user@[2001:db8::192.0.2.1]",
		"UDP lab1.east.example.com;branch=z9hG4bKas3-111", "", "", "200"},
}

func (m message6) bytes() []byte {
	method, _, _ := strings.Cut(m.line, " ")
	var b strings.Builder
	b.WriteString(m.line + " SIP/2.0\nTo: sip:" + m.to + "\nFrom: sip:user@example.com;tag=81x2\n")
	for _, v := range strings.Split(m.vias, "\n") {
		b.WriteString("Via: SIP/2.0/" + v + "\n")
	}
	b.WriteString("Call-ID: SSG9559905523997077@hlau_4100\nMax-Forwards: 70\nCSeq: 98176 " + method + "\n")
	if m.contact != "" {
		b.WriteString(`Contact: "Caller" <sip:caller@` + m.contact + ">\n")
	}
	body := strings.ReplaceAll(m.body, "\n", "\r\n")
	if body != "" {
		b.WriteString("Content-Type: application/sdp\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\n\n", len(body))
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n") + body)
}

func TestRFC5118(t *testing.T) {
	if len(rfc5118) != 12 {
		t.Fatalf("%d messages", len(rfc5118))
	}
	for _, m := range rfc5118 {
		t.Run(m.name, func(t *testing.T) {
			if got := outcome(t, m.bytes()); got != m.want {
				_, f := parse(m.bytes(), stranger)
				t.Errorf("got %s, want %s (%+v)", got, m.want, f)
			}
			if m.body == "" {
				return
			}
			// Refused for its codecs, and not because it could not be read.
			if _, err := signaling.Parse([]byte(strings.ReplaceAll(m.body, "\n", "\r\n"))); !errors.Is(err, signaling.ErrNoOpus) {
				t.Errorf("the description: %v", err)
			}
		})
	}
}
