//go:build interop

package natlab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"sotto/tools/wire"
)

// The places of the lab.
var (
	serverAddr = netip.MustParseAddr("203.0.113.10")
	outerOf    = map[string]netip.Addr{"a": netip.MustParseAddr("198.51.100.1"), "b": netip.MustParseAddr("198.51.100.2")}
	publicOf   = map[string]netip.Addr{"a": netip.MustParseAddr("198.51.100.11"), "b": netip.MustParseAddr("198.51.100.12")}
	innerOf    = map[string]netip.Addr{"a": netip.MustParseAddr("10.81.0.2"), "b": netip.MustParseAddr("10.82.0.2")}
	carrierOf  = map[string]netip.Addr{"a": netip.MustParseAddr("100.64.0.1"), "b": netip.MustParseAddr("100.64.0.2")}
	shared     = netip.MustParseAddr("198.51.100.3")
)

// lab is three namespaces whose only link is this process.
type lab struct {
	t     *testing.T
	tun   map[string]*os.File // "a", "b", "s"
	mu    sync.Mutex
	chain map[string][]*Box // of a and b, from the inside out; none: public
	addr  map[string]netip.Addr
	seen  []wire.Datagram            // what left, since record
	came  map[string][]wire.Datagram // what arrived, since record
	flows map[flow]*stream           // TURN over TCP
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// newLab makes the namespaces nta, ntb and nts, each with a TUN device that ends here.
func newLab(t *testing.T) *lab {
	l := &lab{t: t, tun: map[string]*os.File{}, came: map[string][]wire.Datagram{}, chain: map[string][]*Box{}, addr: map[string]netip.Addr{},
		flows: map[flow]*stream{}}
	for _, n := range []string{"a", "b", "s"} {
		ns, dev := "ntlab"+n, "ntlab"+n
		exec.Command("ip", "netns", "del", ns).Run() // of a run that was killed
		run(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
		l.tun[n] = openTUN(t, dev)
		run(t, "ip", "link", "set", dev, "netns", ns)
		run(t, "ip", "-n", ns, "link", "set", "lo", "up")
		run(t, "ip", "-n", ns, "link", "set", dev, "up")
	}
	run(t, "ip", "-n", "ntlabs", "addr", "add", serverAddr.String()+"/32", "dev", "ntlabs")
	run(t, "ip", "-n", "ntlabs", "route", "add", "default", "dev", "ntlabs")
	for n, f := range l.tun {
		go l.read(n, f)
	}
	return l
}

func openTUN(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], name)
	request.flags = syscall.IFF_TUN | syscall.IFF_NO_PI
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatal(errno)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { f.Close() })
	return f
}

// read carries the packets that leave one namespace.
func (l *lab) read(from string, f *os.File) {
	buf := make([]byte, 5000) // more than any MTU here
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		p := Packet(buf[:n])
		if !p.ok() {
			continue
		}
		l.mu.Lock()
		inner, said := p.source(), l.said(p)
		for _, m := range said {
			l.seen = append(l.seen, wire.Datagram{Time: time.Now(), Src: inner, Dst: p.destination(), Payload: m})
		}
		to := l.route(from, p)
		if chain := l.chain[from]; to == "s" && len(chain) > 0 {
			if q := chain[0].Meddled(p, inner); &q[0] != &p[0] {
				p, said = q, l.said(q)
			}
		}
		for _, m := range said {
			if to != "" {
				l.came[to] = append(l.came[to], wire.Datagram{Time: time.Now(), Src: p.source(), Dst: p.destination(), Payload: m})
			}
		}
		l.mu.Unlock()
		if to != "" {
			l.tun[to].Write(p)
		}
	}
}

// record begins to keep what crosses anew; recorded is what crossed.
func (l *lab) record() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.came = nil, map[string][]wire.Datagram{}
}

func (l *lab) recorded() []wire.Datagram {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// route translates a packet on its way; empty drops it.
func (l *lab) route(from string, p Packet) string {
	for _, b := range l.chain[from] {
		if !b.Out(p) {
			return ""
		}
		if p.destination().Addr() != b.Outer() {
			continue
		}
		if !b.Turn(p) {
			return ""
		}
		return l.inward(b, p)
	}
	to := p.destination().Addr()
	if to == serverAddr {
		return "s"
	}
	for _, n := range []string{"a", "b"} {
		chain := l.chain[n]
		if len(chain) == 0 && to == l.addr[n] {
			return n
		}
		if len(chain) > 0 && to == chain[len(chain)-1].Outer() {
			if !chain[len(chain)-1].In(p) {
				return ""
			}
			return l.inward(chain[len(chain)-1], p)
		}
	}
	return ""
}

// inward carries a packet from behind a box to its namespace.
func (l *lab) inward(b *Box, p Packet) string {
	for _, n := range []string{"a", "b"} {
		chain := l.chain[n]
		at := -1
		for i := range chain {
			if chain[i] == b {
				at = i
			}
		}
		if at == 0 && p.destination().Addr() == l.addr[n] {
			return n
		}
		if at > 0 && p.destination().Addr() == chain[at-1].Outer() {
			if !chain[at-1].In(p) {
				return ""
			}
			return l.inward(chain[at-1], p)
		}
	}
	return ""
}

// set puts both telephones behind their translators.
func (l *lab) set(kindA, kindB string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chain["a"], l.addr["a"] = place("a", kindA)
	l.chain["b"], l.addr["b"] = place("b", kindB)
	if last := len(l.chain["a"]) - 1; kindA == kindB && (strings.HasPrefix(kindA, "hairpin") || kindA == "carrier-grade") {
		l.chain["b"][last] = l.chain["a"][last] // both behind the same one
	}
	for _, n := range []string{"a", "b"} {
		run(l.t, "ip", "-n", "ntlab"+n, "addr", "flush", "dev", "ntlab"+n)
		run(l.t, "ip", "-n", "ntlab"+n, "addr", "add", l.addr[n].String()+"/32", "dev", "ntlab"+n)
		run(l.t, "ip", "-n", "ntlab"+n, "route", "replace", "default", "dev", "ntlab"+n)
	}
}

// kinds are the translators of the matrix.
var kinds = []string{"public", "full cone", "address-restricted", "port-restricted", "symmetric", "UDP blocked",
	"carrier-grade", "hairpin on", "hairpin off", "SIP ALG"}

var behaviours = map[string]Behaviour{
	"full cone":          {Mapping: Independent, Filtering: Independent},
	"address-restricted": {Mapping: Independent, Filtering: Address},
	"port-restricted":    {Mapping: Independent, Filtering: AddressPort},
	"symmetric":          {Mapping: AddressPort, Filtering: AddressPort},
	"UDP blocked":        {BlockUDP: true},
	"hairpin on":         {Mapping: Independent, Filtering: AddressPort, Hairpin: true},
	"hairpin off":        {Mapping: Independent, Filtering: AddressPort},
	"SIP ALG":            {Mapping: Independent, Filtering: AddressPort, Meddle: true}, // to media it is a translator like others
}

// place is where a telephone stands: its translators and its own address.
func place(n, kind string) ([]*Box, netip.Addr) {
	switch kind {
	case "public":
		return nil, publicOf[n]
	case "carrier-grade": // RFC 6888: mapping independent, hairpinning required; the home has its own translator
		home := NewBox(Behaviour{Mapping: Independent, Filtering: AddressPort}, carrierOf[n])
		outer := outerOf[n]
		if n == "a" {
			outer = shared
		}
		return []*Box{home, NewBox(Behaviour{Mapping: Independent, Filtering: AddressPort, Hairpin: true}, outer)}, innerOf[n]
	}
	return []*Box{NewBox(behaviours[kind], outerOf[n])}, innerOf[n]
}

// direct reports whether a direct way exists.
func direct(a, b string) bool {
	if a == "UDP blocked" || b == "UDP blocked" || a == "hairpin off" && b == a {
		return false
	}
	picky := func(k string) bool { return k != "public" && k != "full cone" && k != "address-restricted" }
	return !(a == "symmetric" && picky(b) || b == "symmetric" && picky(a))
}

// agent is a telephone's search in a namespace: this test binary, started again.
type agent struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (l *lab) start(n string, controlling bool) *agent {
	l.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", "ntlab"+n, os.Args[0])
	cmd.Env = append(os.Environ(), "NATLAB_AGENT="+fmt.Sprint(controlling))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	return &agent{cmd, in, s}
}

// result is what an agent process says at last.
type result struct {
	Err     string
	Relayed bool
	Took    time.Duration // from the start of Connect to the first media
}

func (a *agent) read(t *testing.T, v any) {
	t.Helper()
	if !a.out.Scan() {
		t.Fatal("the agent said nothing: ", a.out.Err())
	}
	if err := json.Unmarshal(a.out.Bytes(), v); err != nil {
		t.Fatalf("%v in %q", err, a.out.Text())
	}
}

func (a *agent) write(t *testing.T, v any) {
	t.Helper()
	if err := json.NewEncoder(a.in).Encode(v); err != nil {
		t.Fatal(err)
	}
}

func (a *agent) stop() {
	a.in.Close()
	done := make(chan struct{})
	go func() { a.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		a.cmd.Process.Kill()
		<-done
	}
}
