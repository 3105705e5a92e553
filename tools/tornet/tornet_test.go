//go:build tor && interop

package tornet

import (
	"context"
	"os"
	"testing"
	"time"

	"sotto/net/onion"
)

// TestMain lets the test's own binary be the Tor child.
func TestMain(m *testing.M) {
	onion.ChildMain()
	os.Exit(m.Run())
}

// network starts a network for one test.
func network(t *testing.T, delay time.Duration) *Network {
	t.Helper()
	began := time.Now()
	n, err := Start(context.Background(), Options{Root: "../..", Dir: t.TempDir(), Delay: delay})
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
	dir, err := os.MkdirTemp("", "onion")
	if err != nil {
		t.Fatal(err)
	}
	tor, err := onion.Start(onion.Config{Dir: dir, Extra: n.Torrc(), Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tor.Close(); os.RemoveAll(dir) })
	return tor
}

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

func TestFirst(t *testing.T) {
	n := network(t, 0)
	a, b := client(t, n), client(t, n)
	t.Logf("bootstrap %v", until(t, a, "ready", onion.Status.Ready))
	until(t, b, "ready", onion.Status.Ready)
	t.Logf("%+v", a.Status())
}
