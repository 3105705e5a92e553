package ui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/hal"
)

// phone is a machine with fingers and eyes: tests press keys and look at the screen.
type phone struct {
	t   *testing.T
	m   *call.Machine
	now time.Time
	did []call.Action // of the last step
}

var bob = call.Contact{ID: "1", Name: "Bob", Address: "sip:bob@10.0.0.2:5060", Speed: 2, Trust: call.Verified, Device: true,
	Number: "18205 77310 40921\n55128 90442 66105\n28817 03347 71950\n22483 96014 58276"}

var book = []call.Contact{
	{ID: "2", Name: "Ana García", Address: "sip:ana@example.test", Trust: call.Checked, Device: true},
	bob,
	{ID: "3", Name: "Carol", Address: "1234", Trust: call.First, Device: true},
	{ID: "4", Name: "Dr. Maximiliane Freifrau von Oberhausen-Waldeck", Address: "sip:max@a-rather-long-host-name.example.test", Speed: 3},
	{ID: "5", Name: "Zoë", Address: "sip:zoe@example.test", Trust: call.Known, Device: true},
}

func newPhone(t *testing.T, c call.Config) *phone {
	t.Helper()
	if c.Name == "" {
		c.Name = "Alice"
	}
	if c.Contacts == nil {
		c.Contacts = book
	}
	p := &phone{t: t, m: call.New(c), now: time.Date(2026, 11, 22, 23, 14, 0, 0, time.UTC)}
	p.event(call.NetworkChanged{Network: call.Network{Up: true, Registered: true, Address: "sip:alice@10.0.0.1:5060"}})
	p.event(call.BatteryChanged{Percent: 84})
	return p
}

func (p *phone) event(events ...call.Event) {
	p.t.Helper()
	p.did = nil
	for _, ev := range events {
		p.did = p.m.Handle(p.did, ev, p.now)
	}
}

// press presses keys by their names in scripts; hold also keeps them down.
func (p *phone) press(keys ...string) {
	p.t.Helper()
	for _, name := range keys {
		p.key(name, hal.Pressed, hal.Released)
	}
}

// choose goes down a list to each row in turn and presses ok.
func (p *phone) choose(labels ...call.Label) {
	p.t.Helper()
	for _, l := range labels {
		p.find(l)
		p.press("ok")
	}
}

// find goes down a list to a row.
func (p *phone) find(l call.Label) {
	p.t.Helper()
	for range 40 {
		s := p.m.Snapshot()
		if s.Selected >= 0 && s.Selected < len(s.Rows) && (s.Rows[s.Selected].Label == l || s.Rows[s.Selected].Text == string(l)) {
			return
		}
		p.press("down")
	}
	p.t.Fatalf("no row %q in\n%s", l, p.text())
}

func (p *phone) hold(key string) { p.key(key, hal.Pressed, hal.Held, hal.Released) }

func (p *phone) key(name string, actions ...hal.KeyAction) {
	p.t.Helper()
	k, ok := hal.ParseKey(name)
	if !ok {
		p.t.Fatalf("%q is not a key", name)
	}
	p.did = nil
	for _, a := range actions {
		if ev, ok := Translate(hal.KeyEvent{Key: k, Action: a}, p.m.Snapshot()); ok {
			p.did = p.m.Handle(p.did, ev, p.now)
		}
	}
}

// pass lets time go by, with a Tick whenever the machine asks for one.
func (p *phone) pass(d time.Duration) {
	p.t.Helper()
	p.did = nil
	end := p.now.Add(d)
	for {
		next := p.m.Deadline()
		if next.IsZero() || next.After(end) {
			break
		}
		if !next.After(p.now) {
			p.t.Fatalf("Deadline %v is not after now %v: the loop would spin", next, p.now)
		}
		p.now = next
		p.did = p.m.Handle(p.did, call.Tick{}, p.now)
	}
	p.now = end
	p.did = p.m.Handle(p.did, call.Tick{}, p.now)
}

func (p *phone) text() string { return Text(p.m.Snapshot()) }

// wantScreen looks for regular expressions on the screen.
func (p *phone) wantScreen(patterns ...string) {
	p.t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile("(?m)" + pattern).MatchString(p.text()) {
			p.t.Fatalf("the screen does not say %q:\n%s", pattern, p.text())
		}
	}
}

func (p *phone) wantNot(pattern string) {
	p.t.Helper()
	if regexp.MustCompile("(?m)" + pattern).MatchString(p.text()) {
		p.t.Fatalf("the screen says %q:\n%s", pattern, p.text())
	}
}

// wantDid looks for actions of the last step, in order.
func (p *phone) wantDid(actions ...call.Action) {
	p.t.Helper()
	var all []string
	for _, a := range p.did {
		all = append(all, fmt.Sprintf("%T%+v", a, a))
	}
	rest := all
	for _, a := range actions {
		want := fmt.Sprintf("%T%+v", a, a)
		found := false
		for i, got := range rest {
			if got == want {
				rest, found = rest[i+1:], true
				break
			}
		}
		if !found {
			p.t.Fatalf("%s was not done; done was:\n%s", want, strings.Join(all, "\n"))
		}
	}
}

// first is what ZRTP says of a first call, as initiator: "yb" is ours to say, "nd" is to be heard.
var first = call.Secure{SAS: "ybnd", Initiator: true, KA: "X255", Hash: "S384", Cipher: "AES3", Tag: "HS80", FirstCall: true}

func with(s call.Secure, f func(*call.Secure)) call.Secure { f(&s); return s }

// calling brings the phone into a call with Bob that goes secure.
func (p *phone) calling(events ...call.Event) {
	p.t.Helper()
	p.hold("2")
	p.event(call.Ringing{})
	p.event(call.Answered{})
	for _, ev := range events {
		p.event(ev)
	}
}

func TestDialAnAddressWithStarsForDots(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.wantScreen("^Ready", "Alice", `\[Menu\] \[Contacts\]`)
	p.press("1", "0", "*", "0", "*", "0", "*", "7", "#", "5", "0", "6", "2")
	p.wantScreen(`10\.0\.0\.7:5062`, `\[Call\] \[Clear\]`)
	p.press("softR", "3", "call")
	p.wantDid(call.Dial{To: "sip:10.0.0.7:5063"})
	p.wantScreen("^Calling", `\[Cancel\]`)
	p.event(call.Ringing{})
	p.wantDid(call.Tone{Kind: call.ToneRingback})
	p.wantScreen("^Ringing")
	p.press("end")
	p.wantDid(call.Hangup{Cause: call.Cancelled})
	p.wantScreen("^Call ended", "Cancelled")
	p.pass(9 * time.Second)
	p.wantScreen("^Ready")
}

func TestImpossibleAddressIsRefusedInWords(t *testing.T) {
	for _, keys := range []string{"10*0*0", "300*1*1*1", "10*0*0*1#0", "10*0*0*1#70000", "10*0**1"} {
		p := newPhone(t, call.Config{})
		p.press(strings.Split(keys, "")...)
		p.press("call")
		p.wantScreen("That is no address")
	}
}

func TestSpeedDialAndAFirstCall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.hold("2")
	p.wantDid(call.Dial{To: bob.Address})
	p.wantScreen("^Calling", "^Bob")
	p.event(call.Ringing{})
	p.event(call.Answered{})
	p.wantDid(call.StartMedia{}, call.Mute{On: true}, call.Tone{Kind: call.ToneProgress})
	p.wantScreen("^GOING SECURE", "Microphone is off")
	p.event(first)
	p.wantDid(call.Mute{On: false}, call.Tone{Kind: call.ToneSecure})
	p.wantScreen(`^SECURE\?  0:00`, "y b _ _", "First call with this phone", `\[Verify\] \[Hang up\]`)
	if !p.m.Snapshot().Lamp {
		t.Error("the lamp is dark in a secure call")
	}
	p.pass(61 * time.Second)
	p.wantScreen(`^SECURE\?  1:01`)
	p.press("end")
	p.wantDid(call.Hangup{Cause: call.HungUp}, call.StopMedia{})
	p.wantScreen("Hung up", "1:01")
	if p.m.Snapshot().Lamp {
		t.Error("the lamp is lit after the call")
	}
}

func TestSayYoursTypeTheirs(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first)
	p.wantNot("y b n d") // the peer's half is nowhere to be read before it was typed
	p.press("softL")
	p.wantScreen("Say: y b", "Type what you hear", `\[Back\]`)
	p.press("6", "6") // n
	p.press("3")      // d
	p.wantScreen("y b n d", `\[Clear\]`)
	p.pass(time.Second)
	p.wantDid(call.SetVerified{OK: true}, call.Tone{Kind: call.ToneGood})
	p.wantScreen("^SECURE ", "Code is right")
	p.pass(10 * time.Second)
	p.wantScreen("You checked the code", "Code yb nd", `\[Options\] \[Hang up\]`)
}

func TestTheCodeIsHeardByThoseWhoCannotReadIt(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first)
	p.hold("*")
	p.wantDid(call.Say{Code: "yb", Language: "en"}) // ours, and only ours
	p.press("6", "6")
	p.hold("*")
	p.wantDid(call.Say{Code: "yb", Language: "en"})
	p.wantScreen("y b n _")
	p = newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.SAS, s.Initiator = "button:Zulu", false }))
	p.press("ok")
	p.choose("say.code")
	p.wantDid(call.Say{Code: "Zulu:", Language: "en"})
}

func TestTheOtherSideTypesTheFirstHalf(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.Initiator = false }))
	p.wantScreen("_ _ n d")
	p.press("9", "9", "9", "2", "2", "ok") // what is heard can be typed at once
	p.wantDid(call.SetVerified{OK: true})
}

func TestWordsAreTypedByTheirFirstLetters(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.SAS = "button:Galveston" }))
	p.wantScreen("button _")
	p.press("softL", "4", "2", "5", "5", "5", "8", "8", "8", "ok") // galv
	p.wantDid(call.SetVerified{OK: true})
}

func TestOneMissAsksAgainTwoAreAnAlarm(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first)
	p.press("softL", "1", "1") // a key with one symbol types it twice
	p.wantDid(call.Tone{Kind: call.ToneWrong})
	p.wantScreen("Not the same", "y b _ _")
	p.press("1", "1")
	p.wantDid(call.SetVerified{OK: false}, call.Mute{On: true}, call.Tone{Kind: call.ToneAlarm})
	p.wantScreen("^SOMEONE LISTENS", "The codes differ", `\[Hang up\]`)
	p.wantNot("Verify")
	p.press("softL", "ok", "1", "1", "up")
	p.wantScreen("^SOMEONE LISTENS")
	if p.m.Snapshot().Lamp {
		t.Error("the lamp is lit while somebody listens")
	}
	p.press("softR")
	p.wantDid(call.Hangup{Cause: call.CodeDiffers}, call.StopMedia{})
	p.wantScreen("Someone was listening")
}

func TestWhoSawTheWholeCodeCannotTypeIt(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first)
	p.press("ok")
	p.choose("whole")
	p.wantScreen("y b n d", "Not verified", `\[Options\]`)
	p.press("6", "6", "3", "ok", "softL")
	p.wantNot("> Verify")
	for _, a := range p.did {
		if v, ok := a.(call.SetVerified); ok {
			t.Fatalf("%v after the code was shown", v)
		}
	}
}

func TestKeyChangedMutesUntilTheCodeIsTyped(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(call.CacheMismatch{}, with(first, func(s *call.Secure) { s.FirstCall = false }))
	p.wantDid(call.Tone{Kind: call.ToneAlarm})
	p.wantScreen("^KEY CHANGED", "Compare the code", "Microphone is off", `\[Verify\] \[Hang up\]`)
	p.press("softL")
	p.wantDid(call.Mute{On: false}) // to compare, one must talk
	p.wantScreen("^KEY CHANGED", "Say: y b")
	p.press("softR")
	p.wantDid(call.Mute{On: true})
	p.press("softL", "6", "6", "3", "ok")
	p.wantDid(call.SetVerified{OK: true})
	p.wantScreen("^SECURE ")
	p.press("end")
	p.wantScreen("Hung up")

	p = newPhone(t, call.Config{})
	p.calling(call.CacheMismatch{}, first)
	p.press("softR")
	p.wantDid(call.Hangup{Cause: call.KeyRefused})
	p.wantScreen("Key had changed")
}

func TestAnotherDeviceOrAnotherPersonIsAnAlarm(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.OtherDevice = true }))
	p.wantScreen("^OTHER PHONE", "Bob has another phone")
	p = newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.Name, s.Verified, s.OtherPerson = "Carol", true, true }))
	p.wantScreen("^OTHER PERSON", "belongs to Carol")
	p.press("softL", "6", "6", "3", "ok")
	p.wantScreen("^SECURE ", "^Carol")
}

func TestVerifiedCall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.FirstCall, s.Verified, s.Name = false, true, "Bob" }))
	p.wantScreen("^SECURE  0:00", "Verified by both", "Code yb nd")
	p.press("left")
	p.wantDid(call.Mute{On: true})
	p.wantScreen("Microphone is off")
	p.press("left", "5")
	p.wantDid(call.SendDTMF{Digit: '5'})
	p.press("right")
	p.wantDid(call.Speaker{On: true})
	p.press("up")
	p.wantDid(call.Volume{Percent: 80})
	p.press("softL")
	p.choose("speaker")
	p.wantDid(call.Speaker{On: false})
	p = newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.Verified, s.Authentic = true, true }))
	p.wantScreen(`^SECURE\+`)
}

func TestIncomingCall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.event(call.IncomingCall{From: call.Party{Name: "I am your bank", Address: "sip:bob@10.0.0.2"}, Contact: bob.ID})
	p.wantDid(call.Ring{Kind: call.RingNormal})
	p.wantScreen("^Incoming call", "^Bob$", `\[Answer\] \[Reject\]`) // our name for him, not his
	p.press("5")
	p.wantDid(call.Ring{Kind: call.RingNone})
	p.wantScreen("^Incoming call")
	p.press("softL")
	p.wantDid(call.Answer{})
	p.wantScreen("Connecting")
	p.event(call.IncomingCall{From: call.Party{Name: "Mallory"}})
	p.wantDid(call.RefuseWaiting{Cause: call.Busy})
	p.wantScreen("^Incoming call", "^Bob")
	p.event(call.Answered{}, first)
	p.wantScreen(`^SECURE\?`)
	p.event(call.LineEnded{Cause: call.PeerHungUp})
	p.wantDid(call.StopMedia{})
	p.wantScreen("Peer hung up")
	p.pass(time.Minute)
	p.wantScreen("1 missed call") // Mallory's

	p.event(call.IncomingCall{From: call.Party{Name: "Stranger", Address: "sip:x@192.0.2.9"}})
	p.wantScreen("^“Stranger”$")
	p.press("softR")
	p.wantDid(call.Hangup{Cause: call.Declined})
}

func TestMissedCall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID})
	p.event(call.LineEnded{Cause: call.PeerCancelled})
	p.wantScreen("^Missed call", "The caller gave up", `\[Call\] \[Close\]`)
	p.pass(time.Minute)
	p.wantScreen("^Missed call") // it stays until somebody saw it
	p.press("softR")
	p.wantScreen("1 missed call")
	p.press("call")
	p.wantScreen("Call log")
	p.press("end")
	p.wantNot("missed")
}

func TestPeerWithoutZRTP(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(call.PeerCannotEncrypt{})
	p.wantDid(call.Hangup{Cause: call.CannotEncrypt}, call.StopMedia{})
	p.wantScreen("^NOT SECURE", "Peer cannot encrypt", "Nothing was said in the clear")
	p = newPhone(t, call.Config{})
	p.calling()
	p.pass(9 * time.Second)
	p.wantScreen("^GOING SECURE")
	p.pass(time.Second)
	p.wantDid(call.Hangup{Cause: call.CannotEncrypt})
	p.wantScreen("Peer cannot encrypt")
	p.event(call.LineEnded{Cause: call.PeerHungUp}) // late: the cause stays
	p.wantScreen("Peer cannot encrypt")
}

func TestEveryCauseHasWords(t *testing.T) {
	for _, cause := range call.Causes {
		p := newPhone(t, call.Config{})
		p.hold("2")
		p.event(call.LineEnded{Cause: cause})
		p.wantNot("cause")
		if !strings.Contains(p.text(), words("en").of(call.Label("cause."+string(cause)))) {
			t.Errorf("%s: %s", cause, p.text())
		}
	}
}

func TestHookSwitch(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.event(call.IncomingCall{})
	p.key("hook", hal.Released)
	p.wantDid(call.Answer{})
	p.event(call.Answered{}, first)
	p.key("hook", hal.Pressed)
	p.wantDid(call.Hangup{Cause: call.HungUp})
}

func TestAWarningIsShownDuringTheCall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first, call.Alert{Why: "altered message"})
	p.wantScreen("Somebody disturbs this call")
	p = newPhone(t, call.Config{})
	p.calling(with(first, func(s *call.Secure) { s.Disclosure = true }))
	p.wantScreen("Peer can disclose keys")
}

func TestSearchByLettersWhileDialling(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.press("2")
	p.wantScreen("Ana Garc", "Bob", "Carol") // abc
	p.press("2", "7")
	p.wantScreen("Carol")
	p.wantNot("Bob")
	p.press("down")
	p.wantScreen("> Carol")
	p.press("call")
	p.wantDid(call.Dial{To: "1234"})
	p.press("end", "softR", "9", "6", "3", "up", "call") // zoë, with her accent
	p.wantDid(call.Dial{To: "sip:zoe@example.test"})
	p.press("end", "1", "2", "3", "4") // typing takes the end of the call away
	p.wantScreen("^Dial", "1234", "Carol")
	p.press("down", "down", "call")
	p.wantDid(call.Dial{To: "1234"})
}

func TestAlertsInWords(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(first, call.Alert{Why: "peer silent"})
	p.wantScreen("No sound from the other side")
	p.event(call.Alert{})
	p.wantNot("No sound")
}

func (p *phone) typeKeys(s string) { p.press(strings.Split(s, "")...) }

func TestSetAPINLockAndUnlock(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.hold("*")
	p.wantScreen("Set a PIN first")
	p.press("end")
	p.menu("settings", "safety", "pin.set")
	p.typeKeys("471")
	p.press("ok")
	p.wantScreen("At least 4 digits")
	p.typeKeys("4711")
	p.wantNot("4711")
	p.press("ok")
	p.wantScreen("New PIN again")
	p.typeKeys("4712")
	p.press("ok")
	p.wantScreen("The two PINs differ")
	p.press("ok")
	p.typeKeys("4711")
	p.press("ok")
	p.typeKeys("4711")
	p.press("ok")
	p.wantDid(call.ChangePIN{New: "4711"})
	p.event(call.PINChanged{OK: true})
	p.wantScreen("Done", "Change PIN")
	p.press("end")
	p.hold("*")
	p.wantDid(call.Lock{})
	p.event(call.Locked{})
	p.wantScreen("^Locked", "Type your PIN")
	p.press("2", "end", "softR", "call")
	p.wantNot("Bob")
	p.press("4")
	p.typeKeys("711")
	p.press("ok")
	p.wantDid(call.CheckPIN{PIN: "4711"})
	p.event(call.PINChecked{OK: true}, call.ContactsChanged{Contacts: book})
	p.wantScreen("^Ready")
	p.press("softR")
	p.wantScreen("Bob")
}

func TestWrongPINsAndWaiting(t *testing.T) {
	p := newPhone(t, call.Config{Closed: true})
	p.typeKeys("0000")
	p.press("ok")
	p.event(call.PINChecked{Wait: 30 * time.Second, Left: -1})
	p.wantScreen("Wait 0:30")
	p.typeKeys("4711")
	p.press("ok")
	for _, a := range p.did {
		if _, ok := a.(call.CheckPIN); ok {
			t.Fatal("a PIN was tried before the wait was over")
		}
	}
	p.pass(31 * time.Second)
	p.typeKeys("4711")
	p.press("ok")
	p.wantDid(call.CheckPIN{PIN: "4711"})
	p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID}) // it rings, and may be answered
	p.wantScreen("^Incoming call", "bob@10.0.0.2")
	p.press("call")
	p.wantDid(call.Answer{})
}

func TestErasingWantsAWarningAndThePIN(t *testing.T) {
	p := newPhone(t, call.Config{HasPIN: true})
	p.press("end")
	p.menu("settings", "safety", "erase")
	p.wantScreen("After 10 wrong PINs everything", `\[Yes\] \[Back\]`)
	p.press("softR")
	p.wantScreen("Erase after errors: off")
	p.choose("erase")
	p.press("softL")
	p.typeKeys("4711")
	p.press("ok")
	p.wantDid(call.SetEraseAfter{PIN: "4711", Wrong: 10})
	p.event(call.PINChanged{OK: true})
	p.wantScreen("Erase after errors: on")

	p.press("end")
	p.menu("settings", "safety", "duress")
	p.wantScreen("erase everything here for good")
	p.press("softL")
	p.typeKeys("4711")
	p.press("ok")
	p.typeKeys("9999")
	p.press("ok")
	p.typeKeys("9999")
	p.press("ok")
	p.wantDid(call.SetDuress{PIN: "4711", Duress: "9999"})
	before := p.text()
	p.event(call.PINChanged{OK: true})
	p.pass(10 * time.Second)
	if after := p.text(); after != before {
		t.Errorf("the screen tells that there is a duress PIN:\n%s\n%s", before, after)
	}
}

func TestSettingsComeFromTheVault(t *testing.T) {
	p := newPhone(t, call.Config{Closed: true})
	settings := call.DefaultSettings()
	settings.Language = "de"
	p.event(call.PINChecked{OK: true}, call.SettingsChanged{Settings: settings})
	p.wantScreen("^Bereit", `\[Menü\] \[Kontakte\]`)
}

func TestFirstStart(t *testing.T) {
	p := newPhone(t, call.Config{First: true})
	p.wantScreen("^Language", "English", "Deutsch", "Français", "Español")
	p.press("down", "ok")
	p.wantScreen("Eine PIN schützt", `\[Ja\] \[Zurück\]`)
	p.press("softL")
	p.typeKeys("4711")
	p.press("ok")
	p.typeKeys("4711")
	p.press("ok")
	p.wantDid(call.ChangePIN{New: "4711"})
	p.event(call.PINChanged{OK: true})
	p.wantScreen("Konto bei einem Server")
	p.press("softL")
	p.fillAccount("example", "2255522233")
	p.wantScreen("Probeanruf")
	p.press("softL")
	p.typeKeys("1234")
	p.press("ok")
	p.wantDid(call.Dial{To: "1234"})
	p.event(call.LineEnded{Cause: call.NoAnswer})
	p.press("softR")
	p.wantScreen("^Bereit")

	p = newPhone(t, call.Config{First: true})
	p.press("end") // whoever wants none of this has a telephone
	p.wantScreen("^Ready")
	p.pass(time.Minute)
	p.wantScreen("^Ready")

	p = newPhone(t, call.Config{First: true}) // a call comes in between
	p.press("ok")
	p.event(bobCalls)
	p.wantScreen("^Incoming call")
	p.press("call")
	p.event(call.Answered{}, first)
	p.wantScreen(`^SECURE\?`)
	p.press("end", "softR")
	p.wantScreen("Have you an account")

	p = newPhone(t, call.Config{First: true})
	p.press("ok", "softR", "softR", "softR") // or no to each
	p.wantScreen("^Ready")
}

func TestSelfTestAndBlock(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.menu("test")
	p.wantDid(call.SelfTest{})
	p.wantScreen("^Self-test", "Testing")
	p.event(call.TestChanged{Results: []call.TestResult{{Part: "random", Done: true, OK: true}, {Part: "network", Done: true}}})
	p.wantScreen("Random numbers: on", "Network: failed")
	p.wantNot("Testing")
	p.press("end")
	p.event(call.LogChanged{Entries: pastCalls(p.now)})
	p.press("call", "down", "ok", "up")
	p.wantScreen("> Block")
	p.press("ok")
	p.wantScreen("Never take calls from")
	p.press("softL")
	p.wantDid(call.Block{Address: "sip:9f2c41@192.0.2.77:5062"})
}

// TestNobodyBorrowsAName: somebody whom we verified calls himself Bob. He is no contact, and his name stands in quotes.
func TestNobodyBorrowsAName(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.event(call.IncomingCall{From: call.Party{Name: "“Bob”", Address: "sip:mallory@192.0.2.66"}})
	p.press("call")
	p.event(call.Answered{}, with(first, func(s *call.Secure) { s.Verified = true }))
	p.wantScreen("^SECURE ", "^“Bob”$")
	p.press("end")
	for _, a := range p.did {
		if e, ok := a.(call.LogCall); ok && e.Entry.Peer.Name != "“Bob”" {
			t.Errorf("the log lends the name: %q", e.Entry.Peer.Name)
		}
	}
	p = newPhone(t, call.Config{})
	p.event(call.IncomingCall{From: call.Party{Name: "Mallory", Address: "sip:mallory@192.0.2.66"}})
	p.press("call")
	p.event(call.Answered{}, with(first, func(s *call.Secure) { s.Verified, s.Name = true, "Bob" }))
	p.wantScreen("^SECURE ", "^Bob$") // the device is Bob's, wherever it calls from
}
