//go:build interop

package hostile

import (
	"encoding/binary"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sotto/tools/puppet"
	"sotto/tools/wire"
)

// isSecure stands in a row for a call that both ends have keys for.
const isSecure = "secure"

// row is an attack on a call that begins.
type row struct {
	name   string
	meddle meddler
	key    string       // that alice dials with; empty: bob's
	want   [2][]string  // "secure", or the causes that an end may have; none: bob never hears of a call
	warns  [2]string    // what a handset must say
	more   bool         // own is called in place of talking
	own    func(l *lab) // what else must be so, at the end
	begin  func(l *lab) // before alice dials
	rings  func(l *lab) // while it rings
	agrees func(l *lab) // when both have answered, and before there are keys
}

var (
	goesOn  = [2][]string{{isSecure}, {isSecure}}
	refused = [2][]string{{"not acceptable"}, nil}
	warned  = []string{"key agreement failed"}                                        // whoever of the two gives up first
	gaveUp  = []string{"peer cannot encrypt", "key agreement failed", "peer hung up"} // who is second is told so
	noKeys  = [2][]string{gaveUp, gaveUp}
)

// inOffer and inAnswer change descriptions of that kind only, inBoth changes any.
func inOffer(e edit) meddler  { return inBody(e, 0) }
func inAnswer(e edit) meddler { return inBody(e, 200) }

func inBody(e edit, code int) meddler {
	return func(_ *proxy, _ side, m *message) bool {
		if m.is("INVITE", code) {
			m.body = e(m.body)
		}
		return true
	}
}

func inBoth(e edit) meddler {
	return func(_ *proxy, _ side, m *message) bool {
		if m.body != "" {
			m.body = e(m.body)
		}
		return true
	}
}

// answers lets the proxy answer alice's INVITE itself; one with credentials goes on.
func answers(status string, more ...header) meddler {
	return func(p *proxy, from side, m *message) bool {
		if from == alice && m.is("INVITE", 0) && !confides(m) {
			p.reply(p.conn, from, m, status, more...)
			return false
		}
		return true
	}
}

// confides tells whether a message has credentials in it.
func confides(m *message) bool { return m.get("Authorization")+m.get("Proxy-Authorization") != "" }

// noSecret says that no password was used but for what the registrar is for.
func noSecret(l *lab) {
	l.t.Helper()
	if said := l.messages(func(h heard) bool { return confides(h.message) && !strings.HasPrefix(h.start, "REGISTER ") }); len(said) > 0 {
		l.t.Errorf("credentials in %q", said[0].String())
	}
	if len(l.messages(func(h heard) bool { return confides(h.message) })) < 2 {
		l.t.Error("the registrar has not seen those that it asked for: the test sees nothing")
	}
}

// notCalled says that nobody came to the stranger.
func notCalled(l *lab) {
	l.t.Helper()
	if got := l.messages(func(h heard) bool { return h.stranger }); len(got) > 0 {
		l.t.Errorf("the stranger got %q", got[0].start)
	}
	for _, d := range l.witness.seen() {
		if d.Dst.Addr() == l.strangers.Addr() {
			l.t.Errorf("%s from %v to the stranger", wire.Kind(d.Payload), d.Src)
		}
	}
}

// mute says that no packet of speech left anybody.
func mute(l *lab) {
	l.t.Helper()
	for _, s := range []side{alice, bob} {
		if n := l.sent(s, netip.Addr{}); n != 0 {
			l.t.Errorf("%v has sent %d packets of media", s, n)
		}
	}
}

var setups = []row{
	{name: "zrtp-hash stripped", meddle: inBoth(noHash), want: goesOn},
	{name: "zrtp-hash changed in the offer", meddle: inOffer(lieHash), want: [2][]string{noKeys[alice], warned}, warns: [2]string{bob: "hello hash mismatch"}, own: mute},
	{name: "zrtp-hash changed in the answer", meddle: inAnswer(lieHash), want: [2][]string{warned, noKeys[bob]}, warns: [2]string{alice: "hello hash mismatch"}, own: mute},
	{name: "zrtp-hash changed in both", meddle: inBoth(lieHash), want: [2][]string{warned, warned}, warns: [2]string{"hello hash mismatch", "hello hash mismatch"}, own: mute},
	{name: "offer of SAVP with a=crypto", meddle: inOffer(sdes), want: refused, own: mute},
	{name: "answer of SAVP with a=crypto", meddle: inAnswer(sdes), want: [2][]string{{"peer cannot encrypt"}, {"peer hung up"}}, own: mute},
	{name: "a=crypto beside AVP", meddle: inBoth(besides), want: goesOn},
	{name: "offer of DTLS", meddle: inOffer(dtls), want: refused, own: mute},
	{name: "answer of DTLS", meddle: inAnswer(dtls), want: [2][]string{{"peer cannot encrypt"}, {"peer hung up"}}, own: mute},
	{name: "offer of PCMU", meddle: inOffer(pcmu), want: refused, own: mute},
	{name: "answer of PCMU", meddle: inAnswer(pcmu), want: [2][]string{{"not acceptable"}, {"peer hung up"}}, own: mute},
	{name: "answer with another payload type", meddle: inAnswer(otherPT), want: goesOn, more: true, own: talk},
	{name: "302 to a stranger", want: [2][]string{{"redirected"}, nil}, own: notCalled,
		begin: func(l *lab) {
			l.attack(answers("302 Moved Temporarily", header{"Contact", "<sip:eve@" + l.strangers.String() + ">"}))
		}},
	{name: "401 for another realm", meddle: answers("401 Unauthorized", header{"WWW-Authenticate", challenge("elsewhere.test")}),
		want: [2][]string{{"not authorized"}, nil}, own: noSecret},
	{name: "407 for another realm", meddle: answers("407 Proxy Authentication Required", header{"Proxy-Authenticate", challenge("elsewhere.test")}),
		want: [2][]string{{"not authorized"}, nil}, own: noSecret},
	{name: "407 of the own server", want: goesOn, // no attack: it shows that the others are seen
		begin: func(l *lab) {
			l.attack(answers("407 Proxy Authentication Required", header{"Proxy-Authenticate", challenge(l.addr.Addr().String())}))
		},
		own: func(l *lab) {
			if len(l.messages(func(h heard) bool { return h.is("INVITE", 0) && confides(h.message) })) == 0 {
				l.t.Error("no credentials for the own server")
			}
		}},
	{name: "401 of a stranger for our realm", key: "3", want: [2][]string{{"not authorized"}, nil}, own: noSecret, begin: func(l *lab) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.strange = func(from side, m *message) {
			if m.is("INVITE", 0) {
				l.touched++
				l.reply(l.stranger, from, m, "401 Unauthorized", header{"WWW-Authenticate", challenge(l.addr.Addr().String())})
			}
		}
	}},
	{name: "media by a relay of the proxy", want: goesOn, begin: relays(nil), more: true, own: talk},
	{name: "ZRTP dropped by the relay", want: noKeys, own: mute,
		begin: relays(func(kind string) bool { return strings.HasPrefix(kind, "ZRTP") })},
	{name: "Confirm1 dropped by the relay", want: noKeys, own: mute, begin: relays(func(kind string) bool { return kind == "ZRTP Confirm1" })},
	changesBeforeKeys(),
	{name: "early media in clear", want: goesOn, more: true, begin: promiseEarly, rings: speakEarly, own: unheard},
}

// relays puts a relay between the two.
func relays(drops func(kind string) bool) func(l *lab) {
	return func(l *lab) {
		r := newRelay(l.t, l.addr.Addr(), drops)
		l.attack(r.meddle)
		l.t.Cleanup(func() {
			l.t.Logf("the relay passed %d packets and dropped %d", r.passed.Load(), r.dropped.Load())
			if drops == nil && r.passed.Load() == 0 || drops != nil && r.dropped.Load() == 0 {
				l.t.Error("the relay has not done its work: the test sees nothing")
			}
		})
	}
}

// changesBeforeKeys holds ZRTP up in the relay, and puts changes into the call meanwhile.
func changesBeforeKeys() row {
	var open atomic.Bool
	return row{name: "changes before there are keys", want: goesOn, more: true, own: func(l *lab) { l.hangUp() },
		begin: relays(func(kind string) bool { return !open.Load() && strings.HasPrefix(kind, "ZRTP") }),
		agrees: func(l *lab) {
			for _, c := range changes[:6] {
				for _, to := range []side{alice, bob} {
					if code := l.ask(to, "INVITE", c.body(l.told(to))); code != c.code {
						l.t.Errorf("%s to %v: %d, want %d", c.name, to, code, c.code)
					}
				}
			}
			mute(l)
			open.Store(true)
		}}
}

// promiseEarly makes the 180 a 183 that promises media from the stranger.
func promiseEarly(l *lab) {
	l.liar = listen(l.t, netip.AddrPortFrom(l.strangers.Addr(), 0))
	l.attack(func(p *proxy, from side, m *message) bool {
		if m.is("INVITE", 180) {
			m.start = "SIP/2.0 183 Session Progress"
			m.set("Content-Type", "application/sdp")
			m.body = movedTo(addressOf(l.liar))(p.dialog.said[from.other()])
		}
		return true
	})
}

// speakEarly sends alice noise in clear, from the stranger's address, while it rings and until the call is over: every packet is
// one that Opus can decode. She neither opens her loudspeaker for it nor says anything.
func speakEarly(l *lab) {
	to, done := home(l.told(bob)), make(chan struct{})
	l.t.Cleanup(func() { close(done) })
	go noise(l.liar, to, done)
	eventually(l.t, "two seconds of noise", func() bool {
		return len(slices.DeleteFunc(l.witness.seen(), func(d wire.Datagram) bool { return d.Src != addressOf(l.liar) })) > 100
	})
	for _, e := range l.news(alice) {
		if e.Kind != "ready" && e.Kind != "registered" && e.Kind != "ringing" && e.Kind != "screen" {
			l.t.Errorf("alice: %s before the answer", e.Kind)
		}
	}
	mute(l)
}

// noise speaks 20 ms of CELT at full band a packet (RFC 6716, Section 3.1: configuration 31), whose content is of no matter.
func noise(c *net.UDPConn, to netip.AddrPort, done <-chan struct{}) {
	packet := make([]byte, 12+160)
	packet[0], packet[1], packet[12] = 0x80, 96, 31<<3
	for i := range packet[13:] {
		packet[13+i] = byte(i*167 + 41)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(n))
		binary.BigEndian.PutUint32(packet[4:], n*960)
		c.WriteToUDPAddrPort(packet, to)
	}
}

// talk lets the two speak for as long as can be judged, and hangs up: each has understood the other.
func talk(l *lab) {
	l.t.Helper()
	time.Sleep(2 * time.Second) // the tone that tells of the keys is over
	from := time.Now()
	time.Sleep(listening)
	to := time.Now()
	l.hangUp()
	for _, s := range []side{alice, bob} {
		if r := l.understood(s, from, to); r.Mean < intelligible {
			l.t.Errorf("%v understands with STOI %.3f %.3f", s, r.Mean, r.Lags)
		} else {
			l.t.Logf("%v understands with STOI %.3f %.3f", s, r.Mean, r.Lags)
		}
	}
}

// unheard lets the two talk beside the noise: what it says has no key, and is thrown away.
func unheard(l *lab) {
	l.t.Helper()
	talk(l)
	var stats struct{ Junk int }
	if err := json.Unmarshal(l.await(alice, "stats").Stats, &stats); err != nil || stats.Junk < 400 {
		l.t.Errorf("alice threw away %d packets, %v: the test sees nothing", stats.Junk, err)
	}
	l.t.Logf("alice threw away %d packets", stats.Junk)
}

// TestSetUp attacks calls that begin. Each ends in words, or is as secure as ever: two codes that are equal, to be compared.
func TestSetUp(t *testing.T) {
	t.Parallel()
	for _, c := range setups {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, plain)
			l.attack(c.meddle)
			if c.begin != nil {
				c.begin(l)
			}
			c.call(l)
			if l.changed() == 0 {
				t.Error("nothing was changed: the test sees nothing")
			}
			t.Logf("%d messages changed", l.changed())
			l.judge()
		})
	}
}

// call makes the call of a row and sees what becomes of it.
func (c row) call(l *lab) {
	key := c.key
	if key == "" {
		key = "2"
	}
	l.ring(key)
	if c.want[bob] != nil {
		l.await(bob, "ringing")
		if c.rings != nil {
			l.await(alice, "ringing")
			c.rings(l)
		}
		l.phones[bob].Say("press call")
		if c.agrees != nil {
			l.await(alice, "answered")
			l.await(bob, "answered")
			c.agrees(l)
		}
	}
	for s, why := range c.warns {
		if why != "" {
			l.alerted(side(s), why)
		}
	}
	if c.want[alice][0] == isSecure {
		l.secure("SECURE? ")
		if !c.more {
			l.flows()
		}
	} else {
		l.ended(alice, c.want[alice]...)
		if c.want[bob] != nil {
			l.ended(bob, c.want[bob]...)
		} else if heard := l.news(bob); slices.ContainsFunc(heard, func(e puppet.Event) bool { return e.Kind == "ringing" }) {
			l.t.Errorf("bob was called")
		}
	}
	if c.own != nil {
		c.own(l)
	}
	if c.want[alice][0] == isSecure && !c.more {
		l.hangUp()
	}
}
