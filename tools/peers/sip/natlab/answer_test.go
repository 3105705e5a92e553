//go:build interop

package natlab

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
	"sotto/tools/wire"
)

// How long two people wait between the answer and the first word: whole telephones, with their signaling, their search for
// a way and their keys. The lab's record of packets is the only clock.

// The bars, as in TestMatrix; where a way is relayed the longer one stands.
const (
	directBar  = 500 * time.Millisecond
	relayedBar = 1500 * time.Millisecond
)

// Parts of a measured call.
const (
	ring      = time.Second // a person needs it, and a telephone may use it to look for its addresses
	talk      = time.Second // enough packets to judge by, and to see the way that is kept
	rest      = 500 * time.Millisecond
	noMedia   = 10 * time.Second // nobody waits longer
	lookEvery = 20 * time.Millisecond
)

// way is a pair of translators. "a" calls "b".
type way struct {
	name, a, b string
	transport  string // of a's account; b's is UDP always, that its answer can be seen
	relayed    bool
}

var ways = []way{
	{"direct, no translators", "public", "public", "udp", false},
	{"direct, through two port-restricted translators", "port-restricted", "port-restricted", "udp", false},
	{"relay, both translators symmetric", "symmetric", "symmetric", "udp", true},
	{"relay by TCP, the caller's UDP blocked", "UDP blocked", "public", "tcp", true},
}

func (w way) bar() time.Duration {
	return map[bool]time.Duration{false: directBar, true: relayedBar}[w.relayed]
}

// pair is two telephones of a kind.
type pair interface {
	ring() error   // returns when the called one rings
	answer()       // is a key pressed
	hangUp() error // returns when both know
}

// sottos are two of ours.
type sottos struct{ a, b *puppet.Handset }

func (p sottos) ring() error {
	p.a.Forget()
	p.b.Forget()
	p.a.Say("hold 2")
	_, err := p.b.Await(noMedia, "ringing")
	return err
}

func (p sottos) answer() { p.b.Say("press call") }

func (p sottos) hangUp() error {
	p.a.Say("press end")
	for _, h := range []*puppet.Handset{p.a, p.b} {
		if _, err := h.Await(noMedia, "ended"); err != nil {
			return err
		}
	}
	return nil
}

// figure is what was measured of one call.
type figure struct {
	answered time.Time     // the OK to the INVITE left
	pickup   time.Duration // from the key to that
	media    time.Duration // from that to the first sealed speech that arrived, at the end that waited longer
	search   time.Duration // of it, until the first Hello arrived: a way is found
	keys     time.Duration // of it, from that to Confirm2
	first    bool          // speech was relayed, at its beginning
	relayed  bool          // and when the call was ended
	judged   int           // packets of media
	leaks    []string
}

// figure reads the record of a call; false: not both have been heard yet.
func (l *lab) figure() (f figure, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.seen, func(d wire.Datagram) bool {
		return d.Src.Addr() == l.addr["b"] && strings.HasPrefix(wire.Kind(d.Payload), "SIP 200 ") && bytes.Contains(d.Payload, []byte(" INVITE\r\n"))
	})
	if i < 0 {
		return f, false
	}
	f.answered = l.seen[i].Time
	came := map[string][]wire.Datagram{"a": wire.Unwrap(l.came["a"]), "b": wire.Unwrap(l.came["b"])}
	hello := earliest(came, "ZRTP Hello", f.answered)
	sealed := earliest(came, "ZRTP Confirm2", f.answered)
	if sealed.IsZero() {
		return f, false
	}
	var heard time.Time
	for _, all := range came {
		speech := slices.DeleteFunc(all, func(d wire.Datagram) bool { return wire.Kind(d.Payload) != "RTP" || d.Time.Before(sealed) })
		if len(speech) == 0 {
			return f, false
		}
		f.first = f.first || speech[0].Src.Addr() == serverAddr
		f.relayed = f.relayed || speech[len(speech)-1].Src.Addr() == serverAddr
		if speech[0].Time.After(heard) {
			heard = speech[0].Time
		}
	}
	f.media, f.search, f.keys = heard.Sub(f.answered), hello.Sub(f.answered), sealed.Sub(hello)
	return f, true
}

// earliest is when the first message of a kind came to anybody, after a time.
func earliest(came map[string][]wire.Datagram, kind string, after time.Time) (t time.Time) {
	for _, all := range came {
		for _, d := range all {
			if wire.Kind(d.Payload) == kind && d.Time.After(after) && (t.IsZero() || d.Time.Before(t)) {
				t = d.Time
			}
		}
	}
	return t
}

// widen lets offers with many candidates pass in one datagram: the server sends them on by UDP, whatever their length, and
// the lab's translators know no fragments.
func (l *lab) widen(t *testing.T) {
	for _, n := range []string{"a", "b", "s"} {
		run(t, "ip", "-n", "ntlab"+n, "link", "set", "ntlab"+n, "mtu", "4000")
	}
}

// measure makes one call.
func (l *lab) measure(p pair) (f figure, err error) {
	l.record()
	if err := p.ring(); err != nil {
		return f, err
	}
	time.Sleep(ring)
	pressed := time.Now()
	p.answer()
	ok := false
	for end := time.Now().Add(noMedia); !ok && time.Now().Before(end); time.Sleep(lookEvery) {
		_, ok = l.figure()
	}
	if ok {
		time.Sleep(talk)
		f, _ = l.figure()
		f.pickup = f.answered.Sub(pressed)
		r := wire.Judge(wire.Unwrap(l.recorded()))
		f.judged, f.leaks = r.Media, r.Leaks
	} else {
		err = fmt.Errorf("no media both ways within %v", noMedia)
	}
	if e := p.hangUp(); err == nil {
		err = e
	}
	time.Sleep(rest)
	return f, err
}

// sottos starts two handsets on a way, with all servers that the lab has.
func (l *lab) sottos(t *testing.T, w way, ca string) sottos {
	t.Helper()
	more := []string{"--mic-loop", "--stun", fmt.Sprintf("%v:3478", serverAddr),
		"--turn", fmt.Sprintf("turn:hs:secret@%v:3478?transport=tcp", serverAddr)}
	return sottos{l.handset(t, "a", "alice", w.transport, ca, append(more, "--contact", fmt.Sprintf("P=sip:bob@%v:5060", serverAddr))...),
		l.handset(t, "b", "bob", "udp", ca, more...)}
}

// TestAnswerToMedia: ours alone, on all ways. Two calls must be within the bar, and a busy machine gets a few more tries for
// that; way and secrecy must be right at each. TestReach measures, when it is wanted.
func TestAnswerToMedia(t *testing.T) {
	l := newLab(t)
	l.widen(t)
	startTURN(t)
	ca := startRegistrar(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			l.set(w.a, w.b)
			p := l.sottos(t, w, ca)
			within := 0
			for try := 0; within < 2 && try < 5; try++ {
				f, err := l.measure(p)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%v, of it search %v, ZRTP %v", f.media, f.search, f.keys)
				proper(t, w, f)
				p.knew(t, f)
				if f.media <= w.bar() {
					within++
				}
			}
			if within < 2 {
				t.Errorf("from answer to media: %d of 5 calls within %v", within, w.bar())
			}
		})
	}
}

// proper looks at what must be right about each call of ours, however long it took.
func proper(t *testing.T, w way, f figure) {
	t.Helper()
	if f.search <= 0 || f.keys <= 0 || f.search+f.keys > f.media {
		t.Errorf("media after %v, of it search %v, ZRTP %v", f.media, f.search, f.keys)
	}
	if f.relayed != w.relayed {
		t.Errorf("relayed %v", f.relayed)
	}
	if len(f.leaks) > 0 || f.judged < 50 {
		t.Errorf("%d packets of media, leaks: %v", f.judged, f.leaks)
	}
}

// knew compares the packets' clock with what the caller's handset said of the answer.
func (p sottos) knew(t *testing.T, f figure) {
	t.Helper()
	e, err := p.a.Await(time.Second, "answered")
	if err != nil {
		t.Fatal(err)
	}
	after := time.Duration(e.T*float64(time.Second)) - time.Duration(f.answered.UnixNano())
	if after < -time.Millisecond || after > directBar {
		t.Errorf("the caller knew of the answer %v after it was sent", after)
	}
}
