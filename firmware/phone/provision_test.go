package phone

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"sotto/firmware/call"
	"sotto/firmware/provision"
	"sotto/firmware/update"
	"sotto/hal"
)

const setUpText = `sotto-provision 1
serial 20261123
for all
account office sip:alice:secret@127.0.0.1:9;transport=udp
contact 2 sip:bob@192.0.2.7 Bob
setting large on
setting wifi Rosa house
setting wifipassword the right one
end
`

// signer is a key of an owner.
func signer(n byte) (update.PublicKey, func(string) []byte) {
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	key := update.PublicKey{ID: [8]byte{n}, Key: [32]byte(secret.Public().(ed25519.PublicKey))}
	return key, func(text string) []byte {
		return []byte(text + update.Sign(key.ID, secret, []byte(text), "set-up"))
	}
}

func sealed(t *testing.T, file []byte, code string) []byte {
	t.Helper()
	r, err := age.NewScryptRecipient(code)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func press(d device, keys ...hal.Key) {
	for _, k := range keys {
		d.keys.Press(k)
	}
}

// TestASetUpFileIsShownAndTaken goes the whole way with keys: it is shown with who signed, taken by a key, and not offered
// a second time.
func TestASetUpFileIsShownAndTaken(t *testing.T) {
	key, sign := signer(1)
	file := sealed(t, sign(setUpText), "jd")
	found := make(chan []byte, 1)
	state := t.TempDir()
	cfg := Config{SetUp: found, Owners: update.Policy{Keys: []update.PublicKey{key}, Need: 1}}
	t.Run("keys", func(t *testing.T) {
		d := runIn(t, state, cfg)
		found <- file
		d.wait(t, "^Set-up code")
		press(d, hal.KeyDigit5, hal.KeySoftLeft)
		d.wait(t, "Wrong code")
		press(d, hal.KeyDigit5, hal.KeyDigit3, hal.KeySoftLeft)
		d.wait(t, `^Set-up(.|\n)*Signed by(.|\n)*`+key.String()+`(.|\n)*Accounts\n(.|\n)*alice@127.0.0.1:9(.|\n)*Contacts\n(.|\n)*Bob\s+sip:`)
		d.keys.Press(hal.KeySoftLeft)
		d.wait(t, "The telephone is set up")
		d.keys.Press(hal.KeySoftLeft)
	})
	cfg.State = state
	p := still(t, cfg)
	defer p.stop()
	if c := p.book.Contacts(); len(c) != 1 || c[0].Name != "Bob" || c[0].Speed != 2 || c[0].Address != "sip:bob@192.0.2.7" {
		t.Errorf("contacts: %+v", c)
	}
	if a := p.own.Setup.Accounts; len(a) != 1 || a[0].User != "alice" || a[0].Password != "secret" || !p.own.Large {
		t.Errorf("kept: %+v, large %v", a, p.own.Large)
	}
	if w := p.own.Setup.Wifi; w != (call.Wifi{Name: "Rosa house", Password: "the right one"}) {
		t.Errorf("kept: Wi-Fi %q, %q", w.Name, w.Password)
	}
	p.handle(call.Tick{})
	p.setUp = setUp{file: file} // it is still on the card
	p.readSetUp()
	if p.setUp.file != nil || p.machine.Snapshot().State != call.Idle {
		t.Error("the same file is offered again")
	}
}

// TestASetUpFileShowsNoPassword of the Wi-Fi that it brings.
func TestASetUpFileShowsNoPassword(t *testing.T) {
	shown := changes(provision.File{Settings: []provision.Setting{{Name: "wifi", Value: "Rosa house"}, {Name: "wifipassword", Value: "the right one"}}})
	if len(shown) != 1 || !slices.Equal(shown[0].What, []string{"wifi Rosa house"}) {
		t.Errorf("shown is %v", shown)
	}
}

// TestASetUpFileIsRefused says each reason in one sentence, and changes nothing.
func TestASetUpFileIsRefused(t *testing.T) {
	key, sign := signer(1)
	_, strange := signer(2)
	good := sign(setUpText)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"another key":       {strange(setUpText), "not signed by"},
		"cut in the text":   {good[:60], "no set-up file"},
		"cut behind it":     {good[:len(setUpText)+40], "not signed by"},
		"other telephone":   {sign(strings.Replace(setUpText, "for all", "for 000000000000000000000001", 1)), "for another telephone"},
		"unknown setting":   {sign(strings.Replace(setUpText, "large on", "colour on", 1)), "no set-up file"},
		"unknown value":     {sign(strings.Replace(setUpText, "large on", "large 7", 1)), "no set-up file"},
		"long Wi-Fi":        {sign(strings.Replace(setUpText, "Rosa house", strings.Repeat("x", 33), 1)), "no set-up file"},
		"short password":    {sign(strings.Replace(setUpText, "the right one", "wrong", 1)), "no set-up file"},
		"unknown transport": {sign(strings.Replace(setUpText, "transport=udp", "transport=pigeon", 1)), "no set-up file"},
		"noise":             {bytes.Repeat([]byte{0xa5}, 900), "no set-up file"},
	} {
		found := make(chan []byte, 1)
		state := t.TempDir()
		cfg := Config{SetUp: found, Owners: update.Policy{Keys: []update.PublicKey{key}, Need: 1}}
		t.Run(name, func(t *testing.T) {
			d := runIn(t, state, cfg)
			found <- c.file
			d.wait(t, `^Set-up(.|\n)*Refused(.|\n)*`+strings.ReplaceAll(c.want, " ", `\s+`))
			d.keys.Press(hal.KeySoftLeft)
		})
		cfg.State = state
		p := still(t, cfg)
		if len(p.book.Contacts()) != 0 || len(p.own.Setup.Accounts) != 0 || p.own.Large || p.own.Setup.Wifi.Name != "" || p.own.Taken.Serial != 0 {
			t.Errorf("%s: something was taken", name)
		}
		p.stop()
	}
}

// TestAnOlderSetUpFileIsRefused: what was taken is never replaced by an earlier one.
func TestAnOlderSetUpFileIsRefused(t *testing.T) {
	key, sign := signer(1)
	found := make(chan []byte, 1)
	d := run(t, Config{SetUp: found, Owners: update.Policy{Keys: []update.PublicKey{key}, Need: 1}})
	found <- sign(setUpText)
	d.wait(t, "^Set-up")
	d.keys.Press(hal.KeySoftLeft)
	d.wait(t, "The telephone is set up")
	d.keys.Press(hal.KeySoftLeft)
	found <- sign(strings.Replace(setUpText, "20261123", "20261122", 1))
	d.wait(t, `^Set-up(.|\n)*older`)
}

// An account that a file renews keeps its place: the first one takes plain numbers.
func TestARenewedAccountStaysWhereItWas(t *testing.T) {
	p := still(t, Config{State: t.TempDir()})
	defer p.stop()
	p.own.Setup.Accounts = []call.Account{{Server: "one.test", User: "alice", Transport: "tls"}, {Server: "two.test", User: "alice", Transport: "tls"}}
	plan, err := p.planned(provision.File{Accounts: []provision.Account{{URI: "sip:alice:new@one.test;transport=tls"}, {URI: "sip:alice:x@three.test"}}})
	if a := plan.Setup.Accounts; err != nil || len(a) != 3 || a[0].Server != "one.test" || a[0].Password != "new" || a[2].Server != "three.test" {
		t.Errorf("%v %v", a, err)
	}
}
