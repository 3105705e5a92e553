//go:build interop

package hostile

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
)

// change is a description that the attacker puts into a running call, in the other's name.
type change struct {
	name string
	body edit
	code int // final status
}

// None of these can do anything: what they ask for is refused, or is what the call is already.
var changes = []change{
	{"SAVP with a=crypto", sdes, 488},
	{"a=crypto beside AVP", besides, 200},
	{"DTLS", dtls, 488},
	{"AVP without zrtp-hash", noHash, 200},
	{"another zrtp-hash", lieHash, 488},
	{"PCMU only", pcmu, 488},
	{"another payload type", otherPT, 488},
	{"port 0", closed, 488},
	{"no audio", noAudio, 488},
	{"a host name", hostName, 488},
	{"garbage", garbage, 488},
	{"nothing", empty, 200},
}

// methods are those that can change a call.
var methods = []string{"INVITE", "UPDATE"}

// unchanged puts all changes into the call, by either method and towards either side.
func unchanged(l *lab, list []change) {
	l.t.Helper()
	for _, c := range list {
		for _, method := range methods {
			for _, to := range []side{alice, bob} {
				if code := l.ask(to, method, c.body(l.told(to))); code != c.code {
					l.t.Errorf("%s with %s to %v: %d, want %d", method, c.name, to, code, c.code)
				}
			}
		}
		l.flows()
		l.steady()
	}
}

// TestRunning attacks calls that are secure: one that nothing may interrupt, one whose media is led about, one by ICE.
func TestRunning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind    kind
		attacks func(l *lab)
	}{"refused": {plain, refusals}, "held and led away": {plain, detours}, "by ICE": {withICE, restarts}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, c.kind)
			l.talks()
			c.attacks(l)
			l.judge()
		})
	}
}

// under makes an attack on a call a test of its own. With a call that is over there is nothing more to be tried.
func (l *lab) under(name string, attack func()) {
	t := l.t
	t.Run(name, func(inner *testing.T) {
		l.t = inner
		defer func() { l.t = t }()
		attack()
	})
	for s := range l.phones {
		if slices.ContainsFunc(l.phones[s].Said(), func(e puppet.Event) bool { return e.Kind == "ended" }) {
			t.Fatalf("%v: the call is over", side(s))
		}
	}
}

// talks begins a call that is secure, and lets two seconds of it go by.
func (l *lab) talks() {
	l.t.Helper()
	l.ring("2")
	l.await(bob, "ringing")
	l.phones[bob].Say("press call")
	l.secure("SECURE? ")
	l.heed()
	time.Sleep(2 * time.Second)
	l.steady()
}

// refusals are the attacks that nobody notices: what is said meanwhile is understood to the last piece.
func refusals(l *lab) {
	from := time.Now()
	l.under("changes", func() { unchanged(l, changes) })
	l.under("an answer in the ACK", func() { lateAnswer(l) })
	l.under("forged from outside", func() { forged(l) })
	l.under("a replay", func() { replays(l) })
	l.under("another answer", func() { otherAnswers(l) })
	l.under("a transfer", func() { transfers(l) })
	l.under("lengths that lie", func() { lengths(l) })
	l.under("a flood", func() { flooded(l) })
	time.Sleep(time.Until(from.Add(listening)))
	to := time.Now()
	if code := l.ask(alice, "BYE", ""); code != 200 { // the proxy's power, and anybody's between the two
		l.t.Errorf("BYE: %d", code)
	}
	l.ended(alice, "peer hung up")
	if code := l.askFrom(l.stranger, bob, "BYE", ""); code != 200 { // the tags say who it is, and not the address
		l.t.Errorf("BYE: %d", code)
	}
	l.ended(bob, "peer hung up")
	for _, s := range []side{alice, bob} {
		r := l.understood(s, from, to)
		l.t.Logf("%v understands in %.0f s of attacks with STOI %.3f, the worst piece %.3f", s, to.Sub(from).Seconds(), r.Mean, r.Min)
		if r.Mean < intelligible || r.Min < worst {
			l.t.Errorf("%v understands with STOI %.3f", s, r.Pieces)
		}
	}
}

// lateAnswer asks for an offer, and answers it in the ACK with what no call of ours is.
func lateAnswer(l *lab) {
	for _, c := range changes[:6] {
		for _, to := range []side{alice, bob} {
			late := c.body(l.told(to))
			if code := l.ask(to, "INVITE", "", func(q *question) { q.late = late }); code != 200 {
				l.t.Errorf("INVITE without an offer to %v: %d", to, code)
			}
		}
	}
	l.flows()
	l.steady()
}

// forged says goodbye, and other things, in a call whose tags are not known. It comes from a stranger, and from the proxy too.
func forged(l *lab) {
	spoils := map[string]func(*question){
		"no tag of the called": func(q *question) { q.set("To", withoutTag(q.get("To"))) },
		"another To tag":       func(q *question) { q.set("To", withoutTag(q.get("To"))+";tag=guess") },
		"another From tag":     func(q *question) { q.set("From", withoutTag(q.get("From"))+";tag=guess") },
		"another Call-ID":      func(q *question) { q.set("Call-ID", q.get("Call-ID")+"x") },
	}
	for name, spoil := range spoils {
		for _, method := range []string{"BYE", "UPDATE", "INFO", "CANCEL"} {
			for _, to := range []side{alice, bob} {
				for _, c := range []*net.UDPConn{l.conn, l.stranger} {
					if code := l.askFrom(c, to, method, "", spoil); code != 481 {
						l.t.Errorf("%s to %v with %s: %d", method, to, name, code)
					}
				}
			}
		}
	}
	l.flows()
	l.steady()
}

// replays says goodbye with a number that has been. RFC 3261, Section 12.2.2.
func replays(l *lab) {
	for _, to := range []side{alice, bob} {
		if code := l.ask(to, "BYE", "", func(q *question) { q.set("CSeq", "1 BYE") }); code != 500 {
			l.t.Errorf("BYE with an old number to %v: %d", to, code)
		}
	}
	l.steady()
}

// otherAnswers sends alice the answer to her INVITE once more with something else in it, and one of somebody else, as a proxy does
// that has forked: she acknowledges the first, tells the second that it is late, and listens to neither.
func otherAnswers(l *lab) {
	acks := func() int { return len(l.messages(func(h heard) bool { return h.is("ACK", 0) && h.from == alice })) }
	for _, e := range []edit{sdes, pcmu, lieHash, movedTo(l.strangers)} {
		before := acks()
		l.locked(func() {
			m := l.dialog.answer.copy()
			m.body = e(m.body)
			l.send(l.conn, alice, m.String())
		})
		eventually(l.t, "alice acknowledges", func() bool { return acks() > before })
	}
	byes := 0
	l.attack(func(_ *proxy, _ side, m *message) bool {
		fork := parameter(m.get("To"), "tag") == "fork"
		if fork && m.is("BYE", 0) {
			byes++
		}
		return !fork
	})
	l.locked(func() {
		m := l.dialog.answer.copy()
		m.set("To", withoutTag(m.get("To"))+";tag=fork")
		m.body = movedTo(l.strangers)(m.body)
		l.send(l.conn, alice, m.String())
	})
	eventually(l.t, "alice hangs up on the fork", func() (bye bool) {
		l.locked(func() { bye = byes > 0 })
		return bye
	})
	l.attack(nil)
	l.flows()
	l.steady()
}

// transfers asks for the call to go to somebody else. Nothing of that is there.
func transfers(l *lab) {
	for _, to := range []side{alice, bob} {
		refer := func(q *question) { q.set("Refer-To", "<sip:eve@"+l.strangers.String()+">") }
		if code := l.ask(to, "REFER", "", refer); code != 405 {
			l.t.Errorf("REFER to %v: %d", to, code)
		}
		replaces := func(q *question) { // RFC 3891, in an INVITE of its own
			q.set("Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", q.get("Call-ID"), parameter(q.get("To"), "tag"), parameter(q.get("From"), "tag")))
			q.set("Require", "replaces")
			q.set("Call-ID", "replaces-"+q.get("Call-ID"))
			q.set("To", withoutTag(q.get("To")))
			q.set("From", withoutTag(q.get("From"))+";tag=eve")
		}
		if code := l.ask(to, "INVITE", l.told(to), replaces); code != 420 {
			l.t.Errorf("INVITE with Replaces to %v: %d", to, code)
		}
	}
	l.flows()
	l.steady()
}

// lengths lies about where a message ends. RFC 3261, Section 18.3: a datagram is a message.
func lengths(l *lab) {
	for _, to := range []side{alice, bob} {
		if code := l.ask(to, "INVITE", l.told(to), func(q *question) { q.claim = "5000" }); code != 400 {
			l.t.Errorf("a length of 5000 to %v: %d", to, code)
		}
		if code := l.ask(to, "OPTIONS", ""); code != 200 { // nothing waits for the rest
			l.t.Errorf("after it to %v: %d", to, code)
		}
		if code := l.ask(to, "INVITE", l.told(to), func(q *question) { q.claim = "40" }); code != 488 {
			l.t.Errorf("a length of 40 to %v: %d", to, code)
		}
		bye := ""
		l.locked(func() { bye = l.request(l.conn, to, "BYE", "").String() })
		if code := l.ask(to, "OPTIONS", bye, func(q *question) { q.claim = "0" }); code != 200 { // and then a whole BYE
			l.t.Errorf("a length of 0 to %v: %d", to, code)
		}
	}
	l.flows()
	l.steady()
}

// flooded sends 200 re-INVITEs a second for two seconds, of such as are refused and of such as change nothing. The telephone takes
// so many a second in one call, and the others are lost.
func flooded(l *lab) {
	const n, rate, burst = 400, 50, 100 // sipua, callRate and callBurst
	for to, c := range map[side]change{alice: changes[0], bob: changes[1]} {
		codes, took := l.flood(to, n, 200, c.body(l.told(to)))
		right := len(slices.DeleteFunc(slices.Clone(codes), func(got int) bool { return got != c.code }))
		l.t.Logf("%v answered %d of %d in %.1f s, %d with %d", to, len(codes), n, took.Seconds(), right, c.code)
		if right < 20 || len(codes) > burst+int((took.Seconds()+1)*rate) {
			l.t.Errorf("%v answered %d in %v, %d of them with %d", to, len(codes), took, right, c.code)
		}
	}
	l.flows()
	l.steady()
}

// detours are the attacks that are allowed, and shown: speech stops, or goes elsewhere, and always as it was encrypted.
func detours(l *lab) {
	for _, word := range []string{"sendonly", "inactive"} {
		l.under("a hold: "+word, func() { held(l, word) })
	}
	for _, method := range methods {
		l.under("another address by "+method, func() { ledAway(l, method) })
	}
	l.under("an answer to our own hold", func() { falseAnswers(l) })
	from := time.Now()
	time.Sleep(listening)
	to := time.Now()
	l.hangUp()
	for _, s := range []side{alice, bob} {
		if r := l.understood(s, from, to); r.Mean < intelligible {
			l.t.Errorf("%v understands after it with STOI %.3f", s, r.Mean)
		} else {
			l.t.Logf("%v understands after it with STOI %.3f", s, r.Mean)
		}
	}
}

// held tells each side that the other holds, which it reads on its screen, and takes it back.
func held(l *lab, word string) {
	for _, to := range []side{alice, bob} {
		before := l.told(to)
		if code := l.ask(to, "INVITE", direction(word)(before)); code != 200 {
			l.t.Fatalf("hold to %v: %d", to, code)
		}
		if e := l.await(to, "held"); e.Text != "on" {
			l.t.Errorf("%v: held: %s", to, e.Text)
		}
		if screen := l.screen(to); !strings.HasPrefix(screen, "SECURE? ") || !strings.Contains(screen, "The other side holds") {
			l.t.Errorf("%v shows %q", to, screen)
		}
		l.steady("peer silent")
		if code := l.ask(to, "INVITE", before); code != 200 {
			l.t.Fatalf("release to %v: %d", to, code)
		}
		if e := l.await(to, "held"); e.Text != "off" {
			l.t.Errorf("%v: held: %s", to, e.Text)
		}
		l.flows()
		l.steady("peer silent")
	}
}

// ledAway sends the speech of each side to the proxy itself, and back. It comes there as closed as anywhere, and both moves are
// told.
func ledAway(l *lab, method string) {
	for _, to := range []side{alice, bob} {
		s := newSink(l.t, l.addr.Addr())
		home := l.told(to)
		for _, body := range []string{movedTo(addressOf(s.UDPConn))(home), home} {
			if code := l.ask(to, method, body); code != 200 {
				l.t.Fatalf("another address to %v: %d", to, code)
			}
			l.alerted(to, "media moved")
			if screen := l.screen(to); !strings.HasPrefix(screen, "SECURE? ") || !strings.Contains(screen, "The call moved to another address") {
				l.t.Errorf("%v shows %q", to, screen)
			}
			if body != home {
				eventually(l.t, "speech comes to the proxy", func() bool { return s.media.Load() >= 50 })
			} else {
				l.flows()
			}
			l.steady("media moved", "peer silent")
		}
		l.t.Logf("%d packets of %v came to the proxy", s.media.Load(), to)
	}
}

// falseAnswers lets alice hold the call, and answers in bob's place or over his words.
func falseAnswers(l *lab) {
	s := newSink(l.t, l.addr.Addr())
	// A Contact says who is to be asked for, and not who is asked.
	eve := func(q *question) { q.set("Contact", "<sip:eve@"+l.strangers.String()+">") }
	if code := l.ask(alice, "INVITE", l.told(alice), eve); code != 200 {
		l.t.Errorf("another Contact to alice: %d", code)
	}
	for name, c := range map[string]struct {
		hand  meddler
		moves bool
	}{
		"SAVP with a=crypto": {hand: inAnswer(sdes)},
		"another zrtp-hash":  {hand: inAnswer(lieHash)},
		"no zrtp-hash":       {hand: inAnswer(noHash)},
		"PCMU only":          {hand: inAnswer(pcmu)},
		"another address":    {hand: inAnswer(movedTo(addressOf(s.UDPConn))), moves: true},
		"302 to a stranger":  {hand: answers("302 Moved Temporarily", header{"Contact", "<sip:eve@" + l.strangers.String() + ">"})},
		"401 for another":    {hand: answers("401 Unauthorized", header{"WWW-Authenticate", challenge("elsewhere.test")})},
	} {
		for _, on := range []bool{true, false} {
			l.attack(c.hand)
			l.phones[alice].Say("press call")
			eventually(l.t, "the answer is changed: "+name, func() bool { return l.changed() > 0 })
			if on {
				eventually(l.t, "alice shows the hold", func() bool { return strings.HasPrefix(l.screen(alice), "ON HOLD ") })
			} else {
				eventually(l.t, "alice shows the call", func() bool { return strings.HasPrefix(l.screen(alice), "SECURE? ") })
			}
		}
		if c.moves { // and back, by an honest answer
			l.alerted(alice, "media moved")
			l.attack(nil)
			l.phones[alice].Say("press call", "press call")
		}
		l.flows()
		l.steady("media moved", "peer silent")
	}
	l.attack(nil)
	if len(l.messages(func(h heard) bool { return strings.HasPrefix(h.start, "INVITE sip:eve@") })) == 0 {
		l.t.Error("alice has not taken the other Contact: the test sees nothing")
	}
	notCalled(l)
	noSecret(l)
}
