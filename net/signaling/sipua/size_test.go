package sipua

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"sotto/net/signaling"
)

// long is a description that makes an INVITE too long for a datagram.
func long(port uint16) signaling.Description {
	d := describe(port)
	d.ICE = &signaling.ICE{Ufrag: "abcd", Pwd: strings.Repeat("p", 24)}
	for i := range 14 {
		d.ICE.Candidates = append(d.ICE.Candidates, fmt.Sprintf("%d 1 udp 2130706431 127.0.0.1 %d typ host", i, 6000+i))
	}
	return d
}

// A request that is too long goes by TCP, and what belongs to it later by UDP again.
func TestLongRequestGoesByTCP(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	a := alice.Dial(signaling.Dial{To: bob.uri(), Offer: long(4000)})
	in := want[signaling.Incoming](bob)
	want[signaling.Ringing](alice)
	var by []proto
	bob.ask(func() {
		for _, s := range bob.core.servers {
			by = append(by, s.req.from.proto)
		}
	})
	if len(by) != 1 || by[0] != tcp {
		t.Errorf("came by %v", by)
	}
	bob.Answer(in.Call, describe(5000))
	want[signaling.Answered](alice)
	want[signaling.Answered](bob)
	alice.Hangup(a, signaling.HungUp)
	alice.wantEnd(signaling.HungUp)
	bob.wantEnd(signaling.PeerHungUp)
}

// Where nobody takes a connection it goes by UDP after all, and the next one at once.
func TestLongRequestFallsBack(t *testing.T) {
	alice := newPhone(t, "alice")
	bob, err := New(Config{Listen: mustAddrPort("127.0.0.1:0"), Name: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bob.Close() })
	bob.net.tcp.Close()
	for range 2 {
		a := alice.Dial(signaling.Dial{To: "sip:bob@" + bob.Addr().String(), Offer: long(4000)})
		in := want[signaling.Incoming](phone{bob, t})
		want[signaling.Ringing](alice)
		alice.Hangup(a, signaling.Cancelled)
		alice.wantEnd(signaling.Cancelled)
		if e := want[signaling.Ended](phone{bob, t}); e.Call != in.Call {
			t.Fatal(e)
		}
	}
	alice.ask(func() {
		if len(alice.core.unwilling) != 1 {
			t.Errorf("%d places are known to take no connection", len(alice.core.unwilling))
		}
	})
}

// The account's own server is the same by TCP: it gets the password. Another connection that says so does not.
func TestLongRequestAndPassword(t *testing.T) {
	for name, from := range map[string]hop{"own": {proto: tcp, addr: mustAddrPort("192.0.2.5:5060"), flow: 3},
		"stranger": {proto: tcp, addr: mustAddrPort("192.0.2.66:5060"), flow: 4}} {
		d := newDesk(t, "udp")
		d.register()
		d.dial(signaling.Dial{To: "bob", Account: "work", Offer: long(4000)})
		if to := d.packets[0].to; to.proto != tcp || to.addr != d.server.addr {
			t.Fatalf("sent to %+v", to)
		}
		invite := d.sent(sip.INVITE)
		if !strings.HasPrefix(invite.Via().Value(), "SIP/2.0/TCP ") || len(values(invite, "Via")) != 1 {
			t.Errorf("Via: %s", values(invite, "Via"))
		}
		d.answerFrom(from, invite, "407 x", proxyChallenge)
		d.sent(sip.ACK)
		if got := len(d.packets) == 1 && strings.Contains(string(d.packets[0].data), "Proxy-Authorization"); got != (name == "own") {
			t.Errorf("%s got the password: %v", name, got)
		}
	}
}

// A server that swallows connections costs the first call a few seconds, and is remembered, with a bound.
func TestUnwillingAreBounded(t *testing.T) {
	d := newDesk(t, "udp")
	for i := range 100 {
		to := hop{addr: mustAddrPort(fmt.Sprintf("198.51.100.%d:5060", i))}
		x := &client{req: derivedRequest(to), branch: fmt.Sprint(i), to: to, below: &to, interval: t1, done: func(*sip.Response, hop, signaling.Cause) {}}
		x.fail(d.core, signaling.Unreachable)
	}
	if n := len(d.unwilling); n > maxUnwilling {
		t.Errorf("%d are remembered", n)
	}
	d.now = d.now.Add(datagramsFor + time.Second)
	if req := derivedRequest(hop{}); d.tooLong(req, hop{addr: mustAddrPort("198.51.100.99:5060")}) {
		t.Error("a short request is too long")
	}
}

func derivedRequest(hop) *sip.Request {
	req := sip.NewRequest(sip.OPTIONS, sip.Uri{Scheme: "sip", Host: "198.51.100.1"})
	add(req, "Via", "SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKx")
	req.SetBody(nil)
	return req
}

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
