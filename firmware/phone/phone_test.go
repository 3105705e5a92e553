package phone

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/codec/tone"
	"sotto/firmware/call"
	"sotto/hal"
	"sotto/hal/haltest"
	"sotto/net/link"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
	"sotto/zrtp"
)

func TestSelfCheck(t *testing.T) {
	if err := SelfCheck(); err != nil {
		t.Fatal(err)
	}
}

func TestMediaPortsAreNeighboursAndEven(t *testing.T) {
	for range 20 {
		rtp, rtcp, err := openWires(netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		if p := rtp.addr().Port(); p%2 != 0 || rtcp.addr().Port() != p+1 {
			t.Errorf("ports %v and %v", rtp.addr(), rtcp.addr())
		}
		if err := rtp.WritePacket([]byte("to nobody yet")); err != nil {
			t.Errorf("a packet before the peer is known: %v", err)
		}
		rtp.Close()
		rtcp.Close()
	}
}

// counter is a card that counts what it is told to play.
type counter struct {
	mu            sync.Mutex
	loud, written int
	closed        bool
}

func (c *counter) ReadFrame([]int16) error { return nil }

func (c *counter) WriteFrame(src []int16) error {
	time.Sleep(time.Millisecond) // a card in a hurry, but a card
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written++
	for _, s := range src {
		if s > 1000 || s < -1000 {
			c.loud++
			break
		}
	}
	return nil
}

func (c *counter) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

func (c *counter) state() (loud, written int, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loud, c.written, c.closed
}

func TestRingerRingsUntilItIsStoppedAndGivesTheCardBack(t *testing.T) {
	card := &counter{}
	r := ringer{open: func() (hal.PCM, error) { return card, nil }}
	r.play(tone.Ring)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if loud, _, _ := card.state(); loud > 3 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing is heard")
		}
	}
	r.play(tone.Ringback)
	r.play(tone.Pattern{})
	if _, _, closed := card.state(); !closed {
		t.Error("the card is not given back")
	}
	_, before, _ := card.state()
	time.Sleep(20 * time.Millisecond)
	if _, after, _ := card.state(); after != before {
		t.Error("it still rings")
	}
	r.play(tone.HangUp) // ends by itself
	r.stop()
	(&ringer{}).play(tone.Ring) // a board that cannot ring
	(&ringer{open: func() (hal.PCM, error) { return nil, errors.New("no card") }}).play(tone.Ring)
}

func TestAccountOfAnAddress(t *testing.T) {
	p := &phone{machine: call.New(call.Config{}), cfg: Config{Accounts: []sipua.Account{{Name: "a@one.test"}, {Name: "b@two.test:5070"}}}}
	for to, want := range map[string]string{
		"12345": "a@one.test", "+49*": "a@one.test", "sip:bob@two.test:5070;transport=tls": "b@two.test:5070",
		"sip:bob@192.0.2.1": "", "192.0.2.1": "", "sip:bob@three.test": "", "": "a@one.test",
	} {
		if got := p.accountFor(to); got != want {
			t.Errorf("%q goes through %q, want %q", to, got, want)
		}
	}
	if got := (&phone{}).accountFor("123"); got != "" {
		t.Errorf("without accounts: %q", got)
	}
}

func TestHelloHashOfTheVersionThatWeSpeak(t *testing.T) {
	d := signaling.Description{Hashes: []signaling.ZRTPHash{{Version: "2.00", Hash: [32]byte{2}}, {Version: "1.10", Hash: [32]byte{1}}}}
	if h := helloHash(d); len(h) != 32 || h[0] != 1 {
		t.Errorf("took %x", h)
	}
	if h := helloHash(signaling.Description{}); h != nil {
		t.Errorf("made up %x", h)
	}
}

func TestOnlyWhatSRTPHasIsProtected(t *testing.T) {
	if _, err := profileOf(zrtp.CipherAES1, 0); err == nil {
		t.Error("no tag is a tag")
	}
	if p, err := profileOf(zrtp.CipherAES3, zrtp.AuthTagHS80); err != nil || p.KeyLen() != 32 {
		t.Errorf("%v %v", p, err)
	}
}

// device is a phone without anything but a keypad, a screen and a network that comes and goes.
type device struct {
	keys    *haltest.Keypad
	network chan link.Status
	notes   chan Note
}

// run starts a phone and ends it with the test.
func run(t *testing.T, cfg Config) device {
	t.Helper()
	return runIn(t, t.TempDir(), cfg)
}

// runIn is run with a memory that is there already.
func runIn(t *testing.T, state string, cfg Config) device {
	t.Helper()
	d := device{haltest.NewKeypad(), make(chan link.Status), make(chan Note, 256)}
	cfg.Name, cfg.State, cfg.Network = "test", state, d.network
	cfg.Devices = Devices{Keypad: d.keys, Display: haltest.NewDisplay(240, 240),
		OpenPCM: func() (hal.PCM, error) { return haltest.NewLoopPCM(), nil }}
	cfg.Observe = func(n Note) { d.notes <- n }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Error("the phone does not stop")
		}
	})
	d.await(t, "ready")
	return d
}

func (d device) await(t *testing.T, kind string) Note {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case n := <-d.notes:
			if n.Event == kind {
				return n
			}
		case <-limit:
			t.Fatalf("no %s", kind)
		}
	}
}

func TestWithoutNetworkACallEndsAtOnceAndSaysWhy(t *testing.T) {
	d := run(t, Config{Contacts: []Contact{{"Bob", "sip:bob@127.0.0.1:9"}}})
	d.keys.Hold(hal.KeyDigit2)
	for {
		if n := d.await(t, "screen"); strings.Contains(strings.ToLower(n.Text), "network") {
			return
		}
	}
}

func TestTheLineFollowsTheLink(t *testing.T) {
	d := run(t, Config{Listen: netip.AddrPortFrom(netip.Addr{}, 0), Contacts: []Contact{{"Me", "sip:me@127.0.0.1:9"}}})
	d.network <- link.Status{Address: netip.MustParsePrefix("127.0.0.1/8")}
	d.network <- link.Status{} // the cable is out: the line is closed, and a call says so
	d.keys.Hold(hal.KeyDigit2)
	if n := d.await(t, "ended"); n.Cause != string(call.NoNetwork) {
		t.Errorf("without a line the call ends with %q", n.Cause)
	}
	d.keys.Press(hal.KeyEnd)
	d.network <- link.Status{Address: netip.MustParsePrefix("127.0.0.1/8")}
	d.keys.Hold(hal.KeyDigit2)
	if n := d.await(t, "ended"); n.Cause != string(call.Unreachable) {
		t.Errorf("with a line again the call ends with %q", n.Cause)
	}
}

// TestASecondCallIsRefusedBusy rings twice: the second caller hears busy, the first goes on ringing.
func TestASecondCallIsRefusedBusy(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	free.Close()
	d := run(t, Config{Listen: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)})
	offer := signaling.Description{RTP: netip.MustParseAddrPort("127.0.0.1:4000"), RTCP: netip.MustParseAddrPort("127.0.0.1:4001"),
		PayloadType: signaling.OpusType, Ptime: 20}
	ring := func(name string) *sipua.UA {
		u, err := sipua.New(sipua.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { u.Close() })
		u.Dial(signaling.Dial{To: "sip:test@" + netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String(), Offer: offer})
		return u
	}
	first := ring("first")
	d.await(t, "ringing")
	second := ring("second")
	for limit := time.After(5 * time.Second); ; {
		select {
		case ev := <-second.Events():
			if e, ok := ev.(signaling.Ended); ok {
				if e.Cause != signaling.Busy {
					t.Errorf("the second caller hears %v", e.Cause)
				}
				return
			}
		case ev := <-first.Events():
			if e, ok := ev.(signaling.Ended); ok {
				t.Fatalf("the first call ended: %v", e.Cause)
			}
		case <-limit:
			t.Fatal("the second caller hears nothing")
		}
	}
}

func TestSelfTestHearsAMicrophoneAndMissesOne(t *testing.T) {
	if speaker, microphone := trySound(func() (hal.PCM, error) { return haltest.NewSinePCM(440), nil }); speaker != nil || microphone != nil {
		t.Errorf("a card that works: %v, %v", speaker, microphone)
	}
	dead := func() (hal.PCM, error) { return haltest.OpenWAV(haltest.WAVConfig{}) }
	if speaker, microphone := trySound(dead); speaker != nil || microphone != errSilent {
		t.Errorf("a microphone that is not there: %v, %v", speaker, microphone)
	}
	if speaker, _ := trySound(func() (hal.PCM, error) { return nil, errors.New("no card") }); speaker == nil {
		t.Error("a card that is not there works")
	}
}
