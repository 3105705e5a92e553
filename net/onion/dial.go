package onion

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// sendBuffer keeps what waits for Tor short: old speech is worse than none. The kernel doubles it.
const sendBuffer = 8 << 10 // octets

// maxCircuit leaves room for a number in a user name of 255 octets (RFC 1929).
const maxCircuit = 200

// Target is whom to dial.
type Target struct {
	Address Address
	Port    uint16
	Key     *ClientKey // for a service that wants one; nil for an open one
	// Circuit isolates: streams with different names never share a circuit. Not sent to anybody; at most 200 octets.
	Circuit string
}

// Of Dial. An introduction can get lost: the called died or moved, and the relay that takes the message has not noticed.
// Tor would wait a minute for the answer, and let later dials wait with it. So a dial that takes long is begun again beside
// itself, over circuits of its own and with a fresh look at where the called is; the first answer counts.
const (
	hedgeAfter  = 4 * time.Second
	maxAttempts = 6
	dialLimit   = 2 * time.Minute
)

// Dial opens a stream through Tor, and never any other way. Errors: ErrNotReady (Tor is away or not connected),
// ErrNotAuthorised (the service is there and wants another key), ErrNotReachable, ErrClosed. It waits for Tor as long as
// ctx lets it, and two minutes at most.
func (t *Tor) Dial(ctx context.Context, to Target) (net.Conn, error) {
	if len(to.Circuit) > maxCircuit {
		return nil, fmt.Errorf("%w: the circuit's name is too long", ErrConfig)
	}
	if s := t.Status(); !s.Ready() {
		return nil, ErrNotReady
	}
	if err := t.do(ctx, func() error { return t.useKey(to.Address, to.Key) }); err != nil {
		return nil, notReady(err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	answers := make(chan attempt, maxAttempts)
	begin := func() { c, err := t.attempt(ctx, to); answers <- attempt{c, err} }
	hedge := time.NewTicker(hedgeAfter)
	defer hedge.Stop()
	go begin()
	for n := 1; ; {
		select {
		case a := <-answers:
			go sweep(answers, n-1)
			if a.err != nil {
				t.fresh.Add(1)
			}
			return a.conn, a.err
		case <-hedge.C:
			if n < maxAttempts {
				n++
				t.fresh.Add(1)
				go func() {
					// Should it fail, the attempt does, too.
					_ = t.do(ctx, func() error { return t.lookAgain(to.Address, to.Key) })
					begin()
				}()
			}
		}
	}
}

// attempt is how one attempt ended.
type attempt struct {
	conn net.Conn
	err  error
}

// sweep closes what n attempts bring that were begun in vain.
func sweep(answers <-chan attempt, n int) {
	for range n {
		if a := <-answers; a.conn != nil {
			a.conn.Close()
		}
	}
}

// attempt asks Tor once. Who asks after a failure gets circuits that had no part in it.
func (t *Tor) attempt(ctx context.Context, to Target) (net.Conn, error) {
	d := net.Dialer{}
	c, err := d.DialContext(ctx, "unix", t.config.socks())
	if err != nil {
		return nil, notReady(err)
	}
	u := c.(*net.UnixConn)
	to.Circuit += "." + strconv.FormatUint(t.fresh.Load(), 36)
	if err := request(ctx, u, to); err != nil {
		u.Close()
		return nil, err
	}
	u.SetWriteBuffer(sendBuffer)
	return &stream{UnixConn: u, remote: endpoint{to.Address, to.Port}}, nil
}

func notReady(err error) error {
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrNotReady) || errors.Is(err, ErrControl) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotReady, err)
}

// useKey makes the child use a key for a service, or none; called by the owner.
func (t *Tor) useKey(a Address, k *ClientKey) error {
	if t.line == nil || !t.now.Running {
		return ErrNotReady
	}
	told, has := t.told[a]
	if k == nil && !has || k != nil && has && subtle.ConstantTimeCompare(told[:], k[:]) == 1 {
		return nil
	}
	if has { // it also makes Tor forget what the old key opened
		delete(t.told, a)
		if _, err := t.line.ask("ONION_CLIENT_AUTH_REMOVE %s", a.id()); err != nil {
			return err
		}
	}
	if k == nil {
		return nil
	}
	if _, err := t.line.ask("ONION_CLIENT_AUTH_ADD %s x25519:%s", a.id(), k.blob()); err != nil {
		return err
	}
	t.told[a] = *k
	return nil
}

// lookAgain makes Tor forget what it knows of a service. It can only where there is a key.
func (t *Tor) lookAgain(a Address, k *ClientKey) error {
	if k == nil {
		return nil
	}
	if err := t.useKey(a, nil); err != nil {
		return err
	}
	return t.useKey(a, k)
}

// request speaks SOCKS over a fresh connection until the stream is open.
func request(ctx context.Context, c net.Conn, to Target) error {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	code, err := socks(c, to.Address.String(), to.Port, to.Circuit)
	if !stop() && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrNotReachable, ctx.Err())
	}
	switch {
	case err != nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*net.OpError))):
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	case err != nil:
		return err
	case code == succeeded:
		return nil
	case code == missingAuth, code == wrongAuth:
		return ErrNotAuthorised
	}
	return fmt.Errorf("%w: %v", ErrNotReachable, code)
}
