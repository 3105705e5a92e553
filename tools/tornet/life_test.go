//go:build tor && interop

package tornet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sotto/net/onion"
)

// children are the processes that this one started as Tor.
func children(t *testing.T) (pids []int) {
	t.Helper()
	return childrenOf(t, os.Getpid())
}

// childrenOf are the Tor children of a process.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		line, _ := os.ReadFile(filepath.Join(d, "cmdline"))
		stat, _ := os.ReadFile(filepath.Join(d, "stat"))
		_, after, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(after) // state, parent, ...
		if len(f) < 2 || f[0] == "Z" || f[1] != strconv.Itoa(parent) || !bytes.HasPrefix(line, []byte("tor-child\x00")) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(d))
		pids = append(pids, pid)
	}
	return pids
}

// mortal is a client whose child can be killed as by kill -9.
func mortal(t *testing.T, n *Network) (tor *onion.Tor, kill func() error) {
	t.Helper()
	var child atomic.Pointer[onion.Child]
	start := onion.Exec(0)
	dir, err := os.MkdirTemp("", "onion")
	if err != nil {
		t.Fatal(err)
	}
	tor, err = onion.Start(onion.Config{Dir: dir, Extra: n.Torrc(), Log: quiet{t}, Launch: func(torrc string, log io.Writer) (*onion.Child, error) {
		c, err := start(torrc, log)
		child.Store(c)
		return c, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tor.Close(); os.RemoveAll(dir) })
	return tor, func() error { return child.Load().Interrupt() }
}

// killed kills Tor twenty times at any moment, the called's and the caller's in turn: each comes back, and so does
// the service with its clients.
func killed(t *testing.T, n *Network) {
	alice, killAlice := mortal(t, n)
	bob, killBob := mortal(t, n)
	k := key(t)
	s := service(t, alice, k.ID())
	to := onion.Target{Address: s.Address(), Port: echoPort, Key: &k}
	until(t, alice, "reachable", onion.Status.Reachable)
	until(t, bob, "ready", onion.Status.Ready)
	if _, err := dial(t, bob, to); err != nil {
		t.Fatal(err)
	}
	var back, reached []time.Duration
	for i := range 20 {
		done := busy(t)
		tor, kill := alice, killAlice
		if i%2 == 1 {
			tor, kill = bob, killBob
		}
		time.Sleep(time.Duration(i*37%200) * time.Millisecond)
		if err := kill(); err != nil {
			t.Fatalf("kill %d: %v", i+1, err)
		}
		until(t, tor, "noticed", func(s onion.Status) bool { return !s.Running || s.Restarts == i/2+1 })
		if _, err := dialWithin(t, tor, to, patience); !errors.Is(err, onion.ErrNotReady) {
			t.Errorf("kill %d: a dial without Tor: %v", i+1, err)
		}
		back = append(back, until(t, tor, "back", func(s onion.Status) bool { return s.Restarts == i/2+1 && s.Reachable() }))
		took, err := redial(t, bob, to)
		if err != nil {
			t.Fatalf("kill %d: %v", i+1, err)
		}
		reached = append(reached, took)
		done()
	}
	slices.Sort(back)
	slices.Sort(reached)
	t.Logf("20 kills: back after median %v, at most %v; then reached after median %v, at most %v", back[10], back[19], reached[10], reached[19])
}

// redial tries until a minute is over: directories may still have what a dead Tor told them.
func redial(t *testing.T, tor *onion.Tor, to onion.Target) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	for {
		_, err := dialWithin(t, tor, to, patience)
		if err == nil || time.Since(began) > time.Minute {
			return time.Since(began), err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// guards are the lines of Tor's state that name its entry guards.
func guards(t *testing.T, dir string) (lines []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "data/state"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "Guard ") {
			_, id, _ := strings.Cut(line, "rsa_id=")
			id, _, _ = strings.Cut(id, " ")
			lines = append(lines, id)
		}
	}
	return lines
}

// again: a telephone that is switched off and on has the same address and the same guards, and is reached again; an
// amnesic one leaves nothing.
func again(t *testing.T, n *Network) {
	busy(t)
	bob := client(t, n)
	dir, err := os.MkdirTemp("", "onion")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	k := key(t)
	seed := onion.Seed{1, 2, 3}
	var before []string
	for i := range 2 {
		alice := clientIn(t, n, dir)
		began := time.Now()
		s, err := alice.Listen(t.Context(), onion.ServiceConfig{Seed: seed, Ports: []uint16{echoPort}, Clients: []onion.ClientID{k.ID()}})
		if err != nil {
			t.Fatal(err)
		}
		go echo(s.Listener(echoPort))
		until(t, alice, "reachable", onion.Status.Reachable)
		until(t, bob, "ready", onion.Status.Ready)
		t.Logf("start %d: reachable after %v", i+1, time.Since(began))
		if _, err := redial(t, bob, onion.Target{Address: seed.Address(), Port: echoPort, Key: &k}); err != nil {
			t.Fatalf("start %d: %v", i+1, err)
		}
		alice.Close()
		if len(children(t)) != 1 {
			t.Errorf("start %d: after Close there are %d children, want bob's", i+1, len(children(t)))
		}
		now := guards(t, dir)
		if len(now) == 0 || i == 1 && fmt.Sprint(now[:len(before)]) != fmt.Sprint(before) {
			t.Errorf("start %d: guards %v, before %v", i+1, now, before)
		}
		before = now
	}
	amnesic, err := onion.Start(onion.Config{Dir: dir, Amnesic: true, Extra: n.Torrc(), Log: quiet{t}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, amnesic, "ready", onion.Status.Ready)
	amnesic.Close()
	if left, _ := os.ReadDir(filepath.Join(dir, "data")); len(left) != 0 {
		t.Errorf("an amnesic Tor left %v", left)
	}
}

// cell: the child has no new privileges, Tor's thread is in its sandbox and every thread in ours, and no port is open.
func cell(t *testing.T, n *Network) {
	busy(t)
	w := newWatch(t)
	tor := client(t, n)
	k := key(t)
	s := service(t, tor, k.ID())
	until(t, tor, "reachable", onion.Status.Reachable)
	if _, err := dial(t, tor, onion.Target{Address: s.Address(), Port: echoPort, Key: &k}); err != nil {
		t.Fatal(err)
	}
	pid := children(t)[0]
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(err)
	}
	filters := map[string]int{}
	for _, f := range threads {
		b, _ := os.ReadFile(f)
		filters[field(string(b), "Seccomp_filters")]++
		if field(string(b), "NoNewPrivs") != "1" || field(string(b), "Seccomp") != "2" {
			t.Errorf("a thread of Tor is free: %s", b)
		}
	}
	if filters["2"] == 0 {
		t.Errorf("no thread is in Tor's sandbox besides ours: %v", filters)
	}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	t.Logf("threads by number of filters: %v; resident %s", filters, field(string(b), "VmRSS"))
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		if open := listening(t, pid, table); len(open) > 0 {
			t.Errorf("Tor listens: %s %v", table, open)
		}
	}
	w.only(t, n.Ports())
}

func field(status, name string) string {
	_, v, _ := strings.Cut(status, "\n"+name+":")
	v, _, _ = strings.Cut(v, "\n")
	return strings.TrimSpace(v)
}

// listening are the sockets of a process that wait for others: TCP in LISTEN, any UDP.
func listening(t *testing.T, pid int, table string) (open []string) {
	t.Helper()
	mine := map[string]bool{}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, f := range fds {
		to, _ := os.Readlink(f)
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			mine[strings.TrimSuffix(inode, "]")] = true
		}
	}
	if len(mine) == 0 {
		t.Fatal("Tor has no sockets at all: the look at them is broken")
	}
	b, err := os.ReadFile("/proc/net/" + table)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		const listen = "0A"
		if len(f) > 9 && mine[f[9]] && (f[3] == listen || strings.HasPrefix(table, "udp")) {
			open = append(open, f[1])
		}
	}
	return open
}

// ownUser: Tor runs as a user of its own and is started by a broker, as on a device, and calls go both ways all the same.
func ownUser(t *testing.T, n *Network) {
	busy(t)
	const user = 31337
	dir, err := os.MkdirTemp("", "onion")
	if err != nil {
		t.Fatal(err)
	}
	broker, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "broker"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	go onion.Broker(broker, onion.Exec(user), io.Discard)
	tor, err := onion.Start(onion.Config{Dir: dir, User: user, Extra: n.Torrc(), Launch: onion.Brokered(broker.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tor.Close(); broker.Close(); os.RemoveAll(dir) })
	k := key(t)
	s := service(t, tor, k.ID())
	until(t, tor, "reachable", onion.Status.Reachable)
	if _, err := dial(t, tor, onion.Target{Address: s.Address(), Port: echoPort, Key: &k}); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", children(t)[0]))
	want := fmt.Sprint(user, "\t", user, "\t", user, "\t", user)
	if uid, gid := field(string(b), "Uid"), field(string(b), "Gid"); uid != want || gid != want || field(string(b), "CapEff") != "0000000000000000" {
		t.Errorf("Tor runs as %q, %q, capabilities %s", uid, gid, field(string(b), "CapEff"))
	}
}
