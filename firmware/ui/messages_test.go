package ui

import (
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

// threads are with Bob, whose code was compared, and with a device that is nobody's any more.
func threads(now time.Time) []call.Thread {
	at := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	return []call.Thread{
		{Device: "d1", Name: bob.Name, Contact: bob.ID, Trust: call.Verified, Key: true, Unread: 1, Messages: []call.Message{
			{ID: "1", Text: "Running late", When: at(50), State: call.MessageDelivered},
			{ID: "2", Text: "Bring the papers, please, and the key of the cellar.", When: at(40), State: call.MessageFailed, Cause: "no receipt"},
			{ID: "3", Text: "See you at nine, at the bridge behind the old mill.", When: at(5), State: call.MessageReceived},
			{ID: "4", Text: "Good", When: at(4), State: call.MessageTaken},
		}},
		{Device: "d2", Key: true, Messages: []call.Message{{ID: "5", Text: "Hello", When: at(60 * 30), State: call.MessageReceived}}},
	}
}

func (p *phone) texts() { p.event(call.MessagesChanged{Threads: threads(p.m.Snapshot().Now)}) }

// messageScreens belong to the gallery.
var messageScreens = []galleryScreen{
	{"messages", func(p *phone) { p.texts(); p.menu("messages") }},
	{"messages-none", func(p *phone) { p.menu("messages", "message.write") }},
	{"message-came", func(p *phone) { p.event(call.MessageCame{Name: "Bob"}) }},
	{"idle-message", func(p *phone) { p.texts() }},
	{"thread", func(p *phone) { p.texts(); p.menu("messages"); p.press("ok", "down") }},
	{"message", func(p *phone) { p.texts(); p.menu("messages"); p.press("ok", "down", "down", "ok") }},
	{"message-failed", func(p *phone) {
		p.texts()
		p.menu("messages")
		p.press("ok", "down", "down", "down", "ok")
		p.find("message.again")
	}},
	{"message-write", func(p *phone) { p.texts(); p.menu("messages"); p.press("ok", "ok", "4", "4") }},
	{"message-delete", func(p *phone) { p.texts(); p.menu("messages"); p.press("ok"); p.choose("delete") }},
}

func TestReadAndAnswerAText(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.event(call.MessageCame{Name: "Bob"})
	p.wantScreen("Message from Bob")
	p.texts()
	p.pass(10 * time.Second)
	p.wantScreen("New messages: 1")
	p.menu("messages")
	p.wantScreen("> Bob  1 new", "Unknown device")
	p.press("ok")
	p.wantDid(call.ReadThread{Device: "d1"})
	p.wantScreen("Good", "See you at nine")
	p.press("down", "down", "ok")
	p.wantScreen("See you at nine,", "behind the old", "Received")
	p.choose("message.write")
	p.wantScreen("Verified")
	p.press("4", "4", "right", "4", "4", "4", "1", "0") // H, then i and a full stop
	p.pass(2 * time.Second)
	p.press("6", "softL")
	p.wantDid(call.WriteMessage{Device: "d1"})
}

func TestTheTextItselfIsWritten(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.texts()
	p.menu("messages", "message.write", "Bob")
	p.press("2", "right", "2", "2", "0", "1", "softL")
	for _, a := range p.did {
		if w, ok := a.(call.WriteMessage); ok {
			if w.Text != "Ab ." || w.Device != "d1" {
				t.Errorf("%q to %q", w.Text, w.Device)
			}
			return
		}
	}
	t.Error("nothing was written")
}

func TestNobodyToWriteTo(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.menu("messages", "message.write")
	p.wantScreen("Call somebody first")
}

func TestNoTextAfterAnAlarm(t *testing.T) {
	p := newPhone(t, call.Config{})
	all := threads(p.m.Snapshot().Now)
	all[0].Trust = call.Broken
	p.event(call.MessagesChanged{Threads: all})
	p.menu("messages", "Bob", "message.write")
	p.wantScreen("compare the code")
	p.wantNot("Send")
	p.press("end")
	p.menu("messages")
	p.press("down", "ok") // the device that is nobody's
	p.wantNot("Write")
}

func TestAFailedTextNamesItsCause(t *testing.T) {
	for cause, words := range map[string]string{"no key": "No key: call first", "refused": "Refused", "too late": "Not reached", "no receipt": "No receipt"} {
		p := newPhone(t, call.Config{})
		all := threads(p.m.Snapshot().Now)
		all[0].Messages[1].Cause = cause
		p.event(call.MessagesChanged{Threads: all})
		p.menu("messages")
		p.press("ok", "down", "down", "down", "ok")
		p.find("message.again")
		p.wantScreen(words)
		p.press("ok")
		p.wantDid(call.ClearMessages{Device: "d1", ID: "2"}, call.WriteMessage{Device: "d1"})
	}
	p := newPhone(t, call.Config{})
	p.event(call.MessageRefused{Why: "full"})
	p.wantScreen("Too many wait")
}

func TestDisappearAndDelete(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.texts()
	p.menu("messages", "Bob", "vanish")
	p.wantDid(call.SetVanish{Device: "d1", Seconds: 300})
	p.choose("delete")
	p.wantScreen("Delete all texts with Bob")
	p.press("softL")
	p.wantDid(call.ClearMessages{Device: "d1"})
	p.event(call.Locked{})
	if strings.Contains(p.text(), "Bob") {
		t.Error("a locked telephone shows a thread")
	}
}
