package ui

import (
	"testing"
	"time"

	"sotto/firmware/call"
)

// wordScreens belong to the gallery.
var wordScreens = []galleryScreen{
	{"message-words", func(p *phone) {
		p.texts()
		p.menu("messages")
		p.press("ok", "ok")
		p.hold("#")
		p.typeKeys("84304663")
	}},
	{"words-on", func(p *phone) { p.texts(); p.menu("messages"); p.press("ok", "ok"); p.hold("#") }},
}

// written is the text of the last WriteMessage.
func (p *phone) written() string {
	p.t.Helper()
	for _, a := range p.did {
		if w, ok := a.(call.WriteMessage); ok {
			return w.Text
		}
	}
	p.t.Fatalf("nothing was written:\n%s", p.text())
	return ""
}

// TestWholeWords writes a text with one press a letter.
func TestWholeWords(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.texts()
	p.menu("messages", "message.write", "Bob")
	p.hold("#")
	p.wantScreen("Whole words")
	p.typeKeys("2260843")
	p.wantScreen("Can the") // no wait between n and o, no second press
	p.typeKeys("0")
	p.typeKeys("4663")
	before := p.text()
	p.press("*") // another word of the same keys
	if p.text() == before {
		t.Errorf("* gives no other word:\n%s", p.text())
	}
	for range 20 {
		if p.press("*"); p.text() == before {
			break
		}
	}
	if p.text() != before {
		t.Error("the choices do not begin anew")
	}
	p.press("softR", "softR", "softR", "softR", "softR") // the four keys of the word, and the space
	p.press("1")
	p.pass(2 * time.Second)
	p.typeKeys("0")
	p.typeKeys("262") // a contact
	p.typeKeys("0999")
	p.press("right", "softL")
	if got := p.written(); got != "Can the. Ana www" {
		t.Errorf("%q", got)
	}
}

// TestWordsAreRememberedAndCanBeLeft: the choice is a setting, names are typed so too, passwords never.
func TestWordsAreRememberedAndCanBeLeft(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.texts()
	p.menu("messages", "message.write", "Bob")
	p.hold("#")
	if !p.m.Snapshot().Settings.Words {
		t.Fatal("not a setting")
	}
	p.typeKeys("4663")
	p.hold("#")
	p.wantScreen("Letter by letter")
	if s := p.m.Snapshot(); s.Settings.Words || s.Input.Pending {
		t.Error("still whole words")
	}
	p.press("0", "2", "2", "softL")
	if got := p.written(); got[len(got)-2:] != " b" {
		t.Errorf("%q", got)
	}
	p = newPhone(t, call.Config{Settings: call.Settings{Words: true, Language: "en", Volume: 50},
		Setup: call.Setup{Accounts: []call.Account{{Server: "example.test", User: "alice", Transport: "tls"}}}})
	p.menu("settings", "accounts", "alice@example.test", "password")
	p.press("2", "2", "right")
	if n := len(p.m.Snapshot().Input.Text); n != 1 {
		t.Errorf("a password of %d symbols by two presses of one key", n)
	}
	p.press("end")
	p.press("softR", "up", "ok", "9", "9", "9", "ok")
	p.typeKeys("227")
	p.wantScreen("Car")
	p.event(call.Locked{})
	p.wantNot("Car")
}

// TestWordsHoldTheLimit: not one symbol more than a text may have.
func TestWordsHoldTheLimit(t *testing.T) {
	p := newPhone(t, call.Config{Settings: call.Settings{Words: true, Language: "de", Volume: 50}})
	p.texts()
	p.menu("messages", "message.write", "Bob")
	for range 100 {
		p.typeKeys("34630")
	}
	p.press("softL")
	if got := p.written(); len([]rune(got)) > 320 || len(got) > 640 {
		t.Errorf("%d runes, %d octets", len([]rune(got)), len(got))
	}
}
