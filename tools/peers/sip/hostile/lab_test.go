//go:build interop

package hostile

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sotto/hal/haltest"
	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
	"sotto/tools/wire"
)

const (
	root      = "../../../.."
	sipPort   = 5060
	patience  = 30 * time.Second // for what must come; nobody waits so long for what comes
	listening = 9 * time.Second  // what a piece of speech needs to be judged (stoi)

	// STOI is 0.99 where two telephones have a machine to themselves, 0.7 has been seen on one that was busy; of another's words
	// it is 0.2, of noise 0.4.
	intelligible = 0.55
	worst        = 0.45 // piece of four seconds
)

// labs counts the calls: each has a network of its own on the loopback interface, so that two can go on at once.
var labs atomic.Int32

// lab is two handsets, the proxy between them, and a witness of everything on the wire.
type lab struct {
	*proxy
	t       *testing.T
	phones  [2]*puppet.Handset
	read    [2]int // of what a handset has said, so much was looked at
	at      [2]netip.Addr
	witness *witness
	bar     string       // with which the screens of a secure call begin
	liar    *net.UDPConn // nil: nobody speaks in clear but to be unmasked
}

// kind is how the handsets of a lab are set up.
type kind int

const (
	plain   kind = iota // UDP, and media straight to the other
	withICE             // candidates are offered
	withTLS             // to the proxy
)

// newLab starts everything; both are registered when it returns. The other is on key 2 of each, the stranger on 3.
func newLab(t *testing.T, k kind) *lab {
	t.Helper()
	n := labs.Add(1)
	address := func(host byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 77, byte(n), host}) }
	l := &lab{t: t, at: [2]netip.Addr{address(2), address(3)}}
	l.witness = watch(t, fmt.Sprintf("net 127.77.%d.0/24", n))
	ends := [2]netip.AddrPort{netip.AddrPortFrom(l.at[alice], sipPort), netip.AddrPortFrom(l.at[bob], sipPort)}
	seen, server, way, args := ends, netip.AddrPortFrom(address(1), sipPort), "udp", []string(nil)
	switch k {
	case withICE:
		for _, a := range []netip.Addr{address(1), l.at[alice], l.at[bob]} { // ICE believes in addresses that an interface has
			addr(t, "replace", a)
			t.Cleanup(func() { addr(t, "del", a) })
		}
		args = []string{"--stun", answerSTUN(t, address(1)).String()}
	case withTLS:
		var ca string
		seen, ca = front(t, address(1), l.at)
		server, way, args = netip.AddrPortFrom(address(1), tlsPort), "tls", []string{"--ca", ca}
	}
	l.proxy = open(t, address(1), address(9), seen)
	sim, err := filepath.Abs(root + "/build/sim")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []side{alice, bob} {
		more := append([]string{"--mic-loop", "--account", fmt.Sprintf("sip:%v:secret@%v;transport=%s", s, server, way),
			"--contact", fmt.Sprintf("Friend=sip:%v@%v", s.other(), server), "--contact", fmt.Sprintf("Eve=sip:eve@%v", l.strangers)}, args...)
		h, err := puppet.Start(sim, t.TempDir(), s.String(), ends[s].String(), speech(s), more...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Stop() })
		l.phones[s] = h
	}
	for _, s := range []side{alice, bob} {
		l.await(s, "registered")
	}
	return l
}

// addr gives the loopback interface an address, or takes it away.
func addr(t *testing.T, verb string, a netip.Addr) {
	t.Helper()
	if out, err := exec.Command("ip", "addr", verb, a.String()+"/32", "dev", "lo").CombinedOutput(); err != nil {
		t.Errorf("ip addr %s %v: %v\n%s", verb, a, err, out)
	}
}

func speech(s side) string { return root + "/tools/call/speech/" + s.String() + ".wav" }

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// news is what a handset has said since it was looked at.
func (l *lab) news(s side) []puppet.Event {
	all := l.phones[s].Said()
	return all[min(l.read[s], len(all)):]
}

// heed is the end of looking at news: what has been said is known.
func (l *lab) heed() {
	for s := range l.phones {
		l.read[s] = len(l.phones[s].Said())
	}
}

// await waits for one of the kinds among the news.
func (l *lab) await(s side, kinds ...string) (e puppet.Event) {
	l.t.Helper()
	found := false
	defer func() {
		for _, e := range l.news(s) {
			if !found {
				l.t.Logf("%v said: %s %s%s", s, e.Kind, e.Why, e.Cause)
			}
		}
	}()
	eventually(l.t, s.String()+" says "+strings.Join(kinds, " or "), func() bool {
		for _, e = range l.news(s) {
			if found = slices.Contains(kinds, e.Kind); found {
				break
			}
		}
		return found
	})
	return e
}

// alerted waits for a warning.
func (l *lab) alerted(s side, why string) {
	l.t.Helper()
	eventually(l.t, s.String()+" warns: "+why, func() bool { return slices.Contains(l.warnings(s), why) })
}

func (l *lab) warnings(s side) (all []string) {
	for _, e := range l.news(s) {
		if e.Kind == "alert" {
			all = append(all, e.Why)
		}
	}
	return all
}

// screen is what a person reads now, in one line.
func (l *lab) screen(s side) string {
	l.t.Helper()
	screen, err := l.phones[s].Screen(10 * time.Second)
	if err != nil {
		l.t.Fatal(err)
	}
	return strings.Join(strings.Fields(screen), " ")
}

// ring lets alice call bob, or the stranger.
func (l *lab) ring(key string) { l.phones[alice].Say("hold " + key) }

// words are those of the screen for a cause.
var words = map[string]string{"peer hung up": "Peer hung up", "not acceptable": "Phones do not match", "redirected": "Call was redirected",
	"peer cannot encrypt": "Peer cannot encrypt", "not authorized": "Account refused", "key agreement failed": "Keys not agreed",
	"hung up": "Hung up"}

// ended waits until a call is over, for one of the causes, and reads why on the screen. Nothing was ever secure in it, or it was
// what it should be until then. Where both ends give up at the same moment a handset tells of two ends, and shows the later one.
func (l *lab) ended(s side, causes ...string) {
	l.t.Helper()
	cause := l.await(s, "ended").Cause
	screen := l.screen(s)
	for _, e := range l.news(s) {
		if e.Kind == "ended" {
			cause = e.Cause
		}
	}
	if !slices.Contains(causes, cause) {
		l.t.Errorf("%v: ended: %q, want %q", s, cause, causes)
	}
	if words[cause] == "" || !strings.Contains(screen, words[cause]) || strings.Contains(screen, "SECURE?") {
		l.t.Errorf("%v: ended for %q, and the screen says %q", s, cause, screen)
	}
	l.t.Logf("%v: ended: %s", s, cause)
}

// secure waits until both have keys. The codes are equal, and nobody claims more of them than is so.
func (l *lab) secure(bar string) {
	l.t.Helper()
	l.bar = bar
	a, b := l.await(alice, "secure", "ended"), l.await(bob, "secure", "ended")
	if a.SAS != b.SAS || a.SAS == "" {
		l.t.Fatalf("codes %q and %q, ended %q and %q", a.SAS, b.SAS, a.Cause, b.Cause)
	}
	l.stands()
}

// stands reads the state of the call on both screens.
func (l *lab) stands() {
	l.t.Helper()
	for _, s := range []side{alice, bob} {
		if screen := l.screen(s); !strings.HasPrefix(screen, l.bar) {
			l.t.Errorf("%v shows %q, want %q", s, screen, l.bar)
		}
	}
}

// steady says that the call is what it was: no other keys, no end, no alarm, and no warning but those that are expected.
func (l *lab) steady(expected ...string) {
	l.t.Helper()
	for _, s := range []side{alice, bob} {
		for _, e := range l.news(s) {
			if e.Kind == "secure" || e.Kind == "ended" {
				l.t.Errorf("%v: %s %s", s, e.Kind, e.Cause)
			}
		}
		for _, why := range l.warnings(s) {
			if !slices.Contains(expected, why) {
				l.t.Errorf("%v warns: %s", s, why)
			}
		}
	}
	l.stands()
	l.heed()
}

// sent is how many packets of speech a side has sent to a place so far; the zero address is any.
func (l *lab) sent(from side, to netip.Addr) (n int) {
	for _, d := range l.witness.seen() {
		if d.Src.Addr() == l.at[from] && (d.Dst.Addr() == to || !to.IsValid()) && wire.Kind(d.Payload) == "RTP" {
			n++
		}
	}
	return n
}

// flows waits until half a second of speech has gone each way from now on.
func (l *lab) flows() {
	l.t.Helper()
	const packets = 25
	a, b := l.sent(alice, l.at[bob]), l.sent(bob, l.at[alice])
	eventually(l.t, "speech goes both ways", func() bool {
		return l.sent(alice, l.at[bob]) >= a+packets && l.sent(bob, l.at[alice]) >= b+packets
	})
}

// hangUp ends the call as people do.
func (l *lab) hangUp() {
	l.t.Helper()
	l.phones[alice].Say("press end")
	l.ended(alice, "hung up")
	l.ended(bob, "peer hung up")
}

// judge reads the wire when all is over: no speech in clear, from whomever it came. What the liar says is his own.
func (l *lab) judge() {
	l.t.Helper()
	all := slices.DeleteFunc(l.witness.all(), func(d wire.Datagram) bool { return l.liar != nil && d.Src == addressOf(l.liar) })
	r := wire.Judge(all)
	if len(r.Leaks) > 0 || len(all) == 0 {
		l.t.Errorf("%d packets, %d of media, leaks %q", len(all), r.Media, r.Leaks)
	}
	l.t.Logf("%d packets of media in %d streams, all of them closed", r.Media, len(r.Streams))
}

// understood is how well a side has heard the other in a time, in pieces of four seconds.
func (l *lab) understood(who side, from, to time.Time) stoi.Result {
	l.t.Helper()
	began := map[string]float64{}
	for s, kind := range map[side]string{who.other(): "mic-start", who: "speaker-start"} {
		for _, e := range l.phones[s].Said() {
			if e.Kind == kind {
				began[kind] = e.T
			}
		}
	}
	cut := func(pcm []int16, kind string) []int16 {
		at := int((float64(from.UnixMicro())/1e6 - began[kind]) * 48000)
		at = min(max(at, 0), len(pcm))
		return pcm[at:min(at+int(to.Sub(from).Seconds()*48000), len(pcm))]
	}
	once, err := haltest.ReadWAV(speech(who.other()))
	if err != nil {
		l.t.Fatal(err)
	}
	heard, err := haltest.ReadWAV(l.phones[who].Speaker)
	if err != nil {
		l.t.Fatal(err)
	}
	var said []int16
	for len(said) < len(heard)+len(once) {
		said = append(said, once...)
	}
	r, err := stoi.Measure(cut(said, "mic-start"), cut(heard, "speaker-start"))
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// witness records the wire.
type witness struct {
	t    *testing.T
	cmd  *exec.Cmd
	path string
}

func watch(t *testing.T, filter string) *witness {
	t.Helper()
	w := &witness{t: t, path: filepath.Join(t.TempDir(), "wire.pcap")}
	w.cmd = exec.Command("tcpdump", "-i", "lo", "-U", "--immediate-mode", "-B", "16384", "-w", w.path, filter)
	if err := w.cmd.Start(); err != nil {
		t.Fatalf("%v; run: make test-packages", err)
	}
	t.Cleanup(func() { w.cmd.Process.Kill(); w.cmd.Wait() })
	eventually(t, "tcpdump records", func() bool {
		f, err := os.Stat(w.path)
		return err == nil && f.Size() >= 24
	})
	return w
}

// seen is what was recorded so far.
func (w *witness) seen() []wire.Datagram {
	w.t.Helper()
	all, err := wire.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// all is everything; the witness goes home.
func (w *witness) all() []wire.Datagram {
	w.t.Helper()
	w.cmd.Process.Signal(os.Interrupt)
	w.cmd.Wait()
	return w.seen()
}
