//go:build tor && interop

package tornet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sotto/hal/haltest"
	"sotto/net/onion"
	"sotto/tools/bench/stoi"
	"sotto/tools/puppet"
)

// Addresses of the handsets and of the TURN server: Tor itself uses 127.0.0.1 only, so that a packet tells whose it is.
const (
	aliceAt = "127.0.1.1"
	bobAt   = "127.0.1.2"
	turnAt  = "127.0.1.3"
)

const (
	simulator = "../../build/sim-tor"
	speech    = "../call/speech/"
)

// pair is two whole handsets with an onion address each, and nobody else may call them.
type pair struct {
	alice, bob *puppet.Handset
	seed       onion.Seed // of bob
}

// handsets starts both. Alice has bob on speed dial 2, and knows the key to his service.
func handsets(t *testing.T, n *Network, route string, more ...string) pair {
	t.Helper()
	torrc := filepath.Join(t.TempDir(), "torrc")
	if err := os.WriteFile(torrc, []byte(strings.Join(n.Torrc(), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := pair{seed: sha256.Sum256([]byte(t.Name()))}
	k := key(t)
	address := p.seed.Address().String()
	begin := func(name, at, mic string, args ...string) *puppet.Handset {
		out, err := os.MkdirTemp("", "h") // not t.TempDir: a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--onion", "--torrc", torrc, "--route", route, "--onion-patience", "30s")
		h, err := puppet.Start(simulator, out, name, at+":5060", speech+mic, append(args, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			h.Stop()
			for _, e := range h.Said() {
				if t.Failed() || e.Kind == "stats" {
					t.Logf("%s said %s %s %s %s %s", name, e.Kind, e.Text, e.Why, e.Cause, e.Stats)
				}
			}
			os.RemoveAll(out)
		})
		return h
	}
	p.bob = begin("bob", bobAt, "bob.wav", "--onion-seed", hex.EncodeToString(p.seed[:]), "--onion-client", k.ID().String())
	p.alice = begin("alice", aliceAt, "alice.wav", "--contact", "Bob=sip:bob@"+address, "--onion-key", address+"="+k.Secret())
	heard(t, p.alice, "tor-ready")
	heard(t, p.bob, "reachable")
	return p
}

// heard waits for what a handset says.
func heard(t *testing.T, h *puppet.Handset, kinds ...string) puppet.Event {
	t.Helper()
	e, err := h.Await(60*time.Second, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// connect lets alice call bob until both are secure with the same code, and tells by which way.
func (p pair) connect(t *testing.T) (way string) {
	t.Helper()
	rang := p.ring(t)
	p.bob.Say("press call")
	answered := heard(t, p.alice, "answered")
	a, b := heard(t, p.alice, "secure"), heard(t, p.bob, "secure")
	if a.SAS == "" || a.SAS != b.SAS {
		t.Fatalf("SAS %q and %q", a.SAS, b.SAS)
	}
	t.Logf("rings after %v, secure %.1f s after the answer", rang, a.T-answered.T)
	one, other := heard(t, p.alice, "way"), heard(t, p.bob, "way")
	if one.Text != other.Text {
		t.Errorf("alice sends over %q and bob over %q", one.Text, other.Text)
	}
	return one.Text
}

// ring lets alice call bob until it rings, and tells how long the last call took to. See dial for why there may be more.
func (p pair) ring(t *testing.T) time.Duration {
	t.Helper()
	for i := 1; ; i++ {
		began := time.Now()
		p.alice.Say("hold 2")
		e := heard(t, p.alice, "ringing", "ended")
		took := time.Since(began)
		if e.Kind == "ringing" {
			heard(t, p.bob, "ringing")
			return took
		}
		if i == calls || e.Cause != "unreachable" && e.Cause != "tor not ready" {
			t.Fatalf("alice: %s", e.Cause)
		}
		p.alice.Forget()
		p.alice.Say("sleep 500ms", "press end", "sleep 2s")
	}
}

// finish hangs up and tells how well the worse heard the other.
func (p pair) finish(t *testing.T) (worst float64) {
	t.Helper()
	p.alice.Say("press end")
	heard(t, p.bob, "ended")
	p.alice.Stop()
	p.bob.Stop()
	return min(speechOf(t, p.alice, "alice.wav", p.bob), speechOf(t, p.bob, "bob.wav", p.alice))
}

// speechOf is the STOI of what one said at another's ear, from when both could speak.
func speechOf(t *testing.T, from *puppet.Handset, said string, to *puppet.Handset) float64 {
	t.Helper()
	ref, err := haltest.ReadWAV(speech + said)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := haltest.ReadWAV(to.Speaker)
	if err != nil {
		t.Fatal(err)
	}
	secure := max(heard(t, from, "secure").T, heard(t, to, "secure").T)
	r, err := stoi.Measure(since(ref, secure-heard(t, from, "mic-start").T), since(pcm, secure-heard(t, to, "speaker-start").T))
	if err != nil {
		t.Errorf("%s did not hear enough: %v", to.Name, err)
		return 0
	}
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("%s heard %s with STOI %.3f at load %.4s", to.Name, said, r.Mean, load)
	return r.Mean
}

// since is sound without its first seconds, or with silence before it where they are negative.
func since(pcm []int16, seconds float64) []int16 {
	n := int(seconds * 48000)
	if n < 0 {
		return append(make([]int16, -n), pcm...)
	}
	return pcm[min(n, len(pcm)):]
}

const (
	talk = 10 * time.Second
	// intelligible is the least STOI of media as datagrams. On a quiet machine it is above 0.95.
	intelligible = 0.85
	// overTor is that of media over Tor, where packets come in heaps: 0.95 to 0.99 on a quiet machine. Where much is lost it
	// is below 0.6.
	overTor = 0.75
	// calls is how many may be made until one is heard so well: on a machine that others use, the simulated sound cards are
	// late, and that is not the network's fault.
	calls = 3
)

// speak makes calls over a route until one is intelligible, and looks at all packets.
func speak(t *testing.T, n *Network, route, wanted string, ways []way, more ...string) {
	w := newWatch(t)
	measure, least := turn, intelligible
	if route == "tor" {
		measure, least = alone, overTor
	}
	for i := 1; ; i++ {
		p := handsets(t, n, route, more...)
		done := measure(t)
		if got := p.connect(t); got != wanted {
			t.Errorf("the media goes %q, want %q", got, wanted)
		}
		time.Sleep(talk)
		v := p.finish(t)
		done()
		if v >= least {
			break
		}
		if i == calls {
			t.Errorf("STOI %.3f in the last of %d calls, want %.2f", v, calls, least)
			break
		}
	}
	w.only(t, n.Ports(), ways...)
}

// direct: signaling over Tor, media from handset to handset.
func direct(t *testing.T, n *Network) {
	speak(t, n, "tor-direct", "direct", []way{{aliceAt, bobAt}})
}

// relayed: signaling over Tor, media by a TURN server; the handsets send each other nothing.
func relayed(t *testing.T, n *Network) {
	serve(t, "turnserver", "-n", "--log-file=stdout", "--no-cli", "--no-tls", "--no-dtls", "-L", turnAt, "-p", "3478",
		"-E", turnAt, "--lt-cred-mech", "-u", "hs:secret", "-r", "test.local", "--allow-loopback-peers",
		"--userdb="+filepath.Join(t.TempDir(), "turn.db"), "--pidfile="+filepath.Join(t.TempDir(), "turn.pid"))
	speak(t, n, "tor-relay", "relay", []way{{aliceAt, turnAt}, {bobAt, turnAt}, {turnAt, turnAt}}, "--turn", "turn:hs:secret@"+turnAt+":3478")
}

// allOver: everything over Tor; the handsets' own addresses send nothing at all.
func allOver(t *testing.T, n *Network) { speak(t, n, "tor", "tor", nil) }

// restarted: Tor dies on both sides in mid-call. A direct call stays up, its end is told, and the next call comes.
func restarted(t *testing.T, n *Network) {
	busy(t)
	w := newWatch(t)
	p := handsets(t, n, "tor-direct")
	p.connect(t)
	time.Sleep(3 * time.Second)
	for _, h := range []*puppet.Handset{p.alice, p.bob} {
		h.Forget()
		killTor(t, h)
		heard(t, h, "tor-away")
	}
	heard(t, p.bob, "reachable")
	heard(t, p.alice, "tor-ready")
	before := w.seen(way{aliceAt, bobAt})
	time.Sleep(5 * time.Second)
	for _, h := range []*puppet.Handset{p.alice, p.bob} {
		if e, err := h.Await(time.Millisecond, "ended"); err == nil {
			t.Fatalf("%s: the call ended: %s", h.Name, e.Cause)
		}
	}
	if n := w.seen(way{aliceAt, bobAt}) - before; n < 250 { // of 500 in five seconds of 20 ms both ways
		t.Errorf("after Tor's death %d packets of media in five seconds", n)
	}
	p.alice.Say("press end")
	for _, h := range []*puppet.Handset{p.alice, p.bob} {
		heard(t, h, "ended")
		h.Forget()
		h.Say("sleep 500ms", "press end")
	}
	p.connect(t)
	w.only(t, n.Ports(), way{aliceAt, bobAt})
}

// refused: what a person is told who calls with a wrong key, without one, and somebody who is away.
func refused(t *testing.T, n *Network) {
	busy(t)
	p := handsets(t, n, "tor")
	address := p.seed.Address().String()
	torrc := filepath.Join(t.TempDir(), "torrc")
	if err := os.WriteFile(torrc, []byte(strings.Join(n.Torrc(), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := os.MkdirTemp("", "h")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(out)
	nobody := onion.Seed{99}.Address().String()
	eve, err := puppet.Start(simulator, out, "eve", "127.0.1.4:5060", speech+"alice.wav", "--onion", "--torrc", torrc,
		"--onion-patience", "9s", "--contact", "None=sip:bob@"+address, "--contact", "Nobody=sip:bob@"+nobody,
		"--onion-key", nobody+"="+key(t).Secret())
	if err != nil {
		t.Fatal(err)
	}
	defer eve.Stop()
	heard(t, eve, "tor-ready")
	for key, want := range map[string]string{"2": "not let in", "3": "unreachable"} {
		for i := 1; ; i++ {
			eve.Forget()
			began := time.Now()
			eve.Say("hold " + key)
			e := heard(t, eve, "ended")
			took := time.Since(began)
			t.Logf("key %s: %s after %v", key, e.Cause, took)
			eve.Say("press end", "sleep 300ms")
			if e.Cause == want && took <= 10*time.Second {
				break
			}
			if i == calls {
				t.Errorf("key %s: %q after %v, want %q within ten seconds", key, e.Cause, took, want)
				break
			}
		}
	}
}

// cards: in a call whose code both typed, both exchange their Tor addresses, and from then on each can call the other over
// Tor by what the call brought; who takes the other out of the book cannot be called any more.
func cards(t *testing.T, n *Network) {
	busy(t)
	p := handsets(t, n, "tor-direct")
	p.connect(t)
	heard(t, p.bob, "secure")
	own, theirs := heard(t, p.alice, "secure").Halves()
	p.alice.Say("press softL")
	p.bob.Say("press softL")
	p.alice.TypeCode(theirs)
	p.bob.TypeCode(own)
	for _, h := range []*puppet.Handset{p.alice, p.bob} {
		h.Say("wait [Cc]ompared|[Cc]hecked|Offers its Tor address 8s", "press softL") // the options; the other may have been quicker
		choose(t, h, "Exchange Tor addresses")
	}
	for _, h := range []*puppet.Handset{p.alice, p.bob} {
		until := time.Now().Add(20 * time.Second)
		for !slices.ContainsFunc(h.Said(), func(e puppet.Event) bool { return e.Kind == "card" && e.Text == "kept" }) {
			if time.Now().After(until) {
				t.Fatalf("%s did not get a card", h.Name)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	heard(t, p.alice, "reachable") // before, nobody could call her
	p.alice.Say("press end")
	for _, h := range []*puppet.Handset{p.alice, p.bob} {
		heard(t, h, "ended")
		h.Forget()
	}
	// Bob, who knew nothing of alice but what the call brought, calls her by her line in his book.
	p.bob.Say("sleep 1s", "press end", "press softR")
	choose(t, p.bob, "alice")
	p.bob.Say("press ok") // the first line calls
	heard(t, p.alice, "ringing")
	p.alice.Say("press call")
	c, d := heard(t, p.alice, "secure"), heard(t, p.bob, "secure")
	if c.SAS == "" || c.SAS != d.SAS {
		t.Errorf("SAS %q and %q", c.SAS, d.SAS)
	}
	p.bob.Say("press end")
	heard(t, p.alice, "ended")
	p.alice.Say("sleep 500ms", "press end")
	p.bob.Say("sleep 500ms", "press end", "press softR")
	choose(t, p.bob, "alice")
	choose(t, p.bob, "Revoke Tor access")
	p.bob.Say("press softL")
	var e puppet.Event
	for until := time.Now().Add(30 * time.Second); ; { // until Tor has told the directories
		time.Sleep(3 * time.Second)
		p.alice.Forget()
		p.alice.Say("hold 2")
		if e = heard(t, p.alice, "ended", "answered", "ringing"); e.Cause == "not let in" {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("alice, who was revoked: %s %s", e.Kind, e.Cause)
		}
		p.alice.Say("press end", "sleep 500ms", "press end")
	}
}

// killTor kills the child of a handset.
func killTor(t *testing.T, h *puppet.Handset) {
	t.Helper()
	pids := childrenOf(t, h.Cmd.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("%s has the children %v", h.Name, pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// serve runs a program for the length of the test, and waits until it listens on TCP 3478.
func serve(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run: make test-packages", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) // a shell in the background lets children be deaf to the interrupt
	for range 300 {
		if b, _ := os.ReadFile("/proc/net/udp"); strings.Contains(string(b), fmt.Sprintf(":%04X", 3478)) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(args[0] + " does not listen")
}

// choose goes down a list to the line that begins with a text, and takes it.
func choose(t *testing.T, h *puppet.Handset, text string) {
	t.Helper()
	for range 20 {
		h.Say("sleep 200ms") // for the key before
		screen := screenOf(t, h)
		for line := range strings.Lines(screen) {
			if rest, ok := strings.CutPrefix(line, ">"); ok && strings.HasPrefix(strings.TrimSpace(rest), text) {
				h.Say("press ok")
				return
			}
		}
		h.Say("press down")
	}
	t.Fatalf("%s: no %q in the list", h.Name, text)
}
