package phone

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/net/link"
)

// TestTheRadioIsToldOnce: at the start what the memory holds, and from then on what changes; nobody else hears the password.
func TestTheRadioIsToldOnce(t *testing.T) {
	told, cables := make(chan call.Wifi, 8), make(chan call.Setup, 8)
	dir := t.TempDir()
	conf := Config{State: dir, Link: Link{Join: func(w call.Wifi) error { told <- w; return nil }, Set: func(s call.Setup) error { cables <- s; return nil }}}
	p := still(t, conf)
	want := func(name string) {
		t.Helper()
		select {
		case w := <-told:
			if w.Name != name || (name == "") != (w.Password == "") {
				t.Fatalf("told %q", w.Name)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%q was not told", name)
		}
	}
	want("")
	home := call.Wifi{Name: "home", Password: "the right one"}
	p.saveSetup(call.Setup{Wifi: home})
	want("home")
	p.saveSetup(call.Setup{Wifi: home, Static: true, Address: "192.0.2.7/24"})
	if s := <-cables; s.Wifi != (call.Wifi{}) {
		t.Error("the cable knows the password of the Wi-Fi")
	}
	p.stop()
	p = still(t, conf)
	defer p.stop()
	want("home")
	p.saveSetup(call.Setup{})
	want("")
	if len(told) != 0 {
		t.Errorf("and told %q", (<-told).Name)
	}
}

// TestALockedMemoryTellsNoRadio: the password is behind the PIN.
func TestALockedMemoryTellsNoRadio(t *testing.T) {
	dir := t.TempDir()
	p := still(t, Config{State: dir, PIN: "4711"})
	p.saveSetup(call.Setup{Wifi: call.Wifi{Name: "home", Password: "the right one"}})
	p.stop()
	told := make(chan call.Wifi, 8)
	p = still(t, Config{State: dir, Link: Link{Join: func(w call.Wifi) error { told <- w; return nil }}})
	defer p.stop()
	if p.book != nil || len(told) != 0 {
		t.Fatal("told before the PIN")
	}
	p.unlock("4711")
	for p.book == nil {
		(<-p.results)()
	}
	if w := <-told; w.Name != "home" {
		t.Errorf("told %q", w.Name)
	}
}

// TestARadioComesAndTells: it can be chosen when it is there, what ails it is on the screen, and no line is closed for that.
func TestARadioComesAndTells(t *testing.T) {
	p := still(t, Config{State: t.TempDir(), Listen: netip.MustParseAddrPort("127.0.0.1:0"), Link: Link{Join: func(call.Wifi) error { return nil }}})
	defer p.stop()
	if p.able().Wifi {
		t.Error("a telephone without radio offers it")
	}
	s := link.Status{Interface: "eth0", Address: netip.MustParsePrefix("127.0.0.1/8")}
	p.network(s)
	line := p.line
	s.Air = link.Air{Radio: true, Trouble: link.WrongPassword}
	p.network(s)
	if n := p.machine.Snapshot().Network; !p.able().Wifi || n.Trouble != "wifi.wrong" || !n.Up {
		t.Errorf("%+v", n)
	}
	s.Air = link.Air{Radio: true, Joined: true}
	p.network(s)
	if n := p.machine.Snapshot().Network; n.Trouble != "" || !n.Joined {
		t.Errorf("%+v", n)
	}
	if p.line != line || line == nil {
		t.Error("the line was opened anew because of the radio")
	}
	for trouble, label := range troubles {
		if trouble == "" || label == "" {
			t.Errorf("%q is %q", trouble, label)
		}
	}
}

// TestNetworksInReach: who opens the page sees what can be read of it, and nothing when nothing can be heard.
func TestNetworksInReach(t *testing.T) {
	for _, c := range []struct {
		heard []call.WifiNetwork
		err   error
		want  []string
	}{
		{[]call.WifiNetwork{{Name: "home", Bars: 4}, {Name: "\xff\xfe", Bars: 4}, {Name: "café", Bars: 1}}, nil, []string{"home", "café", ""}},
		{nil, errors.New("no radio"), []string{""}}, // another network can still be named
	} {
		p := still(t, Config{State: t.TempDir(), Link: Link{Join: func(call.Wifi) error { return nil },
			Look: func(context.Context) ([]call.WifiNetwork, error) { return c.heard, c.err }}})
		defer p.stop()
		(<-p.results)() // the radio was told what to join
		p.network(link.Status{Air: link.Air{Radio: true}})
		p.handle(call.Press{Key: call.KeySoftLeft})
		for _, l := range []call.Label{"settings", "network", "wifi"} {
			for range 20 {
				if s := p.machine.Snapshot(); s.Rows[s.Selected].Label == l {
					break
				}
				p.handle(call.Press{Key: call.KeyDown})
			}
			p.handle(call.Press{Key: call.KeyOK})
		}
		(<-p.results)()
		var got []string
		for _, r := range p.machine.Snapshot().Rows {
			got = append(got, r.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("in reach are %q, want %q", got, c.want)
		}
	}
}
