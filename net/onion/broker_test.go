package onion

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestBroker: a Tor that another process starts is like one of our own: it obeys, it can be killed, it comes back, and
// it dies with us.
func TestBroker(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	s := &script{}
	torrcs := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- Broker(l, func(torrc string, log io.Writer) (*Child, error) {
			torrcs <- torrc
			return s.launchBySocket()
		}, io.Discard)
	}()
	wait := func(what string, is func() bool) {
		t.Helper()
		for began := time.Now(); !is(); time.Sleep(time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("not %s after ten seconds", what)
			}
		}
	}
	dir := t.TempDir()
	tor, err := Start(Config{Dir: dir, Launch: Brokered(path)})
	if err != nil {
		t.Fatal(err)
	}
	wait("ready", func() bool { return tor.Status().Ready() })
	if got := <-torrcs; got != (Config{Dir: dir}).torrc() {
		t.Errorf("the configuration arrived as %q", got)
	}
	s.set(func() { s.alive.die(errors.New("killed")) })
	wait("back", func() bool { return tor.Status().Restarts == 1 && tor.Status().Ready() })
	tor.Close()
	s.set(func() {
		select {
		case <-s.alive.dead:
		case <-time.After(10 * time.Second):
			t.Error("Tor outlives the telephone")
		}
	})
	// One who asks for nonsense gets nothing, and the broker goes on.
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Write([]byte{0xff, 0xff, 0xff, 0xff})
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("nonsense was answered")
	}
	child, err := Brokered(path)("x", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	child.Interrupt()
	s.set(func() {
		select {
		case <-s.alive.dead:
		case <-time.After(10 * time.Second):
			t.Error("Interrupt does not reach Tor")
		}
	})
	l.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := Brokered(path)("x", io.Discard); err == nil {
		t.Error("without a broker something was started")
	}
}

// launchBySocket is launch with a control connection that can be handed on.
func (s *script) launchBySocket() (*Child, error) {
	child, err := s.launch("", nil)
	if err != nil {
		return nil, err
	}
	ours, file, err := socketpair()
	if err != nil {
		return nil, err
	}
	theirs, err := net.FileConn(file)
	file.Close()
	if err != nil {
		return nil, err
	}
	near := child.Control
	go func() { io.Copy(near, theirs); near.Close() }()
	go func() { io.Copy(theirs, near); theirs.Close() }()
	kill, wait := child.Interrupt, child.Wait
	s.set(func() {
		p := s.alive
		go func() { <-p.dead; theirs.Close() }()
	})
	return &Child{Control: ours, Interrupt: kill, Wait: wait}, nil
}
