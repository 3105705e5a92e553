package link

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

var (
	mac   = net.HardwareAddr{2, 0, 0, 0, 0, 7}
	epoch = time.Unix(0, 0) // the clock of a board without a battery
	ours  = netip.MustParsePrefix("10.0.0.7/24")
)

// server is a DHCP server as small as a server can be.
type server struct{ lease uint32 }

func (s server) reply(kind byte, to []byte, options ...byte) []byte {
	b := make([]byte, fixedSize)
	copy(b, to[:fixedSize])
	b[0] = opReply
	copy(b[16:], ours.Addr().AsSlice())
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	b = append(b, optType, 1, kind, optServer, 4, 10, 0, 0, 1, optMask, 4, 255, 255, 255, 0)
	b = append(b, optRouter, 4, 10, 0, 0, 1, optDNS, 8, 10, 0, 0, 1, 9, 9, 9, 9, optLease, 4)
	b = binary.BigEndian.AppendUint32(b, s.lease)
	return append(append(b, options...), optEnd)
}

// kindOf reads the type of a request by walking its options.
func kindOf(t *testing.T, b []byte) byte {
	t.Helper()
	if v := optionOf(b, optType); len(v) == 1 {
		return v[0]
	}
	t.Fatal("a request without a type")
	return 0
}

func optionOf(b []byte, code byte) []byte {
	for o := b[fixedSize+4:]; len(o) > 1 && o[0] != optEnd; o = o[2+int(o[1]):] {
		if o[0] == code {
			return o[2 : 2+int(o[1])]
		}
	}
	return nil
}

func obtain(t *testing.T) (*client, time.Time) {
	t.Helper()
	c, err := newClient(mac, bytes.NewReader(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 8)), epoch)
	if err != nil {
		t.Fatal(err)
	}
	now := epoch
	for _, want := range []struct{ ask, answer byte }{{discover, offer}, {request, ack}} {
		b, to, ok := c.Outgoing()
		if !ok || kindOf(t, b) != want.ask || to.String() != "255.255.255.255" {
			t.Fatalf("the client sends %v to %v, want type %d to everybody", ok, to, want.ask)
		}
		now = now.Add(10 * time.Millisecond)
		if err := c.Handle(server{3600}.reply(want.answer, b), now); err != nil {
			t.Fatal(err)
		}
	}
	return c, now
}

func TestLeaseAndRenewal(t *testing.T) {
	c, now := obtain(t)
	l, held, changed := c.Changed()
	if !held || !changed || l.Address != ours || l.Router.String() != "10.0.0.1" || fmt.Sprint(l.DNS) != "[10.0.0.1 9.9.9.9]" {
		t.Fatalf("lease %+v, held %v, changed %v", l, held, changed)
	}
	if got := c.Deadline().Sub(now); got != 1800*time.Second {
		t.Errorf("renewal after %v", got)
	}
	now = c.Deadline()
	if err := c.Tick(now); err != nil {
		t.Fatal(err)
	}
	b, to, ok := c.Outgoing()
	if !ok || to.String() != "10.0.0.1" || !bytes.Equal(b[12:16], ours.Addr().AsSlice()) || optionOf(b, optServer) != nil {
		t.Fatalf("renewal goes to %v as % x", to, b[:16])
	}
	if err := c.Handle(server{3600}.reply(ack, b), now); err != nil {
		t.Fatal(err)
	}
	if _, held, changed := c.Changed(); !held || changed {
		t.Errorf("a renewal of the same address: held %v, changed %v", held, changed)
	}
}

func TestLeaseRunsOut(t *testing.T) {
	c, _ := obtain(t)
	c.Changed()
	began := c.since
	var asked []string
	for range 4 {
		if err := c.Tick(c.Deadline()); err != nil {
			t.Fatal(err)
		}
		b, to, _ := c.Outgoing()
		asked = append(asked, fmt.Sprint(kindOf(t, b), " ", to))
		if !c.Held() {
			break
		}
	}
	if got := fmt.Sprint(asked); got != "[3 10.0.0.1 3 255.255.255.255 1 255.255.255.255]" {
		t.Errorf("a server that went silent was asked %s", got)
	}
	if got := c.next.Add(-firstTry).Sub(began); got != 3600*time.Second {
		t.Errorf("the address was used for %v", got)
	}
	if _, held, changed := c.Changed(); held || !changed {
		t.Error("the loss of the lease was not told")
	}
}

func TestNak(t *testing.T) {
	c, now := obtain(t)
	c.Changed()
	if err := c.Tick(c.Deadline()); err != nil {
		t.Fatal(err)
	}
	b, _, _ := c.Outgoing()
	if err := c.Handle(server{}.reply(nak, b), now); err != nil || c.Held() {
		t.Errorf("after a NAK the lease is held %v, %v", c.Held(), err)
	}
}

func TestForgeriesMoveNothing(t *testing.T) {
	c, err := newClient(mac, bytes.NewReader(make([]byte, 64)), epoch)
	if err != nil {
		t.Fatal(err)
	}
	b, _, _ := c.Outgoing()
	good := server{3600}.reply(offer, b)
	for name, forge := range map[string]func(b []byte) []byte{
		"another transaction":  func(b []byte) []byte { b[4] ^= 1; return b },
		"another machine":      func(b []byte) []byte { b[33] ^= 1; return b },
		"a request":            func(b []byte) []byte { b[0] = opRequest; return b },
		"an ACK before we ask": func(b []byte) []byte { b[fixedSize+6] = ack; return b },
		"no cookie":            func(b []byte) []byte { b[fixedSize] = 0; return b },
		"a loopback address":   func(b []byte) []byte { b[16] = 127; return b },
		"a multicast address":  func(b []byte) []byte { b[16] = 224; return b },
		"an option cut short":  func(b []byte) []byte { return b[:len(b)-3] },
		"a mask of 31 bits":    func(b []byte) []byte { b[fixedSize+18] = 254; return b },
	} {
		if err := c.Handle(forge(bytes.Clone(good)), epoch); err != nil || c.state != selecting {
			t.Errorf("%s: state %d, %v", name, c.state, err)
		}
	}
	if err := c.Handle(good, epoch); err != nil || c.state != requesting {
		t.Errorf("the true offer: state %d, %v", c.state, err)
	}
	other := server{3600}.reply(ack, b)
	copy(other[fixedSize+9:], []byte{10, 0, 0, 99}) // acknowledged by a server that did not offer
	if err := c.Handle(other, epoch); err != nil || c.Held() {
		t.Error("another server's ACK was taken")
	}
}

// TestNothingIsTold: RFC 7844: a request carries no host name, no vendor and no more parameters than are used.
func TestNothingIsTold(t *testing.T) {
	b := encode(request, 1, mac, netip.Addr{}, ours.Addr(), netip.MustParseAddr("10.0.0.1"))
	allowed := map[byte]bool{optType: true, optClient: true, optRequested: true, optServer: true, optParameters: true}
	for o := b[fixedSize+4:]; o[0] != optEnd; o = o[2+int(o[1]):] {
		if !allowed[o[0]] {
			t.Errorf("option %d is told", o[0])
		}
	}
	if !bytes.Equal(optionOf(b, optParameters), []byte{optMask, optRouter, optDNS}) {
		t.Errorf("parameters asked for: %v", optionOf(b, optParameters))
	}
	if len(b) < minimumSize {
		t.Errorf("%d octets", len(b))
	}
}

func TestRetriesSlowDown(t *testing.T) {
	c, err := newClient(mac, bytes.NewReader(make([]byte, 64)), epoch)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for c.Deadline().Before(epoch.Add(5 * time.Minute)) {
		if err := c.Tick(c.Deadline()); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n < 10 || n > 20 {
		t.Errorf("%d tries in five minutes without a server", n)
	}
}

func FuzzDHCP(f *testing.F) {
	req := encode(discover, 1, mac, netip.Addr{}, netip.Addr{}, netip.Addr{})
	f.Add(server{3600}.reply(offer, req), false)
	f.Add(server{1}.reply(ack, req, optRenewal, 4, 0, 0, 0, 0), true)
	f.Fuzz(func(t *testing.T, b []byte, asked bool) {
		c, err := newClient(mac, bytes.NewReader(bytes.Repeat([]byte{0, 0, 0, 1}, 16)), epoch)
		if err != nil {
			t.Fatal(err)
		}
		if asked {
			if err := c.Handle(server{3600}.reply(offer, req), epoch); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Handle(b, epoch); err != nil {
			t.Fatal(err)
		}
		if !c.Held() {
			return
		}
		l := c.lease
		if !usable(l.Address.Addr()) || l.renew <= 0 || l.renew > l.rebind || l.rebind > l.length || len(l.DNS) > maxDNS {
			t.Fatalf("a lease that cannot be: %+v", l)
		}
		if l.Router.IsValid() && !l.Address.Masked().Contains(l.Router) {
			t.Fatalf("a router %v that is not on %v", l.Router, l.Address)
		}
	})
}
