package sipua

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
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

// usage is what a process holds.
type usage struct {
	heap       uint64 // bytes in use after a collection
	goroutines int
	files      int
}

func resources() usage {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	return usage{m.HeapAlloc, runtime.NumGoroutine(), len(files)}
}

// Ten thousand datagrams a second from outside, for a second (SOTTO_FLOOD sets how many): the call stays, the heap too,
// and the telephone still answers.
func TestFloodOfTheSocket(t *testing.T) {
	seconds := 1
	if s := os.Getenv("SOTTO_FLOOD"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		seconds = n
	}
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	a, _ := connect(t, alice, bob, bob.uri())
	before := resources()
	conn, err := net.Dial("udp", bob.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	sent := 0
	for time.Since(began) < time.Duration(seconds)*time.Second {
		for range 100 {
			raw := strings.Replace(forge("OPTIONS", fmt.Sprint("flood", sent), "<sip:x@192.0.2.66>;tag=1", "<sip:bob@127.0.0.1>"), "forged", fmt.Sprint(sent), 1)
			if sent%3 == 1 {
				raw = raw[:sent%len(raw)]
			}
			if sent%3 == 2 {
				raw = strings.ReplaceAll(raw, "OPTIONS", "INVITE")
			}
			conn.Write([]byte(raw))
			sent++
		}
		time.Sleep(time.Until(began.Add(time.Duration(sent) * 100 * time.Microsecond)))
	}
	after := resources()
	t.Logf("%d datagrams in %v, before %+v, after %+v", sent, time.Since(began), before, after)
	if sent < seconds*9000 {
		t.Errorf("only %d datagrams were sent", sent)
	}
	if after.heap > before.heap+4<<20 || after.goroutines > before.goroutines {
		t.Errorf("before %+v, after %+v", before, after)
	}
	alice.quiet()
	bob.quiet()
	alice.Hangup(a, signaling.HungUp)
	alice.wantEnd(signaling.HungUp)
	bob.wantEnd(signaling.PeerHungUp)
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// Call after call: nothing is lost, nothing is left half open, nothing grows. SOTTO_CALLS sets how many (make sure of
// 10,000 before a release).
func TestManyCalls(t *testing.T) {
	calls := 100
	if s := os.Getenv("SOTTO_CALLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		calls = max(n, 10)
	}
	for _, transport := range []string{"udp", "tcp"} {
		alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
		connect(t, alice, bob, bob.uri()+";transport="+transport)
		before := resources()
		half := before
		var heaps []int
		for i := range calls {
			if i%(calls/10) == 0 {
				heaps = append(heaps, int(resources().heap>>10))
			}
			if i == calls/2 { // with 10,000 half a minute has gone by, and the oldest transactions with it
				half = resources()
			}
			a, b := connect(t, alice, bob, bob.uri()+";transport="+transport)
			if i%2 == 0 {
				alice.Hangup(a, signaling.HungUp)
				alice.wantEnd(signaling.HungUp)
				bob.wantEnd(signaling.PeerHungUp)
			} else {
				bob.Hangup(b, signaling.HungUp)
				bob.wantEnd(signaling.HungUp)
				alice.wantEnd(signaling.PeerHungUp)
			}
		}
		for _, p := range []phone{alice, bob} {
			p.ask(func() {
				c := p.core
				if len(c.calls) > maxCalls+1 || len(c.clients) > maxTransactions || len(c.servers) > maxTransactions || len(p.net.conns) > 2 {
					t.Errorf("%s keeps %d calls, %d and %d transactions, %d connections", p.config.Name, len(c.calls),
						len(c.clients), len(c.servers), len(p.net.conns))
				}
			})
		}
		after := resources()
		t.Logf("%s: %d calls, before %+v, after %+v; every tenth of the way the heap was %d kB", transport, calls, before, after, heaps)
		if after.heap > before.heap+8<<20 || after.heap > half.heap+1<<20 || after.goroutines > before.goroutines+4 || after.files > before.files+4 {
			t.Errorf("%s: before %+v, after %d calls %+v", transport, before, calls, after)
		}
	}
}

// A call outlives its TCP connection: the next request opens another, to where the caller listens.
func TestConnectionLostInACall(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	for _, calledHangsUp := range []bool{true, false} {
		a, b := connect(t, alice, bob, bob.uri()+";transport=tcp")
		bob.ask(func() {
			for _, c := range bob.net.conns {
				bob.net.drop(c)
			}
		})
		time.Sleep(50 * time.Millisecond)
		alice.quiet()
		if calledHangsUp {
			bob.Hangup(b, signaling.HungUp)
			bob.wantEnd(signaling.HungUp)
			alice.wantEnd(signaling.PeerHungUp)
		} else {
			alice.Hangup(a, signaling.HungUp)
			alice.wantEnd(signaling.HungUp)
			bob.wantEnd(signaling.PeerHungUp)
		}
	}
}

// Connections that nobody needs are closed, and strangers hold only so many.
func TestManyConnections(t *testing.T) {
	bob := newPhone(t, "bob")
	var held []net.Conn
	for range maxConnections + 20 {
		c, err := net.Dial("tcp", bob.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		held = append(held, c)
	}
	closed := 0
	time.Sleep(100 * time.Millisecond) // for the refusals to arrive
	for _, c := range held {
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			closed++
		}
	}
	if closed != 20 {
		t.Errorf("%d connections were refused, want 20", closed)
	}
	for _, c := range held {
		c.Close()
	}
	// And when they are gone, there is room again.
	alice := newPhone(t, "alice")
	time.Sleep(50 * time.Millisecond)
	connect(t, alice, bob, bob.uri()+";transport=tcp")
}

func TestListenErrors(t *testing.T) {
	bob := newPhone(t, "bob")
	for addr, want := range map[string]string{
		bob.Addr().String(): "sipua: UDP port " + bob.Addr().String() + " is in use by another program",
		"192.0.2.1:5060":    "sipua: UDP port 192.0.2.1:5060 is not an address of this machine",
	} {
		_, err := New(Config{Listen: netip.MustParseAddrPort(addr), Name: "alice"})
		var listen *ListenError
		if !errors.As(err, &listen) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	if _, err := New(Config{Listen: addr, Name: "alice"}); err == nil || !strings.Contains(err.Error(), "TCP port") {
		t.Errorf("only TCP in use: %v", err)
	}
	for _, name := range []string{"", "al ice", "a@b", "a\r\nb", strings.Repeat("x", 65)} {
		if _, err := New(Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: name}); !errors.Is(err, ErrName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

// Close tells the peers, and every method is harmless after it.
func TestClose(t *testing.T) {
	alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
	a, _ := connect(t, alice, bob, bob.uri())
	alice.Close()
	bob.wantEnd(signaling.PeerHungUp)
	alice.Close()
	alice.Hangup(a, signaling.HungUp)
	alice.Answer(a, describe(1))
	alice.Update(a, describe(1))
	if id := alice.Dial(signaling.Dial{To: bob.uri()}); id != 0 {
		t.Errorf("a call after Close: %d", id)
	}
	for range alice.Events() {
		t.Error("an event after Close")
	}
}
