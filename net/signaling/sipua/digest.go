package sipua

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// challenge is what a server asks for (RFC 8760, RFC 7616).
type challenge struct {
	proxy                 bool // of a 407
	realm, nonce, opaque  string
	algorithm             string // as the server spells it, empty for MD5 by default
	qop, stale, hasOpaque bool
	count                 uint32 // how often the nonce was used
}

// digests by strength. MD5 is weak, but it is all that most servers offer; the password is protected by TLS there.
var digests = map[string]struct {
	strength int
	new      func() hash.Hash
}{
	"":        {1, md5.New},
	"md5":     {1, md5.New},
	"sha-256": {2, sha256.New},
}

// challengeFor picks the strongest challenge of a 401 or 407 that is for a realm; nil for none. A challenge for another
// realm is never answered: it asks for a password that is not meant for it.
func challengeFor(res *sip.Response, realm string) (best *challenge) {
	name := "WWW-Authenticate"
	if res.StatusCode == 407 {
		name = "Proxy-Authenticate"
	}
	strength := 0
	for _, v := range values(res, name) {
		ch := parseChallenge(v)
		if ch == nil || ch.realm != realm {
			continue
		}
		if d, ok := digests[strings.ToLower(ch.algorithm)]; ok && d.strength > strength {
			strength, best = d.strength, ch
			best.proxy = res.StatusCode == 407
		}
	}
	return best
}

// parseChallenge reads one header; nil when it is not a Digest that we can answer.
func parseChallenge(v string) *challenge {
	scheme, rest, _ := strings.Cut(trim(v), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil
	}
	parts, ok := split(rest, ',')
	if !ok {
		return nil
	}
	ch := &challenge{}
	qop := false
	for _, p := range parts {
		k, v, _ := strings.Cut(p, "=")
		v = unquote(trim(v))
		switch strings.ToLower(trim(k)) {
		case "realm":
			ch.realm = v
		case "nonce":
			ch.nonce = v
		case "opaque":
			ch.opaque, ch.hasOpaque = v, true
		case "algorithm":
			ch.algorithm = v
		case "stale":
			ch.stale = strings.EqualFold(v, "true")
		case "qop":
			qop = true
			for o := range strings.SplitSeq(v, ",") {
				ch.qop = ch.qop || strings.EqualFold(trim(o), "auth")
			}
		}
	}
	if ch.nonce == "" || qop && !ch.qop || !isToken(ch.algorithm) && ch.algorithm != "" {
		return nil
	}
	return ch
}

// unquote takes off the quotes and leaves escapes as they are: they are repeated and hashed as they came.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && quoted(s) == len(s) {
		return s[1 : len(s)-1]
	}
	return s
}

// response is the digest itself. RFC 7616, Section 3.4.1; without nc it is that of RFC 2069.
func (ch *challenge) response(method, uri, user, password, nc, cnonce string) string {
	sum := func(parts ...string) string {
		h := digests[strings.ToLower(ch.algorithm)].new()
		io.WriteString(h, strings.Join(parts, ":"))
		return hex.EncodeToString(h.Sum(nil))
	}
	ha1, ha2 := sum(user, ch.realm, password), sum(method, uri)
	if nc == "" {
		return sum(ha1, ch.nonce, ha2)
	}
	return sum(ha1, ch.nonce, nc, cnonce, "auth", ha2)
}

// answer is the header that answers a challenge. RFC 7616, Section 3.4.
func (ch *challenge) answer(method, uri, user, password string, random io.Reader) (name, value string) {
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username="%s", realm="%s", nonce="%s", uri="%s"`, user, ch.realm, ch.nonce, uri)
	if ch.qop {
		ch.count++
		nc, cnonce := fmt.Sprintf("%08x", ch.count), token(random)
		fmt.Fprintf(&b, `, response="%s", qop=auth, nc=%s, cnonce="%s"`,
			ch.response(method, uri, user, password, nc, cnonce), nc, cnonce)
	} else {
		fmt.Fprintf(&b, `, response="%s"`, ch.response(method, uri, user, password, "", ""))
	}
	if ch.algorithm != "" {
		b.WriteString(", algorithm=" + ch.algorithm)
	}
	if ch.hasOpaque {
		b.WriteString(`, opaque="` + ch.opaque + `"`)
	}
	if ch.proxy {
		return "Proxy-Authorization", b.String()
	}
	return "Authorization", b.String()
}
