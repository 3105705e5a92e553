package bundle

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Of this implementation.
const (
	joinLimit  = 10 * time.Second // for the token to come
	maxPending = 16               // streams whose token has not come
	maxCalls   = 8
)

// Token says which call a stream belongs to. It is drawn at random for each call, told over the signaling, and good for
// nothing but to join that call's bundle.
type Token [16]byte

// NewToken draws a token.
func NewToken(random io.Reader) (t Token, err error) {
	_, err = io.ReadFull(random, t[:])
	return t, err
}

// String hides the token.
func (Token) String() string { return "bundle.Token" }

// GoString hides the token.
func (Token) GoString() string { return "bundle.Token" }

// Format hides the token from every verb.
func (t Token) Format(f fmt.State, _ rune) { fmt.Fprint(f, t.String()) }

// Join says on a fresh stream which call it is for. It is the first frame of the stream.
func Join(c net.Conn, t Token) error {
	frame, _ := AppendFrame(nil, t[:])
	c.SetWriteDeadline(time.Now().Add(joinLimit))
	_, err := c.Write(frame)
	return err
}

// Gate takes the streams of calls at a listener and gives each to its bundle. Streams without the token of a call are
// closed.
type Gate struct {
	listener net.Listener
	pending  chan struct{}
	wait     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	calls  []expected
	young  map[net.Conn]bool // whose token has not come
}

// expected is a call whose streams may come.
type expected struct {
	token  Token
	bundle *Bundle
}

// NewGate starts to take streams.
func NewGate(l net.Listener) *Gate {
	g := &Gate{listener: l, pending: make(chan struct{}, maxPending), young: map[net.Conn]bool{}}
	g.wait.Go(g.accept)
	return g
}

// Expect makes a bundle for a call. Streams join it until it is closed. The oldest calls give way to new ones.
func (g *Gate) Expect(t Token) *Bundle {
	b := New(nil)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	if len(g.calls) == maxCalls {
		g.calls = g.calls[1:]
	}
	g.calls = append(g.calls, expected{t, b})
	return b
}

// sweep forgets calls that are over.
func (g *Gate) sweep() {
	kept := g.calls[:0]
	for _, e := range g.calls {
		select {
		case <-e.bundle.quit:
		default:
			kept = append(kept, e)
		}
	}
	g.calls = kept
}

func (g *Gate) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of descriptors: do not spin
			continue
		}
		select {
		case g.pending <- struct{}{}:
			if !g.enter(c) {
				return
			}
			g.wait.Go(func() {
				if g.admit(c) != nil {
					c.Close()
				}
				<-g.pending
			})
		default:
			c.Close()
		}
	}
}

// enter notes a stream whose token is to come; false when the gate is closed.
func (g *Gate) enter(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		c.Close()
		return false
	}
	g.young[c] = true
	return true
}

// admit reads the token and finds the call. The frame is read to its end and not an octet further.
func (g *Gate) admit(c net.Conn) error {
	defer func() {
		g.mu.Lock()
		delete(g.young, c)
		g.mu.Unlock()
	}()
	var frame [frameHeader + len(Token{})]byte
	c.SetReadDeadline(time.Now().Add(joinLimit))
	if _, err := io.ReadFull(c, frame[:]); err != nil {
		return err
	}
	if frame[0] != 0 || int(frame[1]) != len(Token{}) {
		return ErrToken
	}
	c.SetReadDeadline(time.Time{})
	var to *Bundle
	g.mu.Lock()
	for _, e := range g.calls {
		if subtle.ConstantTimeCompare(e.token[:], frame[frameHeader:]) == 1 {
			to = e.bundle
		}
	}
	g.mu.Unlock()
	if to == nil {
		return ErrToken
	}
	to.Add(c) // or it is closed: the call has enough
	return nil
}

// Close stops taking streams. Bundles stay as they are.
func (g *Gate) Close() error {
	err := g.listener.Close()
	g.mu.Lock()
	g.closed = true
	for c := range g.young {
		c.Close()
	}
	g.mu.Unlock()
	g.wait.Wait()
	return err
}
