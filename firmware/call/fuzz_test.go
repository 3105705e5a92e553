package call

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// world believes only the actions, and checks what must hold whatever the order of events.
type world struct {
	t      *testing.T
	line         // the current call
	other  line  // the one that waits or is held
	arrive *line // where the call of this event went
}

// line is one of the two calls.
type line struct {
	up    bool // between Dial or an incoming call and its end
	media bool
	open  bool // the microphone

	secure bool
	served bool // with keys that the server has, and never secure
}

// script makes an event of each byte; the peer and the network may do anything in any order.
func event(b byte) Event {
	keys := KeyOffHook + 1
	switch {
	case b < byte(keys):
		return Press{Key(b)}
	case b < 2*byte(keys):
		return Hold{Key(b) - keys}
	case b < 3*byte(keys):
		return Release{Key(b) - 2*keys}
	}
	sas := Secure{SAS: "ybnd", Initiator: b%2 == 0, FirstCall: true}
	events := []Event{IncomingCall{From: Party{"Eve", "sip:eve@192.0.2.1"}}, IncomingCall{From: Party{"x", "sip:bob@10.0.0.2"}, Contact: "1"}, Ringing{}, Answered{}, LineEnded{PeerHungUp},
		LineEnded{Unreachable}, sas, Secure{SAS: "button:Galveston", Verified: true}, Secure{SAS: "ybnd", OtherDevice: true},
		Secure{SAS: "ybnd", Name: "Carol", OtherPerson: true}, Secure{}, CacheMismatch{}, PeerCannotEncrypt{}, Alert{"altered message"}, WayLost{}, WayFound{}, Beside{WayLost{}},
		MediaFailed{NoMedia}, Stats{Lost: 0.1}, Tick{}, ContactsChanged{}, ContactsChanged{twoContacts},
		LogChanged{[]Entry{{Peer: Party{"Bob", "2"}}}}, NetworkChanged{}, WifiSeen{[]WifiNetwork{{"a\nb", 2, true}, {"b", 1, false}}}, SettingsChanged{Settings{Language: "de", LockAfter: 1}}, BatteryChanged{50}, RunningChanged{Running{Version: "1"}}, SetupChanged{Setup{Accounts: []Account{{User: "u", Server: "s"}, {User: "v", Server: "s"}}}, Able{Link: true, Clock: true, Routes: []string{"direct", "relay"}, Tor: true, Wifi: true}},
		PeerHeld{true}, PeerHeld{false}, Beside{LineEnded{PeerHungUp}}, Beside{CacheMismatch{}}, Beside{MediaFailed{NoMedia}}, Beside{PeerHeld{true}},
		MailboxChanged{Mailbox{true, 3}}, PairingNumber{"1234567890123456"}, Invitation{"sip:handset@x.onion;key=y"}, Secure{SAS: "ybnd", Paired: true}, SettingsChanged{Settings{Language: "en", Quiet: QuietVerified}}, Secure{SAS: "ybnd", Name: "Bob", Checked: true},
		PINChecked{OK: true}, PINChecked{Wait: time.Minute}, PINChanged{true}, Locked{},
		SettingsChanged{Settings{Language: "en", Words: true}}, MessagesChanged{[]Thread{{Device: "d", Contact: "1", Name: "Bob", Key: true,
			Messages: []Message{{ID: "1", Text: "On the way. Später", State: MessageDelivered}}}}}, MessageCame{"Bob"}, MessageRefused{"full"},
		SetUpSealed{}, SetUpRead{[]string{"0123456789ABCDEF"}, []Change{{"contacts", []string{"Bob"}}}}, SetUpRefused{"code"}, SetUpRefused{"older"}, SetUpTaken{}, EncryptedToServer{"AES1/HS80"}, EncryptedToServer{"AES3/HS80"},
		IncomingCall{From: Party{"g", "sip:g@192.0.2.2"}, ServerOnly: true}, IncomingCall{From: Party{"g", "sip:g@192.0.2.2"}, ServerOnly: true, Known: true}}
	return events[int(b)%len(events)]
}

var twoContacts = []Contact{{ID: "1", Name: "Bob", Address: "sip:bob@10.0.0.2", Speed: 2, Trust: Verified, Number: "1\n2", Intercom: true},
	{ID: "2", Name: "Carol", Address: "1234"}}

func (w *world) see(a Action, s Snapshot) {
	switch a := a.(type) {
	case Dial:
		if w.up {
			w.t.Fatal("dialled during a call")
		}
		w.up = true
	case Hangup:
		if !w.up {
			w.t.Fatal("hung up without a call")
		}
		w.up = false
	case RefuseWaiting:
		if w.arrive == nil {
			w.t.Fatal("refused a call that did not come")
		}
		*w.arrive = line{}
	case HoldCall:
		if !w.media {
			w.t.Fatal("held a call that does not talk")
		}
	case Swap:
		if w.open {
			w.t.Fatal("left a call with the microphone open")
		}
		w.line, w.other = w.other, w.line
	case Aside:
		w.line, w.other = w.other, w.line
		w.see(a.Action, s)
		w.line, w.other = w.other, w.line
	case StartMedia:
		if w.media || !w.up {
			w.t.Fatalf("media started: running %v, call %v", w.media, w.up)
		}
		w.media, w.open = true, false
	case StopMedia:
		if !w.media {
			w.t.Fatal("media stopped twice")
		}
		w.media, w.open, w.secure, w.served = false, false, false, false
	case Mute:
		w.open = !a.On
	case SetVerified:
		if !w.media || !w.secure {
			w.t.Fatal("a code was judged that nobody had")
		}
	case SendDTMF:
		if s.State != Talking && s.State != ToServer || !w.open && !s.Call.Muted {
			w.t.Fatal("a digit was sent while the call is not secure")
		}
	}
}

func (w *world) check(m *Machine, ev Event, now time.Time) {
	s := m.Snapshot()
	if s.State == Waiting {
		s.Call = s.Other
	}
	if w.open && (s.Call.Held || s.Call.HeldThere || m.call.byItself && !m.call.mayListen()) || w.other.open {
		w.t.Fatalf("after %T somebody hears what is said beside a call", ev)
	}
	if (m.other != nil) != w.other.up && w.up {
		w.t.Fatalf("after %T the other call is %v, up %v", ev, m.other, w.other.up)
	}
	if w.open && (!w.secure && !w.served || s.Call.Muted || s.Call.Alarm != NoAlarm && s.State != Verifying) {
		w.t.Fatalf("after %T the microphone is open in %v (secure %v, muted %v, alarm %v)", ev, s.State, w.secure, s.Call.Muted, s.Call.Alarm)
	}
	if c := m.call; c != nil && c.trust == ServerOnly && (w.secure || s.Lamp || c.keys.SAS != "" || s.Call.Plus || s.Call.Code != (Code{})) {
		w.t.Fatalf("after %T a call to the server only looks secure: %+v", ev, s.Call)
	}
	if s.Lamp && (!w.secure || s.Call.Alarm != NoAlarm) {
		w.t.Fatalf("after %T the lamp is lit in %v", ev, s.State)
	}
	if d := m.Deadline(); !d.IsZero() && !d.After(now) {
		w.t.Fatalf("after %T the deadline %v is not after now: the loop would spin", ev, d.Sub(now))
	}
	c := s.Call.Code
	if c.Whole != "" && !m.call.showWhole && m.call.trust != Checked && m.call.trust != Verified {
		w.t.Fatal("the peer's half is shown before it was typed")
	}
	if s.Input.Secret && strings.Trim(s.Input.Text, "\x00") != "" {
		w.t.Fatal("the PIN is in the snapshot")
	}
	if (s.State == Listing || s.State == Reading || s.State == Entering) && len(m.pages) == 0 {
		w.t.Fatalf("%v without a page", s.State)
	}
}

// FuzzMachine plays any order of keys, peers and networks and holds the machine to its promises.
func FuzzMachine(f *testing.F) {
	for _, seed := range []string{
		"\x02\x19\x30\x31\x33\x13\x06\x06\x03\x0e",             // a first call, typed
		"\x2e\x0c\x30\x38\x33\x0d",                             // an incoming call with a mismatch
		"\x13\x10\x0e\x10\x0e\x14\x13", "\x3f\x01\x02\x03\x04", // menus; a PIN
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) { play(t, script[:min(len(script), 200)]) })
}

// TestAnyOrder plays scripts that chance wrote, always the same.
func TestAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	script := make([]byte, 200)
	for range 500 {
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		// Every second script begins inside a call, where the promises matter.
		if script[0]%2 == 0 {
			copy(script, "\x02\x19\x36")
		}
		play(t, script)
	}
}

func play(t *testing.T, script []byte) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	m := New(Config{Name: "Alice", Contacts: twoContacts, HasPIN: true})
	m.Handle(nil, Tick{}, now)
	w := &world{t: t}
	for i, b := range script {
		if i%5 == 4 {
			now = now.Add(time.Duration(b) * 100 * time.Millisecond)
			before := m.Snapshot()
			for _, a := range m.Handle(nil, Tick{}, now) {
				w.see(a, before)
			}
		}
		ev := event(b)
		before := m.Snapshot()
		w.arrive = nil
		_, comes := ev.(IncomingCall)
		switch {
		case comes && !w.up:
			w.line = line{up: true}
			w.arrive = &w.line
		case comes && !w.other.up:
			w.other = line{up: true}
			w.arrive = &w.other
		case comes:
			w.arrive = new(line)
		}
		end, ended := ev.(LineEnded)
		if ended && (m.call == nil || m.call.state == Ended) {
			continue // the phone is deaf to what comes after the end
		}
		w.up = w.up && end == LineEnded{}
		if b, ok := ev.(Beside); ok && b.Event == (LineEnded{PeerHungUp}) {
			w.other.up = false
		}
		actions := m.Handle(nil, ev, now)
		if _, ok := ev.(Secure); ok {
			w.secure = w.secure || w.media && !w.served
		}
		if _, ok := ev.(EncryptedToServer); ok && m.call != nil && m.call.state == ToServer {
			w.served = true
		}
		for _, a := range actions {
			w.see(a, before)
		}
		w.check(m, ev, now)
	}
}
