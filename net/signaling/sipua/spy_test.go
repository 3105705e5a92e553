package sipua

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

// spyResolver fails the test when anybody asks it for an onion name.
type spyResolver struct{ asked chan string }

func (s spyResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	s.asked <- host
	return nil, errors.New("no such name")
}

func (s spyResolver) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	s.asked <- name
	return "", nil, errors.New("no such name")
}

// TestNoNameServerLearnsAnOnion dials an onion by a telephone that has no Tor, and an ordinary name beside it, which shows
// that the spy is asked at all.
func TestNoNameServerLearnsAnOnion(t *testing.T) {
	spy := spyResolver{make(chan string, 64)}
	u, err := New(Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: "spy", Resolver: spy})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	offer := signaling.Description{RTP: netip.MustParseAddrPort("127.0.0.1:4000"), RTCP: netip.MustParseAddrPort("127.0.0.1:4001"), PayloadType: 96, Ptime: 20}
	for _, to := range []string{"sip:x@" + strings.Repeat("a", 56) + ".onion", "sip:x@example.test"} {
		u.Dial(signaling.Dial{To: to, Offer: offer})
		for ended := false; !ended; {
			select {
			case ev := <-u.Events():
				_, ended = ev.(signaling.Ended)
			case <-time.After(10 * time.Second):
				t.Fatalf("the call to %s does not end", to)
			}
		}
	}
	close(spy.asked)
	ordinary := false
	for name := range spy.asked {
		if strings.Contains(name, ".onion") {
			t.Errorf("a name server was asked for %s", name)
		}
		ordinary = ordinary || strings.Contains(name, "example.test")
	}
	if !ordinary {
		t.Error("the resolver was never asked: the test sees nothing")
	}
}
