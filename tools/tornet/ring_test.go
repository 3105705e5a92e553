//go:build tor && interop

package tornet

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sotto/net/onion"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

const sipPort = 5060

// line is a SIP line over onion streams.
func line(t *testing.T, name string, at onion.Address) *sipua.UA {
	t.Helper()
	u, err := sipua.NewOnion(sipua.Config{Name: name}, at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

// next is the next event of a line, which must be of type E.
func next[E signaling.Event](t *testing.T, u *sipua.UA) (e E) {
	t.Helper()
	select {
	case got := <-u.Events():
		e, ok := got.(E)
		if !ok {
			t.Fatalf("got %T %+v, want %T", got, got, e)
		}
		return e
	case <-time.After(patience):
		t.Fatalf("no %T", e)
	}
	return e
}

// ring: SIP over an onion service: ring, answer, hang up. The other telephone rings not much later
// than a bare stream is open.
func ring(t *testing.T, n *Network) {
	const rounds, most = 5, 15
	w := newWatch(t)
	alice, bob := client(t, n), client(t, n)
	k := key(t)
	seed := onion.Seed{4}
	s, err := alice.Listen(t.Context(), onion.ServiceConfig{Seed: seed, Ports: []uint16{echoPort, sipPort}, Clients: []onion.ClientID{k.ID()}})
	if err != nil {
		t.Fatal(err)
	}
	go echo(s.Listener(echoPort))
	called := line(t, "alice", s.Address())
	go func() {
		for {
			c, err := s.Listener(sipPort).Accept()
			if err != nil {
				return
			}
			called.Inject(c, "")
		}
	}()
	caller := line(t, "bob", onion.Seed{5}.Address())
	until(t, bob, "ready", onion.Status.Ready)
	until(t, alice, "reachable", onion.Status.Reachable)

	offer := signaling.Description{RTP: netip.MustParseAddrPort("192.0.2.1:4000"), RTCP: netip.MustParseAddrPort("192.0.2.1:4000"),
		Mux: true, PayloadType: signaling.OpusType, Ptime: 40, Session: 1, Version: 1}
	turn(t)
	var bare, rings []time.Duration
	for i := range most {
		to := onion.Target{Address: s.Address(), Port: echoPort, Key: &k, Circuit: fmt.Sprint("bare", i)}
		took, err := dial(t, bob, to)
		if err != nil {
			t.Fatal(err)
		}
		bare = append(bare, took)

		to.Port, to.Circuit = sipPort, fmt.Sprint("ring", i)
		began := time.Now()
		c, err := bob.Dial(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		caller.Inject(c, s.Address().String())
		id := caller.Dial(signaling.Dial{To: "sip:alice@" + s.Address().String() + ";transport=tcp", Offer: offer})
		in := next[signaling.Incoming](t, called)
		next[signaling.Ringing](t, caller)
		rings = append(rings, time.Since(began))
		called.Answer(in.Call, offer.AnswerTo(in.Offer))
		next[signaling.Answered](t, caller)
		next[signaling.Answered](t, called)
		caller.Hangup(id, signaling.HungUp)
		next[signaling.Ended](t, caller)
		next[signaling.Ended](t, called)
		if i%rounds < rounds-1 {
			continue
		}
		ratio := float64(middle(rings)) / float64(middle(bare))
		t.Logf("%d rounds: median dial %v, median ring %v: %.2f times; dials %v, rings %v", i+1, middle(bare), middle(rings), ratio, bare, rings)
		if ratio <= 1.5 {
			break
		}
		if i == most-1 {
			t.Errorf("a ring takes %.2f times as long as a bare dial", ratio)
		}
	}
	w.only(t, n.Ports())
}
