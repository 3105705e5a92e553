package sipua

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"sotto/net/signaling"
)

// Of this implementation.
const (
	queueLen     = 32 // messages that wait to be written to one connection
	writeTimeout = 10 * time.Second
)

// conn is one TCP or TLS connection.
type conn struct {
	net    net.Conn // nil until it is made
	peer   hop
	proved bool // TLS, and the server is the one whose name was asked for, or has the pinned key
	out    chan []byte
	slot   chan struct{} // given back at the end; nil for one that we opened
	closed sync.Once
	quit   chan struct{}
}

func newConn(nc net.Conn, peer hop, slot chan struct{}) *conn {
	return &conn{net: nc, peer: peer, out: make(chan []byte, queueLen), slot: slot, quit: make(chan struct{})}
}

// queue hands over a message; false when the peer does not take what it was sent.
func (c *conn) queue(data []byte) bool {
	select {
	case c.out <- data:
		return true
	default:
		return false
	}
}

// finish writes what waits and closes then.
func (c *conn) finish() { c.closed.Do(func() { close(c.quit) }) }

// abandon closes at once.
func (c *conn) abandon() {
	c.finish()
	if c.net != nil {
		c.net.Close()
	}
}

// write writes the queue until the connection ends.
func (c *conn) write() {
	defer c.release()
	defer c.net.Close()
	for {
		select {
		case data := <-c.out:
			c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := c.net.Write(data); err != nil {
				return
			}
		case <-c.quit:
			for {
				select {
				case data := <-c.out:
					c.net.SetWriteDeadline(time.Now().Add(time.Second))
					if _, err := c.net.Write(data); err != nil {
						return
					}
				default:
					return
				}
			}
		}
	}
}

func (c *conn) release() {
	if c.slot != nil {
		<-c.slot
	}
}

// read cuts the stream into messages until it ends or cannot be understood.
func (c *conn) read(t *transport) {
	var s stream
	limit := newLimiter(streamRate, streamBurst)
	buf := make([]byte, 4096)
	defer c.abandon()
	for {
		c.net.SetReadDeadline(time.Now().Add(idleLimit))
		n, err := c.net.Read(buf)
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() && !s.begun() {
				if t.put(input{from: c.peer, idle: true, conn: c}) {
					continue // the loop closes it unless a call or an account needs it
				}
			}
			t.put(input{from: c.peer, gone: signaling.Unreachable, conn: c})
			return
		}
		s.write(buf[:n])
		for {
			raw, what := s.next()
			if what == streamMore {
				break
			}
			for !limit.allow(time.Now()) {
				time.Sleep(time.Second / streamRate)
			}
			if what == streamBad || what == streamMessage && !t.put(input{from: c.peer, raw: raw}) {
				t.put(input{from: c.peer, gone: signaling.Unreachable, conn: c})
				return
			}
			if what == streamPing {
				c.queue([]byte("\r\n")) // RFC 5626, Section 4.4.1: the pong
			}
			if what == streamPong {
				t.put(input{from: c.peer, ping: true})
			}
		}
	}
}

// stream cuts bytes into messages. RFC 3261, Section 18.3: by Content-Length, which a stream must have.
type stream struct{ buf []byte }

type streamEvent uint8

const (
	streamMore    streamEvent = iota // bytes are missing
	streamMessage                    // a whole message
	streamPing                       // CRLF CRLF
	streamPong                       // CRLF
	streamBad                        // no message can be found any more
)

func (s *stream) write(b []byte) { s.buf = append(s.buf, b...) }

func (s *stream) begun() bool { return len(s.buf) > 0 }

// next takes what stands at the beginning of the bytes.
func (s *stream) next() ([]byte, streamEvent) {
	if bytes.HasPrefix(s.buf, []byte("\r\n\r\n")) {
		s.take(4)
		return nil, streamPing
	}
	if len(s.buf) == 2 && s.buf[0] == '\r' && s.buf[1] == '\n' || len(s.buf) > 2 && s.buf[0] == '\r' && s.buf[1] == '\n' && s.buf[2] != '\r' {
		s.take(2)
		return nil, streamPong
	}
	i := bytes.Index(s.buf, []byte("\r\n\r\n"))
	if i < 0 {
		if len(s.buf) > maxMessage {
			return nil, streamBad
		}
		return nil, streamMore
	}
	length, ok := contentLength(string(s.buf[:i]))
	if !ok || i+4+length > maxMessage {
		return nil, streamBad
	}
	if len(s.buf) < i+4+length {
		return nil, streamMore
	}
	return s.take(i + 4 + length), streamMessage
}

// take cuts off the first n bytes.
func (s *stream) take(n int) []byte {
	raw := bytes.Clone(s.buf[:n])
	s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	if len(s.buf) == 0 && cap(s.buf) > maxMessage {
		s.buf = nil
	}
	return raw
}

// contentLength finds the length of the body in a header; more than one, or none, is not to be trusted.
func contentLength(head string) (n int, ok bool) {
	_, head, _ = strings.Cut(head, "\r\n")
	lines, bad := rawLines(head)
	if bad {
		return 0, false
	}
	for _, l := range lines {
		name := strings.ToLower(l.name)
		if name != "content-length" && name != "l" {
			continue
		}
		v, err := strconv.ParseUint(l.value, 10, 31)
		if err != nil || ok {
			return 0, false
		}
		n, ok = int(v), true
	}
	return n, ok
}
