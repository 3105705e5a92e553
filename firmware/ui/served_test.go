package ui

import (
	"testing"
	"time"

	"sotto/firmware/call"
)

var served = call.EncryptedToServer{Cipher: "AES1/HS80"}

// servedScreens belong to the gallery.
var servedScreens = []galleryScreen{
	{"incoming-server", func(p *phone) {
		p.event(call.IncomingCall{From: call.Party{Address: "sip:030123456@example.test"}, ServerOnly: true})
	}},
	{"to-server", func(p *phone) { p.throughGateway(); p.pass(75 * time.Second) }},
	{"to-server-held", func(p *phone) { p.throughGateway(); p.press("call") }},
	{"to-server-options", func(p *phone) { p.throughGateway(); p.press("ok") }},
	{"to-server-ended", func(p *phone) {
		p.throughGateway()
		p.pass(40 * time.Second)
		p.event(call.LineEnded{Cause: call.SessionExpired})
	}},
	{"to-server-log", func(p *phone) {
		p.event(call.LogChanged{Entries: []call.Entry{{When: p.now, Peer: call.Party{Address: "030123456"}, Answered: true, Talked: 40 * time.Second,
			Cause: call.HungUp, Trust: call.ServerOnly}}})
		p.press("call", "ok")
	}},
	{"gateway-warning", func(p *phone) {
		p.menu("settings", "accounts", "alice@example.test", "gateway")
	}},
}

// throughGateway brings the phone into a call with a number behind a gateway.
func (p *phone) throughGateway() {
	p.t.Helper()
	p.press("0", "3", "0", "1", "call")
	p.event(call.Answered{})
	p.event(served)
}

// TestToServerOnlyIsNeverSecure: whatever is pressed and whatever happens, a call whose keys the server has shows no word of
// security and lights no lamp; it has no code, and nothing makes it a secure one.
func TestToServerOnlyIsNeverSecure(t *testing.T) {
	for _, lang := range call.Languages {
		p := newPhone(t, call.Config{Settings: call.Settings{Language: lang.Code}})
		p.throughGateway()
		p.wantDid(call.Mute{On: false}, call.Tone{Kind: call.ToneServer})
		secure := words(lang.Code)
		check := func(after string) {
			t.Helper()
			s := p.m.Snapshot()
			if s.Lamp || s.Call.Plus || s.Call.Trust != call.ServerOnly || s.Call.Code != (call.Code{}) {
				t.Errorf("%s: lamp %v, %+v", after, s.Lamp, s.Call)
			}
			for _, l := range []call.Label{"bar.ask", "bar.secure", "bar.plus", "trust.known", "trust.first"} {
				p.wantNot("^" + secure.of(l) + `(\s|$)`)
			}
		}
		check("served")
		p.wantScreen("^" + secure.of("bar.server"))
		for _, key := range []string{"softL", "ok", "up", "down", "left", "right", "*", "#", "5", "softR"} {
			q := p
			p = newPhone(t, call.Config{Settings: call.Settings{Language: lang.Code}})
			p.throughGateway()
			if p.press(key); key != "softR" {
				check(key)
				p.hold("*")
				check(key + ", long *")
			}
			p = q
		}
		for _, ev := range []call.Event{first, with(first, verified), call.PeerCannotEncrypt{}, call.Alert{Why: "x"}, served, call.PeerHeld{On: true}} {
			p.event(ev)
			check("event")
		}
	}
}

// TestNothingFallsToTheServer: only a call in which nobody answered in ZRTP goes that way, and none that is or was secure, none
// with an alarm, none that answers itself.
func TestNothingFallsToTheServer(t *testing.T) {
	for name, before := range map[string][]call.Event{
		"secure": {first}, "verified": {with(first, verified)}, "key changed": {call.CacheMismatch{}}, "alarm": {call.CacheMismatch{}, first},
	} {
		p := newPhone(t, call.Config{})
		p.calling(before...)
		was := p.text()
		p.event(served)
		if now := p.text(); now != was {
			t.Errorf("%s: it was\n%s\nand is\n%s", name, was, now)
		}
	}
	p := newPhone(t, call.Config{})
	p.calling(first)
	p.press("call")
	p.event(served)
	p.wantScreen("^ON HOLD")
	p = newPhone(t, call.Config{})
	p.intercom()
	p.event(call.Answered{}, served)
	p.wantDid(call.Hangup{Cause: call.CannotEncrypt})
	p = newPhone(t, call.Config{})
	p.event(call.IncomingCall{From: call.Party{Address: bob.Address}, Contact: bob.ID, ServerOnly: true, Known: true})
	p.wantDid(call.RefuseWaiting{Cause: call.CannotEncrypt})
	p.wantScreen("^Ready")
}

// TestKeysOfAServedCall: a gateway's menu wants digits, and the rest is as in any call.
func TestKeysOfAServedCall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.throughGateway()
	p.press("7")
	p.wantDid(call.SendDTMF{Digit: '7'})
	p.press("left")
	p.wantDid(call.Mute{On: true})
	p.press("left", "call")
	p.wantDid(call.HoldCall{On: true}, call.Mute{On: true})
	p.press("softL")
	p.wantDid(call.HoldCall{On: false}, call.Mute{On: false})
	p.event(carolCalls)
	p.wantScreen("^Second call")
	p.press("softR", "end")
	p.wantDid(call.Hangup{Cause: call.HungUp}, call.StopMedia{})
}

// TestGatewayIsAskedFor: the wish is asked about, is only for TLS, and is gone with it.
func TestGatewayIsAskedFor(t *testing.T) {
	p := newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{{User: "a", Server: "b.test", Transport: "udp"}}}})
	p.menu("settings", "accounts", "a@b.test", "gateway")
	p.wantScreen("Only with TLS")
	p.choose("transport") // from udp to tls
	p.choose("gateway")
	p.wantScreen("server can listen")
	p.press("softL")
	p.choose("save")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Accounts: []call.Account{{User: "a", Server: "b.test", Transport: "tls", Gateway: true}}}})
	if got := p.did; !gatewayIn(got) {
		t.Errorf("not kept: %+v", got)
	}
	p.choose("a@b.test", "transport", "save")
	if gatewayIn(p.did) {
		t.Errorf("kept without TLS: %+v", p.did)
	}
}

func gatewayIn(did []call.Action) bool {
	for _, a := range did {
		if s, ok := a.(call.SaveSetup); ok {
			return s.Setup.Accounts[0].Gateway
		}
	}
	return false
}
