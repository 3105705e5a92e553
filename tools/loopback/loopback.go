// Package loopback serves pages to the browser of this computer and to nobody else.
//
// It promises that only a loopback address is listened on, that a request by another page of the same browser is refused
// (its Origin, its Host after a rebound name, its Sec-Fetch-Site), and that a page can load nothing but what it was
// served with. It does not keep other programs of this computer out: they could press the keys anyway.
package loopback

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ErrAddress says that an address could be reached from outside.
var ErrAddress = errors.New("loopback: only an address of this computer, as 127.0.0.1:8080")

// Listen opens a TCP port on a loopback address given in numbers.
func Listen(addr string) (net.Listener, error) {
	a, err := netip.ParseAddrPort(addr)
	if err != nil || !a.Addr().IsLoopback() {
		return nil, ErrAddress
	}
	return net.Listen("tcp", addr)
}

// Guard lets only requests of h's own pages through, and navigation to them.
func Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ours(r) {
			http.Error(w, "not from this page", http.StatusForbidden)
			return
		}
		head := w.Header()
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.ServeHTTP(w, r)
	})
}

// ours tells whether a request comes from a page that this server served, or from somebody who types its address.
func ours(r *http.Request) bool {
	// A foreign page whose name was made to point here still says its own name.
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); host != "localhost" && (err != nil || !a.IsLoopback()) {
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	// A link to the page may be followed; nothing is done by that.
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// Policy is the Content-Security-Policy of a page: its own style and script, whose digests are taken from it, pictures
// made by it, and connections to the server that it came from (host, as the request names it).
func Policy(html []byte, host string) string {
	return "default-src 'none'; script-src 'self'" + digests(html, "script") + "; style-src 'self'" + digests(html, "style") +
		"; img-src 'self' data:; connect-src 'self' ws://" + host + "; frame-src 'self'; worker-src 'self'" +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
}

// digests names the inline elements of a page by their content.
func digests(html []byte, element string) (sources string) {
	for rest := html; ; {
		_, after, ok := bytes.Cut(rest, []byte("<"+element+">"))
		if !ok {
			return sources
		}
		content, tail, ok := bytes.Cut(after, []byte("</"+element+">"))
		if !ok {
			return sources
		}
		sum := sha256.Sum256(content)
		sources += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		rest = tail
	}
}

// Page serves one page under its Policy.
func Page(html []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", Policy(html, r.Host))
		w.Write(html)
	}
}
