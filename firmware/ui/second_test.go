package ui

import (
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

// carolCalls is a second caller.
var carolCalls = call.IncomingCall{From: call.Party{Name: "C", Address: "sip:1234@example.test"}, Contact: "3"}

func verified(s *call.Secure) { s.FirstCall, s.Verified = false, true }

// bobCalls is Bob calling.
var bobCalls = call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID}

func TestHoldAndResume(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.press("call")
	p.wantDid(call.HoldCall{On: true}, call.Mute{On: true})
	p.wantScreen("^ON HOLD", "Nobody hears anything", `\[Go on\] \[Hang up\]`)
	p.press("5") // no digit leaves a call on hold
	for _, a := range p.did {
		if _, ok := a.(call.SendDTMF); ok {
			t.Error("a digit left a call on hold")
		}
	}
	p.press("softL")
	p.wantDid(call.HoldCall{On: false}, call.Mute{On: false})
	p.wantScreen("^SECURE ")
	p.press("ok")
	p.choose("hold")
	p.wantDid(call.HoldCall{On: true}, call.Mute{On: true})
	p.press("end")
	p.wantDid(call.Hangup{Cause: call.HungUp}, call.StopMedia{})
}

func TestWhoIsHeldDoesNotSpeakIntoTheVoid(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.event(call.PeerHeld{On: true})
	p.wantDid(call.Mute{On: true})
	p.wantScreen("The other side holds")
	p.press("left") // muted by hand meanwhile: going on does not open the microphone
	p.event(call.PeerHeld{})
	for _, a := range p.did {
		if a == (call.Mute{On: false}) {
			t.Error("the peer opened a microphone that was closed by hand")
		}
	}
	p.press("left")
	p.wantDid(call.Mute{On: false})
}

func TestASecondCallIsAnsweredAndTheFirstHeld(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.event(carolCalls)
	p.wantDid(call.Tone{Kind: call.ToneWaiting})
	p.wantScreen("^Second call", "^Carol$", "Answering holds Bob", `\[Answer\] \[Reject\]`)
	p.press("5")
	p.wantDid(call.Tone{Kind: call.ToneNone}) // any key silences it
	p.press("softL")
	p.wantDid(call.HoldCall{On: true}, call.Mute{On: true}, call.Swap{}, call.Answer{})
	p.wantScreen("^Incoming call", "^Carol$", "Connecting")
	p.event(call.Answered{})
	p.wantDid(call.StartMedia{}, call.Mute{On: true})
	p.event(first)
	p.wantDid(call.Mute{On: false})
	p.wantScreen(`^SECURE\?`, "^Carol$", "Held: Bob")
	p.press("call") // makes the change
	p.wantDid(call.HoldCall{On: true}, call.Mute{On: true}, call.Swap{}, call.HoldCall{On: false}, call.Mute{On: false})
	p.wantScreen("^SECURE ", "^Bob$", "Held: Carol")
	p.event(call.IncomingCall{From: call.Party{Name: "third"}})
	p.wantDid(call.RefuseWaiting{Cause: call.Busy})
	p.press("end")
	p.wantDid(call.Hangup{Cause: call.HungUp}, call.StopMedia{}, call.Swap{})
	p.wantScreen("^ON HOLD", "^Carol$", "Hung up") // no microphone opens by itself
	p.press("call")
	p.wantDid(call.HoldCall{On: false}, call.Mute{On: false})
	p.event(call.LineEnded{Cause: call.PeerHungUp})
	p.wantScreen("^Call ended", "^Carol$")
}

func TestASecondCallIsRejectedBusy(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.event(carolCalls)
	p.press("end")
	p.wantDid(call.Aside{Action: call.Hangup{Cause: call.Busy}})
	p.wantScreen("^SECURE ", "^Bob$")
	for _, a := range p.did {
		if e, ok := a.(call.LogCall); ok && e.Entry.Missed {
			t.Error("a call that was rejected by hand counts as missed")
		}
	}
	p.event(carolCalls, call.Beside{Event: call.LineEnded{Cause: call.PeerCancelled}})
	p.wantScreen("^SECURE ", "Carol is gone")
	p.press("end", "end")
	p.pass(10 * time.Second)
	p.wantScreen("1 missed call")
}

func TestTheFirstEndsWhileTheSecondWaits(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.event(carolCalls)
	p.event(call.LineEnded{Cause: call.PeerHungUp})
	p.wantDid(call.StopMedia{}, call.Swap{}, call.Ring{Kind: call.RingNormal})
	p.wantScreen("^Incoming call", "^Carol$")
	p.press("call")
	p.wantDid(call.Answer{})
}

func TestAnAlarmOfTheHeldCallIsSeenWhenItIsBack(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.event(carolCalls)
	p.press("call")
	p.event(call.Answered{}, with(first, verified))
	p.event(call.Beside{Event: call.CacheMismatch{}})
	p.wantScreen("^SECURE ", "^Carol$")
	p.press("call")
	p.wantScreen("^KEY CHANGED", "Bob")
	for _, a := range p.did {
		if a == (call.Mute{On: false}) {
			t.Error("the microphone opened into a call with an alarm")
		}
	}
}

func TestAnAlarmSendsTheSecondCallAway(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.event(carolCalls)
	p.event(call.CacheMismatch{})
	p.wantDid(call.Aside{Action: call.Hangup{Cause: call.Busy}}, call.Mute{On: true}, call.Tone{Kind: call.ToneAlarm})
	p.wantScreen("^KEY CHANGED")
	p.press("end", "end")
	p.pass(10 * time.Second)
	p.wantScreen("1 missed call")
}

func TestDoNotDisturb(t *testing.T) {
	stranger := call.IncomingCall{From: call.Party{Name: "x", Address: "sip:x@192.0.2.9"}}
	unverified := call.IncomingCall{From: call.Party{Address: "sip:zoe@example.test"}, Contact: "5"}
	for _, c := range []struct {
		quiet                          call.Quiet
		stranger, zoe, verified, ayway bool
	}{
		{call.QuietOff, true, true, true, true}, {call.QuietContacts, false, true, true, true},
		{call.QuietVerified, false, false, true, true}, {call.QuietChosen, false, false, false, true},
	} {
		s := call.DefaultSettings()
		s.Quiet = c.quiet
		book := append([]call.Contact(nil), book...)
		book[2].Always = true // Carol
		for i, ev := range []call.IncomingCall{stranger, unverified, bobCalls, carolCalls} {
			p := newPhone(t, call.Config{Settings: s, Contacts: book})
			p.event(ev)
			rings := p.m.Snapshot().State == call.Incoming
			if want := []bool{c.stranger, c.zoe, c.verified, c.ayway}[i]; rings != want {
				t.Errorf("do-not-disturb %d, caller %d: rings %v, want %v", c.quiet, i, rings, want)
			}
			if !rings {
				p.wantDid(call.RefuseWaiting{Cause: call.Busy})
				p.wantScreen("1 missed call")
			}
		}
	}
}

// Who is answered may call again as often as he is: a call that breaks off is no flood.
func TestWhoIsAnsweredMayRingAgain(t *testing.T) {
	p := newPhone(t, call.Config{})
	for i := range 10 {
		p.event(bobCalls)
		if s := p.m.Snapshot().State; s != call.Incoming {
			t.Fatalf("call %d within a minute: %v", i+1, s)
		}
		p.press("call")
		p.event(call.LineEnded{Cause: call.PeerHungUp})
		p.press("softR")
		p.pass(time.Second)
	}
}

func TestAFloodOfRingsIsStopped(t *testing.T) {
	p := newPhone(t, call.Config{})
	ring := func(ev call.IncomingCall) (logged, rang bool) {
		p.event(ev)
		for _, a := range p.did {
			_, is := a.(call.LogCall)
			logged = logged || is
		}
		rang = p.m.Snapshot().State == call.Incoming
		if rang {
			p.event(call.LineEnded{Cause: call.PeerCancelled})
			p.press("softR")
		}
		return logged, rang
	}
	spam := call.IncomingCall{From: call.Party{Name: "Win", Address: "sip:spam@192.0.2.9"}}
	var rang, logged int
	for range 30 {
		l, r := ring(spam)
		if r {
			rang++
		} else if l {
			logged++
		}
		p.pass(time.Second)
	}
	if rang != 3 || logged != 1 {
		t.Errorf("30 calls of one source: rang %d times, want 3; %d of the others logged, want 1", rang, logged)
	}
	if _, r := ring(bobCalls); !r {
		t.Error("Bob does not get through")
	}
	rang = 0
	for i := range 30 { // each under another name
		if _, r := ring(call.IncomingCall{From: call.Party{Address: "sip:" + strings.Repeat("y", i+1) + "@192.0.2.9"}}); r {
			rang++
		}
	}
	if rang > 8 {
		t.Errorf("30 strangers rang %d times", rang)
	}
	if _, r := ring(carolCalls); !r {
		t.Error("Carol does not get through")
	}
	p.pass(2 * time.Minute)
	if _, r := ring(spam); !r {
		t.Error("after two minutes the source is still refused")
	}
}

// intercom gets a call of Bob, who may listen.
func (p *phone) intercom() {
	contacts := append([]call.Contact(nil), book...)
	contacts[1].Intercom = true
	p.event(call.ContactsChanged{Contacts: contacts})
	p.event(bobCalls)
}

func TestIntercomAnswersWarnsAndThenOpens(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.intercom()
	p.wantDid(call.Answer{})
	p.event(call.Answered{})
	p.wantDid(call.StartMedia{}, call.Mute{On: true})
	p.event(with(first, func(s *call.Secure) { verified(s); s.Name = "Bob" }))
	p.wantDid(call.Speaker{On: true}, call.Tone{Kind: call.ToneIntercom})
	opened := func() bool {
		for _, a := range p.did {
			if a == (call.Mute{On: false}) {
				return true
			}
		}
		return false
	}
	if opened() {
		t.Error("the microphone opened before the warning was heard")
	}
	p.wantScreen("Bob will hear this room")
	if p.pass(2900 * time.Millisecond); opened() {
		t.Error("the microphone opened during the warning")
	}
	if p.pass(200 * time.Millisecond); !opened() {
		t.Error("the microphone never opened")
	}
}

func TestIntercomOpensForNobodyElse(t *testing.T) {
	for what, who := range map[string]call.Secure{
		"a first call":    first,
		"nobody's device": with(first, verified),
		"another device":  with(first, func(s *call.Secure) { verified(s); s.Name, s.OtherDevice = "Bob", true }),
		"another person":  with(first, func(s *call.Secure) { verified(s); s.Name, s.OtherPerson = "Carol", true }),
		"never compared":  with(first, func(s *call.Secure) { s.Name, s.FirstCall = "Bob", false }),
	} {
		p := newPhone(t, call.Config{})
		p.intercom()
		p.event(call.Answered{})
		p.event(who)
		p.wantDid(call.Hangup{Cause: call.KeyRefused}, call.StopMedia{})
		for _, a := range p.did {
			if a == (call.Mute{On: false}) {
				t.Errorf("%s: the microphone opened", what)
			}
		}
	}
	p := newPhone(t, call.Config{})
	p.intercom()
	p.event(call.Answered{}, call.CacheMismatch{})
	p.event(with(first, func(s *call.Secure) { verified(s); s.Name = "Bob" }))
	p.wantDid(call.Hangup{Cause: call.KeyRefused}, call.StopMedia{})

	p = newPhone(t, call.Config{})
	p.event(bobCalls)
	p.wantScreen("^Incoming call", `\[Answer\]`) // a contact who was not chosen rings

	p = newPhone(t, call.Config{HasPIN: true})
	p.event(call.Locked{})
	p.event(bobCalls)
	p.wantScreen("^Incoming call", `\[Answer\]`) // a locked telephone knows nobody, and answers nobody by itself
}

func TestIntercomIsOnlyForWhomOneCompared(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.press("softR", "9", "ok") // Zoë, whose code was never compared
	p.wantScreen("^Zoë")
	p.wantNot("Answer by itself")
	p.press("end", "softR", "2", "ok")
	p.choose("intercom")
	p.wantScreen("listen into this room")
	p.press("softL")
	p.wantDid(call.SaveContact{Contact: with2(bob, func(c *call.Contact) { c.Intercom = true })})
}

func TestRejectInOtherWords(t *testing.T) {
	for row, cause := range map[call.Label]call.Cause{"reject.busy": call.Busy, "reject.no": call.Declined} {
		p := newPhone(t, call.Config{})
		p.event(bobCalls)
		p.press("ok")
		p.choose(row)
		p.wantDid(call.Hangup{Cause: cause})
		p.wantScreen("^Call ended")
		p.pass(time.Minute)
		p.wantNot("missed")
	}
	p := newPhone(t, call.Config{})
	p.event(bobCalls)
	p.press("ok")
	p.choose("reject.silent")
	p.wantScreen("^Incoming call")
	p.press("ok", "call")
	p.wantDid(call.Answer{})
	p.wantScreen("Connecting")
}

func TestRedialIsALongPressOfTheCallKey(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.hold("call")
	p.wantScreen("Nobody called yet")
	p.press("end")
	log := pastCalls(p.now) // Bob called, a stranger called in vain, we called Carol
	log[2].Peer.Address = "1234"
	p.event(call.LogChanged{Entries: log})
	p.hold("call")
	p.wantDid(call.Dial{To: "1234"})
}

func TestMailbox(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.hold("1")
	p.wantScreen("No mailbox number set")
	p.event(call.MailboxChanged{Mailbox: call.Mailbox{Waiting: true, New: 1}})
	p.pass(10 * time.Second)
	p.wantScreen("1 voice message$")
	s := call.DefaultSettings()
	s.Voicemail = "*86"
	p.event(call.SettingsChanged{Settings: s}, call.MailboxChanged{Mailbox: call.Mailbox{Waiting: true}})
	p.wantScreen("^Voice messages$")
	p.hold("1")
	p.wantDid(call.Dial{To: "*86"})
	p.press("end", "end")
	p.event(call.MailboxChanged{})
	p.wantNot("oice message")
}

func TestAnsweringWhileLocked(t *testing.T) {
	p := newPhone(t, call.Config{HasPIN: true})
	p.event(call.Locked{})
	p.event(bobCalls)
	p.press("call")
	p.wantDid(call.Answer{})
	p.event(call.Answered{}, first)
	p.wantScreen(`^SECURE\?`)
	p.press("end", "end")
	p.wantScreen("^Locked") // it was a call, not a way in
	s := call.DefaultSettings()
	s.LockQuiet = true
	p.event(call.SettingsChanged{Settings: s})
	p.event(bobCalls)
	p.wantDid(call.RefuseWaiting{Cause: call.Busy})
	p.wantScreen("^Locked")
}
