package loopback

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyThisComputerIsServed(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.test:80", ""} {
		if _, err := Listen(addr); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", addr, err)
		}
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestOtherPagesAreRefused(t *testing.T) {
	h := Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	const own = "127.0.0.1:8080"
	for _, c := range []struct {
		what, method, host string
		headers            map[string]string
		want               int
	}{
		{"the page itself", "POST", own, map[string]string{"Origin": "http://" + own, "Sec-Fetch-Site": "same-origin"}, 204},
		{"by name", "POST", "localhost:8080", map[string]string{"Origin": "http://localhost:8080"}, 204},
		{"IPv6", "GET", "[::1]:8080", nil, 204},
		{"typed address", "GET", own, map[string]string{"Sec-Fetch-Site": "none"}, 204},
		{"a program", "POST", own, nil, 204},
		{"a followed link", "GET", own, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 204},
		{"a frame in another page", "GET", own, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		{"another page's form", "POST", own, map[string]string{"Origin": "http://evil.test"}, 403},
		{"a form of unknown origin", "POST", own, map[string]string{"Origin": "null"}, 403},
		{"another local server's page", "POST", own, map[string]string{"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"}, 403},
		{"an old browser's other page", "POST", own, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a link with POST", "POST", own, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403},
		{"a rebound name", "GET", "evil.test:8080", nil, 403},
		{"an address of the network", "GET", "192.0.2.1:8080", nil, 403},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.what, w.Code, c.want)
		}
	}
}

func TestPolicyNamesWhatThePageHas(t *testing.T) {
	// The digest of "x" is from: printf x | openssl dgst -sha256 -binary | base64
	const digest = "'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='"
	p := Policy([]byte("<style>x</style><p><script>x</script><script>"), "127.0.0.1:1")
	if strings.Count(p, digest) != 2 || strings.Contains(p, "unsafe") || !strings.Contains(p, "default-src 'none'") {
		t.Error(p)
	}
}
