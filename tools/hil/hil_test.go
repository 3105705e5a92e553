//go:build hil

package hil

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(suite(m)) }

func suite(m *testing.M) int {
	if err := os.RemoveAll(reportDir); err != nil {
		panic(err)
	}
	if err := os.MkdirAll(reportDir, 0o755); err != nil {
		panic(err)
	}
	note("# What the bench saw, %s\n\nPictures are the monitors of the machines; nothing was drawn by the bench.\n\n",
		time.Now().UTC().Format(time.DateTime))
	stop, err := startPulse("alice", "bob")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	return m.Run()
}

// cardOf is the card of a board, as make image left it.
func cardOf(t *testing.T, board string) *card {
	t.Helper()
	c, err := copyCard(filepath.Join(root, "build", "sotto-"+board+".img"), filepath.Join(t.TempDir(), "card.img"), board)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPi3 boots the card of a Raspberry Pi 3, with its own SD controller, Ethernet on USB, and a keyboard on USB.
func TestPi3(t *testing.T) {
	m := start(t, setup{name: "pi3", card: cardOf(t, "rpi3"), port: newHub(t).plug()})
	up := m.shown()
	note("## Raspberry Pi 3\nKernel start to first screen, at the first start: %.2f s (load of the host: %s).\n\n", up.Seconds(), load())
	m.shot("idle")
	t.Logf("kernel start to idle screen: %.2f s", up.Seconds())
	m.wait("network is up", 60*time.Second)
	m.press("softL")
	m.changes("a key that was pressed")
	m.shot("menu")
	saveLog(t, m)
	m.off()
	laterStarts(t, m.setup.card)
}

// laterStarts starts a card that has its data HIL_STARTS times. HIL_BAR is what the median may be at most: only a bench with
// nothing else to do is asked that (make start-time).
func laterStarts(t *testing.T, c *card) {
	t.Helper()
	var took []time.Duration
	for i := range numberOf(t, "HIL_STARTS", 1) {
		m := start(t, setup{name: fmt.Sprintf("again %d", i), card: c, port: newHub(t).plug()})
		took = append(took, m.shown())
		if i == 0 {
			m.shot("a later start")
			saveLog(t, m)
		}
		m.off()
	}
	note("Later starts, of a card that has its data: %v (load of the host: %s).\n\n", took, load())
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("later starts: median %v of %v", median, took)
	if text := os.Getenv("HIL_BAR"); text != "" {
		bar, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if median > bar {
			t.Errorf("kernel start to screen: median %v, asked are %v", median, bar)
		}
	}
}

// changes waits for a picture that differs from the present one.
func (m *machine) changes(why string) {
	m.t.Helper()
	before := m.screen()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		now := m.screen()
		for y := range 320 {
			for x := range 240 {
				if before.At(x, y) != now.At(x, y) {
					return
				}
			}
		}
	}
	// The change may have come before the first look; then the screen is not the idle one any more, which the caller's
	// picture shows.
	m.t.Logf("%s: nothing changed after the first look at %s", m.setup.name, why)
}

// load is how busy the host is, without which no time means anything.
func load() string {
	b, _ := os.ReadFile("/proc/loadavg") // Linux has it
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

func saveLog(t *testing.T, m *machine) {
	t.Helper()
	name := t.Name() + "-" + m.setup.name + ".log"
	if err := os.WriteFile(filepath.Join(reportDir, name), []byte(m.console()), 0o644); err != nil {
		t.Fatal(err)
	}
	note("\n[Console of %s](%s)\n\n", m.setup.name, name)
}

// TestOnlyOurs looks from inside, with a spy in front of the image, and from the cable: whose processes run, as whom,
// what they may do, what they listen on, and which ports answer.
func TestOnlyOurs(t *testing.T) {
	h := newHub(t)
	p := h.plug()
	m := start(t, setup{name: "virt", card: cardOf(t, "qemuvirt"), port: p, spy: true})
	_, at := m.waitBar(barPanel, "the idle screen", 90*time.Second)
	note("## Processes, sockets and ports\nKernel start to idle screen on qemuvirt: %.1f s.\n\n", m.uptime(at).Seconds())
	m.wait("network is up", 60*time.Second)
	n := reports(m)
	m.wait(fmt.Sprintf(`SPY %d end`, n+2), 30*time.Second) // a report from after the network came
	var facts []string
	re := regexp.MustCompile(fmt.Sprintf(`SPY %d (process|socket|mount) (.*)`, n+2))
	for l := range strings.Lines(m.console()) {
		if f := re.FindStringSubmatch(l); f != nil {
			facts = append(facts, f[1]+" "+strings.TrimSpace(f[2]))
		}
	}
	note("```\n%s\n```\n", strings.Join(facts, "\n"))
	judge(t, facts)
	scan(t, h, p)
	saveLog(t, m)
}

// reports is how many reports the spy has made.
func reports(m *machine) int {
	n := 0
	for l := range strings.Lines(m.console()) {
		if strings.Contains(l, "SPY ") && strings.HasSuffix(strings.TrimSpace(l), " end") {
			n++
		}
	}
	return n
}

// judge holds the spy's report against the promises of firmware/boot.
func judge(t *testing.T, facts []string) {
	t.Helper()
	want := map[string]string{
		"/init": "Uid=0",
		"link":  "Uid=1001 CapEff=0000000000001400 NoNewPrivs=1 Seccomp=2",
		"phone": "Uid=1000 CapEff=0000000000000000 NoNewPrivs=1 Seccomp=2",
	}
	seen := map[string]bool{}
	rootReadOnly := false
	for _, f := range facts {
		switch {
		case strings.HasPrefix(f, "process "):
			name := regexp.MustCompile(`name=(\S+)`).FindStringSubmatch(f)[1]
			if _, known := want[name]; !known {
				t.Errorf("a process that is not ours: %s", f)
			}
			seen[name] = true
			for w := range strings.FieldsSeq(want[name]) {
				if !strings.Contains(f, w) {
					t.Errorf("%s has not %s: %s", name, w, f)
				}
			}
			var rss int
			if _, err := fmt.Sscanf(regexp.MustCompile(`VmRSS=\d+`).FindString(f), "VmRSS=%d", &rss); err != nil || (name == "phone" && rss > 24<<10) {
				t.Errorf("memory: %s", f)
			}
		case strings.HasPrefix(f, "socket packet"), strings.HasPrefix(f, "socket raw"):
			t.Errorf("a socket that nobody may have: %s", f)
		case strings.HasPrefix(f, "mount rootfs / "), strings.HasPrefix(f, "mount none / "):
			rootReadOnly = strings.Contains(f, " ro,") || strings.Contains(f, " ro ")
		}
	}
	if !rootReadOnly {
		t.Error("the root file system can be written")
	}
	for name := range want {
		if !seen[name] {
			t.Errorf("%s does not run", name)
		}
	}
}

// scan knocks at every TCP port and at UDP ports, as a neighbour on the cable: nothing may answer, not even to refuse.
func scan(t *testing.T, h *hub, p *port) {
	t.Helper()
	before := len(h.seen())
	for port := 1; port < 65536; port++ {
		p.send(ipv4(p.mac, hubAddr, p.addr, 6, syn(hubAddr, p.addr, uint16(port))))
		if port < 1024 || port%64 == 0 || (port >= 5060 && port <= 5090) {
			p.send(ipv4(p.mac, hubAddr, p.addr, 17, udp(40000, uint16(port), []byte("OPTIONS sip:x SIP/2.0\r\n\r\n"))))
		}
		if port%256 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	p.send(ipv4(p.mac, hubAddr, p.addr, 1, []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0})) // a ping
	time.Sleep(2 * time.Second)
	answers := 0
	for _, f := range h.seen()[before:] {
		if f[12] == 8 && f[13] == 0 && f[23] != 17 || f[12] == 8 && f[13] == 0 && f[23] == 17 && f[36] == 0x9c {
			answers++
		}
	}
	note("A scan of all TCP and %d UDP ports and a ping: %d answers.\n\n", 1024+1024, answers)
	if answers != 0 {
		t.Errorf("%d answers to a scan", answers)
	}
	quiet(t, h)
}

// quiet looks at all that the handset sent by itself: DHCP without a name, ARP, and nothing else.
func quiet(t *testing.T, h *hub) {
	t.Helper()
	for _, f := range h.seen() {
		arp := f[12] == 8 && f[13] == 6
		dhcp := f[12] == 8 && f[13] == 0 && f[23] == 17 && f[35] == 68 && f[37] == 67
		if !arp && !dhcp {
			t.Errorf("the idle handset sends a frame of type %02x%02x, protocol %d", f[12], f[13], f[23])
		}
		if dhcp && strings.Contains(strings.ToLower(string(f)), "sotto") {
			t.Error("the handset tells its name to the DHCP server")
		}
	}
}
