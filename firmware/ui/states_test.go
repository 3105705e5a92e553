package ui

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

// securityStates is what a telephone with end-to-end keys can be in (the guideline of the ZRTP user interface), the screens of the
// gallery that show it, and the words that must stand on each of them. docs/GUIDE.md has the same table.
var securityStates = []struct {
	state   string
	says    string // on every screen of it
	screens []string
	mic     bool // somebody is heard
}{
	{"No encryption at the other end", "^NOT SECURE$", []string{"ended-cannot-encrypt"}, false},
	{"Keys known to a server only", "^TO SERVER ONLY", []string{"to-server"}, true},
	{"Looking for the peer, keys under way", "^GOING SECURE$", []string{"going-secure"}, false},
	{"First call with this telephone, code not compared", `^SECURE\?`, []string{"secure-first", "secure-words", "secure-whole", "verifying", "verifying-words", "verifying-again"}, true},
	{"Same telephone as before, code not compared", `^SECURE\?`, []string{"secure-known"}, true},
	{"Code compared here", "^SECURE  ", []string{"code-right", "checked"}, true},
	{"Keys as before, code compared by both", "^SECURE  ", []string{"verified"}, true},
	{"And the servers were who they said", `^SECURE\+  `, []string{"verified-plus"}, true},
	{"Not the telephone that the server announced", "Not the phone that was announced|Keys not agreed", []string{"hash-differs", "ended-hash-differs"}, true},
	{"Key changed", "^KEY CHANGED", []string{"key-changed", "key-changed-again", "key-changed-verifying"}, false},
	{"Code differs", "^SOMEONE LISTENS|Someone was listening", []string{"someone-listens", "ended-code-differs", "log-incident"}, false},
	{"Another telephone under a known name", "^OTHER PHONE", []string{"other-phone"}, false},
	{"Another person's telephone", "^OTHER PERSON", []string{"other-person"}, false},
	{"The peer gives its keys away", "Peer can disclose keys", []string{"disclosure"}, true},
}

// stateScreens belong to the gallery.
var stateScreens = []galleryScreen{
	{"hash-differs", func(p *phone) { p.calling(first, call.Alert{Why: "hello hash mismatch"}) }},
	{"ended-hash-differs", func(p *phone) { p.calling(call.Alert{Why: "hello hash mismatch"}); p.pass(10 * time.Second) }},
	{"key-changed-again", func(p *phone) { // nobody compared the code: the next call says so again
		p.calling(call.CacheMismatch{}, with(first, func(s *call.Secure) { s.FirstCall = false }))
		p.press("softR", "softR")
		p.calling(call.CacheMismatch{}, with(first, func(s *call.Secure) { s.FirstCall = false }))
	}},
	{"log-incident", func(p *phone) {
		p.event(call.LogChanged{Entries: pastCalls(p.now)})
		p.press("call", "down", "down", "ok")
	}},
	{"about-trouble", func(p *phone) {
		p.event(call.RunningChanged{Running: call.Running{Version: "0.2.0", Board: "rpizero2w", Slot: "A", Signer: "RWQf6LRCGA9i5",
			Notes: []string{"The update to 1.2.0 did not start well: this is the earlier system"}, Trouble: "."}})
		p.menu("about")
		p.press("up")
	}},
}

// TestEveryStateHasItsScreen reaches each state by keys and events, looks for its words, for a microphone that is off, and for a
// picture in every size. A state that no screen tells is one that people take for another.
func TestEveryStateHasItsScreen(t *testing.T) {
	for _, state := range securityStates {
		for _, name := range state.screens {
			i := slices.IndexFunc(gallery, func(g galleryScreen) bool { return g.name == name })
			if i < 0 {
				t.Errorf("%s: no screen %s", state.state, name)
				continue
			}
			s := reached(t, i, call.Settings{})
			if says := Text(s); !regexp.MustCompile("(?m)" + state.says).MatchString(says) {
				t.Errorf("%s: %s does not say %q:\n%s", state.state, name, state.says, says)
			}
			if lamp := s.Lamp; lamp && !state.mic {
				t.Errorf("%s: %s has its lamp lit", state.state, name)
			}
			for _, d := range displays {
				if _, err := os.Stat(filepath.Join("testdata", d.name, name+".png")); err != nil {
					t.Errorf("%s: %v", state.state, err)
				}
			}
		}
	}
}

// TestGuideHasTheTableOfStates keeps the table of docs/GUIDE.md in step with this one.
func TestGuideHasTheTableOfStates(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join(docs, "GUIDE.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range securityStates {
		row := "| " + state.state + " | "
		for i, name := range state.screens {
			if i > 0 {
				row += ", "
			}
			row += "[" + name + "](../firmware/ui/testdata/240x240/" + name + ".png)"
		}
		if !strings.Contains(string(guide), row+" |\n") {
			t.Errorf("docs/GUIDE.md lacks the line\n%s |", row)
		}
	}
}

// TestAlarmCannotBeSaidYesTo: no key but the right code leads from an alarm, and hanging up leads nowhere else.
func TestAlarmCannotBeSaidYesTo(t *testing.T) {
	for _, key := range []string{"ok", "call", "up", "down", "left", "right", "*", "#", "0", "5", "softL"} {
		p := newPhone(t, call.Config{})
		p.calling(call.CacheMismatch{}, with(first, func(s *call.Secure) { s.FirstCall = false }))
		p.press(key, "ok")
		p.hold(key)
		p.pass(20 * time.Minute)
		if s := p.m.Snapshot(); s.Lamp || s.Call.Trust > call.Known && s.Call.Trust != call.Broken {
			t.Errorf("%s, ok: %v", key, s.Call.Trust)
		}
		p.wantScreen("^KEY CHANGED|Key had changed")
	}
}

// TestADisturbedAnnouncementIsNotThePeersFault: what came is not what the signaling announced, so nobody says that the peer cannot
// encrypt.
func TestADisturbedAnnouncementIsNotThePeersFault(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(call.Alert{Why: "hello hash mismatch"}, call.PeerCannotEncrypt{})
	p.wantDid(call.Hangup{Cause: call.KeyFailed})
	p.wantScreen("Keys not agreed", "Somebody may have disturbed it")
}
