package sipua

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Of this implementation.
const (
	maxHeaders = 128  // lines
	maxHeader  = 4096 // bytes of one value
)

// fault is why a message is not taken. code is the answer to give, 0 for none.
type fault struct {
	code   int
	reason string
	echo   []string // the headers of the request that the answer repeats, when they could be read
}

var silent = &fault{}

// spelling is how a header is written and read. Headers without an entry mean nothing to us and are dropped.
type spelling struct {
	name string
	list bool                        // values may be separated by commas
	read func(string) (string, bool) // nil: taken as it is
}

var spellings = map[string]spelling{
	"via": {"Via", true, via}, "v": {"Via", true, via},
	"from": {"From", false, nameAddress}, "f": {"From", false, nameAddress},
	"to": {"To", false, nameAddress}, "t": {"To", false, nameAddress},
	"call-id": {"Call-ID", false, callIDValue}, "i": {"Call-ID", false, callIDValue},
	"cseq": {"CSeq", false, cseq},
	// RFC 3261, Section 20.22: 0 to 255.
	"max-forwards":       {"Max-Forwards", false, func(s string) (string, bool) { return number(s, 255) }},
	"contact":            {"Contact", true, contactValue},
	"m":                  {"Contact", true, contactValue},
	"route":              {"Route", true, routeValue},
	"record-route":       {"Record-Route", true, routeValue},
	"content-type":       {"Content-Type", false, nil},
	"c":                  {"Content-Type", false, nil},
	"content-encoding":   {"Content-Encoding", false, nil},
	"e":                  {"Content-Encoding", false, nil},
	"content-length":     {"Content-Length", false, func(s string) (string, bool) { return number(s, 1<<31) }},
	"l":                  {"Content-Length", false, func(s string) (string, bool) { return number(s, 1<<31) }},
	"require":            {"Require", false, nil},
	"supported":          {"Supported", false, nil},
	"k":                  {"Supported", false, nil},
	"allow":              {"Allow", false, nil},
	"expires":            {"Expires", false, func(s string) (string, bool) { return number(s, 1<<32-1) }},
	"min-expires":        {"Min-Expires", false, nil},
	"session-expires":    {"Session-Expires", false, nil},
	"x":                  {"Session-Expires", false, nil},
	"min-se":             {"Min-SE", false, nil},
	"www-authenticate":   {"WWW-Authenticate", false, nil},
	"proxy-authenticate": {"Proxy-Authenticate", false, nil},
	"event":              {"Event", false, nil},
	"o":                  {"Event", false, nil},
	"subscription-state": {"Subscription-State", false, nil},
	"retry-after":        {"Retry-After", false, nil},
	"date":               {"Date", false, dateValue},
}

// contactValue is "*" or an address.
func contactValue(s string) (string, bool) {
	if trim(s) == "*" {
		return "*", true
	}
	return nameAddress(s)
}

// routeValue is an address in angle brackets.
func routeValue(s string) (string, bool) {
	if !strings.Contains(s, "<") {
		return "", false
	}
	return nameAddress(s)
}

// dateValue: RFC 3261, Section 20.17: "SIP restricts the time zone in SIP-date to "GMT"".
func dateValue(s string) (string, bool) { return s, strings.HasSuffix(s, " GMT") }

// peekCallID finds the Call-ID of a datagram quickly, empty for none.
func peekCallID(raw []byte) string {
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\n')
		line := raw
		if i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		name = bytes.TrimSpace(name)
		if ok && (len(name) == 1 && name[0]|0x20 == 'i' || len(name) == 7 && bytes.EqualFold(name, []byte("call-id"))) {
			return string(bytes.TrimSpace(value))
		}
		if len(line) <= 1 {
			break // the end of the header
		}
	}
	return ""
}

// line is one header as it will be handed on.
type line struct{ name, value string }

// parse reads a whole message. A datagram is one message, whatever it says about its length; a stream was cut into
// messages before.
func parse(raw []byte, from hop) (message, *fault) {
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		head = bytes.TrimSuffix(raw, []byte("\r\n"))
		body = nil
	}
	first, rest, _ := strings.Cut(string(head), "\r\n")
	start, isRequest, f := startLine(first)
	if f == silent {
		return message{}, silent
	}
	unread, bad := rawLines(rest)
	lines, worse := readLines(unread)
	if (bad || worse) && f == nil {
		f = &fault{code: 400, reason: "Bad Request"}
	}
	if f == nil {
		f = checkLines(lines, first, isRequest)
	}
	if f == nil {
		body, f = measure(lines, body)
	}
	if f != nil {
		if !isRequest || strings.HasPrefix(first, "ACK ") {
			return message{}, silent // RFC 3261, Section 17.1.1.1: an ACK has no answer
		}
		f.echo = echoOf(unread)
		return message{}, f
	}
	return build(start, lines, body, from)
}

// startLine checks the first line and returns it in one spelling.
func startLine(s string) (start string, isRequest bool, f *fault) {
	badRequest := &fault{code: 400, reason: "Bad Request"}
	if strings.HasPrefix(s, "SIP/") {
		version, rest, _ := strings.Cut(s, " ")
		code, _, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(code)
		if version != "SIP/2.0" || len(code) != 3 || err != nil || n < 100 || n > 699 {
			return "", false, silent
		}
		return "SIP/2.0 " + code + " -", false, nil // what the peer calls it, nobody reads
	}
	method, rest, ok := strings.Cut(s, " ")
	i := strings.LastIndexByte(rest, ' ')
	if !ok || !isToken(method) || i < 0 || !strings.Contains(rest, "SIP/") {
		return "", false, silent
	}
	uri, version := rest[:i], rest[i+1:]
	if len(version) > 4 && strings.HasPrefix(strings.ToUpper(version), "SIP/") && !strings.EqualFold(version, "SIP/2.0") {
		return "", true, &fault{code: 505, reason: "Version Not Supported"}
	}
	if !strings.EqualFold(version, "SIP/2.0") || !uriOK(uri) {
		return "", true, badRequest
	}
	if !isSIP(uri) {
		return "", true, &fault{code: 416, reason: "Unsupported URI Scheme"}
	}
	if strings.Contains(uri[strings.LastIndexByte(uri, '@')+1:], "?") { // RFC 3261, Section 19.1.1, Table 1: no headers in a request line
		return "", true, badRequest
	}
	return method + " " + uri + " SIP/2.0", true, nil
}

// rawLines unfolds the header and cuts it into names and values. bad tells of lines that cannot be read.
func rawLines(s string) (lines []line, bad bool) {
	for s != "" {
		var text string
		text, s, _ = strings.Cut(s, "\r\n")
		// RFC 3261, Section 7.3.1: a line that begins with white space goes on with the one before.
		for s != "" && (s[0] == ' ' || s[0] == '\t') {
			var more string
			more, s, _ = strings.Cut(s, "\r\n")
			text += " " + trim(more)
		}
		name, value, ok := strings.Cut(text, ":")
		name, value = trim(name), trim(value)
		if !ok || !isToken(name) || len(value) > maxHeader || !printableLine(value) || len(lines) == maxHeaders {
			return lines, true
		}
		lines = append(lines, line{name, value})
	}
	return lines, false
}

// readLines reads those headers that mean something to us. bad tells of headers that are not what they must be.
func readLines(raw []line) (lines []line, bad bool) {
	for _, r := range raw {
		h, known := spellings[strings.ToLower(r.name)]
		if !known {
			continue
		}
		parts, ok := []string{r.value}, true
		if h.list {
			if parts, ok = split(r.value, ','); !ok {
				bad = true
				continue
			}
		}
		for _, p := range parts {
			p = trim(p)
			if h.read != nil {
				if p, ok = h.read(p); !ok {
					bad = true
					continue
				}
			}
			lines = append(lines, line{h.name, p})
		}
	}
	return lines, bad
}

// printableLine: no control characters but tab, and those that a backslash announces (RFC 3261, Section 25.1:
// quoted-pair), which no header of ours hands on.
func printableLine(s string) bool {
	for i := range len(s) {
		if (s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f) && (i == 0 || s[i-1] != '\\' || s[i] == '\r' || s[i] == '\n') {
			return false
		}
	}
	return true
}

// echoOf collects what an answer to a bad request repeats, as it came: the headers of RFC 3261, Section 8.2.6.2.
func echoOf(lines []line) (echo []string) {
	vias, size := 0, 0
	for _, l := range lines {
		name := spellings[strings.ToLower(l.name)].name
		switch name {
		case "Via":
			vias++
		case "From", "To", "Call-ID", "CSeq":
		default:
			continue
		}
		if size += len(l.value); size > maxHeader {
			return nil
		}
		echo = append(echo, name+": "+l.value)
	}
	if vias == 0 {
		return nil
	}
	return echo
}

// checkLines checks what the headers say together.
func checkLines(lines []line, first string, isRequest bool) *fault {
	count := map[string]int{}
	var seq string
	for _, l := range lines {
		count[l.name]++
		if count[l.name] > 1 && singles[l.name] {
			return &fault{code: 400, reason: "Repeated " + l.name}
		}
		if l.name == "CSeq" {
			seq = l.value
		}
	}
	// RFC 3261, Section 8.1.1: what every request has. Max-Forwards is missing in those of RFC 2543.
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if count[name] == 0 {
			return &fault{code: 400, reason: "Missing " + name}
		}
	}
	if isRequest {
		method, _, _ := strings.Cut(first, " ")
		if !strings.HasSuffix(seq, " "+method) { // RFC 3261, Section 8.1.1.5
			return &fault{code: 400, reason: "CSeq Method Mismatch"}
		}
	}
	return nil
}

// singles may come once. RFC 3261, Section 7.3.1.
var singles = map[string]bool{"From": true, "To": true, "Call-ID": true, "CSeq": true, "Max-Forwards": true,
	"Content-Type": true, "Content-Length": true, "Expires": true, "Session-Expires": true, "Event": true, "Date": true}

// measure cuts the body. RFC 3261, Section 18.3: over UDP, bytes beyond the Content-Length are dropped, and a body that
// is shorter is answered with 400.
func measure(lines []line, body []byte) ([]byte, *fault) {
	for _, l := range lines {
		if l.name != "Content-Length" {
			continue
		}
		n, _ := strconv.Atoi(l.value)
		if n > len(body) {
			return nil, &fault{code: 400, reason: "Body Too Short"}
		}
		return body[:n], nil
	}
	return body, nil
}

// build hands a message that is in order to sipgo.
func build(start string, lines []line, body []byte, from hop) (message, *fault) {
	var b bytes.Buffer
	b.WriteString(start + "\r\n")
	for _, l := range lines {
		if l.name != "Content-Length" {
			b.WriteString(l.name + ": " + l.value + "\r\n")
		}
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	b.Write(body)
	m, err := sip.ParseMessage(b.Bytes())
	if err != nil {
		return message{}, silent
	}
	switch m := m.(type) {
	case *sip.Request:
		if m.Via() == nil || m.From() == nil || m.To() == nil || m.CallID() == nil || m.CSeq() == nil {
			return message{}, silent
		}
		// sipgo writes methods in capitals; they are case-sensitive.
		method, _, _ := strings.Cut(start, " ")
		m.Method = sip.RequestMethod(method)
		return message{req: m, from: from}, nil
	case *sip.Response:
		if m.Via() == nil || m.From() == nil || m.To() == nil || m.CallID() == nil || m.CSeq() == nil {
			return message{}, silent
		}
		return message{res: m, from: from}, nil
	}
	return message{}, silent
}

// bytes is the answer to a bad request, nil when there is nothing to answer with.
func (f *fault) bytes() []byte {
	if f.code == 0 || len(f.echo) == 0 {
		return nil
	}
	return []byte("SIP/2.0 " + strconv.Itoa(f.code) + " " + f.reason + "\r\n" + strings.Join(f.echo, "\r\n") +
		"\r\nContent-Length: 0\r\n\r\n")
}
