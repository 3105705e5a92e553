package sipua

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/net/netem"
	"sotto/net/signaling"
)

// world is two telephones in virtual time, joined by a network that can be as bad as a test wants it.
type world struct {
	t     *testing.T
	now   time.Time
	nodes [2]*node
	proto proto
	log   []string // every message sent: "alice INVITE", "bob 180 INVITE"
	// change is shown each datagram and may alter or drop (nil) it.
	change func(from *node, data []byte) []byte
}

// node is one telephone.
type node struct {
	*core
	name string
	addr netip.AddrPort
	out  *netem.Link
	// react, when set, answers the events as they come.
	react func(e signaling.Event)
	got   []signaling.Event
}

func newWorld(t *testing.T, c netem.Config, seed uint64) *world {
	w := &world{t: t, now: time.Unix(1_700_000_000, 0)}
	for i, name := range []string{"alice", "bob"} {
		n := &node{name: name, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 5060)}
		n.core = newCore(name, rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(i)}), func(hop) netip.AddrPort { return n.addr })
		n.out = netem.New(c, seed*2+uint64(i))
		n.now = w.now
		w.nodes[i] = n
	}
	return w
}

func (w *world) alice() *node { return w.nodes[0] }
func (w *world) bob() *node   { return w.nodes[1] }

func (w *world) other(n *node) *node {
	if n == w.nodes[0] {
		return w.nodes[1]
	}
	return w.nodes[0]
}

func (w *world) hop(n *node) hop {
	h := hop{proto: w.proto, addr: n.addr}
	if w.proto.reliable() {
		h.flow = 1
	}
	return h
}

// settle moves what the cores left onto the wire and to the tests.
func (w *world) settle() {
	for again := true; again; {
		again = false
		for _, n := range w.nodes {
			packets := n.packets
			n.packets = nil
			for _, p := range packets {
				data := p.data
				if w.change != nil {
					if data = w.change(n, data); data == nil {
						continue
					}
				}
				w.log = append(w.log, n.name+" "+summary(data))
				n.out.Send(data, w.now)
			}
			events := n.events
			n.events = nil
			n.got = append(n.got, events...)
			for _, e := range events {
				if n.react != nil {
					n.react(e)
					again = true
				}
			}
		}
	}
}

// summary is the method, or the status and the method.
func summary(data []byte) string {
	m, f := parse(data, hop{})
	switch {
	case f != nil:
		return fmt.Sprintf("bad %q", data)
	case m.req != nil:
		return string(m.req.Method)
	}
	return fmt.Sprint(m.res.StatusCode, " ", m.res.CSeq().MethodName)
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		w.settle()
		next := end
		for _, n := range w.nodes {
			if at, ok := n.out.Deadline(); ok && at.Before(next) {
				next = at
			}
			if at := n.deadline(); !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if next.After(w.now) {
			w.now = next
		}
		moved := false
		for _, n := range w.nodes {
			for {
				data, ok := n.out.Receive(w.now)
				if !ok {
					break
				}
				moved = true
				to := w.other(n)
				to.deliver(w, data, w.hop(n))
			}
			if at := n.deadline(); !at.IsZero() && !w.now.Before(at) {
				n.tick(w.now)
				moved = true
			}
			n.now = w.now
		}
		if !moved && !w.now.Before(end) {
			w.settle()
			return
		}
	}
}

// deliver does what the UA does with a message.
func (n *node) deliver(w *world, data []byte, from hop) {
	if !n.known(peekCallID(data), w.now) {
		return
	}
	n.receive(data, from, w.now)
}

func (w *world) media(n *node) signaling.Description {
	return signaling.Description{RTP: netip.AddrPortFrom(n.addr.Addr(), 4000), RTCP: netip.AddrPortFrom(n.addr.Addr(), 4001),
		Mux: true, PayloadType: signaling.OpusType, DTMF: signaling.DTMFType, Ptime: 20, Session: 1, Version: 1}
}

func (w *world) dial() signaling.CallID {
	to := "sip:bob@" + w.bob().addr.String()
	if w.proto == tcp {
		to += ";transport=tcp"
	}
	return w.alice().dial(signaling.Dial{To: to, Offer: w.media(w.alice())})
}

// autoAnswer takes every call.
func (w *world) autoAnswer(n *node) {
	n.react = func(e signaling.Event) {
		if in, ok := e.(signaling.Incoming); ok {
			n.answer(in.Call, w.media(n))
		}
	}
}

// names are the events of a node, short.
func (n *node) names() string {
	var s []string
	for _, e := range n.got {
		name := strings.TrimPrefix(fmt.Sprintf("%T", e), "signaling.")
		if e, ok := e.(signaling.Ended); ok {
			name += "(" + e.Cause.String() + ")"
		}
		if e, ok := e.(signaling.Held); ok {
			name += fmt.Sprintf("(%v)", e.Hold)
		}
		s = append(s, name)
	}
	return strings.Join(s, " ")
}

func (w *world) wantEvents(n *node, want string) {
	w.t.Helper()
	if got := n.names(); got != want {
		w.t.Fatalf("%s saw\n  %s, want\n  %s\n%s", n.name, got, want, strings.Join(w.log, "\n"))
	}
	n.got = nil
}

func (w *world) wantLog(want ...string) {
	w.t.Helper()
	if got := strings.Join(w.log, "\n"); got != strings.Join(want, "\n") {
		w.t.Fatalf("sent\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	w.log = nil
}

// wantEmpty asserts that nothing is left after the timers of RFC 3261 have run.
func (w *world) wantEmpty() {
	w.t.Helper()
	w.run(5 * time.Minute)
	for _, n := range w.nodes {
		if len(n.calls)+len(n.byCallID)+len(n.clients)+len(n.servers) != 0 || !n.deadline().IsZero() {
			w.t.Errorf("%s keeps %d calls, %d client and %d server transactions, deadline %v", n.name, len(n.calls),
				len(n.clients), len(n.servers), n.deadline())
		}
	}
}

// connected is a world with a running call.
func connected(t *testing.T) (w *world, a, b *call) {
	t.Helper()
	w = newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.autoAnswer(w.bob())
	id := w.dial()
	w.run(time.Second)
	w.wantEvents(w.alice(), "Ringing Answered")
	w.wantEvents(w.bob(), "Incoming Answered")
	w.log = nil
	for _, k := range w.bob().calls {
		b = k
	}
	return w, w.alice().calls[id], b
}

func TestConversation(t *testing.T) {
	w, a, _ := connected(t)
	w.alice().hangup(a.id, signaling.HungUp)
	w.run(time.Second)
	w.wantLog("alice BYE", "bob 200 BYE")
	w.wantEvents(w.alice(), "Ended(hung up)")
	w.wantEvents(w.bob(), "Ended(peer hung up)")
	w.wantEmpty()
}

func TestMessagesOfACall(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.autoAnswer(w.bob())
	w.dial()
	w.run(time.Second)
	w.wantLog("alice INVITE", "bob 180 INVITE", "bob 200 INVITE", "alice ACK")
}

// lose drops the first n messages with a summary.
func lose(summaryOf string, n int) func(*node, []byte) []byte {
	return func(_ *node, data []byte) []byte {
		if summary(data) == summaryOf && n > 0 {
			n--
			return nil
		}
		return data
	}
}

func TestLostMessages(t *testing.T) {
	for _, lost := range []string{"INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"} {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprint(n, " ", lost), func(t *testing.T) {
				w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
				w.change = lose(lost, n)
				w.autoAnswer(w.bob())
				id := w.dial()
				w.run(8 * time.Second)
				w.alice().hangup(id, signaling.HungUp)
				w.run(8 * time.Second)
				if got := w.alice().names(); got != "Ringing Answered Ended(hung up)" && got != "Answered Ended(hung up)" {
					t.Errorf("alice saw %s\n%s", got, strings.Join(w.log, "\n"))
				}
				if got := w.bob().names(); got != "Incoming Answered Ended(peer hung up)" {
					t.Errorf("bob saw %s\n%s", got, strings.Join(w.log, "\n"))
				}
				w.wantEmpty()
			})
		}
	}
}

func TestCancelRaces(t *testing.T) {
	t.Run("before anything came back", func(t *testing.T) {
		w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
		id := w.dial()
		w.run(time.Millisecond)
		w.alice().hangup(id, signaling.HungUp)
		w.run(time.Second)
		// RFC 3261, Section 9.1: no CANCEL before a provisional response.
		w.wantLog("alice INVITE", "bob 180 INVITE", "alice CANCEL", "bob 200 CANCEL", "bob 487 INVITE", "alice ACK")
		w.wantEvents(w.alice(), "Ended(cancelled)")
		w.wantEvents(w.bob(), "Incoming Ended(caller gave up)")
		w.wantEmpty()
	})
	t.Run("crossing the 200", func(t *testing.T) {
		w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
		w.autoAnswer(w.bob())
		id := w.dial()
		w.run(15 * time.Millisecond)
		w.alice().hangup(id, signaling.HungUp)
		w.run(time.Second)
		w.wantEvents(w.alice(), "Ended(cancelled)")
		w.wantEvents(w.bob(), "Incoming Answered Ended(peer hung up)")
		w.wantEmpty()
	})
	t.Run("lost", func(t *testing.T) {
		w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
		w.change = lose("CANCEL", 2)
		id := w.dial()
		w.run(time.Second)
		w.alice().hangup(id, signaling.HungUp)
		w.run(5 * time.Second)
		w.wantEvents(w.bob(), "Incoming Ended(caller gave up)")
		w.wantEmpty()
	})
}

func TestHangupBeforeTheACK(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.autoAnswer(w.bob())
	w.dial()
	w.run(15 * time.Millisecond)
	for id := range w.bob().calls {
		w.bob().hangup(id, signaling.HungUp)
	}
	w.run(time.Second)
	// RFC 3261, Section 15: no BYE of the called before the ACK.
	w.wantLog("alice INVITE", "bob 180 INVITE", "bob 200 INVITE", "alice ACK", "bob BYE", "alice 200 BYE")
	w.wantEvents(w.bob(), "Incoming Ended(hung up)")
	w.wantEvents(w.alice(), "Ringing Answered Ended(peer hung up)")
	w.wantEmpty()
}

func TestNoACK(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.change = lose("ACK", 1000)
	w.autoAnswer(w.bob())
	w.dial()
	w.run(time.Minute)
	w.wantEvents(w.bob(), "Incoming Ended(unreachable)")
	w.wantEvents(w.alice(), "Ringing Answered Ended(peer hung up)")
	w.wantEmpty()
}

func TestSilence(t *testing.T) {
	w := newWorld(t, netem.Config{Loss: 1}, 1)
	w.dial()
	w.run(9 * time.Second)
	w.wantEvents(w.alice(), "")
	w.run(2 * time.Second)
	w.wantEvents(w.alice(), "Ended(unreachable)")
	w.wantLog("alice INVITE", "alice INVITE", "alice INVITE", "alice INVITE", "alice INVITE") // 0, 0.5, 1.5, 3.5, 7.5 s
	w.wantEmpty()
}

func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.dial()
	w.run(4 * time.Minute)
	// Both have the same limit; whose message is first does not matter to either person.
	if a := w.alice().names(); a != "Ringing Ended(no answer)" {
		t.Errorf("alice saw %s", a)
	}
	if b := w.bob().names(); b != "Incoming Ended(no answer)" && b != "Incoming Ended(caller gave up)" {
		t.Errorf("bob saw %s", b)
	}
	w.wantEmpty()
}

// Both call each other at once: two calls, and the one who is called while it calls decides what to do with it.
func TestBothCall(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	for _, n := range w.nodes {
		n.react = func(e signaling.Event) {
			if in, ok := e.(signaling.Incoming); ok {
				n.hangup(in.Call, signaling.Busy)
			}
		}
	}
	w.dial()
	w.bob().dial(signaling.Dial{To: "sip:alice@" + w.alice().addr.String(), Offer: w.media(w.bob())})
	w.run(time.Second)
	for _, n := range w.nodes {
		if got := n.names(); strings.Count(got, "Ended(busy)") != 2 {
			t.Errorf("%s saw %s", n.name, got)
		}
	}
	w.wantEmpty()
}

func TestOverTCP(t *testing.T) {
	w := newWorld(t, netem.Config{Delay: 10 * time.Millisecond}, 1)
	w.proto = tcp
	w.autoAnswer(w.bob())
	id := w.dial()
	w.run(time.Second)
	w.alice().hangup(id, signaling.HungUp)
	w.run(time.Second)
	w.wantLog("alice INVITE", "bob 180 INVITE", "bob 200 INVITE", "alice ACK", "alice BYE", "bob 200 BYE")
	w.wantEvents(w.bob(), "Incoming Answered Ended(peer hung up)")
	w.wantEmpty()
}

// Hundreds of calls over a bad network: each ends on both sides, none is half open, nothing is left.
func TestBadNetwork(t *testing.T) {
	const calls = 300
	answered := 0
	for seed := range uint64(calls) {
		w := newWorld(t, netem.Config{Loss: 0.15, Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Reorder: 0.05,
			Duplicate: 0.05}, seed) // no corruption: UDP has a checksum
		w.autoAnswer(w.bob())
		id := w.dial()
		w.run(40 * time.Second)
		w.alice().hangup(id, signaling.HungUp)
		w.run(40 * time.Second)
		for _, n := range w.nodes {
			got := n.names()
			if strings.Count(got, "Ended") != 1 && !(n == w.bob() && got == "") || got != "" && !strings.HasSuffix(got, ")") {
				// Bob may be left open only if all eleven of Alice's BYEs were lost.
				t.Errorf("seed %d: %s saw %s\n%s", seed, n.name, got, strings.Join(w.log, "\n"))
			}
		}
		if strings.Contains(w.alice().names(), "Answered") {
			answered++
		}
		w.wantEmpty()
	}
	if answered < calls*97/100 {
		t.Errorf("only %d of %d calls were answered", answered, calls)
	}
}
