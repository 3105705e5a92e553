package ui

import (
	"image"
	"strings"
	"testing"

	"sotto/firmware/call"
)

var (
	alice = call.Account{Server: "example.test", User: "alice", Password: "secret", Transport: "tls"}
	work  = call.Account{Server: "work.example", User: "42", Password: "word", Transport: "udp"}
	anna  = call.Account{Server: "example.test", User: "anna", Password: "other", Transport: "tls"}
)

// accounts gives the telephone these.
func (p *phone) accounts(all ...call.Account) {
	p.t.Helper()
	p.event(call.SetupChanged{Setup: call.Setup{Accounts: all}})
}

// accountScreens belong to the gallery.
var accountScreens = []galleryScreen{
	{"accounts-two", func(p *phone) { p.accounts(alice, work); p.menu("settings", "accounts") }},
	{"account-numbers", func(p *phone) {
		p.accounts(alice, work)
		p.menu("settings", "accounts", "42@work.example")
		p.find("account.numbers")
	}},
	{"dialling-account", func(p *phone) { p.accounts(alice, work); p.typeKeys("600"); p.press("right") }},
	{"dialling-account-missing", func(p *phone) {
		p.accounts(alice, anna)
		p.event(call.NetworkChanged{Network: call.Network{Up: true, Registered: true, Missing: []string{"anna@example.test"}}})
		p.typeKeys("600")
		p.press("right")
	}},
	{"dialling-account-contacts", func(p *phone) { p.accounts(alice, work); p.press("2", "right") }},
}

// accountCorners are what may stand there at worst.
func accountCorners(add func(string, func(*phone))) {
	long := func(user string) call.Account {
		return call.Account{Server: "a-rather-long-host-name.example.test:5061", User: user, Transport: "tls"}
	}
	for _, digits := range []string{"2", "26", "99", strings.Repeat("0123456789", 3)} {
		add("long account "+digits, func(p *phone) { p.accounts(long("alice"), long("bob")); p.typeKeys(digits) })
		add("long account, missing "+digits, func(p *phone) {
			p.accounts(long("alice"), long("bob"))
			p.event(call.NetworkChanged{Network: call.Network{Up: true, Missing: []string{"alice@" + long("").Server}}})
			p.typeKeys(digits)
		})
	}
}

// TestOneAccountTakesTheNumbers: the owner says which, and it is kept.
func TestOneAccountTakesTheNumbers(t *testing.T) {
	p := newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{alice, work, anna}, STUN: "192.0.2.9"}})
	p.menu("settings", "accounts")
	p.wantScreen("> alice@example.test: numbers", "  42@work.example$")
	p.choose("account.new")
	p.wantNot("Numbers go here")
	p.press("softR")
	p.choose("42@work.example")
	p.wantScreen("Numbers go here: off")
	p.choose("transport", "account.numbers")
	s := p.lastSetup()
	if len(s.Accounts) != 3 || s.Accounts[0] != work || s.Accounts[1] != alice || s.Accounts[2] != anna || s.STUN == "" {
		t.Fatalf("saved %#v", s.Accounts)
	}
	p.wantScreen("> Numbers go here: on", "Transport  TLS") // what was not saved of the account is still there
	p.press("ok")
	if s := p.lastSetup(); s.Accounts != nil {
		t.Errorf("saved again: %v", s.Accounts)
	}
	p.choose("save")
	if s := p.lastSetup(); len(s.Accounts) != 3 || s.Accounts[0].Transport != "tls" || s.Accounts[0].User != "42" || s.Accounts[1] != alice {
		t.Errorf("the place has changed under the form: %v", s.Accounts)
	}
	p.wantScreen("  42@work.example: numbers", "> alice@example.test$")

	p = newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{alice}}}) // with one there is nothing to choose
	p.menu("settings", "accounts")
	p.wantNot("numbers")
	p.choose("alice@example.test")
	p.wantNot("Numbers go here")
	p.press("end", "6", "0", "0")
	p.wantNot("Via|next account")
	p.press("right", "call")
	p.wantDid(call.Dial{To: "600"})
}

// wantThrough sees where a call went, and which account was chosen for it.
func (p *phone) wantThrough(to, account string) {
	p.t.Helper()
	p.wantDid(call.Dial{To: to})
	if got := p.m.Account(to); got != account {
		p.t.Fatalf("%s goes through %q, want %q", to, got, account)
	}
	if p.m.Account("sip:somebody@else.test") != "" {
		p.t.Fatal("the choice is for everybody")
	}
}

// logged is the peer of the line of the call log that was written last, as it is kept.
func (p *phone) logged() (e call.Entry) {
	p.t.Helper()
	for _, a := range p.did {
		if a, ok := a.(call.LogCall); ok {
			e = a.Entry
		}
	}
	return e
}

func TestANumberGoesThroughTheChosenAccount(t *testing.T) {
	p := newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{alice, work}}})
	p.typeKeys("600")
	p.wantScreen("^600$", "^Via example.test$", "^Right: next account$", `^\* for the dot$`)
	p.press("call")
	p.wantThrough("600", "")
	p.press("end", "end")
	p.typeKeys("600")
	p.press("right", "right")
	p.wantScreen("^Via example.test$") // around the end
	p.press("right", "#", "1")
	p.wantScreen("^Via work.example$")
	p.press("left") // takes a digit away, as ever
	p.wantScreen("^600#$", "^Via work.example$")
	p.press("softL")
	p.wantThrough("sip:600%23@work.example", "42@work.example")
	p.wantScreen("600%23@work.example")
	p.press("end")
	e := p.logged()
	if e.Peer.Address != "sip:600%23@work.example;account=42" {
		t.Errorf("logged %q", e.Peer.Address)
	}
	p.press("softL") // once more, from the screen of its end
	p.wantThrough("sip:600%23@work.example", "42@work.example")
	p.press("end", "end")
	p.event(call.LogChanged{Entries: []call.Entry{e}})
	p.hold("call") // and from the log
	p.wantThrough("sip:600%23@work.example", "42@work.example")
	p.press("end", "end")
	p.typeKeys("600")
	p.wantScreen("^Via example.test$") // the choice was for one call
	p.press("right", "end")
	p.typeKeys("600")
	p.wantScreen("^Via example.test$")
}

// TestAddressesAndContactsFindTheirOwnAccount: there is nothing to choose where something else than a plain number is called.
func TestAddressesAndContactsFindTheirOwnAccount(t *testing.T) {
	p := newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{alice, work}}})
	p.typeKeys("192")
	p.press("right", "*")
	p.wantNot("Via|next account")
	p.typeKeys("0*2*7")
	p.press("call")
	p.wantThrough("sip:192.0.2.7", "")
	p.press("end", "end", "2", "right")
	p.wantScreen("^Via work.example$", "Carol") // what was typed may still be a number
	p.press("down")
	p.wantNot("Via")
	p.press("down", "down")
	p.wantScreen("> Carol")
	p.press("call")
	p.wantThrough("1234", "") // a contact with a number: the first account's
	p.press("end", "end", "2", "right", "call")
	p.wantThrough("sip:2@work.example", "42@work.example")
	p.press("end", "end")
	p.hold("2") // speed dial
	p.wantThrough(bob.Address, "")
	p.press("end", "end")
	p.event(call.SetupChanged{Setup: call.Setup{Accounts: []call.Account{alice, work, anna}}})
	p.typeKeys("600")
	p.press("right", "right")
	p.accounts(alice, work) // the chosen one is gone
	p.wantScreen("^Via example.test$")
	p.press("call")
	p.wantThrough("600", "")
}

// TestTwoAccountsAtOneServer: the address cannot tell them apart, so the call and the log do.
func TestTwoAccountsAtOneServer(t *testing.T) {
	p := newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{alice, anna, work}}})
	p.typeKeys("600")
	p.wantScreen("^Via alice@example.test$")
	p.press("right")
	p.wantScreen("^Via anna@example.test$")
	p.press("right")
	p.wantScreen("^Via work.example$")
	p.press("right", "right", "call")
	p.wantThrough("sip:600@example.test", "anna@example.test")
	p.event(call.LineEnded{Cause: call.Busy})
	e := p.logged()
	p.press("end")
	p.event(call.LogChanged{Entries: []call.Entry{e}})
	p.press("call")
	p.wantScreen("> 600@example.test")
	p.wantNot("account=")
	p.press("call")
	p.wantThrough("sip:600@example.test", "anna@example.test")
	p.press("end", "end", "call", "ok")
	p.wantScreen("^600@example.test  ", "Busy")
	p.wantNot("account=")
	p.find("block")
	p.press("ok", "softL")
	p.wantDid(call.Block{Address: "sip:600@example.test"})
	p.press("ok")
	p.choose("call")
	p.wantThrough("sip:600@example.test", "anna@example.test")
}

// TestACallerChoosesNoAccount: who calls one account and is called back must not make the telephone use another.
func TestACallerChoosesNoAccount(t *testing.T) {
	p := newPhone(t, call.Config{Setup: call.Setup{Accounts: []call.Account{alice, anna}}})
	from := call.Party{Address: "sip:eve@example.test;account=anna"}
	p.event(call.LogChanged{Entries: []call.Entry{{Peer: from, Incoming: true, Missed: true, Cause: call.PeerCancelled}}})
	p.press("call", "call")
	p.wantThrough(from.Address, "")
	p.press("end", "end")
	p.event(call.IncomingCall{From: from}, call.LineEnded{Cause: call.PeerCancelled})
	p.press("call")
	p.wantThrough(from.Address, "")
}

// TestTheSmallScreenSaysHowToChoose: whatever has to go there, the account and the key that changes it stay.
func TestTheSmallScreenSaysHowToChoose(t *testing.T) {
	for _, lang := range call.Languages {
		settings := call.DefaultSettings()
		settings.Language = lang.Code
		p := newPhone(t, call.Config{Settings: settings, Setup: call.Setup{Accounts: []call.Account{alice, anna}}})
		p.typeKeys("600")
		s := p.m.Snapshot()
		sc, seen := compose(&s), ""
		for _, it := range newTheme(image.Pt(128, 64), false, false).layout(&sc) {
			seen += strings.Join(it.said, " ") + "\n"
		}
		w := words(lang.Code)
		for _, want := range []string{w.of("dial.account"), w.with("dial.through", "alice@example.test")} {
			if !strings.Contains(seen, want) {
				t.Errorf("%s: no %q in\n%s", lang.Code, want, seen)
			}
		}
	}
}
