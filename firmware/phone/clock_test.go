package phone

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"sotto/firmware/call"
)

// ntpServer answers by plain NTP (RFC 5905, Section 7.3) with a time that is ahead of this machine's.
func ntpServer(t *testing.T, ahead time.Duration) string {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	stamp := func(b []byte, at time.Time) {
		const from1900 = 2208988800
		binary.BigEndian.PutUint32(b, uint32(at.Unix()+from1900))
		binary.BigEndian.PutUint32(b[4:], uint32(uint64(at.Nanosecond())<<32/1e9))
	}
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			out := make([]byte, 48)
			out[0], out[1], out[3] = 4<<3|4, 1, 0xec // version 4, server, stratum 1, 2^-20 s
			copy(out[24:], b[40:48])
			at := time.Now().Add(ahead)
			stamp(out[16:], at)
			stamp(out[32:], at)
			stamp(out[40:], at)
			c.WriteTo(out, from)
		}
	}()
	return c.LocalAddr().String()
}

// TestTheClockIsSetOnlyWhenTheOwnerWants: without a server nobody is asked; with one, the clock is set by what it says; and
// never to before the image.
func TestTheClockIsSetOnlyWhenTheOwnerWants(t *testing.T) {
	for name, c := range map[string]struct {
		ahead, floor time.Duration // against now
		want         bool
	}{
		"the board sleeps since its image": {3 * time.Hour, 0, true},
		"before the image":                 {-3 * time.Hour, -time.Hour, false},
		"right already":                    {0, -time.Hour, false},
	} {
		set := make(chan time.Time, 4)
		p := still(t, Config{Listen: freePort(t), State: t.TempDir(), Floor: time.Now().Add(c.floor),
			SetClock: func(t time.Time) error { set <- t; return nil }})
		p.askClock()
		if p.clock.running {
			t.Fatalf("%s: somebody is asked though nobody was named", name)
		}
		p.saveSetup(call.Setup{Clock: ntpServer(t, c.ahead), NTP: true})
		p.askClock()
		for until := time.After(15 * time.Second); p.clock.running; {
			select {
			case then := <-p.results:
				then()
			case <-until:
				t.Fatalf("%s: no answer", name)
			}
		}
		select {
		case at := <-set:
			if off := time.Until(at) - c.ahead; !c.want || off.Abs() > 2*time.Second {
				t.Errorf("%s: set to a time that is %v away from the server's", name, off)
			}
		default:
			if c.want {
				t.Errorf("%s: not set", name)
			}
		}
		if p.askClock(); p.clock.running {
			t.Errorf("%s: asked again at once", name)
		}
		p.stop()
	}
}
