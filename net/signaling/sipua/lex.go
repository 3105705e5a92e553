package sipua

import (
	"net/netip"
	"strconv"
	"strings"
)

// The lexical part of RFC 3261, Section 25.1, as far as the headers need it that decide something. Each function takes a
// header value without folds and returns it in one spelling, which sipgo reads without guessing.

// isToken: token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenChar(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-.!%*_+`'~", c) >= 0
}

func trim(s string) string { return strings.Trim(s, " \t") }

// quoted measures the quoted-string at the beginning of s, 0 when there is none or it does not end.
func quoted(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// split cuts a value at a separator, outside quotes and angle brackets. ok is false when one of those does not end.
func split(s string, sep byte) (parts []string, ok bool) {
	begin, angle := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"' && !angle:
			n := quoted(s[i:])
			if n == 0 {
				return nil, false
			}
			i += n - 1
		case s[i] == '<':
			if angle {
				return nil, false
			}
			angle = true
		case s[i] == '>':
			if !angle {
				return nil, false
			}
			angle = false
		case s[i] == sep && !angle:
			parts = append(parts, s[begin:i])
			begin = i + 1
		}
	}
	return append(parts, s[begin:]), !angle
}

// params reads ";name=value;name" and writes it without white space and with small names.
func params(s string) (string, bool) {
	if trim(s) == "" {
		return "", true
	}
	parts, ok := split(s, ';')
	if !ok || trim(parts[0]) != "" || len(parts) > maxParams {
		return "", false
	}
	var b strings.Builder
	for _, p := range parts[1:] {
		name, value, has := strings.Cut(p, "=")
		name, value = strings.ToLower(trim(name)), trim(value)
		if !isToken(name) || has && !paramValue(value) {
			return "", false
		}
		b.WriteString(";" + name)
		if has {
			b.WriteString("=" + value)
		}
	}
	return b.String(), true
}

const maxParams = 32

// paramValue: gen-value = token / host / quoted-string, and what URIs and tags in the field add to it.
func paramValue(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == '"' {
		return quoted(s) == len(s)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == ',' || s[i] == ';' || s[i] == '"' || s[i] == '<' || s[i] == '>' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// nameAddress reads name-addr or addr-spec with parameters and writes it as `"name" <uri>;params`.
func nameAddress(s string) (string, bool) {
	s = trim(s)
	display, rest := "", s
	if n := quoted(s); n > 0 {
		display, rest = withoutControls(s[:n]), trim(s[n:])
		if !strings.HasPrefix(rest, "<") {
			return "", false
		}
	} else if i := strings.IndexByte(s, '<'); i > 0 {
		// display-name = *(token LWS) / quoted-string
		for word := range strings.FieldsSeq(s[:i]) {
			if !isToken(word) {
				return "", false
			}
		}
		display, rest = `"`+strings.Join(strings.Fields(s[:i]), " ")+`"`, s[i:]
	}
	var uri, tail string
	if strings.HasPrefix(rest, "<") {
		i := strings.IndexByte(rest, '>')
		if i < 0 {
			return "", false
		}
		uri, tail = rest[1:i], rest[i+1:]
	} else {
		// RFC 3261, Section 20.10: a URI with comma, question mark or semicolon must be in angle brackets, so the
		// first semicolon begins the header's own parameters.
		uri = rest
		if i := strings.IndexByte(rest, ';'); i >= 0 {
			uri, tail = trim(rest[:i]), rest[i:]
		}
		if strings.ContainsAny(uri, ",?") {
			return "", false
		}
	}
	tail, ok := params(tail)
	if !ok || !uriOK(uri) {
		return "", false
	}
	if display != "" {
		display += " "
	}
	return display + "<" + uri + ">" + tail, true
}

// withoutControls takes out the control characters that a quoted-string may escape.
func withoutControls(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] < ' ' || s[i+1] == 0x7f) {
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// uriOK checks a URI of any scheme, and those of SIP more closely.
func uriOK(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || len(s) > maxHeader || !visible(s) || strings.ContainsAny(s, "<>\"") {
		return false
	}
	for i := range len(scheme) {
		c := scheme[i] | 0x20
		if (c < 'a' || c > 'z') && (i == 0 || (scheme[i] < '0' || scheme[i] > '9') && strings.IndexByte("+-.", scheme[i]) < 0) {
			return false
		}
	}
	if scheme == "" {
		return false
	}
	if !isSIP(s) {
		return true
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if i := strings.IndexAny(rest, ";?"); i >= 0 {
		rest = rest[:i]
	}
	_, ok = hostAndPort(rest)
	return ok
}

func isSIP(uri string) bool {
	scheme, _, _ := strings.Cut(uri, ":")
	return strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")
}

// hostAndPort reads "host", "host:port", "[v6]" or "[v6]:port" and writes it without white space.
func hostAndPort(s string) (string, bool) {
	s = trim(s)
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 {
			return "", false
		}
		// RFC 5118, Section 4.10: the grammar of RFC 3261 lets a third colon stand before an IPv4 part; "an
		// implementation must tolerate both of the above constructs".
		v6 := s[1:i]
		if strings.Contains(v6, ".") {
			v6 = strings.Replace(v6, ":::", "::", 1)
		}
		if a, err := netip.ParseAddr(v6); err != nil || !a.Is6() || a.Zone() != "" {
			return "", false
		}
		host, port = s[:i+1], trim(s[i+1:])
		if port != "" && port[0] != ':' {
			return "", false
		}
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, port = trim(s[:i]), s[i:]
		}
		if strings.Contains(host, ":") || !hostOK(host) {
			return "", false
		}
	}
	if port == "" {
		return host, true
	}
	n, err := strconv.ParseUint(trim(port[1:]), 10, 16)
	if err != nil {
		return "", false
	}
	return host + ":" + strconv.FormatUint(n, 10), true
}

// via reads one value of a Via header: sent-protocol LWS sent-by params.
func via(s string) (string, bool) {
	name, rest, ok := strings.Cut(s, "/")
	version, rest, ok2 := strings.Cut(rest, "/")
	rest = trim(rest)
	i := strings.IndexAny(rest, " \t")
	if !ok || !ok2 || i < 0 || !strings.EqualFold(trim(name), "SIP") || trim(version) != "2.0" || !isToken(rest[:i]) {
		return "", false
	}
	transport, rest := rest[:i], rest[i:]
	tail := ""
	if i := strings.IndexByte(rest, ';'); i >= 0 {
		rest, tail = rest[:i], rest[i:]
	}
	by, ok := hostAndPort(rest)
	if !ok {
		return "", false
	}
	tail, ok = params(tail)
	return "SIP/2.0/" + strings.ToUpper(transport) + " " + by + tail, ok
}

// number reads digits, no more than limit.
func number(s string, limit uint64) (string, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > limit || s[0] == '+' {
		return "", false
	}
	return strconv.FormatUint(n, 10), true
}

// cseq reads a CSeq: digits LWS method.
func cseq(s string) (string, bool) {
	digits, method, ok := strings.Cut(strings.ReplaceAll(s, "\t", " "), " ")
	method = trim(method)
	n, ok2 := number(digits, 1<<31-1) // RFC 3261, Section 8.1.1.5: "MUST be less than 2**31"
	if !ok || !ok2 || !isToken(method) {
		return "", false
	}
	return n + " " + method, true
}

// callID: word [ "@" word ]
func callIDValue(s string) (string, bool) {
	return s, s != "" && len(s) <= maxURI && visible(s)
}
