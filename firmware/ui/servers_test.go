package ui

import (
	"testing"

	"sotto/firmware/call"
)

// serverScreens belong to the gallery.
var serverScreens = []galleryScreen{
	{"relay", func(p *phone) {
		p.event(call.SetupChanged{Setup: call.Setup{Relay: call.Account{Server: "turn.example.test", User: "alice", Password: "secret", Transport: "tls"}}})
		p.menu("settings", "network", "relay")
	}},
	{"ended-no-relay", func(p *phone) { p.hold("3"); p.event(call.MediaFailed{Cause: call.NoRelay}) }},
}

// TestSTUNAndRelayAreSetByKeys types both servers, opens the route that a relay makes possible, and takes the relay away again.
func TestSTUNAndRelayAreSetByKeys(t *testing.T) {
	p := newPhone(t, call.Config{})
	saved := func() (s call.Setup) {
		t.Helper()
		for _, a := range p.did {
			if a, ok := a.(call.SaveSetup); ok {
				s = a.Setup
			}
		}
		if s.STUN == "" {
			t.Fatalf("nothing was saved: %v\n%s", p.did, p.text())
		}
		return s
	}
	p.menu("settings", "network", "stun")
	p.typeKeys("10*0*0*9")
	p.press("ok")
	if s := saved(); s.STUN != "10.0.0.9" {
		t.Fatalf("%+v", s)
	}
	p.wantScreen("STUN server  10.0.0.9")
	p.choose("relay", "save")
	p.wantScreen("Server, user and password are needed")
	p.choose("server")
	p.typeKeys("10*0*0*8")
	p.press("ok")
	p.choose("user")
	p.typeKeys("42")
	p.press("ok")
	p.choose("password")
	p.typeKeys("2")
	p.press("ok")
	p.choose("transport", "save")
	s := saved()
	if want := (call.Account{Server: "10.0.0.8", User: "42", Password: "a", Transport: "tcp"}); s.Relay != want {
		t.Fatalf("%#v", s.Relay)
	}
	p.event(call.SetupChanged{Setup: s, Able: call.Able{Routes: []string{"direct", "relay"}}})
	p.choose("route", "route.relay")
	if s := saved(); s.Route != "relay" || s.Relay.User != "42" {
		t.Fatalf("%+v", s)
	}
	p.choose("relay", "delete")
	p.wantScreen("Delete 10.0.0.8")
	p.press("softL")
	if s := saved(); s.Relay != (call.Account{}) {
		t.Errorf("%#v", s.Relay)
	}
}

// TestOneContactGoesByTheRelay: the choice is there as soon as there is a relay, and only then.
func TestOneContactGoesByTheRelay(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.press("softR", "down", "ok")
	p.wantNot("Route")
	p.press("end")
	p.event(call.SetupChanged{Able: call.Able{Routes: []string{"direct", "relay"}}})
	p.press("softR", "down", "ok")
	p.choose("route", "route.relay")
	p.wantDid(call.SetRoute{ID: bob.ID, Route: "relay"})
}
