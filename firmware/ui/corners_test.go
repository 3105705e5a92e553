package ui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

// friendlyScreens belong to the gallery.
var friendlyScreens = []galleryScreen{
	{"pair-how", func(p *phone) { p.press("softR", "down", "ok"); p.choose("pair") }},
	{"invite", func(p *phone) {
		p.onion()
		p.press("softR", "down", "ok")
		p.choose("invite")
		p.event(call.Invitation{Address: "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion:descriptor:x25519:abcdef"})
	}},
	{"reveals-tor", func(p *phone) { p.onion(); p.press("softR", "down", "ok"); p.choose("route", "route.tor") }},
	{"reveals-relay", func(p *phone) { p.onion(); p.press("softR", "down", "ok"); p.choose("route", "route.tor-relay") }},
	{"reveals-direct", func(p *phone) { p.onion(); p.press("softR", "down", "ok"); p.choose("route", "route.tor-direct") }},
	{"revoke", func(p *phone) { p.onion(); p.press("softR", "down", "ok"); p.choose("revoke") }},
	{"push-to-talk", func(p *phone) {
		p.calling(with(first, verified), call.Stats{RTT: 900 * time.Millisecond})
		p.press("softL")
		p.choose("ptt")
	}},
	{"screen", func(p *phone) { p.menu("settings", "screen") }},
}

// onion gives Bob an address over Tor and leave to call us there.
func (p *phone) onion() {
	contacts := append([]call.Contact(nil), book...)
	contacts[1].Onion, contacts[1].Tor = true, true
	p.event(call.ContactsChanged{Contacts: contacts}, call.SetupChanged{Able: call.Able{Tor: true, Routes: []string{"direct", "tor"}}})
}

// texting is a thread with one text in a state.
func texting(p *phone, state call.MessageState, cause string, vanish int) {
	p.event(call.MessagesChanged{Threads: []call.Thread{{Device: "d1", Name: bob.Name, Contact: bob.ID, Key: true, Vanish: vanish,
		Messages: []call.Message{{ID: "1", Text: "Good", When: p.now, State: state, Cause: cause}}}}})
	p.menu("messages", "Bob")
}

// corners are the places that no picture shows. With the gallery and the causes they hold every word of the telephone.
func corners() (all []galleryScreen) {
	add := func(name string, reach func(p *phone)) { all = append(all, galleryScreen{name, reach}) }
	for _, why := range []string{"GoClear refused", "card", "media moved", "network lost", "not stored", "pairing failed", "peer silent", "retained secret not stored"} {
		add("alert "+why, func(p *phone) { p.calling(with(first, verified), call.Alert{Why: why}) })
		add("alert, unverified, "+why, func(p *phone) { p.calling(first, call.Alert{Why: why}) })
	}
	for _, why := range []string{"format", "older", "other"} {
		add("set-up refused, "+why, func(p *phone) { p.event(call.SetUpRefused{Why: why}) })
	}
	add("set-up, wrong code", func(p *phone) { p.event(call.SetUpSealed{}, call.SetUpRefused{Why: "code"}) })
	add("gateway without TLS", func(p *phone) {
		p.menu("settings", "accounts", "alice@example.test", "transport")
		p.choose("gateway")
	})
	add("long delay", func(p *phone) { p.calling(with(first, verified), call.Stats{RTT: 900 * time.Millisecond}) })
	add("push to talk", func(p *phone) {
		p.calling(with(first, verified), call.Stats{RTT: 900 * time.Millisecond})
		p.press("softL")
		p.find("ptt")
	})
	add("card", func(p *phone) { p.onion(); p.calling(with(first, verified)); p.press("softL"); p.find("card") })
	add("card given", func(p *phone) { p.onion(); p.calling(with(first, verified)); p.press("softL"); p.choose("card") })
	add("the other is gone", func(p *phone) {
		p.calling(with(first, verified), carolCalls)
		p.press("call")
		p.event(call.Answered{}, first, call.Beside{Event: call.LineEnded{Cause: call.PeerHungUp}})
	})
	for state, cause := range map[call.MessageState]string{call.MessageWaiting: "", call.MessageTaken: "", call.MessageDelivered: "", call.MessageFailed: "no key"} {
		add("text "+cause+fmt.Sprint(state), func(p *phone) { texting(p, state, cause, 0); p.choose("Good"); p.press("down") })
	}
	add("text too late", func(p *phone) { texting(p, call.MessageFailed, "too late", 0); p.choose("Good"); p.press("down") })
	add("text gone", func(p *phone) {
		texting(p, call.MessageReceived, "", 0)
		p.choose("Good")
		p.event(call.MessagesChanged{})
	})
	for _, why := range []string{"full", "not stored", "no key"} {
		add("refused "+why, func(p *phone) { p.event(call.MessageRefused{Why: why}) })
	}
	for _, vanish := range []int{300, 3600, 86400, 7 * 86400} {
		add("vanish "+fmt.Sprint(vanish), func(p *phone) { texting(p, call.MessageReceived, "", vanish); p.find("vanish") })
	}
	add("no text after an alarm", func(p *phone) {
		threads := threads(p.now)
		threads[0].Trust = call.Broken
		p.event(call.MessagesChanged{Threads: threads})
		p.menu("messages", "Bob", "message.write")
	})
	add("letters", func(p *phone) { p.texts(); p.menu("messages", "Bob", "message.write"); p.hold("#"); p.hold("#") })
	add("Tor, forgetful", func(p *phone) { p.bridged(); p.menu("settings", "network", "tor", "tor.forget") })
	add("Tor, no bridge", func(p *phone) {
		p.event(call.SetupChanged{Able: call.Able{Tor: true}})
		p.menu("settings", "network", "tor", "tor.bridge")
		p.press("2", "ok")
	})
	for _, route := range []string{"relay", "tor"} {
		add("idle "+route, func(p *phone) {
			p.event(call.NetworkChanged{Network: call.Network{Up: true, Registered: true, Route: route}})
		})
	}
	add("mailbox", func(p *phone) { p.event(call.MailboxChanged{Mailbox: call.Mailbox{Waiting: true}}) })
	add("no mailbox", func(p *phone) { p.hold("1") })
	add("nobody on the key", func(p *phone) { p.hold("9") })
	add("nobody called", func(p *phone) { p.press("call"); p.hold("call") })
	add("no PIN to lock with", func(p *phone) {
		p.m = call.New(call.Config{Settings: p.m.Snapshot().Settings})
		p.hold("*")
	})
	add("rings again", func(p *phone) { p.hold("#"); p.hold("#") })
	add("forget", func(p *phone) { p.menu("settings", "calls", "forget", "forget", "forget"); p.find("forget") })
	add("echo", func(p *phone) {
		p.menu("test")
		p.event(call.TestChanged{Results: []call.TestResult{{Part: "echo", Done: true, OK: true}, {Part: "keys", Done: true, OK: true}}})
	})
	for _, why := range []string{"format", "unsigned", "older", "other"} {
		add("set-up refused "+why, func(p *phone) { p.event(call.SetUpRefused{Why: why}) })
	}
	add("set-up code is wrong", func(p *phone) { p.event(call.SetUpSealed{}); p.event(call.SetUpRefused{Why: "code"}) })
	pinScreens(add)
	entryScreens(add)
	wifiCorners(add)
	accountCorners(add)
	return all
}

func pinScreens(add func(string, func(*phone))) {
	change := func(p *phone) { p.menu("settings", "safety", "pin.change") }
	add("old PIN", change)
	add("short PIN", func(p *phone) { change(p); p.press("1", "ok") })
	add("new PIN", func(p *phone) { change(p); p.typeKeys("4711"); p.press("ok") })
	add("new PIN again", func(p *phone) { change(p); p.typeKeys("4711"); p.press("ok"); p.typeKeys("4712"); p.press("ok") })
	add("PINs differ", func(p *phone) {
		change(p)
		for _, pin := range []string{"4711", "4712", "4713"} {
			p.typeKeys(pin)
			p.press("ok")
		}
	})
	add("PIN changed", func(p *phone) { change(p); p.event(call.PINChanged{OK: true}) })
	add("PIN is checked", func(p *phone) { p.event(call.Locked{}); p.typeKeys("4711"); p.press("ok") })
}

func entryScreens(add func(string, func(*phone))) {
	account := func(p *phone) { p.menu("settings", "accounts", "alice@example.test") }
	add("empty account", func(p *phone) { p.menu("settings", "accounts", "account.new", "save") })
	add("server's key is short", func(p *phone) { account(p); p.choose("pin.server"); p.press("1", "ok"); p.choose("save") })
	add("account twice", func(p *phone) {
		p.event(call.SetupChanged{Setup: call.Setup{Accounts: []call.Account{{Server: "1", User: "2"}}}})
		p.menu("settings", "accounts", "account.new", "server")
		p.press("1", "ok")
		p.choose("user")
		p.press("2", "ok")
		p.choose("save")
	})
	add("empty relay", func(p *phone) { p.menu("settings", "network", "relay", "save") })
	add("no address", func(p *phone) { p.press("softR", "up", "ok", "ok") })
	add("no name", func(p *phone) { p.press("softR", "up", "ok", "9", "ok", "ok") })
	add("short number", func(p *phone) { p.press("softR", "down", "ok"); p.choose("pair", "pair.type"); p.press("1", "ok") })
	add("never talked", func(p *phone) {
		p.event(call.LogChanged{Entries: []call.Entry{{When: p.now, Peer: call.Party{Address: "1"}, Cause: call.Busy}}})
		p.press("call", "ok")
	})
}

// corner reaches one of them.
func corner(t *testing.T, g galleryScreen, settings call.Settings) call.Snapshot {
	t.Helper()
	p := newPhone(t, call.Config{HasPIN: true, Settings: settings,
		Setup: call.Setup{Accounts: []call.Account{{Server: "example.test", User: "alice", Password: "secret", Transport: "tls"}}}})
	g.reach(p)
	return p.m.Snapshot()
}

// TestEveryWordIsMeasured: TestNothingIsClipped is worth what it looks at, so it looks at every text that there is.
func TestEveryWordIsMeasured(t *testing.T) {
	var b strings.Builder
	for i := range gallery {
		fmt.Fprintln(&b, Text(reached(t, i, call.Settings{})))
	}
	for _, g := range corners() {
		fmt.Fprintln(&b, Text(corner(t, g, call.Settings{})))
	}
	for _, cause := range call.Causes {
		p := newPhone(t, call.Config{})
		p.hold("3")
		p.event(call.LineEnded{Cause: cause})
		fmt.Fprintln(&b, p.text())
	}
	all := b.String()
	for label, words := range vocabularies()["en"] {
		if label == "days" || label == "months" || label == "date" { // tables; the idle screen shows what is made of them
			continue
		}
		if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(words), `\{\}`, ".*")).MatchString(all) {
			t.Errorf("%s = %q is on no screen that a test looks at", label, words)
		}
	}
}
