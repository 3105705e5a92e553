package onion

import (
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"time"

	"github.com/cretz/bine/control"
)

// askLimit is how long Tor may take to answer a command before it counts as hung.
const askLimit = 15 * time.Second

// connection is the control connection to one child. bine understands the replies; its SendRequest is not used, since two
// users of it lock each other up and an event that comes between can be lost. Here one goroutine reads for ever, and only
// the owner (Tor.run) writes.
type connection struct {
	text    *textproto.Conn
	replies chan *control.Response
	events  chan string
	gone    chan struct{} // closed when nothing can be read any more
	quit    chan struct{}
	heard   func(line string) // what the owner does with an event
}

func newConnection(rw io.ReadWriteCloser, heard func(string)) *connection {
	c := &connection{text: textproto.NewConn(rw), replies: make(chan *control.Response), events: make(chan string, 16),
		gone: make(chan struct{}), quit: make(chan struct{}), heard: heard}
	go c.read()
	return c
}

// read sorts what comes into replies and events until the connection ends.
func (c *connection) read() {
	defer close(c.gone)
	parser := control.NewConn(c.text)
	for {
		r, err := parser.ReadResponse()
		if err != nil {
			return
		}
		if r.IsAsync() {
			line := r.Reply
			if len(r.Data) > 0 {
				line = r.Data[0]
			}
			select {
			case c.events <- line:
			case <-c.quit:
				return
			}
			continue
		}
		select {
		case c.replies <- r:
		case <-c.quit:
			return
		}
	}
}

// ask sends a command and returns the lines of the answer. Events that come meanwhile are heard. An error that wraps
// ErrControl is Tor's refusal; any other means that this Tor is lost.
func (c *connection) ask(format string, args ...any) ([]string, error) {
	if err := c.text.PrintfLine(format, args...); err != nil {
		return nil, err
	}
	limit := time.NewTimer(askLimit)
	defer limit.Stop()
	for {
		select {
		case r := <-c.replies:
			// control-spec, Section 2.3: 2yz is "Positive Completion Reply".
			if code := r.Err.Code; code/100 != 2 {
				return nil, fmt.Errorf("%w: %d %s", ErrControl, code, withoutKeys(r.Reply))
			}
			return append(r.Data, r.Reply), nil
		case line := <-c.events:
			c.heard(line)
		case <-c.gone:
			return nil, io.ErrUnexpectedEOF
		case <-limit.C:
			return nil, fmt.Errorf("onion: Tor does not answer for %v", askLimit)
		}
	}
}

// withoutKeys leaves out of a refusal what it may repeat of our command.
func withoutKeys(reply string) string {
	words := strings.Fields(reply)
	for i, w := range words {
		if len(w) > 32 {
			words[i] = "..."
		}
	}
	return strings.Join(words, " ")
}

func (c *connection) close() {
	close(c.quit)
	c.text.Close()
	<-c.gone
}
