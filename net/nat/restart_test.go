package nat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

// A restart finds another way, with a fresh user fragment and password, and until then the old one works. Either side may begin.
func TestRestart(t *testing.T) {
	a, b := newAgent(t, Config{Controlling: true}), newAgent(t, Config{})
	connect(t, a, b)
	restart := func(a, b *Agent) {
		t.Helper()
		first, _ := a.Way()
		atA, _, err := a.Restart(within(t, 5*time.Second), loopback)
		if err != nil {
			t.Fatal(err)
		}
		atB, _, err := b.Restart(within(t, 5*time.Second), loopback)
		if err != nil {
			t.Fatal(err)
		}
		talk(t, a, b)
		done := make(chan error, 1)
		go func() { done <- b.Resume(within(t, 5*time.Second), atA) }()
		if err := a.Resume(within(t, 5*time.Second), atB); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if w, ok := a.Way(); !ok || w.Remote == first.Remote {
			t.Errorf("the way is %v, as before", w)
		}
		talk(t, a, b)
	}
	restart(a, b)
	restart(b, a)
}

// A reader that waits on the old way goes on on the new one, and sees no error.
func TestReaderSurvivesRestart(t *testing.T) {
	a, b := newAgent(t, Config{Controlling: true}), newAgent(t, Config{})
	connect(t, a, b)
	got := make(chan string, 1)
	go func() {
		buf := make([]byte, 100)
		n, err := b.ReadPacket(buf)
		got <- fmt.Sprint(string(buf[:n]), err)
	}()
	atA, _, _ := a.Restart(within(t, 5*time.Second), loopback)
	atB, _, _ := b.Restart(within(t, 5*time.Second), loopback)
	go a.Resume(within(t, 5*time.Second), atB)
	if err := b.Resume(within(t, 5*time.Second), atA); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		a.WritePacket([]byte("\x80 twelve bytes and more"))
		select {
		case s := <-got:
			if s != "\x80 twelve bytes and more<nil>" {
				t.Errorf("got %q", s)
			}
			return
		default:
		}
		if time.Now().After(end) {
			t.Fatal("nothing comes")
		}
	}
}

// A restart gathers on the new address alone, whatever the first search did; where nothing can be gathered, or nobody answers,
// the old way stays.
func TestRestartElsewhere(t *testing.T) {
	a, err := New(Config{Loopback: true, Controlling: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b := newAgent(t, Config{})
	connect(t, a, b)
	first, _ := a.Way()
	if _, _, err := a.Restart(within(t, 5*time.Second), netip.MustParseAddr("192.0.2.9")); !errors.Is(err, ErrNoCandidates) {
		t.Errorf("gathered on an address that is not ours: %v", err)
	}
	local, fallback, err := a.Restart(within(t, 5*time.Second), loopback)
	if err != nil || fallback.Addr() != loopback {
		t.Fatal(fallback, err)
	}
	for _, c := range local.Candidates {
		if !strings.Contains(c, " 127.0.0.1 ") {
			t.Errorf("told %q", c)
		}
	}
	nobody := signaling.ICE{Ufrag: "abcd", Pwd: "0123456789abcdefghijkl", Candidates: []string{"1 1 udp 99 127.0.0.1 9 typ host"}}
	if err := a.Resume(within(t, 300*time.Millisecond), nobody); !errors.Is(err, ErrNoWay) {
		t.Error(err)
	}
	if w, ok := a.Way(); !ok || w != first {
		t.Errorf("the way is %v, was %v", w, first)
	}
	talk(t, a, b)
	if err := a.Resume(within(t, 300*time.Millisecond), nobody); !errors.Is(err, ErrClosed) {
		t.Errorf("a restart that is over goes on: %v", err)
	}
}

// A server that takes the connection and says nothing costs a search no more than its patience.
func TestPatience(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := newAgent(t, Config{Servers: []Server{{Host: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port), Relay: true, Transport: "tcp", User: "u", Password: "p"}}})
	began := time.Now()
	if got := gather(t, a); len(got.Candidates) != 1 {
		t.Errorf("gathered %q", got.Candidates)
	}
	if d := time.Since(began); d > patience+time.Second {
		t.Errorf("it took %v", d)
	}
}

// When nothing comes over the way in use, whoever wants to know is told, once; a search that is not in use tells nothing.
func TestLostWay(t *testing.T) {
	told := make(chan bool, 10)
	a, b := newAgent(t, Config{Controlling: true}), newAgent(t, Config{})
	a.Watch(func(lost bool) { told <- lost })
	connect(t, a, b)
	talk(t, a, b)
	began := time.Now()
	b.Close()
	for lost := false; !lost; {
		select {
		case lost = <-told: // that it was found may come first
		case <-time.After(disconnected + 5*time.Second):
			t.Fatal("nothing is told")
		}
	}
	if took := time.Since(began); took < disconnected-keepAlive {
		t.Errorf("lost after %v", took)
	}
	if _, _, err := a.Restart(within(t, 5*time.Second), loopback); err != nil {
		t.Fatal(err)
	}
	select {
	case lost := <-told:
		t.Errorf("told %v", lost)
	case <-time.After(200 * time.Millisecond):
	}
}

// Where datagrams do not pass, the servers that are asked by them say nothing; with a relay by TCP nobody waits for them to the end.
func TestARelayIsEnough(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	at := uint16(silent.LocalAddr().(*net.UDPAddr).Port)
	a := newAgent(t, Config{Servers: []Server{{Host: "127.0.0.1", Port: at, Transport: "udp"},
		{Host: "127.0.0.1", Port: at, Relay: true, Transport: "udp", User: "hs", Password: "secret"},
		{Host: "127.0.0.1", Port: relay(t), Relay: true, Transport: "tcp", User: "hs", Password: "secret"}}})
	began := time.Now()
	got := gather(t, a)
	if took := time.Since(began); took > gatherLimit+500*time.Millisecond || took < gatherLimit {
		t.Errorf("it took %v", took)
	}
	if !slices.ContainsFunc(got.Candidates, func(c string) bool { return strings.Contains(c, "typ relay") }) {
		t.Errorf("gathered %q", got.Candidates)
	}
}
