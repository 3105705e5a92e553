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
	{"tor", func(p *phone) { p.bridged(); p.menu("settings", "network", "tor") }},
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

// bridged has Tor, which is entered by a bridge.
func (p *phone) bridged() {
	p.event(call.SetupChanged{Setup: call.Setup{Bridge: "192.0.2.9:443 0123456789ABCDEF0123456789ABCDEF01234567"}, Able: call.Able{Tor: true}})
}

func TestHowTorIsEntered(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.bridged()
	p.menu("settings", "network", "tor")
	p.wantScreen("Forget guards: off")
	p.wantScreen("Bridge  192.0.2.9:443")
	p.choose("tor.forget")
	p.wantScreen("From the next start on")
	s := p.lastSetup()
	if !s.Forgetful {
		t.Errorf("saved %+v", s)
	}
	p.choose("tor.bridge")
	p.press("2", "ok") // something behind the fingerprint
	if got := p.lastSetup().Bridge; got == s.Bridge {
		t.Errorf("still %s", got)
	}
	p = newPhone(t, call.Config{Able: call.Able{Tor: true}})
	p.menu("settings", "network", "tor", "tor.bridge")
	p.press("2", "ok")
	p.wantScreen("Address:port, fingerprint")

	p = newPhone(t, call.Config{}) // a telephone without
	p.menu("settings", "network")
	p.wantNot("Tor")
}

// lastSetup is what was saved last.
func (p *phone) lastSetup() (s call.Setup) {
	for _, a := range p.did {
		if a, ok := a.(call.SaveSetup); ok {
			s = a.Setup
		}
	}
	return s
}
