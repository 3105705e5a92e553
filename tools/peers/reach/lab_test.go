//go:build interop

package reach

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sotto/tools/wire"
)

// The lab is two telephones, each in a namespace of its own, and a third that carries everything between them and holds
// the servers. Whoever wants to reach another host goes by the third.
const (
	serverHost   = "sotto-reach-s"
	registrarsIP = "10.92.0.1"
	sipName      = "sip.example.test"
	turnName     = "turn.example.test"
)

// host is a telephone's place.
type host struct {
	ns, dev string
	addr    netip.Addr
}

var (
	alices = host{"sotto-reach-a", "srea", netip.MustParseAddr("10.92.1.2")}
	bobs   = host{"sotto-reach-b", "sreb", netip.MustParseAddr("10.92.2.2")}
)

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// lab builds the namespaces, with a name server, and takes them away at the end.
func lab(t *testing.T) {
	t.Helper()
	down := func() {
		for _, ns := range []string{serverHost, alices.ns, bobs.ns} {
			exec.Command("ip", "netns", "del", ns).Run()
			os.RemoveAll("/etc/netns/" + ns)
		}
	}
	down()
	t.Cleanup(down)
	run(t, "ip", "netns", "add", serverHost)
	run(t, "ip", "-n", serverHost, "link", "set", "lo", "up")
	run(t, "ip", "-n", serverHost, "addr", "add", registrarsIP+"/32", "dev", "lo")
	run(t, "ip", "netns", "exec", serverHost, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	for _, h := range []host{alices, bobs} {
		run(t, "ip", "netns", "add", h.ns)
		run(t, "ip", "link", "add", h.dev, "netns", h.ns, "type", "veth", "peer", "name", h.dev+"s", "netns", serverHost)
		run(t, "ip", "-n", h.ns, "link", "set", "lo", "up")
		run(t, "ip", "-n", h.ns, "addr", "add", h.addr.String()+"/24", "dev", h.dev)
		run(t, "ip", "-n", h.ns, "link", "set", h.dev, "up")
		run(t, "ip", "-n", serverHost, "addr", "add", h.addr.Prev().String()+"/24", "dev", h.dev+"s")
		run(t, "ip", "-n", serverHost, "link", "set", h.dev+"s", "up")
		run(t, "ip", "-n", h.ns, "route", "add", "default", "via", h.addr.Prev().String())
		if err := os.MkdirAll("/etc/netns/"+h.ns, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, "/etc/netns/"+h.ns+"/resolv.conf", "nameserver "+registrarsIP+"\n")
	}
	nameServer(t)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// inside runs a function in a namespace; the sockets that it opens stay there.
func inside(t *testing.T, ns string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		fd, err := os.Open("/var/run/netns/" + ns)
		if err == nil {
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
			fd.Close()
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("in %s: %v", ns, err)
	}
}

// nameServer knows the two servers' names, and that nothing else exists.
func nameServer(t *testing.T) {
	t.Helper()
	var c net.PacketConn
	inside(t, serverHost, func() (err error) {
		c, err = net.ListenPacket("udp4", registrarsIP+":53")
		return err
	})
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if a := nameAnswer(buf[:n]); a != nil {
				c.WriteTo(a, from)
			}
		}
	}()
}

// nameAnswer answers one question. RFC 1035, Section 4.1.
func nameAnswer(q []byte) []byte {
	end := bytes.IndexByte(q[min(12, len(q)):], 0)
	if end < 0 || len(q) < 12+end+5 {
		return nil
	}
	asked := q[12 : 12+end+5]
	kind := binary.BigEndian.Uint16(asked[end+1:])
	a := append(bytes.Clone(q[:12]), asked...)
	copy(a[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	known := false
	for _, name := range []string{sipName, turnName} {
		known = known || bytes.EqualFold(asked[:end], labels(name))
	}
	switch {
	case !known:
		a[3] |= 3 // no such name
	case kind == 1:
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		a = append(a, netip.MustParseAddr(registrarsIP).AsSlice()...)
	}
	return a
}

func labels(name string) (b []byte) {
	for l := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(l))), l...)
	}
	return b
}

// serve starts a server in its namespace and waits until something listens on its TCP port.
func serve(t *testing.T, port int, args ...string) {
	t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", serverHost}, args...)...)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run: make test-packages", err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	at := fmt.Sprintf("/dev/tcp/%s/%d", registrarsIP, port)
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if exec.Command("ip", "netns", "exec", serverHost, "bash", "-c", "exec 3<>"+at).Run() == nil {
			return
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not listen on %d:\n%s", args[0], port, text)
		}
	}
}

// simIn is a program that runs build/sim in a namespace.
func simIn(t *testing.T, h host) string {
	t.Helper()
	sim, err := filepath.Abs(root + "/build/sim")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sim")
	write(t, path, "#!/bin/sh\nexec ip netns exec "+h.ns+" "+sim+" \"$@\"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// witness records what a telephone sends and gets, until it is asked.
type witness struct {
	t    *testing.T
	cmd  *exec.Cmd
	path string
}

func watch(t *testing.T, h host) *witness {
	t.Helper()
	w := &witness{t: t, path: filepath.Join(t.TempDir(), h.dev+".pcap")}
	w.cmd = exec.Command("ip", "netns", "exec", h.ns, "tcpdump", "-i", h.dev, "-U", "--immediate-mode", "-w", w.path)
	said, err := w.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.cmd.Process.Kill(); w.cmd.Wait() })
	said.Read(make([]byte, 1)) // it says that it listens
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if f, err := os.Stat(w.path); err == nil && f.Size() >= 24 {
			return w
		}
		if time.Now().After(end) {
			t.Fatal("tcpdump records nothing")
		}
	}
}

// all is everything that was recorded.
func (w *witness) all() []wire.Datagram {
	w.t.Helper()
	w.stop()
	return w.read()
}

// stop ends the recording, and names its file.
func (w *witness) stop() string {
	w.cmd.Process.Signal(os.Interrupt)
	w.cmd.Wait()
	return w.path
}

// read is what lies in the file.
func (w *witness) read() []wire.Datagram {
	w.t.Helper()
	all, err := wire.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}
