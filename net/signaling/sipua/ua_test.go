package sipua

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

// phone is a UA with what a test needs around it.
type phone struct {
	*UA
	t *testing.T
}

func newPhone(t *testing.T, name string) phone {
	t.Helper()
	u, err := New(Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return phone{u, t}
}

func (p phone) uri() string { return "sip:" + p.config.Name + "@" + p.Addr().String() }

// describe is what the phone says of its media.
func describe(port uint16) signaling.Description {
	d := signaling.Description{RTP: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port),
		RTCP: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port+1), Mux: true,
		PayloadType: signaling.OpusType, DTMF: signaling.DTMFType, Ptime: 20, FEC: true, CBR: true, Session: 1, Version: 1}
	return d
}

// want takes the next event, which must be of type E.
func want[E signaling.Event](p phone) E {
	p.t.Helper()
	select {
	case e := <-p.Events():
		if got, ok := e.(E); ok {
			return got
		}
		p.t.Fatalf("%s: got %T %+v", p.config.Name, e, e)
	case <-time.After(5 * time.Second):
		p.t.Fatalf("%s: nothing happens", p.config.Name)
	}
	panic("not reached")
}

func (p phone) wantEnd(cause signaling.Cause) {
	p.t.Helper()
	if e := want[signaling.Ended](p); e.Cause != cause {
		p.t.Fatalf("%s: ended with %q, want %q", p.config.Name, e.Cause, cause)
	}
}

// quiet asserts that nothing happens.
func (p phone) quiet() {
	p.t.Helper()
	select {
	case e := <-p.Events():
		p.t.Fatalf("%s: got %T %+v", p.config.Name, e, e)
	case <-time.After(50 * time.Millisecond):
	}
}

// connect makes alice call bob until both have agreed.
func connect(t *testing.T, alice, bob phone, uri string) (a, b signaling.CallID) {
	t.Helper()
	a = alice.Dial(signaling.Dial{To: uri, Offer: describe(4000)})
	in := want[signaling.Incoming](bob)
	if in.From.Name != alice.config.Name || in.Offer.RTP.Port() != 4000 {
		t.Fatalf("bob is called by %+v", in)
	}
	want[signaling.Ringing](alice)
	bob.Answer(in.Call, describe(5000))
	if e := want[signaling.Answered](alice); e.Call != a || e.Remote.RTP.Port() != 5000 || !e.Remote.Mux {
		t.Fatalf("alice is answered %+v", e)
	}
	if e := want[signaling.Answered](bob); e.Call != in.Call || e.Remote.RTP.Port() != 4000 {
		t.Fatalf("bob is connected %+v", e)
	}
	return a, in.Call
}

func TestCall(t *testing.T) {
	for _, transport := range []string{"", ";transport=udp", ";transport=tcp"} {
		t.Run(transport, func(t *testing.T) {
			alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
			a, _ := connect(t, alice, bob, bob.uri()+transport)
			alice.Hangup(a, signaling.HungUp)
			alice.wantEnd(signaling.HungUp)
			bob.wantEnd(signaling.PeerHungUp)
			_, b := connect(t, alice, bob, bob.uri()+transport)
			bob.Hangup(b, signaling.HungUp)
			bob.wantEnd(signaling.HungUp)
			alice.wantEnd(signaling.PeerHungUp)
			alice.quiet()
			bob.quiet()
		})
	}
}

func TestRejected(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	for cause, seen := range map[signaling.Cause]signaling.Cause{
		signaling.Busy: signaling.Busy, signaling.Declined: signaling.Declined, signaling.NotFound: signaling.NotFound,
		signaling.NotAcceptable: signaling.NotAcceptable, signaling.NoAnswer: signaling.NoAnswer,
	} {
		alice.Dial(signaling.Dial{To: bob.uri(), Offer: describe(4000)})
		in := want[signaling.Incoming](bob)
		want[signaling.Ringing](alice)
		bob.Hangup(in.Call, cause)
		bob.wantEnd(cause)
		alice.wantEnd(seen)
	}
}

func TestCancel(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	a := alice.Dial(signaling.Dial{To: bob.uri(), Offer: describe(4000)})
	want[signaling.Incoming](bob)
	want[signaling.Ringing](alice)
	alice.Hangup(a, signaling.HungUp)
	alice.wantEnd(signaling.Cancelled)
	bob.wantEnd(signaling.PeerCancelled)
	alice.quiet()
}

func TestNobodyThere(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	uri := bob.uri()
	bob.Close()
	for _, to := range []string{uri, uri + ";transport=tcp"} {
		began := time.Now()
		alice.Dial(signaling.Dial{To: to, Offer: describe(4000)})
		alice.wantEnd(signaling.Unreachable)
		if d := time.Since(began); d > time.Second {
			t.Errorf("%s: told after %v", to, d)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	alice := newPhone(t, "alice")
	for _, to := range []string{"", " ", "sip:", "sip:@", "mailto:bob@example.test", "sip:bob@10.0.0.1:99999", "sip:bob@exa mple",
		"sip:bob@10.0.0.1\r\nVia: x", "sip:bob@[::1", "sip:bob@10.0.0.1;transport=carrier-pigeon", alice.uri(),
		"sip:" + strings.Repeat("x", 300) + "@10.0.0.1", "sips:bob@10.0.0.1;transport=udp", "sip:bob@-\"<>"} {
		alice.Dial(signaling.Dial{To: to, Offer: describe(4000)})
		alice.wantEnd(signaling.BadAddress)
	}
	alice.Dial(signaling.Dial{To: "bob", Account: "none", Offer: describe(4000)})
	alice.wantEnd(signaling.NotRegistered)
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }
