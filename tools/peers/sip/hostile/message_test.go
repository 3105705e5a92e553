//go:build interop

package hostile

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// header is one line of a message's head.
type header struct{ name, value string }

// message is a SIP message as text: who attacks wants to write what no library would.
type message struct {
	start string
	head  []header
	body  string
	claim string // of Content-Length; empty: the truth
}

// read takes a message apart; ok is false for keep-alives.
func read(text string) (m *message, ok bool) {
	head, body, ok := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	if !ok || !strings.Contains(lines[0], "SIP/2.0") {
		return nil, false
	}
	m = &message{start: lines[0], body: body}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		m.head = append(m.head, header{name, strings.TrimSpace(value)})
	}
	return m, true
}

// String is what goes over the wire.
func (m *message) String() string {
	var b strings.Builder
	b.WriteString(m.start + "\r\n")
	for _, h := range m.head {
		if h.name != "Content-Length" {
			b.WriteString(h.name + ": " + h.value + "\r\n")
		}
	}
	length := m.claim
	if length == "" {
		length = strconv.Itoa(len(m.body))
	}
	return b.String() + "Content-Length: " + length + "\r\n\r\n" + m.body
}

func (m *message) copy() *message {
	c := *m
	c.head = slices.Clone(m.head)
	return &c
}

// get is the first header of a name.
func (m *message) get(name string) string {
	for _, h := range m.head {
		if h.name == name {
			return h.value
		}
	}
	return ""
}

func (m *message) set(name, value string) {
	for i := range m.head {
		if m.head[i].name == name {
			m.head[i].value = value
			return
		}
	}
	m.head = append(m.head, header{name, value})
}

// push puts a header on top of the others of its name.
func (m *message) push(name, value string) {
	m.head = slices.Insert(m.head, 0, header{name, value})
}

// pop takes the topmost header of a name away.
func (m *message) pop(name string) {
	if i := slices.IndexFunc(m.head, func(h header) bool { return h.name == name }); i >= 0 {
		m.head = slices.Delete(m.head, i, i+1)
	}
}

func (m *message) request() bool { return !strings.HasPrefix(m.start, "SIP/2.0 ") }

// code is the status of a response, 0 of a request.
func (m *message) code() int {
	text, _ := strings.CutPrefix(m.start, "SIP/2.0 ")
	n, _ := strconv.Atoi(text[:min(3, len(text))])
	return n
}

// cseq is the number and the method of a message or of what it answers.
func (m *message) cseq() (number int, method string) {
	digits, method, _ := strings.Cut(m.get("CSeq"), " ")
	number, _ = strconv.Atoi(digits)
	return number, method
}

// is tells whether a message is that request, or the response with that status to it.
func (m *message) is(method string, code int) bool {
	_, of := m.cseq()
	return of == method && m.code() == code
}

func (m *message) branch() string { return parameter(m.get("Via"), "branch") }

// parameter is that of a header's value.
func parameter(value, name string) string {
	_, value, _ = strings.Cut(value, ";"+name+"=")
	value, _, _ = strings.Cut(value, ";")
	return value
}

// uri is what stands between the angle brackets.
func uri(value string) string {
	_, value, _ = strings.Cut(value, "<")
	value, _, _ = strings.Cut(value, ">")
	return value
}

// withoutTag is a From or To as a dialog begins with it.
func withoutTag(value string) string {
	value, _, _ = strings.Cut(value, ";tag=")
	return value
}

// What can be done to a session description. Each returns it changed.
type edit func(sdp string) string

func replace(old, with string) edit {
	return func(s string) string { return strings.ReplaceAll(s, old, with) }
}

// lines adds attributes to the media line.
func lines(more ...string) edit {
	return func(s string) string { return s + strings.Join(more, "\r\n") + "\r\n" }
}

func both(a, b edit) edit { return func(s string) string { return b(a(s)) } }

// put replaces what matches.
func put(pattern, with string) edit {
	re := regexp.MustCompile(pattern)
	return func(s string) string { return re.ReplaceAllString(s, with) }
}

var (
	place    = regexp.MustCompile(`c=IN IP4 (\S+)`)
	door     = regexp.MustCompile(`m=audio (\d+)`)
	noHash   = put(`a=zrtp-hash:[^\r]*\r\n`, "")
	lieHash  = put(`(a=zrtp-hash:1.10 )[0-9a-f]{8}`, "${1}00c0ffee")
	sdes     = both(replace("RTP/AVP", "RTP/SAVP"), lines("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"))
	besides  = lines("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz")
	dtls     = both(replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"), lines("a=setup:actpass", "a=fingerprint:sha-256 "+strings.Repeat("AB:", 31)+"AB"))
	pcmu     = both(put(`(m=audio \d+ RTP/AVP) [^\r]*`, "$1 0"), put(`a=(rtpmap|fmtp):[^\r]*\r\n`, ""))
	otherPT  = put(`\b96\b`, "110")
	closed   = put(`m=audio \d+`, "m=audio 0")
	noAudio  = replace("m=audio", "m=video")
	hostName = put(`IN IP4 127\S+`, "IN IP4 tracker.example")
	garbage  = func(string) string { return "v=0\r\nthis is no description\r\n" }
	empty    = func(string) string { return "" }
)

// direction says who may send.
func direction(word string) edit { return replace("a=sendrecv", "a="+word) }

// home is where a description wants its media.
func home(sdp string) netip.AddrPort {
	a, p := place.FindStringSubmatch(sdp), door.FindStringSubmatch(sdp)
	if a == nil || p == nil {
		return netip.AddrPort{}
	}
	at, err := netip.ParseAddrPort(a[1] + ":" + p[1])
	if err != nil {
		return netip.AddrPort{}
	}
	return at
}

// movedTo wants the media somewhere else.
func movedTo(at netip.AddrPort) edit {
	return both(put(place.String(), "c=IN IP4 "+at.Addr().String()), put(door.String(), fmt.Sprintf("m=audio %d", at.Port())))
}
