package onion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Of this implementation.
const (
	eagerPoll  = 200 * time.Millisecond // of the bootstrap
	calmPoll   = 5 * time.Second        // once it is done
	haltLimit  = 3 * time.Second        // from HALT to kill
	firstPause = 100 * time.Millisecond // before Tor is started again
	longPause  = 30 * time.Second
)

// Tor is the running Tor, through all its deaths. One goroutine owns the child and what it was told; the methods hand it
// their wishes and may be called from anywhere.
type Tor struct {
	config  Config
	launch  func(torrc string, log io.Writer) (*Child, error)
	status  atomic.Pointer[Status]
	changes chan Status
	wishes  chan func()
	quit    chan struct{}
	ended   chan struct{}
	once    sync.Once
	fresh   atomic.Uint64 // part of the circuits' names; see attempt

	// Owned by run.
	now      Status
	line     *connection // nil while there is no child
	services []*Service
	told     map[Address]ClientKey // that this child was told
}

// Start makes the folders and starts Tor. It does not wait for the network: see Status. Errors: ErrNotBuilt, ErrConfig,
// and what the file system says.
func Start(c Config) (*Tor, error) {
	if c.Launch == nil && Linked() == "" {
		return nil, ErrNotBuilt
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	t := &Tor{config: c, launch: c.Launch, changes: make(chan Status, 1), wishes: make(chan func()),
		quit: make(chan struct{}), ended: make(chan struct{})}
	if t.launch == nil {
		t.launch = Exec(c.User)
	}
	t.status.Store(&Status{})
	go t.run()
	return t, nil
}

// prepare makes the folders. What a killed process left of an amnesic Tor is removed.
func (c Config) prepare() error {
	if c.Given {
		return nil
	}
	if c.Amnesic {
		if err := os.RemoveAll(filepath.Join(c.Dir, dataDir)); err != nil {
			return fmt.Errorf("onion: %w", err)
		}
	}
	for _, d := range []string{"", dataDir, socksDir, targetDir} {
		path := filepath.Join(c.Dir, d)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fmt.Errorf("onion: %w", err)
		}
		if c.User != 0 {
			if err := c.give(path, d); err != nil {
				return fmt.Errorf("onion: %w", err)
			}
		}
	}
	return nil
}

// give lets another user's Tor have its two folders and pass through the others to the sockets.
func (c Config) give(path, name string) error {
	owner, mode := os.Getuid(), os.FileMode(0o710)
	group := int(c.User)
	switch name {
	case dataDir:
		owner, mode = int(c.User), 0o700
		// What another user's Tor left here is this one's now.
		err := filepath.Walk(path, func(p string, _ os.FileInfo, err error) error {
			return errors.Join(err, os.Lchown(p, int(c.User), int(c.User)))
		})
		if err != nil {
			return err
		}
	case socksDir:
		owner, mode, group = int(c.User), 0o750, os.Getgid()
	}
	return errors.Join(os.Chown(path, owner, group), os.Chmod(path, mode))
}

// Status is the present state.
func (t *Tor) Status() Status { return *t.status.Load() }

// Changes tells each new Status, beginning with the present; who reads slowly gets the newest. It is the same channel at
// every call, and closed after Close.
func (t *Tor) Changes() <-chan Status { return t.changes }

// Close halts Tor and waits until it is gone. Listeners are closed.
func (t *Tor) Close() error {
	t.once.Do(func() { close(t.quit) })
	<-t.ended
	return nil
}

// do lets the owner do something and waits for it.
func (t *Tor) do(ctx context.Context, wish func() error) error {
	done := make(chan error, 1)
	select {
	case t.wishes <- func() { err := wish(); t.tell(); done <- err }:
		return <-done
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotReady, ctx.Err())
	case <-t.ended:
		return ErrClosed
	}
}

// tell publishes the owner's state when it changed.
func (t *Tor) tell() {
	t.now.Services, t.now.Published = 0, 0
	for _, s := range t.services {
		if s.wanted() {
			t.now.Services++
		}
		if s.uploads.enough() {
			t.now.Published++
		}
	}
	if *t.status.Load() == t.now {
		return
	}
	next := t.now
	t.status.Store(&next)
	select {
	case <-t.changes: // nobody took the last one
	default:
	}
	t.changes <- next
}

// run owns the child until Close.
func (t *Tor) run() {
	defer close(t.ended)
	defer close(t.changes)
	defer t.cleanUp()
	pause := firstPause
	for {
		finished, err := t.life()
		if err != nil {
			fmt.Fprintln(t.config.Log, err)
		}
		up := t.now.Percent == 100
		t.forget()
		if finished {
			return
		}
		if up {
			pause = firstPause
		}
		if t.idle(pause) {
			return
		}
		t.now.Restarts++
		pause = min(2*pause, longPause)
	}
}

// idle waits before the next child and tells whether all is over. Wishes find no child.
func (t *Tor) idle(pause time.Duration) (over bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		t.tell()
		select {
		case <-timer.C:
			return false
		case wish := <-t.wishes:
			wish()
		case <-t.quit:
			return true
		}
	}
}

// forget is what we know of a child that is gone: nothing but the count of them.
func (t *Tor) forget() {
	t.line, t.told = nil, nil
	t.now = Status{Restarts: t.now.Restarts, Version: t.now.Version}
	for _, s := range t.services {
		s.applied, s.uploads = nil, uploads{}
	}
}

// life is that of one child. It ends with Close (over), or with an error.
func (t *Tor) life() (over bool, err error) {
	child, err := t.launch(t.config.torrc(), t.config.Log)
	if err != nil {
		return false, err
	}
	died := make(chan error, 1)
	go func() { died <- child.Wait() }()
	t.line = newConnection(child.Control, t.hear)
	t.told = map[Address]ClientKey{}
	defer func() {
		if how := t.bury(child, died); how != nil && err != nil {
			err = fmt.Errorf("%w (%w)", err, how)
		}
	}()
	if err := t.greet(); err != nil {
		return false, fmt.Errorf("onion: a new Tor: %w", err)
	}
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		t.tell()
		select {
		case wish := <-t.wishes:
			wish()
		case line := <-t.line.events:
			t.hear(line)
		case <-poll.C:
			if err := t.look(); err != nil {
				return false, err
			}
			poll.Reset(t.interval())
		case <-t.line.gone:
			return false, fmt.Errorf("onion: Tor is gone")
		case <-t.quit:
			return true, nil
		}
		if err := t.settle(); err != nil && !errors.Is(err, ErrControl) {
			return false, err
		}
	}
}

func (t *Tor) interval() time.Duration {
	if t.now.Ready() {
		return calmPoll
	}
	return eagerPoll
}

// greet begins with a child. Events are asked for before anything can cause one.
func (t *Tor) greet() error {
	for _, command := range []string{"AUTHENTICATE", "SETEVENTS HS_DESC STATUS_GENERAL STATUS_CLIENT"} {
		if _, err := t.line.ask("%s", command); err != nil {
			return err
		}
	}
	lines, err := t.line.ask("GETINFO version")
	if err != nil {
		return err
	}
	for _, l := range lines {
		t.now.read(l)
	}
	t.now.Running = true
	return nil
}

// look polls what Tor says of itself: an event can be missed, a question cannot.
func (t *Tor) look() error {
	lines, err := t.line.ask("GETINFO status/bootstrap-phase status/circuit-established")
	if err != nil {
		return err
	}
	for _, l := range lines {
		t.now.read(l)
	}
	return nil
}

// hear takes in an event.
func (t *Tor) hear(line string) {
	e := readEvent(line)
	if e.skewed {
		t.now.ClockSkew = e.skew
	}
	for _, s := range t.services {
		if s.applied != nil && e.service == s.address.id() {
			s.uploads.take(e.upload)
		}
	}
}

// bury ends a child that lives and waits for it: HALT, then patience, then a kill. It returns how the child ended.
func (t *Tor) bury(child *Child, died <-chan error) (how error) {
	// Not by ask: a Tor that hangs must not make us wait for its answer.
	t.line.text.PrintfLine("SIGNAL HALT")
	timer := time.NewTimer(haltLimit)
	defer timer.Stop()
	select {
	case how = <-died:
	case <-timer.C:
		child.Interrupt()
		how = <-died
	}
	t.line.close()
	return how
}

// cleanUp is the end of everything.
func (t *Tor) cleanUp() {
	for _, s := range slices.Clone(t.services) {
		s.shut()
	}
	os.Remove(t.config.socks())
	if t.config.Amnesic {
		os.RemoveAll(filepath.Join(t.config.Dir, dataDir))
	}
	t.tell()
}
