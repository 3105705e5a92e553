package phone

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/hal"
	"sotto/hal/haltest"
	"sotto/net/signaling"
)

// freePort is a port of the loopback that nobody has.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// wait waits for something on the screen, and gives what it says.
func (d device) wait(t *testing.T, pattern string) (last string) {
	t.Helper()
	want := regexp.MustCompile("(?m)" + pattern)
	for limit := time.After(15 * time.Second); ; {
		select {
		case n := <-d.notes:
			if n.Event != "screen" {
				continue
			}
			if last = n.Text; want.MatchString(last) {
				return last
			}
		case <-limit:
			t.Fatalf("no %q on the screen; it says:\n%s", pattern, last)
		}
	}
}

// TestThreePhonesAndOneEar: Ann and Cid call Bob, who answers both and goes from one to the other.
func TestThreePhonesAndOneEar(t *testing.T) {
	at := freePort(t)
	bob := run(t, Config{Listen: at})
	var ann, cid device
	for i, d := range []*device{&ann, &cid} {
		*d = run(t, Config{Listen: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freePort(t).Port()),
			Contacts: []Contact{{fmt.Sprint("Bob", i), "sip:test@" + at.String()}}})
	}
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	bob.keys.Press(hal.KeyCall)
	bob.wait(t, `^SECURE\?`)
	ann.wait(t, `^SECURE\?`)
	for _, k := range []hal.Key{hal.KeyOK, hal.KeyUp, hal.KeyUp, hal.KeyOK} {
		ann.keys.Press(k)
	}
	ann.wait(t, `Codec  Opus \d\d kbit/s`)
	cid.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Second call")
	bob.keys.Press(hal.KeyCall)
	ann.keys.Press(hal.KeySoftRight)
	ann.keys.Press(hal.KeySoftRight)
	ann.wait(t, "The other side holds")
	bob.wait(t, `^SECURE\?(.|\n)*Held: `)
	cid.wait(t, `^SECURE\?`)
	bob.keys.Press(hal.KeyCall)
	cid.wait(t, "The other side holds")
	ann.wait(t, "Say yours, type theirs") // the line about holding is gone
	ann.keys.Press(hal.KeyEnd)
	bob.wait(t, "^ON HOLD")
	bob.keys.Press(hal.KeyCall)
	cid.wait(t, "Say yours, type theirs")
	bob.keys.Press(hal.KeyEnd)
	cid.wait(t, "Peer hung up")
}

// TestMessagesOfAllMailboxesAreAddedUp is what two servers say, one after the other.
func TestMessagesOfAllMailboxesAreAddedUp(t *testing.T) {
	p, err := start(Config{Name: "test", State: t.TempDir(), Devices: Devices{Display: haltest.NewDisplay(240, 240)}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	for _, ev := range []signaling.Messages{{Account: "a", Waiting: true, New: 2}, {Account: "b", Waiting: true, New: 1}, {Account: "a"}} {
		p.lineEvent(ev)
	}
	if m := p.machine.Snapshot().Mailbox; !m.Waiting || m.New != 1 {
		t.Errorf("the mailbox has %+v", m)
	}
}

// voiceCard counts on its way in, and keeps what is played.
type voiceCard struct {
	mu     sync.Mutex
	n      int16
	played []int16
	closed bool
}

func (c *voiceCard) ReadFrame(dst []int16) error {
	time.Sleep(time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	for i := range dst {
		dst[i] = c.n
	}
	return nil
}

func (c *voiceCard) WriteFrame(src []int16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.played = append(c.played, src[0])
	return nil
}

func (c *voiceCard) Close() error {
	c.closed = true
	return nil
}

func TestWhatIsSaidIsHeardWithTheCallInFront(t *testing.T) {
	pcm := &voiceCard{}
	var c card
	far, _ := c.sit(func() (hal.PCM, error) { return pcm, nil })
	near, _ := c.sit(nil)
	c.say([]int16{1000, 1000, 1000, 30000})
	for range 3 {
		near.WriteFrame([]int16{10000, 10000})
		far.WriteFrame([]int16{1, 1})
	}
	if !slices.Equal(pcm.played, []int16{6000, 6000, 10000}) {
		t.Errorf("played %v: want the voice at half its strength under two frames of speech, then whole", pcm.played)
	}
	p := still(t, Config{State: t.TempDir()})
	defer p.stop()
	p.say(call.Say{Code: "Zulu:", Language: "de"}) // a word of four letters is not spelt
	p.say(call.Say{Code: "yb", Language: "de"})
	for range 2 {
		select {
		case then := <-p.results:
			then()
		case <-time.After(5 * time.Second):
			t.Fatal("nothing is said")
		}
	}
	if len(p.notes) != 0 {
		t.Errorf("%+v", p.notes)
	}
}

func TestOneCardForTwoCalls(t *testing.T) {
	pcm := &voiceCard{}
	opened := 0
	open := func() (hal.PCM, error) { opened++; return pcm, nil }
	var c card
	first, _ := c.sit(open)
	second, _ := c.sit(open)
	frame := make([]int16, 96)
	hears := func(p hal.PCM) bool {
		if err := p.ReadFrame(frame); err != nil {
			t.Fatal(err)
		}
		return frame[0] != 0
	}
	if hears(first) || !hears(second) {
		t.Error("the call that was taken last has the ear")
	}
	c.front(first)
	if !hears(first) || hears(second) {
		t.Error("after the change the other one hears")
	}
	for i, p := range []hal.PCM{first, second} {
		if err := p.WriteFrame(slices.Repeat([]int16{int16(i + 1)}, 96)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(pcm.played, []int16{1}) {
		t.Errorf("played %v, want only what the call in front says", pcm.played)
	}
	first.Close()
	if err := first.ReadFrame(frame); err == nil {
		t.Error("a call without a seat goes on")
	}
	if pcm.closed {
		t.Error("the card was closed under the other call")
	}
	second.Close()
	second.Close()
	if !pcm.closed || opened != 1 {
		t.Errorf("closed %v, opened %d times", pcm.closed, opened)
	}
}

// TestSilenceLastsAsLongAsSpeech: who waits hears silence at the pace of a card, in virtual time: 20 frames of 2 ms.
func TestSilenceLastsAsLongAsSpeech(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c card
		open := func() (hal.PCM, error) { return &voiceCard{}, nil }
		waits, _ := c.sit(open)
		c.sit(open)
		began, frame := time.Now(), make([]int16, 96)
		for range 20 {
			if err := waits.ReadFrame(frame); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 38*time.Millisecond || took > 40*time.Millisecond {
			t.Errorf("40 ms of silence took %v", took)
		}
	})
}

// TestIntercomOfSomebodyUnverifiedHearsNothing: a contact who may listen calls before the codes were compared. The phone
// answers, agrees on keys, and hangs up with the microphone closed.
func TestIntercomOfSomebodyUnverifiedHearsNothing(t *testing.T) {
	at, state := freePort(t), t.TempDir()
	safe, err := phonebook.OpenSafe(state)
	if err != nil {
		t.Fatal(err)
	}
	book, err := safe.Unlock("", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	annAt := freePort(t)
	if _, err := book.SaveContact(phonebook.Contact{Name: "Ann", Address: "sip:test@" + annAt.String(), Intercom: true}); err != nil {
		t.Fatal(err)
	}
	safe.Close()
	bob := runIn(t, state, Config{Listen: at})
	ann := run(t, Config{Listen: annAt, Contacts: []Contact{{"Bob", "sip:test@" + at.String()}}})
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^GOING SECURE") // nobody pressed a key
	bob.wait(t, "^Call ended")
	ann.wait(t, "Peer hung up")
}
