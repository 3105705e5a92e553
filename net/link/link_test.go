package link

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bench is a cable and what calls itself a radio, as veth pairs in a network of their own: eth0 to the switch, wlan0 to the air.
type bench struct {
	t    *testing.T
	told chan Status
}

// alone re-executes a test in a network of its own, with a /sys/class/net that says which is the radio.
func alone(t *testing.T, test func(*bench)) {
	if os.Getenv("SOTTO_LINK_CHILD") == "" {
		t.Parallel() // they wait, most of the time
		cmd := exec.Command("unshare", "--net", "--mount", "--map-root-user", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "SOTTO_LINK_CHILD=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	b := &bench{t: t, told: make(chan Status, 100)}
	b.sh("mount -t tmpfs sotto " + classNet + "; mkdir -p " + classNet + "/wlan0/phy80211 " + classNet + "/eth0")
	b.sh("ip link add wlan0 type veth peer name air; ip link add eth0 type veth peer name switch")
	test(b)
}

func (b *bench) sh(line string) {
	b.t.Helper()
	if out, err := exec.Command("/bin/sh", "-ec", line).CombinedOutput(); err != nil {
		b.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// best says which interface is chosen.
func (b *bench) best(what, want string) {
	b.t.Helper()
	var got string
	raised := map[int]bool{}
	for range 10 { // the carrier shows a moment after a cable is taken up
		all, err := ports("eth0", raised)
		if err != nil {
			b.t.Fatal(err)
		}
		got = ""
		if l, err := netlink.LinkByIndex(prefer(all, nil)); err == nil {
			got = l.Attrs().Name
		}
		if got == want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Errorf("%s: %q is best, want %q", what, got, want)
}

// run is Run until the test ends it.
func (b *bench) run(c Config) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c, func(s Status) { b.told <- s }) }()
	return func() {
		cancel()
		if err := <-ended; err != context.Canceled {
			b.t.Error(err)
		}
	}
}

func (b *bench) next() (s Status) {
	b.t.Helper()
	select {
	case s = <-b.told:
	case <-time.After(patient):
		b.t.Fatal("nothing is told")
	}
	return s
}

// addresses is how many an interface has.
func (b *bench) addresses(name string) int {
	b.t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		b.t.Fatal(err)
	}
	all, err := netlink.AddrList(l, unix.AF_INET)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(all)
}

func TestCableAndRadio(t *testing.T) {
	alone(t, func(b *bench) {
		b.best("nothing goes", "")
		if l, err := netlink.LinkByName("wlan0"); err != nil || l.Attrs().RawFlags&unix.IFF_UP != 0 {
			t.Errorf("the radio was taken up, which is its wpa_supplicant's to do: %v", err)
		}
		b.sh("ip link set air up; ip link set wlan0 mode dormant up")
		b.best("in a network and no keys", "")
		b.sh("ip link set wlan0 down; ip link set wlan0 mode default up")
		b.best("in its network", "wlan0")
		b.sh("ip link set switch up")
		b.best("and a cable", "eth0")
		b.sh("ip link set switch down")
		b.best("that is pulled", "wlan0")

		at := netip.MustParsePrefix("192.0.2.7/24")
		defer b.run(Config{Interface: "eth0", Static: at})()
		time.Sleep(2 * lookEvery)
		if len(b.told) > 0 {
			t.Errorf("told %+v: a cable's address is none for a radio", <-b.told)
		}
		b.sh("ip addr add 198.51.100.7/24 dev wlan0; ip link set switch up")
		if s := b.next(); s.Up() || b.addresses("wlan0") != 0 {
			t.Errorf("the cable is in: %+v, and the radio has %d addresses", s, b.addresses("wlan0"))
		}
		if s := b.next(); s.Interface != "eth0" || s.Address != at || b.addresses("eth0") != 1 {
			t.Errorf("told %+v", s)
		}
		b.sh("ip link set switch down")
		if s := b.next(); s.Up() || b.addresses("eth0") != 0 {
			t.Errorf("the cable is out: %+v, and it has %d addresses", s, b.addresses("eth0"))
		}
	})
}

// lender is the router at the other end of an interface. It may be deaf.
type lender struct {
	asked atomic.Int32 // messages that came
	from  atomic.Value // a string: the last came from there
	lends atomic.Bool
}

// lend starts a router that has ours to lend.
func (b *bench) lend(name string) *lender {
	b.t.Helper()
	conn, err := listen(b.t.Context(), name, serverPort)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	r := &lender{}
	go func() {
		buf := make([]byte, maxDHCPSize)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			r.asked.Add(1)
			r.from.Store(from.Addr().String())
			if !r.lends.Load() {
				continue
			}
			kind := map[byte]byte{discover: offer, request: ack}[optionOf(buf[:n], optType)[0]]
			reply := server{3600}.reply(kind, buf[:n])
			conn.WriteTo(reply, &net.UDPAddr{IP: net.IPv4bcast, Port: clientPort})
		}
	}()
	return r
}

// wait waits until a router was asked so often.
func (b *bench) wait(what string, r *lender, asked int32) {
	b.t.Helper()
	for end := time.Now().Add(patient); r.asked.Load() < asked; time.Sleep(lookEvery / 10) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: it was asked %d times, want %d", what, r.asked.Load(), asked)
		}
	}
}

// up waits until an interface has our address, and says how long that took.
func (b *bench) up(what, name string) time.Duration {
	b.t.Helper()
	began := time.Now()
	for {
		s := b.next()
		if !s.Up() {
			continue
		}
		if s.Interface != name || s.Address != ours || b.addresses("eth0")+b.addresses("wlan0") != 1 {
			b.t.Fatalf("%s: told %+v, want %s up", what, s, name)
		}
		return time.Since(began)
	}
}

// still says that nothing changes, and that the cable is asked nothing, for longer than the patience.
func (b *bench) still(what string, desk *lender) {
	b.t.Helper()
	asked := desk.asked.Load()
	time.Sleep(short + 4*lookEvery)
	if n := desk.asked.Load() - asked; n > 0 || len(b.told) > 0 {
		b.t.Errorf("%s: the cable was asked %d times, and %d changes were told", what, n, len(b.told))
	}
}

// replug pulls the cable for as long as a person does.
func (b *bench) replug() { b.sh("ip link set switch down; sleep 1.5; ip link set switch up") }

const (
	short   = 1500 * time.Millisecond // stands for the patience with a cable
	patient = 30 * time.Second        // of the test, on a machine with much else to do
)

// TestBarrenCable: a cable that carries and gives no address is left for a radio that has one, until somebody plugs it in
// anew or the radio is lost.
func TestBarrenCable(t *testing.T) {
	alone(t, func(b *bench) {
		air, desk := b.lend("air"), b.lend("switch")
		air.lends.Store(true)
		b.sh("ip link set switch up")
		defer b.run(Config{Interface: "eth0", patience: short})()
		b.wait("without a radio", desk, 4) // three are within the patience
		if b.addresses("eth0") != 0 || len(b.told) != 0 {
			t.Errorf("the cable has %d addresses, and %d changes were told", b.addresses("eth0"), len(b.told))
		}
		b.sh("ip link set air up; ip link set wlan0 up")
		b.up("a radio comes", "wlan0")
		b.still("left alone", desk)

		asked := desk.asked.Load()
		b.replug()
		if took := b.up("plugged in, and still nothing", "wlan0"); took < short || desk.asked.Load() == asked {
			t.Errorf("plugged in anew the cable was asked %d times, for %v", desk.asked.Load()-asked, took)
		}
		b.still("left alone again", desk)

		desk.lends.Store(true)
		b.still("a barren cable begins to lend", desk)
		b.replug()
		b.up("plugged in, and it lends", "eth0")
		if from := desk.from.Load(); from != "0.0.0.0" {
			t.Errorf("the cable's network learnt the address %v", from)
		}
		b.still("in use", desk)

		desk.lends.Store(false)
		b.sh("ip link set switch down")
		b.up("pulled", "wlan0")
		b.sh("ip link set switch up")
		b.up("plugged in, and it lends no more", "wlan0")
		desk.lends.Store(true)
		b.sh("ip link set air down")
		b.up("the radio is lost for good", "eth0")
	})
}

// TestRadioLostForAMoment: what a call on the radio loses by a barren cable is what it lost anyway, and not the patience besides.
func TestRadioLostForAMoment(t *testing.T) {
	alone(t, func(b *bench) {
		const long = 6 * time.Second
		air, desk := b.lend("air"), b.lend("switch")
		air.lends.Store(true)
		b.sh("ip link set switch up")
		defer b.run(Config{Interface: "eth0", patience: long})()
		b.wait("the cable comes first", desk, 1)
		b.sh("ip link set air up; ip link set wlan0 up")
		b.up("the cable is barren", "wlan0")
		asked := desk.asked.Load()
		b.sh("ip link set air down")
		if s := b.next(); s.Up() {
			t.Fatalf("the radio is lost: %+v", s)
		}
		b.wait("the radio is lost", desk, asked+1)
		b.sh("ip link set air up")
		if took := b.up("the radio is back", "wlan0"); took > long-lookEvery {
			t.Errorf("the radio is used %v after it is back", took)
		}
	})
}

// TestDeadRadio: where neither gives an address, both are asked in turn, and the first that does is used.
func TestDeadRadio(t *testing.T) {
	alone(t, func(b *bench) {
		air, desk := b.lend("air"), b.lend("switch")
		b.sh("ip link set switch up; ip link set air up; ip link set wlan0 up")
		defer b.run(Config{Interface: "eth0", patience: short / 2})()
		for n := range int32(3) {
			a, d := air.asked.Load(), desk.asked.Load()
			b.wait("the air in turn", air, a+n)
			b.wait("the cable in turn", desk, d+n)
		}
		for len(b.told) > 0 {
			<-b.told
		}
		desk.lends.Store(true)
		b.up("the cable lends after all", "eth0")
	})
}

// TestPrefer is the choice, and what is remembered of cables that were barren.
func TestPrefer(t *testing.T) {
	const eth0, eth1, wlan0 = 2, 3, 4
	for _, c := range []struct {
		what                string
		cable, other, radio bool // carries
		barren              []int
		want                int
		kept                int // of barren
	}{
		{"nothing carries", false, false, false, nil, 0, 0},
		{"a cable", true, false, false, nil, eth0, 0},
		{"a radio", false, false, true, nil, wlan0, 0},
		{"both", true, false, true, nil, eth0, 0},
		{"a barren cable and a radio", true, false, true, []int{eth0}, wlan0, 1},
		{"a barren cable and no radio", true, false, false, []int{eth0}, eth0, 1},
		{"a barren cable is pulled", false, false, true, []int{eth0}, wlan0, 0},
		{"another cable", true, true, true, []int{eth0}, eth1, 1},
		{"two barren cables and a radio", true, true, true, []int{eth0, eth1}, wlan0, 2},
		{"one of two is pulled", true, false, false, []int{eth0, eth1}, eth0, 1},
	} {
		barren := map[int]bool{}
		for _, i := range c.barren {
			barren[i] = true
		}
		got := prefer([]port{{wlan0, true, c.radio}, {eth0, false, c.cable}, {eth1, false, c.other}}, barren)
		if got != c.want || len(barren) != c.kept {
			t.Errorf("%s: %d, and %v is remembered", c.what, got, barren)
		}
	}
}

// TestJudge is what is learnt of the port in use. A cable that had an address and lost it is as barren as one that never had any.
func TestJudge(t *testing.T) {
	const eth0, eth1, wlan0 = 2, 3, 4
	for _, c := range []struct {
		what         string
		use          port
		lent, hungry bool
		before, then []int
	}{
		{"a young cable", port{index: eth0}, false, false, nil, nil},
		{"a barren cable", port{index: eth0}, false, true, []int{eth1}, []int{eth0, eth1}},
		{"it lends after all", port{index: eth0}, true, false, []int{eth0, eth1}, []int{eth1}},
		{"the radio has an address", port{wlan0, true, true}, true, false, []int{eth0}, []int{eth0}},
		{"the radio is young", port{wlan0, true, true}, false, false, []int{eth0}, []int{eth0}},
		{"the radio has none either", port{wlan0, true, true}, false, true, []int{eth0}, nil},
	} {
		barren := map[int]bool{}
		for _, i := range c.before {
			barren[i] = true
		}
		judge(c.use, c.lent, c.hungry, barren)
		ok := len(barren) == len(c.then)
		for _, i := range c.then {
			ok = ok && barren[i]
		}
		if !ok {
			t.Errorf("%s: %v, want %v", c.what, barren, c.then)
		}
	}
}
