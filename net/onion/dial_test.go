package onion

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// proxy is a SOCKS server of paper at the place where Tor's would be. It answers the n-th request with the n-th reply,
// and with silence where that is "".
func proxy(t *testing.T, dir string, replies ...string) (asked <-chan string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, socksDir), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socksDir, socksName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	out := make(chan string, len(replies))
	go func() {
		for _, r := range replies {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 600)
			step := func(answer string) string {
				n, _ := c.Read(b)
				io.WriteString(c, answer)
				return string(b[:n])
			}
			step("\x05\x02")
			login := step("\x01\x00")
			out <- login + step(r)
			if r != "" && r[1] != 0 {
				c.Close()
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return out
}

func answer(code byte) string { return string([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0}) }

// dialer is a Tor of paper that is ready.
func dialer(t *testing.T) (*Tor, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "onion")
	if err != nil {
		t.Fatal(err)
	}
	tor := start(t, &script{}, Config{Dir: dir})
	t.Cleanup(func() { tor.Close(); os.RemoveAll(dir) })
	for !tor.Status().Ready() {
		<-tor.Changes()
	}
	return tor, dir
}

// TestReplies: each code of Tor becomes what a person can act on.
func TestReplies(t *testing.T) {
	tor, dir := dialer(t)
	codes := []byte{0, 1, 4, 6, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7}
	var replies []string
	for _, c := range codes {
		replies = append(replies, answer(c))
	}
	replies = append(replies, "\x04\x00\x00\x01", "\x05\x00\x00\x07")
	asked := proxy(t, dir, replies...)
	to := Target{Address: Seed{1}.Address(), Port: 5060, Circuit: "call"}
	var names []string
	for i, r := range replies {
		c, err := tor.Dial(t.Context(), to)
		var want error
		switch {
		case i >= len(codes):
			want = ErrNotReady
		case codes[i] == 0:
		case codes[i] == 0xf4 || codes[i] == 0xf5:
			want = ErrNotAuthorised
		default:
			want = ErrNotReachable
		}
		if !errors.Is(err, want) || (c == nil) != (err != nil) {
			t.Errorf("reply %x: %v, want %v", r, err, want)
		}
		if c != nil {
			if c.RemoteAddr().String() != to.Address.String()+":5060" {
				t.Errorf("the stream goes to %v", c.RemoteAddr())
			}
			c.Close()
		}
		q := <-asked
		// RFC 1928, Section 4: CONNECT, a name of 62 octets, port 5060.
		if !strings.HasSuffix(q, "\x05\x01\x00\x03\x3e"+to.Address.String()+"\x13\xc4") {
			t.Errorf("asked %q", q)
		}
		names = append(names, q[2:2+q[1]])
	}
	if names[0] != "call.0" || names[1] != "call.0" || slices.Contains(names[2:], "call.0") {
		t.Errorf("circuits %q: a failed one was used again, or a good one not", names)
	}
}

// TestHedge: a dial that gets no answer is begun again over other circuits.
func TestHedge(t *testing.T) {
	tor, dir := dialer(t)
	asked := proxy(t, dir, "", answer(0))
	began := time.Now()
	c, err := tor.Dial(t.Context(), Target{Address: Seed{1}.Address(), Port: 1})
	if err != nil || time.Since(began) < hedgeAfter {
		t.Fatalf("after %v: %v", time.Since(began), err)
	}
	c.Close()
	if a, b := <-asked, <-asked; a == b || a[2:4] != ".0" || b[2:4] != ".1" {
		t.Errorf("asked %q and %q", a, b)
	}
}

// TestDialLimit: the caller's patience ends a dial, and it was not reachable.
func TestDialLimit(t *testing.T) {
	tor, dir := dialer(t)
	proxy(t, dir, "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := tor.Dial(ctx, Target{Address: Seed{1}.Address(), Port: 1}); !errors.Is(err, ErrNotReachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent Tor: %v", err)
	}
	if _, err := tor.Dial(t.Context(), Target{Circuit: strings.Repeat("x", maxCircuit+1)}); !errors.Is(err, ErrConfig) {
		t.Errorf("a long name: %v", err)
	}
}
