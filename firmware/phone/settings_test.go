package phone

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/hal"
	"sotto/hal/haltest"
	"sotto/net/nat"
)

// still is a phone without its loop.
func still(t *testing.T, cfg Config) *phone {
	t.Helper()
	cfg.Name = "test"
	cfg.Devices = Devices{Display: haltest.NewDisplay(240, 240), OpenPCM: func() (hal.PCM, error) { return haltest.NewLoopPCM(), nil }}
	p, err := start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// registers waits for a REGISTER of a user.
func registers(t *testing.T, c net.PacketConn, user string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 4096)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatalf("nobody registers as %s: %v", user, err)
		}
		if s := string(b[:n]); strings.HasPrefix(s, "REGISTER ") && strings.Contains(s, user+"@") {
			return
		}
	}
}

// With "only through accounts" no stranger finds a port that takes connections, nor one that answers.
func TestOnlyThroughAccounts(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p := still(t, Config{Listen: freePort(t), State: t.TempDir()})
	defer p.stop()
	open := func() bool {
		c, err := net.Dial("tcp", p.line.Addr().String())
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	p.saveSetup(call.Setup{AccountsOnly: true})
	p.renewLine()
	if !open() {
		t.Error("without an account the telephone would hear nobody")
	}
	setup := call.Setup{AccountsOnly: true, Accounts: []call.Account{{Server: server.LocalAddr().String(), User: "anna", Password: "x", Transport: "udp"}}}
	p.saveSetup(setup)
	p.renewLine()
	registers(t, server, "anna")
	if open() {
		t.Error("a stranger can connect")
	}
	setup.AccountsOnly = false
	p.saveSetup(setup)
	p.renewLine()
	if !open() {
		t.Error("it stays closed")
	}
}

func TestAccountsTypedOnTheTelephoneAreUsedAndKept(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	cfg := Config{Listen: freePort(t), State: t.TempDir()}
	p := still(t, cfg)
	good := call.Account{Server: server.LocalAddr().String(), User: "anna", Password: "x", Transport: "udp"}
	bad := call.Account{Server: "a b", User: "u", Transport: "udp"}
	pinned := call.Account{Server: "example.test", User: "u", Transport: "tls", Pin: "1234"}
	p.saveSetup(call.Setup{Route: "relay", Accounts: []call.Account{bad, good, pinned}})
	p.renewLine()
	if len(p.cfg.Accounts) != 1 {
		t.Errorf("%d accounts are used, want the one that can work", len(p.cfg.Accounts))
	}
	if p.line == nil {
		t.Fatal("a bad account took the line away")
	}
	if !p.cfg.Reach.RelayOnly {
		t.Error("the route was not taken")
	}
	registers(t, server, "anna")
	p.stop()
	p = still(t, cfg)
	defer p.stop()
	registers(t, server, "anna")
	if len(p.own.Setup.Accounts) != 3 || p.own.Setup.Route != "relay" {
		t.Errorf("kept %v", p.own.Setup)
	}
	p.saveSetup(call.Setup{})
	p.renewLine()
	if p.cfg.Reach.RelayOnly || len(p.cfg.Accounts) != 0 {
		t.Error("what was taken back is still used")
	}
}

func TestTheLineIsNotRenewedUnderACall(t *testing.T) {
	p := still(t, Config{Listen: freePort(t), State: t.TempDir()})
	defer p.stop()
	line := p.line
	p.current = 7
	p.saveSetup(call.Setup{Accounts: []call.Account{{Server: "127.0.0.1:9", User: "u", Transport: "udp"}}})
	p.renewLine()
	if p.line != line {
		t.Fatal("the line was closed under a call")
	}
	p.current = 0
	p.renewLine()
	if p.line == line || p.line == nil {
		t.Error("the accounts are not used after the call")
	}
}

func TestOnlyWhatWorksCanBeChosen(t *testing.T) {
	p := &phone{}
	if a := p.able(); a.Link || len(a.Routes) != 1 {
		t.Errorf("without servers: %+v", a)
	}
	p.cfg = Config{Reach: Reach{Servers: []nat.Server{{Relay: true}}}, Link: Link{Set: func(call.Setup) error { return nil }}}
	if a := p.able(); !a.Link || len(a.Routes) != 2 {
		t.Errorf("with servers: %+v", a)
	}
}

func TestAnotherAddressIsAskedFor(t *testing.T) {
	asked := make(chan call.Setup, 4)
	p := still(t, Config{State: t.TempDir(), Link: Link{Set: func(s call.Setup) error { asked <- s; return nil }}})
	defer p.stop()
	p.saveSetup(call.Setup{Route: "relay"}) // no address in it
	p.saveSetup(call.Setup{Static: true, Address: "192.0.2.7/24", Accounts: []call.Account{{Password: "secret"}}})
	select {
	case s := <-asked:
		if s.Address != "192.0.2.7/24" || len(s.Accounts) != 0 {
			t.Errorf("asked for %+v: it wants the address and no password", s)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was asked")
	}
	if len(asked) != 0 {
		t.Error("asked for nothing new")
	}
}

func TestAContactsOwnRoute(t *testing.T) {
	p := still(t, Config{State: t.TempDir(), Contacts: []Contact{{"Ann", "sip:ann@192.0.2.1"}, {"Eve", "sip:eve@192.0.2.2"}}})
	defer p.stop()
	p.do(call.SetRoute{ID: p.book.ContactAt("sip:ann@192.0.2.1"), Route: "relay"})
	(<-p.results)()
	if p.routeOf("sip:ann@192.0.2.1") != "relay" || p.routeOf("sip:eve@192.0.2.2") != "" || p.routeOf("sip:x@192.0.2.3") != "" {
		t.Error("the route is another's, or not kept")
	}
}

// TestRelayOnlyIsNoWish: without a relay there is no call, rather than one that tells our address.
func TestRelayOnlyIsNoWish(t *testing.T) {
	at := freePort(t)
	d := run(t, Config{Listen: at, Reach: Reach{RelayOnly: true}, Contacts: []Contact{{"Bob", "sip:bob@127.0.0.1:9"}}})
	d.keys.Hold(hal.KeyDigit2)
	d.wait(t, "No relay")
	d.keys.Press(hal.KeyEnd)
	ann := run(t, Config{Listen: freePort(t), Contacts: []Contact{{"Cid", "sip:test@" + at.String()}}}) // offers no candidates
	ann.keys.Hold(hal.KeyDigit2)
	d.wait(t, "^Incoming call")
	d.keys.Press(hal.KeyCall)
	d.wait(t, "No relay")
	ann.wait(t, "^Call ended")
}

func TestZoneAndForgottenCalls(t *testing.T) {
	cfg := Config{State: t.TempDir()}
	p := still(t, cfg)
	old, young := time.Now().AddDate(0, 0, -2), time.Now().Add(-time.Hour)
	for _, when := range []time.Time{old, young} {
		if err := p.book.AddCall(phonebook.Call{When: when, Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	s := call.DefaultSettings()
	s.Zone, s.Forget = "Asia/Kolkata", 1
	p.saveSettings(s)
	if _, offset := p.now().Zone(); offset != 19800 {
		t.Errorf("the zone is %d s from UTC", offset)
	}
	p.stop()
	p = still(t, cfg)
	defer p.stop()
	if calls := p.book.Calls(); len(calls) != 1 || !calls[0].When.Equal(young.Round(0)) {
		t.Errorf("the log has %d calls", len(calls))
	}
	if p.own.Zone != "Asia/Kolkata" {
		t.Errorf("the zone is %q after a restart", p.own.Zone)
	}
	s.Zone = "Nowhere/Land"
	p.saveSettings(s)
	if p.now().Location() != time.UTC {
		t.Error("a zone that does not exist is not UTC")
	}
}

func TestTheFirstStartIsGuidedOnce(t *testing.T) {
	cfg := Config{State: t.TempDir(), Guide: true}
	for i, want := range []call.State{call.Listing, call.Idle} {
		p := still(t, cfg)
		p.handle(call.Tick{})
		if got := p.machine.Snapshot().State; got != want {
			t.Errorf("start %d shows %v, want %v", i, got, want)
		}
		p.handle(call.Press{Key: call.KeyOK}) // the language is chosen
		p.handle(call.Press{Key: call.KeyEnd})
		p.stop()
	}
}

func TestWhatIsRunningIsMeasured(t *testing.T) {
	d := run(t, Config{Running: call.Running{Board: "bench"}, Notices: []string{"no watchdog"}})
	d.keys.Press(hal.KeySoftLeft)
	d.wait(t, "^Menu")
	for range 6 {
		d.keys.Press(hal.KeyDown)
	}
	d.keys.Press(hal.KeyOK)
	d.wait(t, `^About(.|\n)*Board  bench(.|\n)*SHA-256\n  `+selfHash()[:16]+`(.|\n)*no watchdog`)
}

// TestWhatIsOnTheCardIsShown: hash and signer are those of the system, not of the program, once somebody has looked.
func TestWhatIsOnTheCardIsShown(t *testing.T) {
	const image = "1f3a77c092be5d10e4c2f9a8b7160d3c5e4f20918a7b6c5d4e3f2a1b0c9d8e7f"
	d := run(t, Config{Running: call.Running{Version: "0.1.0", Built: "2026-11-23", Board: "bench", Kernel: "6.12.107"},
		About: func(_ context.Context, r *call.Running) { r.Slot, r.Image, r.Signer = "B", image, "0123456789ABCDEF" }})
	d.keys.Press(hal.KeySoftLeft)
	d.wait(t, "^Menu")
	for range 6 {
		d.keys.Press(hal.KeyDown)
	}
	d.keys.Press(hal.KeyOK)
	d.wait(t, `^About(.|\n)*Version  0.1.0(.|\n)*Built  2026-11-23(.|\n)*Kernel  6.12.107(.|\n)*Slot  B(.|\n)*Signed by\n  0123456789ABCDEF`+
		`(.|\n)*SHA-256\n  1f3a77c092be5d10\n  e4c2f9a8b7160d3c`)
}

func TestARisingRingRises(t *testing.T) {
	loudest := func(played int) (m int16) {
		frame := []int16{20000, -20000}
		soften(frame, played)
		return max(frame[0], -frame[1])
	}
	if a, b, c := loudest(0), loudest(6*hal.SampleRate), loudest(12*hal.SampleRate); a > 1000 || b < 2*a || c != 20000 {
		t.Errorf("the ring has %d at once, %d after 6 s, %d after 12 s", a, b, c)
	}
	for i, tune := range tunes {
		if len(tune.Steps) == 0 || !tune.Repeat {
			t.Errorf("tune %d does not ring", i)
		}
	}
}
