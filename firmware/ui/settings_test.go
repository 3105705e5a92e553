package ui

import (
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
)

func TestSettingsAreSaved(t *testing.T) {
	p := newPhone(t, call.Config{})
	want := call.DefaultSettings()
	set := func(change func(*call.Settings), labels ...call.Label) {
		t.Helper()
		p.press("end")
		p.menu(append([]call.Label{"settings"}, labels...)...)
		change(&want)
		p.wantDid(call.SaveSettings{Settings: want})
	}
	set(func(s *call.Settings) { s.Silent = true }, "sounds", "silent")
	p.press("end")
	p.event(call.IncomingCall{From: call.Party{Name: "x"}})
	for _, a := range p.did {
		if r, ok := a.(call.Ring); ok && r.Kind != call.RingNone {
			t.Fatal("a silent telephone rings")
		}
	}
	p.press("end")
	set(func(s *call.Settings) { s.Silent = false }, "sounds", "silent")
	set(func(s *call.Settings) { s.Volume = 80 }, "sounds", "volume")
	set(func(s *call.Settings) { s.Rising = true }, "sounds", "rising")
	set(func(s *call.Settings) { s.KeyTones = false }, "sounds", "keytones")
	set(func(s *call.Settings) { s.Tune = 3 }, "sounds", "tune", "4")
	p.wantDid(call.Ring{Kind: call.RingRising, Tune: 3}) // to be heard
	p.pass(5 * time.Second)
	p.wantDid(call.Ring{})
	set(func(s *call.Settings) { s.Quiet = call.QuietVerified }, "calls", "quiet", "quiet.verified")
	p.wantScreen("Who may ring  checked")
	set(func(s *call.Settings) { s.Forget = 1 }, "calls", "forget")
	set(func(s *call.Settings) { s.Zone = "Europe/Berlin" }, "time", "zone", "Europe/Berlin")
	set(func(s *call.Settings) { s.Hours12 = true }, "time", "hours12")
	p.press("end")
	p.wantScreen("^11:14 pm$")
	set(func(s *call.Settings) { s.Large = true }, "screen", "large")
	set(func(s *call.Settings) { s.Contrast = true }, "screen", "contrast")
	p.press("end")
	p.menu("settings", "calls", "voicemail")
	p.typeKeys("*86")
	p.press("ok")
	want.Voicemail = "*86"
	p.wantDid(call.SaveSettings{Settings: want})
	p.wantScreen(`Mailbox number  \*86`)
	p.press("end")
	p.event(bobCalls)
	p.wantDid(call.Ring{Kind: call.RingRising, Tune: 3})
}

// fillAccount types an account into an open form and saves it.
func (p *phone) fillAccount(server, userKeys string) {
	p.t.Helper()
	p.choose("server")
	for _, r := range server {
		p.letter(r)
	}
	p.press("ok")
	p.choose("user")
	p.typeKeys(userKeys)
	p.press("ok")
	p.choose("save")
}

// letter types a letter of an address: each key bears its digit first.
func (p *phone) letter(r rune) {
	for k, letters := range []string{2: "abc", 3: "def", 4: "ghi", 5: "jkl", 6: "mno", 7: "pqrs", 8: "tuv", 9: "wxyz"} {
		if n := strings.IndexRune(letters, r); n >= 0 {
			p.pass(1100 * time.Millisecond) // the symbol before stands
			for range n + 2 {
				p.press(string(rune('0' + k)))
			}
		}
	}
}

func TestAnAccountIsAddedChangedAndRemoved(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.menu("settings", "accounts", "account.new", "save")
	p.wantScreen("Server and user are needed")
	p.choose("server")
	for _, r := range "sip" {
		p.letter(r)
	}
	p.press("ok")
	p.choose("user")
	p.typeKeys("10")
	p.press("right", "0")
	p.press("ok")
	p.choose("password")
	p.press("#", "2") // A
	p.pass(2 * time.Second)
	p.press("3", "3", "3", "3") // 3
	p.wantScreen("^A3")
	p.press("ok")
	p.wantNot("A3")
	p.choose("transport", "pin.server")
	p.typeKeys("12")
	p.press("ok")
	p.choose("save")
	p.wantScreen("64 symbols")
	p.choose("pin.server")
	p.hold("softR")
	p.press("ok")
	p.choose("save")
	account := call.Account{Server: "sip", User: "100", Password: "A3", Transport: "tcp"}
	saved := func() call.Setup {
		t.Helper()
		for _, a := range p.did {
			if s, ok := a.(call.SaveSetup); ok {
				return s.Setup
			}
		}
		t.Fatalf("nothing was saved: %v", p.did)
		return call.Setup{}
	}
	if s := saved(); len(s.Accounts) != 1 || s.Accounts[0] != account {
		t.Fatalf("saved %+v", s.Accounts)
	}
	p.wantScreen("^> 100@sip")
	p.choose("account.new", "server")
	for _, r := range "sip" {
		p.letter(r)
	}
	p.press("ok")
	p.choose("user")
	p.typeKeys("10")
	p.press("right", "0")
	p.press("ok")
	p.choose("save")
	p.wantScreen("there already")
	p.press("softR")
	p.choose("100@sip", "transport", "save")
	if s := saved(); s.Accounts[0].Transport != "udp" || s.Accounts[0].Password != "A3" {
		t.Errorf("changed to %+v", s)
	}
	p.choose("100@sip", "transport") // not saved
	p.press("softR")
	p.choose("100@sip")
	p.wantScreen("Transport  UDP")
	p.choose("delete")
	p.wantScreen(`Delete 100@sip\?`)
	p.press("softL")
	if s := saved(); len(s.Accounts) != 0 {
		t.Errorf("left %v", s.Accounts)
	}
	p.wantScreen("^Accounts")
}

// TestNobodyButTheAccounts: the choice is there with the first account.
func TestNobodyButTheAccounts(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.menu("settings", "accounts")
	p.wantNot("Only")
	account := call.Account{Server: "sip.example.test", User: "alice", Transport: "tls"}
	p = newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{account}}})
	p.menu("settings", "accounts")
	p.wantScreen("Only through accounts: off")
	p.choose("accounts.only")
	p.wantScreen("Only through accounts: on")
	if s := p.lastSetup(); !s.AccountsOnly || len(s.Accounts) != 1 {
		t.Errorf("saved %+v", s)
	}
}

func TestAFixedAddress(t *testing.T) {
	p := newPhone(t, call.Config{Able: call.Able{Link: true, Routes: []string{"direct", "relay"}}})
	p.menu("settings", "network")
	p.wantScreen("Automatic: on")
	p.choose("dhcp")
	p.typeKeys("192*0*2*7")
	p.press("ok")
	p.wantScreen("That is no address") // without the length of its network
	p.press("right", "1", "1", "2", "4", "ok")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Static: true, Address: "192.0.2.7/24"}})
	p.choose("router")
	p.typeKeys("192*0*2*1")
	p.press("ok")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Static: true, Address: "192.0.2.7/24", Router: "192.0.2.1"}})
	p.choose("dhcp")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Address: "192.0.2.7/24", Router: "192.0.2.1"}})
	p.choose("route", "route.relay")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Address: "192.0.2.7/24", Router: "192.0.2.1", Route: "relay"}})

	p = newPhone(t, call.Config{}) // a telephone that cannot
	p.menu("settings", "network")
	p.wantNot("Automatic|Route")
}

func TestTheUsualWayTellsWhatItReveals(t *testing.T) {
	p := newPhone(t, call.Config{Able: call.Able{Routes: []string{"direct", "tor", "tor-relay", "tor-direct"}}})
	p.menu("settings", "network")
	p.choose("route", "route.tor-direct")
	p.wantScreen("They learn your address")
	p.press("softR") // no
	p.wantDid()
	p.choose("route.tor-relay")
	p.wantScreen("Only the relay learns your address")
	p.press("softL")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Route: "tor-relay"}})
	p.choose("route", "route.tor")
	p.wantScreen("They do not learn your address")
	p.press("softL")
	p.wantDid(call.SaveSetup{Setup: call.Setup{Route: "tor"}})
	p.choose("route", "route.direct") // nothing to ask
	p.wantDid(call.SaveSetup{Setup: call.Setup{Route: "direct"}})
}

func TestAContactHasAWayOfItsOwn(t *testing.T) {
	contacts := append([]call.Contact(nil), book...)
	contacts[1].Onion, contacts[1].Route = true, "tor"
	p := newPhone(t, call.Config{Contacts: contacts, Able: call.Able{Routes: []string{"direct", "relay"}}})
	p.press("softR", "2", "ok")
	p.find("route")
	p.wantScreen("> Route  Tor")
	p.press("ok")
	p.wantScreen("Tor: on")
	p.choose("route.tor-direct")
	p.wantScreen("They learn your address")
	p.press("softR")
	p.choose("route.tor-relay")
	p.wantScreen("Only the relay learns your address")
	p.press("softL")
	p.wantDid(call.SetRoute{ID: bob.ID, Route: "tor-relay"})
	p.press("end", "softR", "9", "ok") // Zoë is not reached over Tor
	p.choose("route")
	p.wantNot("Tor")
	p.choose("route.relay")
	p.wantDid(call.SetRoute{ID: "5", Route: "relay"})
	p = newPhone(t, call.Config{}) // one way only: nothing to choose
	p.press("softR", "2", "ok")
	p.wantNot("Route")
}

func TestARefusedAccountSaysWhy(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.event(call.NetworkChanged{Network: call.Network{Up: true, Why: call.NotTrusted}})
	p.wantScreen("^Not registered", "Server not trusted")
	p.event(call.NetworkChanged{Network: call.Network{Up: true, Registered: true}})
	p.wantNot("trusted")
}

func TestFiguresOfACall(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(with(first, verified))
	p.press("ok")
	p.choose("stats")
	p.wantScreen("There and back  -")
	p.event(call.Stats{Lost: 0.031, Delay: 41 * time.Millisecond, Jitter: 2600 * time.Microsecond, RTT: 28 * time.Millisecond,
		Bitrate: 24000, Codec: "Opus", Route: "relay"})
	p.wantScreen("There and back  28 ms", "Buffer  41 ms", "Jitter  3 ms", `Loss  3\.1 %`, "Codec  Opus 24 kbit/s", "Route  relay only")
	p.event(call.LineEnded{Cause: call.PeerHungUp})
	p.wantScreen("^Call ended")
}

func TestWhatIsRunning(t *testing.T) {
	p := newPhone(t, call.Config{Running: call.Running{Version: "0.2.0", Notes: []string{"no watchdog"}}})
	p.menu("about")
	p.wantScreen("Version  0.2.0", "Board  not known", "Signed by  not known", "SHA-256  not known", "no watchdog: failed")
	p.wantNot("Slot")
	p.event(call.RunningChanged{Running: running})
	p.wantScreen("Built  2026-11-23", "Kernel  6.12.107", "Slot  A", "1f3a77c092be5d10", "0c9d8e7f", "Signed by  RWQf6LRCGA9i5")
}

// TestTroubleIsSaid: what became of an update stands on the idle screen until somebody has looked.
func TestTroubleIsSaid(t *testing.T) {
	const why = "The update to 1.2.0 did not start well: this is the earlier system"
	p := newPhone(t, call.Config{})
	p.event(call.RunningChanged{Running: call.Running{Trouble: why, Notes: []string{why}}})
	p.wantScreen("^Ready", "Please read: About")
	p.menu("about")
	p.wantScreen("The update to: failed", "1.2.0 did not", "start well: this", "is the earlier", "system")
	p.press("end")
	p.wantScreen("^Ready")
	p.wantNot("Please read")
}

// TestASetUpFileWaitsForTheGuide: who leaves the guide of the first start with the end key still sees the owner's file.
func TestASetUpFileWaitsForTheGuide(t *testing.T) {
	p := newPhone(t, call.Config{First: true})
	p.event(setUpRead)
	p.wantScreen("^Language")
	p.press("end")
	p.wantScreen("^Set-up", "0123456789ABCDEF")
	p.press("softR")
	p.wantScreen("^(Ready|No network|Offline)")
}
