package phone

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/net/onion"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// TestOnionNeverLeavesInTheClear: without Tor, a call to whatever is an onion name or stands for one ends at once; the
// ordinary line is not asked.
func TestOnionNeverLeavesInTheClear(t *testing.T) {
	name := onion.Seed{1}.Address().String()
	synthetic := sipua.OnionAddr(name).Addr().String()
	p := still(t, Config{State: t.TempDir(), Contacts: []Contact{{"Ann", "sip:ann@" + name}, {"Bea", "sip:bea@192.0.2.1"}}})
	defer p.stop()
	p.line = nil // it would be a crash to use it
	bea := p.book.ContactAt("sip:bea@192.0.2.1")
	if err := p.book.SetOnion(bea, phonebook.Onion{Address: name}); err != nil {
		t.Fatal(err)
	}
	if err := p.book.SetRoute(bea, torAll); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"sip:ann@" + name, "sips:ann@" + name + ":5061;transport=tls", name, "sip:x@not-an-address.onion",
		"sip:x@" + name + ".", "sip:x@[" + synthetic + "]", "sip:x@[" + synthetic + "]:5060;transport=tcp", "sip:bea@192.0.2.1"} {
		if _, _, ok := p.onionOf(to); !ok {
			t.Errorf("%s would be called over the ordinary line", to)
		}
		p.dial(to)
		if p.current != 0 || p.voice != nil {
			t.Errorf("%s is being called", to)
		}
	}
	for _, to := range []string{"sip:x@192.0.2.9", "sip:x@[2001:db9::1]:5060", "123"} {
		if _, _, ok := p.onionOf(to); ok {
			t.Errorf("%s would be called over Tor", to)
		}
	}
}

// TestNoAddressLeft: calling back a stranger who called over Tor fails in other words than a wrong address.
func TestNoAddressLeft(t *testing.T) {
	for to, want := range map[string]call.Cause{"sip:x@nothing.onion": call.BadAddress,
		"sip:x@[" + sipua.OnionAddr("other.onion").Addr().String() + "]:5060": call.NoAddress} {
		if got := unreadable(to); got != want {
			t.Errorf("%s: %s, want %s", to, got, want)
		}
	}
}

// TestRouteTellsNoMore: the description of a call has no address of ours but where the route allows one.
func TestRouteTellsNoMore(t *testing.T) {
	p := still(t, Config{State: t.TempDir(), Contacts: []Contact{{"Ann", "sip:ann@192.0.2.1"}}})
	defer p.stop()
	token, err := newToken()
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.prepare("sip:ann@x.onion", nil, &over{route: torAll, token: token, quit: make(chan struct{})})
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	if v.rtp != nil || v.rtcp != nil {
		t.Error("ports are open for a call over Tor")
	}
	for _, peer := range []*signaling.Description{nil, {ICE: &signaling.ICE{Ufrag: "abcd"}}} {
		if p.wantsWay(v, peer) {
			t.Error("a call all over Tor looks for a way by ICE")
		}
	}
	d := v.description(20)
	if d.RTP != nowhere || d.RTCP != nowhere || d.ICE != nil || d.Token != token || d.Ptime != torPtime {
		text, _ := json.Marshal(d)
		t.Errorf("told: %s", text)
	}
	v.over.route = torDirect
	if !p.wantsWay(v, nil) || p.wantsWay(v, &signaling.Description{Token: token}) {
		t.Error("ICE is for those who both want it")
	}
}

// TestKeyInAddress: a key that came with an address is used for it, the contact's own first.
func TestKeyInAddress(t *testing.T) {
	name, k, other := onion.Seed{1}.Address().String(), onion.ClientKey{5}, onion.ClientKey{6}
	p := still(t, Config{State: t.TempDir(), Contacts: []Contact{{"Ann", "sip:ann@" + name + ";key=" + k.Secret()}}})
	defer p.stop()
	if target, _, ok := p.onionOf("sip:ann@" + name + ";key=" + k.Secret()); !ok || target.Key == nil || target.Key.ID() != k.ID() {
		t.Error("the key of the address is not used")
	}
	ann := p.book.Contacts()[0]
	if err := p.book.SetOnion(ann.ID, phonebook.Onion{Address: name, Key: phonebook.Key(other.Secret())}); err != nil {
		t.Fatal(err)
	}
	if target, _, ok := p.onionOf(ann.Address); !ok || target.Key == nil || target.Key.ID() != other.ID() {
		t.Error("the contact's key is not used")
	}
	if target, _, ok := p.onionOf("sip:ann@" + onion.Seed{2}.Address().String()); !ok || target.Key != nil {
		t.Error("a key is used for another")
	}
}

// TestContactByOnionName: whatever stands before the name, an onion address is its contact's; a caller who bears what stands
// for it gets the contact's address.
func TestContactByOnionName(t *testing.T) {
	name := onion.Seed{1}.Address().String()
	p := still(t, Config{State: t.TempDir(), Contacts: []Contact{{"Ann", "sip:ann@" + name}}})
	defer p.stop()
	for _, a := range []string{"sip:ann@" + name, "sip:handset@" + name + ";transport=tcp"} {
		if c, ok := p.contactAt(a, hostOf(a)); !ok || c.Name != "Ann" {
			t.Errorf("%s is %q", a, c.Name)
		}
	}
	ev := signaling.Incoming{From: signaling.Party{URI: "sip:x@[" + sipua.OnionAddr(name).Addr().String() + "]"}}
	if p.nameOnion(&ev); ev.From.URI != "sip:ann@"+name {
		t.Errorf("the caller is %s", ev.From.URI)
	}
	ev.From.URI = "sip:x@[" + sipua.OnionAddr("other.onion").Addr().String() + "]"
	if p.nameOnion(&ev); ev.From.URI == "sip:ann@"+name {
		t.Error("a stranger passes for a contact")
	}
}

// How Tor is entered is in the book: no Tor starts while that is locked, a bridge is never left out, and one that cannot be
// used means no Tor and a telephone that says so.
func TestTorIsEnteredAsTheOwnerWants(t *testing.T) {
	torrc := make(chan string, 16)
	cfg := Config{State: t.TempDir(), Onion: &Onion{Tor: onion.Config{Dir: filepath.Join(t.TempDir(), "t"), Launch: func(s string, _ io.Writer) (*onion.Child, error) {
		torrc <- s
		return nil, errors.New("no child")
	}}}}
	p := still(t, cfg)
	if s := <-torrc; strings.Contains(s, "Bridge") {
		t.Errorf("nobody asked for a bridge: %s", s)
	}
	p.saveSetup(call.Setup{Bridge: "192.0.2.9:443 0123456789ABCDEF0123456789ABCDEF01234567"})
	p.stop()
	for len(torrc) > 0 {
		<-torrc
	}
	p = still(t, cfg)
	if s := <-torrc; !strings.Contains(s, "UseBridges 1\nBridge 192.0.2.9:443 0123") {
		t.Errorf("the bridge is missing: %s", s)
	}
	p.saveSetup(call.Setup{Bridge: "obfs4 192.0.2.9:443 0123456789ABCDEF0123456789ABCDEF01234567"})
	p.stop()
	p = still(t, cfg)
	if p.tor.child != nil || !slices.Contains(p.torNotes(), "Tor cannot use the bridge") {
		t.Errorf("without a program for its transport: %v", p.torNotes())
	}
	if err := p.safe.ChangePIN("", "1234"); err != nil {
		t.Fatal(err)
	}
	p.saveSetup(call.Setup{})
	p.stop()
	for len(torrc) > 0 {
		<-torrc
	}
	p = still(t, cfg) // locked
	defer p.stop()
	if p.tor.child != nil || len(torrc) > 0 {
		t.Error("Tor started before anybody could know how")
	}
}
