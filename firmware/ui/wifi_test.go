package ui

import (
	"fmt"
	"strings"
	"testing"

	"sotto/firmware/call"
)

var inReach = call.WifiSeen{Networks: []call.WifiNetwork{
	{Name: "Rosa's house", Bars: 4, Secured: true}, {Name: "Café Central", Bars: 3}, {Name: "FRITZ!Box 7590 of the neighbours", Bars: 1, Secured: true},
}}

// radio is a telephone with one, which is in a network or should be.
func (p *phone) radio(in string, n call.Network) {
	p.event(call.SetupChanged{Setup: call.Setup{Wifi: call.Wifi{Name: in, Password: "adgjmptw"}}, Able: call.Able{Wifi: true, Link: true, Routes: []string{"direct"}}})
	p.event(call.NetworkChanged{Network: n})
}

func (p *phone) wifi(seen call.WifiSeen) {
	p.menu("settings", "network", "wifi")
	p.event(seen)
}

var joined = call.Network{Up: true, Registered: true, Joined: true}

// wifiScreens belong to the gallery.
var wifiScreens = []galleryScreen{
	{"wifi", func(p *phone) { p.radio("Rosa's house", joined); p.wifi(inReach) }},
	{"wifi-password", func(p *phone) {
		p.radio("", call.Network{})
		p.wifi(inReach)
		p.choose("Rosa's house")
		p.typeKeys("2345")
	}},
	{"wifi-open", func(p *phone) { p.radio("", call.Network{}); p.wifi(inReach); p.choose("Café Central") }},
	{"idle-wrong-password", func(p *phone) { p.radio("Rosa's house", call.Network{Trouble: "wifi.wrong"}) }},
}

func wifiCorners(add func(string, func(*phone))) {
	none := func(p *phone) { p.radio("", call.Network{}) }
	add("looks around", func(p *phone) { none(p); p.menu("settings", "network", "wifi") })
	add("nothing in reach", func(p *phone) { none(p); p.wifi(call.WifiSeen{}) })
	add("short Wi-Fi password", func(p *phone) { none(p); p.wifi(inReach); p.choose("Rosa's house"); p.typeKeys("234"); p.press("ok") })
	add("another network", func(p *phone) { none(p); p.wifi(inReach); p.choose("wifi.other") })
	add("forget a network", func(p *phone) { p.radio("Rosa's house", joined); p.wifi(inReach); p.choose("Rosa's house") })
	for _, why := range []call.Label{"", "wifi.wrong", "wifi.refused", "wifi.away", "wifi.failed"} {
		add("Wi-Fi "+string(why), func(p *phone) { p.radio("Rosa's house", call.Network{Trouble: why}); p.wifi(inReach) })
		add("idle Wi-Fi "+string(why), func(p *phone) { p.radio("Rosa's house", call.Network{Trouble: why}) })
	}
}

// TestAWifiIsChosen: the list, the password, a mistake, and what is said meanwhile.
func TestAWifiIsChosen(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.menu("settings", "network")
	p.wantNot("Wi-Fi") // a telephone without radio
	p = newPhone(t, call.Config{})
	p.radio("", call.Network{})
	p.menu("settings", "network", "wifi")
	p.wantDid(call.LookAround{})
	p.wantScreen("Listening")
	p.event(inReach)
	p.wantNot("Listening")
	p.wantScreen("Rosa's house +4/4", "Café Central +open", "Another network")
	p.choose("Rosa's house")
	p.wantScreen("Rosa's house")
	p.typeKeys("234")
	p.press("ok")
	p.wantScreen("8 characters at least")
	p.typeKeys("56789")
	p.press("ok")
	if w := p.lastSetup().Wifi; w != (call.Wifi{Name: "Rosa's house", Password: "adgjmptw"}) {
		t.Fatalf("saved %q and %q", w.Name, w.Password)
	}
	p.wantScreen("Joining", "Rosa's house")
	p.event(call.NetworkChanged{Network: call.Network{Trouble: "wifi.wrong"}})
	p.wantScreen("Wrong password")
	p.event(call.NetworkChanged{Network: joined})
	p.wantNot("Joining|Wrong")
	p.choose("Rosa's house")
	p.wantScreen("Forget Rosa's house")
	p.press("softL")
	if w := p.lastSetup().Wifi; w != (call.Wifi{}) {
		t.Errorf("forgotten, and saved %q", w.Name)
	}
	p.wantScreen("Rosa's house +4/4")
}

// TestAnOpenNetworkIsNotJoinedByChance: who chooses one is told what it means, and may say no.
func TestAnOpenNetworkIsNotJoinedByChance(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.radio("", call.Network{})
	p.wifi(inReach)
	p.choose("Café Central")
	p.wantScreen("no password")
	p.press("softR")
	if p.saved() {
		t.Error("joined without a yes")
	}
	p.choose("Café Central")
	p.press("softL")
	if w := p.lastSetup().Wifi; w != (call.Wifi{Name: "Café Central"}) {
		t.Errorf("saved %q", w.Name)
	}
}

// TestANetworkThatIsNotThereYet is named by hand.
func TestANetworkThatIsNotThereYet(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.radio("", call.Network{})
	p.wifi(call.WifiSeen{})
	p.wantScreen("Nothing heard")
	p.choose("wifi.other")
	p.press("ok")
	p.wantScreen("Name of the network")
	p.typeKeys("234")
	p.press("ok")
	p.typeKeys("23456789")
	p.press("ok")
	if w := p.lastSetup().Wifi; w != (call.Wifi{Name: "adg", Password: "adgjmptw"}) {
		t.Errorf("saved %q, %q", w.Name, w.Password)
	}
	if got := fmt.Sprintf("%v %+v %#v %s", p.lastSetup(), p.lastSetup(), p.lastSetup(), p.lastSetup().Wifi); strings.Contains(got, "adg") {
		t.Errorf("a set-up prints as %s", got)
	}
}

// TestStrangersNameTheirNetworks: whatever they say, it is one line of visible text, and the list has an end.
func TestStrangersNameTheirNetworks(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.radio("", call.Network{})
	var many call.WifiSeen
	for _, n := range []string{"a\nSECURE", "\u202eecures", "\x1b[2J", strings.Repeat("W", 32)} {
		many.Networks = append(many.Networks, call.WifiNetwork{Name: n, Bars: 1, Secured: true})
	}
	for i := range 100 {
		many.Networks = append(many.Networks, call.WifiNetwork{Name: fmt.Sprint("n", i), Bars: 1, Secured: true})
	}
	p.wifi(many)
	s := p.m.Snapshot()
	if len(s.Rows) != 33 {
		t.Errorf("%d rows", len(s.Rows))
	}
	if s.Rows[0].Text != "a?SECURE" || s.Rows[1].Text != "?ecures" || s.Rows[2].Text != "?[2J" {
		t.Errorf("shown as %q", s.Rows[:3])
	}
	p.press("ok")
	p.typeKeys("23456789")
	p.press("ok")
	if w := p.lastSetup().Wifi; w.Name != "a\nSECURE" {
		t.Errorf("joins %q, not what was heard", w.Name)
	}
}

func (p *phone) saved() bool {
	for _, a := range p.did {
		if _, ok := a.(call.SaveSetup); ok {
			return true
		}
	}
	return false
}
