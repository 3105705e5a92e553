package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
)

// sim is the simulator, built once for these tests.
var sim string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "call")
	if err != nil {
		panic(err)
	}
	sim = filepath.Join(dir, "sim")
	build := exec.Command("go", "build", "-o", sim, "../sim")
	build.Env = append(os.Environ(), "GOEXPERIMENT=runtimesecret") // as the Makefile has it
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n", out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// pair starts two handsets and lets Alice call Bob until both are secure.
func pair(t *testing.T) (alice, bob *puppet.Handset, mics [2]string) {
	t.Helper()
	ports, err := puppet.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	mics = [2]string{"speech/alice.wav", "speech/bob.wav"}
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	if alice, err = puppet.Start(sim, out, "Alice", at(0), mics[0], "--contact", "Bob=sip:bob@"+at(1)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { alice.Stop() })
	if bob, err = puppet.Start(sim, out, "Bob", at(1), mics[1]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bob.Stop() })
	must(t, alice, "ready")
	must(t, bob, "ready")
	alice.Say("hold 2")
	must(t, bob, "ringing")
	bob.Say("press call")
	if a, b := must(t, alice, "secure"), must(t, bob, "secure"); a.SAS != b.SAS || a.SAS == "" {
		t.Fatalf("codes %q and %q", a.SAS, b.SAS)
	}
	return alice, bob, mics
}

func must(t *testing.T, h *puppet.Handset, kinds ...string) puppet.Event {
	t.Helper()
	e, err := h.Await(15*time.Second, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// udpPorts are the ports that a process has open, found as the kernel lists them.
func udpPorts(t *testing.T, pid int) (ports []netip.AddrPort) {
	t.Helper()
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/udp", pid))
	if err != nil {
		t.Fatal(err)
	}
	mine := map[string]bool{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			mine[strings.Trim(to, "socket:[]")] = true
		}
	}
	for _, line := range strings.Split(string(table), "\n")[1:] {
		f := strings.Fields(line)
		if len(f) < 10 || !mine[f[9]] {
			continue
		}
		_, port, _ := strings.Cut(f[1], ":")
		n, err := hex.DecodeString(port)
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(n[0])<<8|uint16(n[1])))
	}
	return ports
}

// memory is the resident size of a process in KiB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// junk makes datagrams that look like every protocol of a handset's ports, whole, cut, too long and bent.
func junk(r *rand.Rand) []byte {
	models := [][]byte{
		[]byte("INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\nContent-Length: 99999999\r\n\r\n"),
		[]byte("BYE sip:bob@127.0.0.1 SIP/2.0\r\n\r\n"),
		append([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7}, bytes.Repeat([]byte{0x78}, 80)...),
		append([]byte{0x80, 200, 0, 6, 0, 0, 0, 1}, make([]byte, 24)...),
		append([]byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P', 0, 0, 0, 9, 0x50, 0x5a, 0, 29}, []byte("Hello   1.10")...),
		{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42},
		bytes.Repeat([]byte{0xff}, 60000),
	}
	p := bytes.Clone(models[r.IntN(len(models))])
	if r.IntN(3) == 0 {
		p = p[:r.IntN(len(p)+1)]
	}
	for range r.IntN(4) {
		if len(p) > 0 {
			p[r.IntN(len(p))] ^= byte(1 << r.IntN(8))
		}
	}
	return p
}

// TestFloodDuringACall sends 10,000 datagrams a second for 10 s to Bob's ports: the call stays up, the voice is understood,
// the memory is flat.
func TestFloodDuringACall(t *testing.T) {
	const calls = 3 // the flood's memory and the call's life count in each; the sound in one, for a machine has its moments
	for n := 1; ; n++ {
		v := flooded(t)
		t.Logf("what Bob heard under the flood: STOI %.3f", v)
		if v >= minSTOI {
			return
		}
		if n == calls {
			t.Fatalf("below %.2f in each of %d calls", minSTOI, calls)
		}
	}
}

// flooded is a call under a flood, and how well Bob heard it.
func flooded(t *testing.T) float64 {
	t.Helper()
	alice, bob, mics := pair(t)
	pid := bob.Cmd.Process.Pid
	ports := udpPorts(t, pid)
	if len(ports) < 3 {
		t.Fatalf("found the ports %v, want SIP, RTP and RTCP", ports)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const rate, seconds = 10000, 10
	r := rand.New(rand.NewPCG(1, 1))
	pool := make([][]byte, 2000)
	for i := range pool {
		pool[i] = junk(r)
	}
	begin, early, sent := time.Now(), 0, 0
	for tick := range seconds * 100 {
		time.Sleep(time.Until(begin.Add(time.Duration(tick) * 10 * time.Millisecond)))
		for range rate / 100 {
			if _, err := conn.WriteToUDPAddrPort(pool[r.IntN(len(pool))], ports[r.IntN(len(ports))]); err == nil {
				sent++
			}
		}
		if tick == 200 { // two seconds in: caches and stacks have their size
			early = memory(t, pid)
		}
	}
	late := memory(t, pid)
	took := time.Since(begin)
	t.Logf("%d datagrams in %v, memory %d KiB after 2 s, %d KiB after 10 s", sent, took.Round(time.Millisecond), early, late)
	if sent < rate*seconds*9/10 || took > (seconds+2)*time.Second {
		t.Errorf("the flood was too thin: %d datagrams in %v", sent, took)
	}
	if late > early+early/4+2048 {
		t.Errorf("memory grew from %d to %d KiB", early, late)
	}
	time.Sleep(time.Second)
	if e, err := bob.Await(time.Millisecond, "ended"); err == nil {
		t.Fatalf("the call ended: %s", e.Cause)
	}
	alice.Say("press end")
	must(t, bob, "ended")
	v, err := stoi.Files(mics[0], bob.Speaker)
	if err != nil {
		t.Error(err)
	}
	return v
}

// TestPeerWithoutZRTP answers like a plain softphone: the screen says what is wrong, and nothing was sent but Hellos.
func TestPeerWithoutZRTP(t *testing.T) {
	media, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	plain, err := sipua.New(sipua.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	go func() {
		for ev := range plain.Events() {
			if in, ok := ev.(signaling.Incoming); ok {
				at := media.LocalAddr().(*net.UDPAddr).AddrPort()
				d := signaling.Description{RTP: at, RTCP: netip.AddrPortFrom(at.Addr(), at.Port()+1), Ptime: 20}
				plain.Answer(in.Call, d.AnswerTo(in.Offer))
			}
		}
	}()
	speech := 0
	go func() {
		b := make([]byte, 2048)
		for {
			n, _, err := media.ReadFromUDP(b)
			if err != nil {
				return
			}
			if n > 0 && b[0]>>6 == 2 {
				speech++
			}
		}
	}()
	ports, err := puppet.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	alice, err := puppet.Start(sim, t.TempDir(), "Alice", fmt.Sprintf("127.0.0.1:%d", ports[0]), "speech/alice.wav",
		"--contact", fmt.Sprintf("Plain=sip:plain@%v", plain.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer alice.Stop()
	must(t, alice, "ready")
	alice.Say("hold 2")
	must(t, alice, "answered")
	if e := must(t, alice, "ended"); e.Cause != "peer cannot encrypt" {
		t.Errorf("the call ended with %q", e.Cause)
	}
	alice.Say("screen")
	if e := must(t, alice, "screen"); !strings.Contains(strings.ToLower(e.Text), "encrypt") {
		t.Errorf("the screen does not say why:\n%s", e.Text)
	}
	if speech != 0 {
		t.Errorf("%d packets of RTP went to a peer that cannot encrypt", speech)
	}
}
