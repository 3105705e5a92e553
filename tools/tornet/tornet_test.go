//go:build tor && interop

package tornet

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/net/onion"
)

// TestNear: calls on a network without delays.
func TestNear(t *testing.T) {
	on(t, network(t, 0), map[string]func(*testing.T, *Network){"call": call, "handsets direct": direct,
		"handsets relayed": relayed, "handsets all over": allOver, "handsets restarted": restarted})
}

// TestFar: calls with 20 ms on each link.
func TestFar(t *testing.T) {
	on(t, network(t, 20*time.Millisecond), map[string]func(*testing.T, *Network){"ring": ring, "call": call,
		"handsets rings": rings, "handsets direct": direct, "handsets relayed": relayed, "handsets all over": allOver})
}

// TestLife: who is let in, and how a Tor lives and dies. Most of it waits for Tor's clocks, and so some of it stands beside
// the rest.
func TestLife(t *testing.T) {
	n := network(t, 0)
	t.Run("wait", func(t *testing.T) {
		t.Run("killed", func(t *testing.T) { t.Parallel(); killed(t, n) })
		t.Run("doors", func(t *testing.T) {
			t.Parallel()
			on(t, n, map[string]func(*testing.T, *Network){"authorisation": authorisation, "handsets refused": refused,
				"handsets cards": cards, "handsets invited": invited})
		})
	})
	on(t, n, map[string]func(*testing.T, *Network){"again": again, "cell": cell, "own user": ownUser})
}

// on runs tests one after the other.
func on(t *testing.T, n *Network, tests map[string]func(*testing.T, *Network)) {
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) { tests[name](t, n) })
	}
}

// network starts a network.
func network(t *testing.T, delay time.Duration) *Network {
	t.Helper()
	done := busy(t)
	defer done()
	began := time.Now()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	n, err := Start(context.Background(), Options{Root: root, Dir: t.TempDir(), Delay: delay})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	t.Logf("network up after %.1f s", time.Since(began).Seconds())
	return n
}

// client starts a Tor of our own in it.
func client(t *testing.T, n *Network) *onion.Tor {
	t.Helper()
	dir, err := os.MkdirTemp("", "onion") // not t.TempDir: a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	return clientIn(t, n, dir)
}

// clientIn is client with a folder that may have a past.
func clientIn(t *testing.T, n *Network, dir string) *onion.Tor {
	t.Helper()
	tor, err := onion.Start(onion.Config{Dir: dir, Extra: n.Torrc(), Log: quiet{t}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tor.Close(); os.RemoveAll(dir) })
	return tor
}

// quiet passes on what Tor warns of, but for what it always says in a private network.
type quiet struct{ t *testing.T }

func (q quiet) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if !expected.MatchString(line) {
			q.t.Log(strings.TrimSpace(line))
		}
	}
	return len(b), nil
}

var expected = regexp.MustCompile("built without support for the option|DirAuthority|TestingTorNetwork|as root")

// until waits for a state of Tor.
func until(t *testing.T, tor *onion.Tor, what string, is func(onion.Status) bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is(tor.Status()) {
		if time.Since(began) > 60*time.Second {
			t.Fatalf("not %s after a minute: %+v", what, tor.Status())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

// service opens a service that takes the given clients and echoes on port 7.
func service(t *testing.T, tor *onion.Tor, clients ...onion.ClientID) *onion.Service {
	t.Helper()
	seed, err := onion.NewSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := tor.Listen(t.Context(), onion.ServiceConfig{Seed: seed, Ports: []uint16{echoPort}, Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	go echo(s.Listener(echoPort))
	return s
}

// echo says back what it hears, until the listener closes.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { defer c.Close(); io.Copy(c, c) }()
	}
}

const echoPort = 7

func key(t *testing.T) onion.ClientKey {
	t.Helper()
	k, err := onion.NewClientKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// dial opens a stream within the test's patience and proves it by an echo. It returns how long the dial took. This network
// changes its directories every four minutes (a real one: every day), and for a moment nobody tells where a service is; and
// while it is young, a new consensus may name relays of which Tor must hear first. Then it is asked again.
func dial(t *testing.T, tor *onion.Tor, to onion.Target) (time.Duration, error) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(500 * time.Millisecond) {
		took, err := dialWithin(t, tor, to, patience)
		if !errors.Is(err, onion.ErrNotReachable) && !errors.Is(err, onion.ErrNotReady) || time.Now().After(until) {
			return took, err
		}
		t.Logf("once more: %v", err)
	}
}

func dialWithin(t *testing.T, tor *onion.Tor, to onion.Target, limit time.Duration) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	c, err := tor.Dial(ctx, to)
	took := time.Since(began)
	if err != nil {
		return took, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Fatalf("echo %q, %v", b, err)
	}
	return took, nil
}

const patience = 30 * time.Second

// authorisation: who may come in does, nobody else, and each hears within ten seconds why not.
func authorisation(t *testing.T, n *Network) {
	busy(t)
	alice, bob := client(t, n), client(t, n)
	right, wrong := key(t), key(t)
	s := service(t, alice, right.ID())
	until(t, bob, "ready", onion.Status.Ready)
	t.Logf("published after %v", until(t, alice, "reachable", onion.Status.Reachable))
	to := onion.Target{Address: s.Address(), Port: echoPort}
	try := func(what string, k *onion.ClientKey, want error) {
		t.Helper()
		to.Key = k
		took, err := dialWithin(t, bob, to, 10*time.Second)
		for i := 0; i < 5 && err != nil && !errors.Is(err, want); i++ { // the directories may be changing, see dial
			t.Logf("%s: %v after %v, once more", what, err, took)
			time.Sleep(2 * time.Second)
			took, err = dialWithin(t, bob, to, 10*time.Second)
		}
		t.Logf("%s: %v after %v", what, err, took)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v after %v, want %v", what, err, took, want)
		}
	}
	try("no key", nil, onion.ErrNotAuthorised)
	try("wrong key", &wrong, onion.ErrNotAuthorised)
	try("right key", &right, nil)
	try("right key again", &right, nil)
	try("wrong key after the right one", &wrong, onion.ErrNotAuthorised)
	try("no key after the right one", nil, onion.ErrNotAuthorised)

	other := key(t)
	if err := s.SetClients(t.Context(), []onion.ClientID{other.ID()}); err != nil {
		t.Fatal(err)
	}
	until(t, alice, "reachable", onion.Status.Reachable)
	try("revoked", &right, onion.ErrNotAuthorised)
	try("added", &other, nil)

	// Nobody is left: an open service it must not become.
	if err := s.SetClients(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	try("without clients", &other, onion.ErrNotReachable)
	// The old description is still in the directories, and tells a stranger nothing.
	try("without clients and key", nil, onion.ErrNotAuthorised)

	if err := s.SetClients(t.Context(), []onion.ClientID{other.ID()}); err != nil {
		t.Fatal(err)
	}
	until(t, alice, "reachable", onion.Status.Reachable)
	try("back", &other, nil)
	alice.Close()
	try("offline", &other, onion.ErrNotReachable)
	nobody := onion.Seed{1}.Address()
	to.Address = nobody
	try("never there", nil, onion.ErrNotReachable)
}
