// Package tornet is a private Tor network on loopback for tests: three directory authorities and five relays, each a
// process of Debian's own tor, which tools/tornet/fetch.sh unpacks.
//
// It promises that nothing of it listens on or talks to any address but 127.0.0.1, and that its processes end with Stop,
// or soon after the process that started them. It cannot show what a real network's size, load and distance do to a call;
// only Delay adds a little of the latter.
package tornet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The size of the network: three authorities are what a majority needs, and an onion path takes six relays of which none
// may stand twice in one half.
const (
	authorities = 3
	relays      = 5
	upLimit     = 240 * time.Second    // some ten on a quiet machine
	keysLive    = 180 * 24 * time.Hour // of the twelve months that the authorities' certificates have
)

// Options say where things are.
type Options struct {
	Root  string        // the repository: build/cache below it has tor and keeps the authorities' keys
	Dir   string        // an empty folder for this network
	Delay time.Duration // one way, on every connection to a relay
}

// Network is a running network.
type Network struct {
	options Options
	nodes   []*node
	proxies []*proxy
	lines   []string // DirAuthority
	once    sync.Once
}

// node is one process of it.
type node struct {
	name, dir       string
	authority       bool
	orPort, dirPort int
	inner           int // where it listens when a proxy has orPort
	v3, fingerprint string
	cmd             *exec.Cmd
	done            chan error
}

// Start starts a network and waits until each node knows all. It takes some ten seconds on a quiet machine.
func Start(ctx context.Context, o Options) (*Network, error) {
	n := &Network{options: o}
	if err := n.start(ctx); err != nil {
		n.Stop()
		return nil, fmt.Errorf("tornet: %w", err)
	}
	return n, nil
}

func (n *Network) start(ctx context.Context) error {
	for i := range authorities + relays {
		m := &node{name: fmt.Sprintf("relay%d", i+1-authorities), authority: i < authorities}
		if m.authority {
			m.name = fmt.Sprintf("authority%d", i+1)
		}
		m.dir = filepath.Join(n.options.Dir, m.name)
		n.nodes = append(n.nodes, m)
	}
	if err := n.ports(); err != nil {
		return err
	}
	if err := n.each(func(m *node) error { return n.keys(ctx, m) }); err != nil {
		return err
	}
	for _, m := range n.nodes[:authorities] {
		n.lines = append(n.lines, fmt.Sprintf("DirAuthority %s orport=%d no-v2 v3ident=%s 127.0.0.1:%d %s",
			m.name, m.orPort, m.v3, m.dirPort, m.fingerprint))
	}
	for _, m := range n.nodes {
		if err := n.launch(m); err != nil {
			return err
		}
	}
	return n.wait(ctx)
}

// each does something for all nodes at once.
func (n *Network) each(do func(*node) error) error {
	problems := make([]error, len(n.nodes))
	var wait sync.WaitGroup
	for i, m := range n.nodes {
		wait.Go(func() { problems[i] = do(m) })
	}
	wait.Wait()
	return errors.Join(problems...)
}

// ports finds free ones, and starts the proxies where there is a delay.
func (n *Network) ports() error {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	free := func() (int, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		held = append(held, l)
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	for _, m := range n.nodes {
		for _, p := range []*int{&m.orPort, &m.dirPort} {
			var err error
			if *p, err = free(); err != nil {
				return err
			}
		}
		if n.options.Delay == 0 {
			continue
		}
		m.inner = m.orPort
		p, err := newProxy(n.options.Delay, fmt.Sprintf("127.0.0.1:%d", m.inner))
		if err != nil {
			return err
		}
		n.proxies = append(n.proxies, p)
		m.orPort = p.port()
	}
	return nil
}

// Torrc is what a client of this network needs in its configuration.
func (n *Network) Torrc() []string {
	return append([]string{"TestingTorNetwork 1", "PathsNeededToBuildCircuits 0.67"}, n.lines...)
}

// Ports are those on which relays, authorities and the proxies before them take connections. A packet of this network has
// one of them at one end.
func (n *Network) Ports() (ports []int) {
	for _, m := range n.nodes {
		ports = append(ports, m.orPort)
		if m.inner != 0 {
			ports = append(ports, m.inner)
		}
		if m.authority {
			ports = append(ports, m.dirPort)
		}
	}
	return ports
}

// launch starts a node's process.
func (n *Network) launch(m *node) error {
	path := filepath.Join(m.dir, "torrc")
	if err := os.WriteFile(path, []byte(n.torrc(m)), 0o600); err != nil {
		return err
	}
	m.cmd = n.command(context.Background(), "tor", "--quiet", "-f", path)
	if err := m.cmd.Start(); err != nil {
		m.cmd = nil
		return err
	}
	m.done = make(chan error, 1)
	go func() { m.done <- m.cmd.Wait() }()
	return nil
}

// command runs a program of the unpacked packages with their libraries.
func (n *Network) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	root := filepath.Join(n.options.Root, "build/cache/tornet")
	cmd := exec.CommandContext(ctx, filepath.Join(root, "usr/bin", name), args...)
	var libraries []string
	for _, dir := range []string{"usr/lib", "lib"} {
		more, _ := filepath.Glob(filepath.Join(root, dir, "*-linux-gnu"))
		libraries = append(libraries, more...)
	}
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	return cmd
}

// wait waits until the consensus lists all nodes and all have bootstrapped.
func (n *Network) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		listed, up := 0, 0
		consensus, _ := os.ReadFile(filepath.Join(n.nodes[0].dir, "cached-microdesc-consensus"))
		listed = strings.Count("\n"+string(consensus), "\nr ")
		for _, m := range n.nodes {
			log, _ := os.ReadFile(filepath.Join(m.dir, "notice.log"))
			if strings.Contains(string(log), "Bootstrapped 100%") {
				up++
			}
		}
		if listed == len(n.nodes) && up == len(n.nodes) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("after %v the consensus lists %d and %d of %d are up: %w", upLimit, listed, up, len(n.nodes), ctx.Err())
		}
		for _, m := range n.nodes {
			select {
			case err := <-m.done:
				m.done <- err
				return fmt.Errorf("%s ended: %v (see %s)", m.name, err, m.dir)
			default:
			}
		}
	}
}

// Stop ends all processes.
func (n *Network) Stop() {
	n.once.Do(func() {
		for _, m := range n.nodes {
			if m.cmd != nil {
				m.cmd.Process.Kill()
				<-m.done
			}
		}
		for _, p := range n.proxies {
			p.close()
		}
	})
}
