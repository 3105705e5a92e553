package firewall

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestInNamespace puts the policy in force in a network of its own (unshared, so the machine's rules stay) and knocks.
// It re-executes itself as root of a fresh namespace; the child prints what was heard.
func TestInNamespace(t *testing.T) {
	if os.Getenv("SOTTO_FIREWALL_CHILD") != "" {
		child(t)
		return
	}
	cmd := exec.Command("unshare", "--net", "--map-root-user", os.Args[0], "-test.run=^TestInNamespace$", "-test.v")
	cmd.Env = append(os.Environ(), "SOTTO_FIREWALL_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "PASS: TestInNamespace") {
		t.Fatalf("the child did not run:\n%s", out)
	}
}

// child joins two namespaces by a veth pair: this one is the handset, the other one knocks.
func child(t *testing.T) {
	runtime.LockOSThread()
	run := func(line string) {
		t.Helper()
		if out, err := exec.Command("/bin/sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	away, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(ns int) {
		t.Helper()
		if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			t.Fatal(err)
		}
	}
	enter(home)
	run("ip link set lo up; ip link add cable type veth peer name knock; ip addr add 10.9.0.1/24 dev cable; ip link set cable up")
	pid := exec.Command("sleep", "60")
	enter(away)
	if err := pid.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pid.Process.Kill(); _ = pid.Wait() }()
	enter(home)
	run("ip link set knock netns " + itoa(pid.Process.Pid))
	enter(away)
	run("ip addr add 10.9.0.2/24 dev knock; ip link set knock up; ip link set lo up")
	enter(home)
	k := knocker{t: t, home: home, away: away, enter: enter}
	k.expect("before any rule", 5060, true)
	for _, c := range []struct {
		name string
		p    Policy
		open bool
	}{
		{"the default", Policy{DHCP: true}, false},
		{"direct calls", Policy{DHCP: true, Direct: 5060}, true},
		{"direct calls from another network", Policy{Direct: 5060, From: netip.MustParsePrefix("192.168.0.0/16")}, false},
		{"direct calls from this network", Policy{Direct: 5060, From: netip.MustParsePrefix("10.9.0.0/24")}, true},
		{"the default again", Policy{}, false},
	} {
		if err := Set(c.p); err != nil {
			t.Fatal(err)
		}
		k.expect(c.name, 5060, c.open)
		k.expect(c.name+", another port", 5061, false)
		k.answer(c.name)
	}
	flooded(&k)
}

// flooded sends ten times the rate and counts what the telephone would have had to look at.
func flooded(k *knocker) {
	if err := Set(Policy{Direct: 5060}); err != nil {
		k.t.Fatal(err)
	}
	srv := k.listen(k.home, "10.9.0.1:5060")
	defer srv.Close()
	for range 10 * DirectRate { // each from a port of its own, so each is new to the tracker
		c := k.dial("10.9.0.1:5060")
		_, _ = c.Write([]byte("flood"))
		_ = c.Close()
	}
	n := 0
	for k.hears(srv, 300*time.Millisecond) {
		n++
	}
	if n < DirectRate/2 || n > 4*DirectRate {
		k.t.Errorf("%d packets of a flood of %d passed", n, 10*DirectRate)
	}
}

type knocker struct {
	t          *testing.T
	home, away int
	enter      func(int)
}

func (k *knocker) listen(ns int, address string) *net.UDPConn {
	k.t.Helper()
	k.enter(ns)
	defer k.enter(k.home)
	a, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		k.t.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", a)
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

func (k *knocker) dial(address string) net.Conn {
	k.t.Helper()
	k.enter(k.away)
	defer k.enter(k.home)
	c, err := net.Dial("udp4", address)
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

func (k *knocker) hears(c *net.UDPConn, within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, _, err := c.ReadFromUDP(make([]byte, 64))
	return err == nil
}

// expect knocks at a port.
func (k *knocker) expect(what string, port int, open bool) {
	k.t.Helper()
	srv := k.listen(k.home, "10.9.0.1:"+itoa(port))
	defer srv.Close()
	c := k.dial("10.9.0.1:" + itoa(port))
	defer c.Close()
	_, _ = c.Write([]byte("knock"))
	within := 200 * time.Millisecond
	if open {
		within = 3 * time.Second // a busy machine resolves addresses slowly; what is closed stays closed
	}
	if got := k.hears(srv, within); got != open {
		k.t.Errorf("%s: port %d is open %v, want %v", what, port, got, open)
	}
}

// answer checks that what we ask for comes back, whatever the policy.
func (k *knocker) answer(what string) {
	k.t.Helper()
	peer := k.listen(k.away, "10.9.0.2:7000")
	defer peer.Close()
	ours := k.listen(k.home, "10.9.0.1:7001")
	defer ours.Close()
	if _, err := ours.WriteToUDP([]byte("ask"), &net.UDPAddr{IP: net.IPv4(10, 9, 0, 2), Port: 7000}); err != nil {
		k.t.Fatal(err)
	}
	if !k.hears(peer, time.Second) {
		k.t.Fatalf("%s: we cannot send", what)
	}
	_, _ = peer.WriteToUDP([]byte("answer"), &net.UDPAddr{IP: net.IPv4(10, 9, 0, 1), Port: 7001})
	if !k.hears(ours, time.Second) {
		k.t.Errorf("%s: the answer to what we asked was dropped", what)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
