package nat

import (
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// Between gathering and the peer's answer each port asks the servers again and again, so that no translator forgets it; once the
// search is over, or the call, no more.
func TestCandidatesAreKeptAlive(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	asked := make(chan string, 1000)
	go func() { // a STUN server
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFromUDP(buf)
			if err != nil {
				return
			}
			m := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
			if m.Decode() != nil || m.Type != stun.BindingRequest {
				continue
			}
			asked <- from.String()
			if answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.IP, Port: from.Port}); err == nil {
				c.WriteToUDP(answer.Raw, from)
			}
		}
	}()
	server := Server{Host: "127.0.0.1", Port: uint16(c.LocalAddr().(*net.UDPAddr).Port), Transport: "udp"}
	a, b := newAgent(t, Config{Controlling: true, Servers: []Server{server}}), newAgent(t, Config{})
	a.next.every = 20 * time.Millisecond
	atA := gather(t, a)
	times := map[string]int{}
	for end := time.After(500 * time.Millisecond); ; {
		select {
		case from := <-asked:
			times[from]++
			continue
		case <-end:
		}
		break
	}
	kept := 0
	for _, n := range times {
		if n >= 10 {
			kept++
		}
	}
	if kept < 2 { // a host's port, and the one behind the translator that there might be
		t.Errorf("asked from %v", times)
	}
	atB := gather(t, b)
	done := make(chan error, 1)
	go func() { done <- b.Connect(within(t, 5*time.Second), atA) }()
	if err := a.Connect(within(t, 5*time.Second), atB); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	talk(t, a, b)
	time.Sleep(50 * time.Millisecond)
	for len(asked) > 0 {
		<-asked
	}
	time.Sleep(200 * time.Millisecond)
	if n := len(asked); n > 2 { // pion has its own, for candidates, every two seconds
		t.Errorf("asked %d times more", n)
	}
}
