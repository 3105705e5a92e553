//go:build tor && interop

package tornet

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"sotto/net/onion"
	"sotto/net/onion/bundle"
	"sotto/net/protect"
	"sotto/zrtp"
)

const (
	mediaPort = 5004
	streams   = 2
	packets   = 100
	ptime     = 40 * time.Millisecond
)

// call: two streams to an onion service, isolated, carry a ZRTP agreement and then SRTP both ways; one stream dies in
// mid-call and the speech goes on.
func call(t *testing.T, n *Network) {
	busy(t)
	w := newWatch(t)
	alice, bob := client(t, n), client(t, n)
	k := key(t)
	seed, err := onion.NewSeed(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := alice.Listen(t.Context(), onion.ServiceConfig{Seed: seed, Ports: []uint16{echoPort, mediaPort}, Clients: []onion.ClientID{k.ID()}})
	if err != nil {
		t.Fatal(err)
	}
	go echo(s.Listener(echoPort))
	gate := bundle.NewGate(s.Listener(mediaPort))
	t.Cleanup(func() { gate.Close() })
	until(t, bob, "ready", onion.Status.Ready)
	until(t, alice, "reachable", onion.Status.Reachable)

	to := onion.Target{Address: s.Address(), Port: echoPort, Key: &k, Circuit: "signaling"}
	first, err := dial(t, bob, to)
	if err != nil {
		t.Fatal(err)
	}
	again, err := dial(t, bob, to)
	if err != nil {
		t.Fatal(err)
	}
	token, err := bundle.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	called := gate.Expect(token)
	caller := bundle.New(nil)
	t.Cleanup(func() { called.Close(); caller.Close() })
	began := time.Now()
	ends := make([]net.Conn, streams)
	var wait sync.WaitGroup
	for i := range streams {
		wait.Go(func() { ends[i] = join(t, bob, s.Address(), &k, token, fmt.Sprint("media", i)) })
	}
	wait.Wait()
	for _, c := range ends {
		caller.Add(c)
	}
	for called.Streams() < streams { // the tokens are on their way
		time.Sleep(time.Millisecond)
	}
	t.Logf("first dial %v, second %v, %d media streams %v", first, again, streams, time.Since(began))

	began = time.Now()
	a, b := newEnd(t, caller, 1), newEnd(t, called, 2)
	wait.Go(func() { a.agree(t) })
	wait.Go(func() { b.agree(t) })
	wait.Wait()
	if a.sas == "" || a.sas != b.sas {
		t.Fatalf("SAS %q and %q", a.sas, b.sas)
	}
	t.Logf("secure after %v, SAS equal", time.Since(began))

	report(t, "caller to called", a, b)
	report(t, "called to caller", b, a)
	for i, st := range called.Stats() {
		t.Logf("called's stream %d: %+v", i, st)
	}
	ends[0].Close()
	time.Sleep(200 * time.Millisecond)
	report(t, "after a stream is lost", a, b)
	w.only(t, n.Ports())
}

func join(t *testing.T, tor *onion.Tor, to onion.Address, k *onion.ClientKey, token bundle.Token, circuit string) net.Conn {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := tor.Dial(ctx, onion.Target{Address: to, Port: mediaPort, Key: k, Circuit: circuit})
	if err != nil {
		t.Error(err)
		return nil
	}
	if err := bundle.Join(c, token); err != nil {
		t.Error(err)
	}
	return c
}

// end is one side of a call.
type end struct {
	wire    *bundle.Bundle
	session *zrtp.Session
	ssrc    uint32
	sas     string
	srtp    *protect.Context
	in      chan arrival
	seq     uint16
}

type arrival struct {
	at   time.Time
	data []byte
}

func newEnd(t *testing.T, wire *bundle.Bundle, ssrc uint32) *end {
	e := &end{wire: wire, ssrc: ssrc, in: make(chan arrival, 1000)}
	var err error
	e.session, err = zrtp.NewSession(&zrtp.Config{ZID: zrtp.ZID{byte(ssrc)}, SSRC: ssrc, Rand: rand.Reader}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, bundle.MaxPacket)
		for {
			n, err := wire.ReadPacket(buf)
			if err != nil {
				return
			}
			e.in <- arrival{time.Now(), slices.Clone(buf[:n])}
		}
	}()
	return e
}

// agree runs ZRTP until the call is secure and the peer has had time to be.
func (e *end) agree(t *testing.T) {
	limit := time.After(patience)
	var done <-chan time.Time
	e.session.Start(time.Now())
	out := make([]byte, zrtp.MaxPacketSize)
	for {
		for n, ok := e.session.Outgoing(out); ok; n, ok = e.session.Outgoing(out) {
			if err := e.wire.WritePacket(out[:n]); err != nil {
				t.Error(err)
			}
		}
		for ev, ok := e.session.NextEvent(); ok; ev, ok = e.session.NextEvent() {
			switch ev := ev.(type) {
			case zrtp.KeysReady:
				e.keys(t, ev)
			case zrtp.SASReady:
				e.sas = ev.SAS
			case zrtp.Secure:
				done = time.After(time.Second)
			case zrtp.Failed:
				t.Error(ev.Err)
				return
			}
		}
		var tick <-chan time.Time
		if d := e.session.Deadline(); !d.IsZero() {
			tick = time.After(time.Until(d))
		}
		select {
		case p := <-e.in:
			if err := e.session.Handle(p.data, time.Now()); err != nil {
				t.Error(err)
			}
		case <-tick:
			e.session.Tick(time.Now())
		case <-done:
			return
		case <-limit:
			t.Error("no agreement")
			return
		}
	}
}

func (e *end) keys(t *testing.T, k zrtp.KeysReady) {
	profile := protect.AES1HS80
	if len(k.Send.Key) == 32 {
		profile = protect.AES3HS80
	}
	var err error
	e.srtp, err = protect.New(protect.Keys{Profile: profile, SendKey: k.Send.Key, SendSalt: k.Send.Salt,
		RecvKey: k.Receive.Key, RecvSalt: k.Receive.Salt, RemoteSSRC: 3 - e.ssrc})
	if err != nil {
		t.Error(err)
	}
}

// report lets one end speak and measures when it is heard.
func report(t *testing.T, what string, from, to *end) {
	t.Helper()
	sent := make([]time.Time, packets)
	first := from.seq
	go func() {
		tick := time.NewTicker(ptime)
		defer tick.Stop()
		for i := range packets {
			<-tick.C
			packet := make([]byte, 12+160)
			packet[0], packet[1] = 0x80, 96
			binary.BigEndian.PutUint16(packet[2:], first+uint16(i))
			binary.BigEndian.PutUint32(packet[8:], from.ssrc)
			out, err := from.srtp.ProtectRTP(nil, packet)
			if err != nil {
				t.Error(err)
			}
			sent[i] = time.Now()
			if err := from.wire.WritePacket(out); err != nil {
				t.Error(err)
			}
		}
	}()
	from.seq += packets
	var delays []time.Duration
	limit := time.After(packets*ptime + 10*time.Second)
	for len(delays) < packets {
		select {
		case p := <-to.in:
			if p.data[0] != 0x80 {
				continue // a late message of ZRTP
			}
			packet, err := to.srtp.UnprotectRTP(nil, p.data)
			if err != nil {
				t.Error(err)
				continue
			}
			delays = append(delays, p.at.Sub(sent[binary.BigEndian.Uint16(packet[2:])-first]))
		case <-limit:
			t.Errorf("%s: %d of %d packets were heard", what, len(delays), packets)
			return
		}
	}
	slices.Sort(delays)
	at := func(p int) time.Duration { return delays[(len(delays)-1)*p/100].Round(100 * time.Microsecond) }
	t.Logf("%s: %d packets, one way median %v, p95 %v, p99 %v, max %v", what, len(delays), at(50), at(95), at(99), at(100))
}
