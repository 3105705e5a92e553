package sipua

import (
	"fmt"
	"strings"
	"testing"
)

func TestStream(t *testing.T) {
	message := func(length string, body string) string {
		return "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP b\r\n" + length + "\r\n" + body
	}
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "more"},
		{"two messages", message("Content-Length: 2\r\n", "ab") + message("l:0\r\n", ""), "message message more"},
		{"folded length", message("Content-Length:\r\n 2\r\n", "ab"), "message more"},
		{"ping", "\r\n\r\n", "ping more"},
		{"pong", "\r\n", "pong more"},
		{"ping before a message", "\r\n\r\n" + message("l: 0\r\n", ""), "ping message more"},
		{"cut in the header", "OPTIONS sip:a@b SIP/2.0\r\nVia", "more"},
		{"cut in the body", message("l: 5\r\n", "ab"), "more"},
		{"no length", message("", ""), "bad"},
		{"two lengths", message("l: 0\r\nContent-Length: 5\r\n", ""), "bad"},
		{"negative length", message("l: -1\r\n", ""), "bad"},
		{"huge length", message("l: 4000000000\r\n", ""), "bad"},
		{"length over the limit", message(fmt.Sprintf("l: %d\r\n", maxMessage), ""), "bad"},
		{"endless header", "OPTIONS sip:a@b SIP/2.0\r\nX: " + strings.Repeat("x", maxMessage+1), "bad"},
		{"no SIP at all", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "bad"},
	} {
		var s stream
		s.write([]byte(tt.in))
		var got []string
		for {
			_, what := s.next()
			got = append(got, [...]string{"more", "message", "ping", "pong", "bad"}[what])
			if what == streamMore || what == streamBad {
				break
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}
