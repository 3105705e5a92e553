//go:build tor && interop

package tornet

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sotto/net/onion"
)

// inside marks the process that has a network of its own. It names the locks of those who measure.
const inside = "TORNET_INSIDE"

// TestMain lets the test's own binary be the Tor child, and runs the tests in a network namespace where every way out
// ends at a wire that is watched. It needs root.
func TestMain(m *testing.M) {
	onion.ChildMain()
	if os.Getenv(inside) == "" {
		os.Exit(lanes())
	}
	if err := wire(); err != nil {
		fmt.Fprintln(os.Stderr, "tornet:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// wire makes a cable to nowhere the default route, so that what tries to leave is seen and not refused.
func wire() error {
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", aliceAt + "/8", "dev", "lo"}, // ICE takes what an interface has
		{"addr", "add", bobAt + "/8", "dev", "lo"},
		{"link", "add", "out", "type", "veth", "peer", "name", "far"},
		{"link", "set", "far", "up"},
		{"link", "set", "out", "up"},
		{"addr", "add", "192.0.2.1/24", "dev", "out"},
		{"neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "out"},
		{"route", "add", "default", "via", "192.0.2.2"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return nil
}

// flow is what a packet tells about where it goes.
type flow struct {
	device string
	kind   uint16 // of Ethernet
	proto  byte
	from   string
	to     string
	ports  [2]int // source and destination
}

// watch collects the flows of all packets on all devices of the namespace.
type watch struct {
	fd    int
	mu    sync.Mutex
	flows map[flow]int
	done  chan struct{}
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	all := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
	if err != nil {
		t.Fatal(err)
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20)
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100000})
	w := &watch{fd: fd, flows: map[flow]int{}, done: make(chan struct{})}
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.read() }()
	t.Cleanup(func() { close(w.done); <-stopped; unix.Close(fd) })
	w.proveSight(t)
	return w
}

// proveSight sends what must be noticed: a name question to a stranger.
func (w *watch) proveSight(t *testing.T) {
	t.Helper()
	c, err := net.Dial("udp", "198.51.100.7:53")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		seen := map[string]bool{} // it leaves by one end of the cable and comes by the other
		w.mu.Lock()
		for f := range w.flows {
			if f.to == "198.51.100.7" && f.proto == unix.IPPROTO_UDP && f.ports[1] == 53 {
				seen[f.device] = true
			}
		}
		if seen["out"] && seen["far"] {
			clear(w.flows)
		}
		w.mu.Unlock()
		if seen["out"] && seen["far"] {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the watch is blind: it did not see a question to a name server")
}

func (w *watch) read() {
	names := map[int]string{}
	buf := make([]byte, 128)
	for {
		select {
		case <-w.done:
			return
		default:
		}
		n, from, err := unix.Recvfrom(w.fd, buf, 0)
		if err != nil {
			continue
		}
		link := from.(*unix.SockaddrLinklayer)
		if names[link.Ifindex] == "" {
			if i, err := net.InterfaceByIndex(link.Ifindex); err == nil {
				names[link.Ifindex] = i.Name
			}
		}
		f := flow{device: names[link.Ifindex], kind: binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, link.Protocol))}
		if f.kind == unix.ETH_P_IP && n >= 20 {
			head := int(buf[0]&15) * 4
			f.proto, f.from, f.to = buf[9], net.IP(buf[12:16]).String(), net.IP(buf[16:20]).String()
			if n >= head+4 {
				f.ports = [2]int{int(binary.BigEndian.Uint16(buf[head:])), int(binary.BigEndian.Uint16(buf[head+2:]))}
			}
		}
		w.mu.Lock()
		w.flows[f]++
		w.mu.Unlock()
	}
}

// way allows packets of UDP between two addresses, and what the kernel says of those that came after the end.
type way [2]string

func (f flow) on(v way) bool { return v == way{f.from, f.to} || v == way{f.to, f.from} }

// seen counts the packets of UDP between two addresses so far.
func (w *watch) seen(v way) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f, m := range w.flows {
		if f.proto == unix.IPPROTO_UDP && f.on(v) {
			n += m
		}
	}
	return n
}

// only fails the test for each packet that was not TCP on loopback from or to one of the ports, nor on one of the ways, and
// needs some on each. A call may go on meanwhile. What the kernel itself says on a new cable (IPv6 neighbours and multicast) is
// nobody's.
func (w *watch) only(t *testing.T, ports []int, ways ...way) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	good, used := 0, make([]int, len(ways))
	for f, n := range w.flows {
		i := slices.IndexFunc(ways, f.on)
		loopback := f.kind == unix.ETH_P_IP && f.device == "lo"
		switch {
		case loopback && i >= 0 && (f.proto == unix.IPPROTO_UDP || f.proto == unix.IPPROTO_ICMP):
			used[i] += n
		case loopback && f.proto == unix.IPPROTO_TCP && (slices.Contains(ports, f.ports[0]) || slices.Contains(ports, f.ports[1])):
			good += n
		case f.kind == unix.ETH_P_IPV6 && f.device != "lo":
		default:
			t.Errorf("%d packets that are not Tor's: %+v", n, f)
		}
	}
	for i, n := range used {
		if n == 0 && ways[i][0] != ways[i][1] {
			t.Errorf("no packet between %s and %s", ways[i][0], ways[i][1])
		}
	}
	if good == 0 {
		t.Error("the watch saw no packet of Tor")
	}
	t.Logf("%d packets, all of Tor; besides, packets of media: %v", good, used)
}
