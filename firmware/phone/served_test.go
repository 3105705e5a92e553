package phone

import (
	"bytes"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/firmware/provision"
	"sotto/net/protect"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
	"sotto/zrtp"
)

// TestWhoMayBeServed: with somebody whose telephone we know, or knew in an earlier call, however the address is written, no key is
// the server's; nor through an account that was not allowed to, nor while the memory is closed.
func TestWhoMayBeServed(t *testing.T) {
	safe, err := phonebook.OpenSafe(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer safe.Close()
	book, err := safe.Unlock("", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	device := zrtp.ZID{1, 2, 3}
	if err := book.Store(device, zrtp.RetainedSecrets{RS1: bytes.Repeat([]byte{7}, 32)}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []phonebook.Contact{{Name: "Bob", Address: "4711"}, {Name: "Gateway", Address: "sip:100@example.test"}, {Name: "Tor", Address: "sip:tor@example.test"}} {
		saved, err := book.SaveContact(c)
		if err != nil {
			t.Fatal(err)
		}
		switch c.Name {
		case "Bob":
			err = book.Met(c.Address, device)
		case "Tor":
			err = book.SetOnion(saved.ID, phonebook.Onion{Address: "x"})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for address, trust := range map[string]call.Trust{"sip:eve@example.test": call.Known, "sip:200@example.test": call.ServerOnly, "sip:never@example.test": call.Unknown} {
		if err := book.AddCall(phonebook.Call{When: time.Now(), Address: address, Trust: uint8(trust)}); err != nil {
			t.Fatal(err)
		}
	}
	p := &phone{book: book, cfg: Config{Accounts: []sipua.Account{{Name: "gw@example.test", Gateway: true}, {Name: "other@example.test"}}}}
	for address, want := range map[string]bool{
		"4711": false, "sip:4711@example.test": false, "sip:4711@192.0.2.5:5061;transport=tls": false,
		"sip:tor@example.test": false, "sip:TOR@example.test:5061": false,
		"sip:eve@example.test": false, "eve": false,
		"sip:100@example.test": true, "100": true, "sip:200@example.test": true, "sip:never@example.test": true, "030123456": true,
	} {
		if got := p.mayServe(address, "gw@example.test"); got != want {
			t.Errorf("%s: %v", address, got)
		}
		if p.mayServe(address, "other@example.test") || p.mayServe(address, "") || p.mayServe(address, "nobody") {
			t.Errorf("%s: through an account that may not", address)
		}
	}
	p.book = nil
	if p.mayServe("100", "gw@example.test") {
		t.Error("while the memory is closed")
	}
}

// TestServersKeysAreForgotten: as soon as the peer announces ZRTP or answers in it, and as soon as the media has them.
func TestServersKeysAreForgotten(t *testing.T) {
	keys := func() *protect.Keys {
		return &protect.Keys{Profile: protect.AES1HS80, SendKey: bytes.Repeat([]byte{1}, 16), SendSalt: make([]byte, 14), RecvKey: bytes.Repeat([]byte{2}, 16), RecvSalt: make([]byte, 14), AnySSRC: true}
	}
	gone := func(what string, v *voice, k *protect.Keys) {
		t.Helper()
		if v.served.keys != nil || !bytes.Equal(k.SendKey, make([]byte, 16)) || !bytes.Equal(k.RecvKey, make([]byte, 16)) {
			t.Errorf("%s: they are still there", what)
		}
		if s, err := v.fallback(); s != nil || err != nil {
			t.Errorf("%s: the media gets %v, %v", what, s, err)
		}
	}
	v, k := &voice{}, keys()
	v.remote.Hashes = []signaling.ZRTPHash{{Version: "1.10"}}
	v.keepServer(k)
	gone("announced", v, k)

	v, k = &voice{}, keys()
	v.keepServer(k)
	(&phone{}).agreement(v, zrtp.PeerFound{})
	gone("found", v, k)

	v, k = &voice{}, keys()
	v.keepServer(k)
	s, err := v.fallback()
	if err != nil || s == nil || s.Voice == s.Reports || v.served.cipher != "AES1/HS80" {
		t.Errorf("%+v, %v", s, err)
	}
	gone("taken", v, k)
}

// TestGatewayInASetUpFile: the wish is read, shown, and refused where anybody on the way would have the keys.
func TestGatewayInASetUpFile(t *testing.T) {
	for uri, want := range map[string]call.Account{
		"sip:a:secret@b.test;transport=tls;gateway": {User: "a", Password: "secret", Server: "b.test", Transport: "tls", Gateway: true},
		"sip:a:secret@b.test;gateway":               {User: "a", Password: "secret", Server: "b.test", Transport: "tls", Gateway: true},
		"sip:a:secret@b.test;transport=tls":         {User: "a", Password: "secret", Server: "b.test", Transport: "tls"},
	} {
		got, ok := provided(uri)
		conf, ok2 := accountOf(got)
		if !ok || !ok2 || got.Gateway != want.Gateway || got.Password != want.Password || got.Server != want.Server || got.Transport != want.Transport || conf.Gateway != want.Gateway {
			t.Errorf("%s: %v %+v", uri, ok, got)
		}
	}
	for _, uri := range []string{"sip:a:secret@b.test;transport=udp;gateway", "sip:a:secret@b.test;transport=tcp;gateway"} {
		if _, ok := provided(uri); ok {
			t.Errorf("%s was taken", uri)
		}
	}
	if c := changes(provision.File{Accounts: []provision.Account{{URI: "sip:a:secret@b.test;gateway"}}}); len(c) != 1 || c[0].What[0] != "a@b.test gateway" {
		t.Errorf("%+v", c)
	}
}
