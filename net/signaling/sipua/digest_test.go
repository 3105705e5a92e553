package sipua

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func challenged(t *testing.T, code int, headers ...string) *sip.Response {
	t.Helper()
	res := sip.NewResponse(code, "x")
	for _, h := range headers {
		name := "WWW-Authenticate"
		if code == 407 {
			name = "Proxy-Authenticate"
		}
		add(res, name, h)
	}
	return res
}

// RFC 7616, Section 3.9.1, with its nonce and cnonce: the same request under SHA-256 and MD5.
func TestDigestOfTheRFC(t *testing.T) {
	const nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
	cnonce := "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for algorithm, want := range map[string]string{
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
	} {
		ch := parseChallenge(`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm +
			`, nonce="` + nonce + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
		if ch == nil || !ch.qop {
			t.Fatalf("%s: read as %+v", algorithm, ch)
		}
		if got := ch.response("GET", "/dir/index.html", "Mufasa", "Circle of Life", "00000001", cnonce); got != want {
			t.Errorf("%s: got %s, want %s", algorithm, got, want)
		}
	}
}

// RFC 2617, Section 3.5 without qop is the digest of RFC 2069.
func TestDigestWithoutQop(t *testing.T) {
	ch := parseChallenge(`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`)
	name, value := ch.answer("GET", "/dir/index.html", "Mufasa", "CircleOfLife", bytes.NewReader(nil))
	if name != "Authorization" || !strings.Contains(value, `response="1949323746fe6a43ef61f9606e7febea"`) || strings.Contains(value, "qop") {
		t.Errorf("%s: %s", name, value)
	}
}

func TestChallengeChosen(t *testing.T) {
	md5 := `Digest realm="example.test", nonce="m", algorithm=MD5, qop="auth"`
	sha := `Digest realm="example.test", nonce="s", algorithm=SHA-256, qop="auth"`
	for _, tt := range []struct {
		name    string
		headers []string
		want    string // nonce
	}{
		{"the stronger one", []string{md5, sha}, "s"},
		{"in any order", []string{sha, md5}, "s"},
		{"MD5 when there is nothing else", []string{md5}, "m"},
		{"an unknown algorithm is passed over", []string{strings.Replace(sha, "SHA-256", "SHA-512-256", 1), md5}, "m"},
		{"another realm", []string{strings.Replace(sha, "example.test", "evil.test", 1)}, ""},
		{"another realm beside ours", []string{strings.Replace(sha, "example.test", "evil.test", 1), md5}, "m"},
		{"Basic", []string{`Basic realm="example.test"`}, ""},
		{"only auth-int", []string{strings.Replace(md5, `"auth"`, `"auth-int"`, 1)}, ""},
		{"no nonce", []string{`Digest realm="example.test"`}, ""},
		{"unterminated", []string{`Digest realm="example.test, nonce="x`}, ""},
		{"none", nil, ""},
	} {
		for _, code := range []int{401, 407} {
			ch := challengeFor(challenged(t, code, tt.headers...), "example.test")
			got := ""
			if ch != nil {
				got = ch.nonce
				if ch.proxy != (code == 407) {
					t.Errorf("%s: wrong header", tt.name)
				}
			}
			if got != tt.want {
				t.Errorf("%s (%d): chose %q, want %q", tt.name, code, got, tt.want)
			}
		}
	}
}

func TestPasswordsHideThemselves(t *testing.T) {
	a := Account{Name: "work", Password: "secret", URI: "sip:alice@example.test"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if s := fmt.Sprintf(verb, a) + fmt.Sprintf(verb, Config{Accounts: []Account{a}}); strings.Contains(s, "secret") || strings.Contains(s, "736563726574") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func TestParseAccount(t *testing.T) {
	a, err := ParseAccount("sip:alice:se:c@ret@example.test:5070;transport=tls")
	if err != nil || a.URI != "sip:alice@example.test:5070;transport=tls" || a.Password != "se:c@ret" || a.Name != "alice@example.test:5070" {
		t.Errorf("%q %q %q %v", a.Name, a.URI, a.Password, err)
	}
	for _, s := range []string{"", "alice", "sip:example.test", "sip:@example.test", "tel:alice:x@example.test", "sip:al ice:x@example.test", "sip:alice:x@"} {
		if _, err := ParseAccount(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
