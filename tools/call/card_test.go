package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/firmware/phonebook"
	"sotto/tools/puppet"
)

// TestAStolenCardTellsNothing uses a telephone with a PIN as people do: a contact, a call, a text. Then its folder is searched for
// everything that is in its memory once the PIN is typed, in every form that software writes. What is on the medium outside
// of the folder is the system, which is the same in every telephone (make image is reproducible).
func TestAStolenCardTellsNothing(t *testing.T) {
	ports, err := puppet.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	const pin = "471108"
	out := t.TempDir()
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	start := func(name string, i, peer int, other string, more ...string) *puppet.Handset {
		h, err := puppet.Start(sim, out, name, at(i), "speech/alice.wav", append(more, "--contact", other+"=sip:"+strings.ToLower(other)+"@"+at(peer))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Stop() })
		must(t, h, "ready")
		return h
	}
	alice, bob := start("Alice", 0, 1, "Bob", "--pin", pin), start("Bob", 1, 0, "Alice")
	alice.Say("hold 2")
	must(t, bob, "ringing")
	bob.Say("press call")
	must(t, alice, "secure")
	must(t, bob, "secure")
	alice.Say("sleep 1s", "press end")
	must(t, alice, "ended")
	must(t, bob, "ended")
	writeText(alice)
	must(t, alice, "delivered")
	time.Sleep(500 * time.Millisecond) // what is written in the background
	if err := alice.Stop(); err != nil {
		t.Fatal(err)
	}
	card := filepath.Join(out, "Alice", "state")
	secrets := secretsOf(t, card, pin)
	if len(secrets) < 8 {
		t.Fatalf("only %d secrets to look for: the call left nothing", len(secrets))
	}
	files := 0
	err = filepath.WalkDir(card, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if files++; err != nil {
			return err
		}
		for what, secret := range secrets {
			for form, text := range map[string][]byte{"as it is": secret, "in hexadecimal": []byte(hex.EncodeToString(secret)),
				"in base64": []byte(base64.RawStdEncoding.EncodeToString(secret)[:len(secret)])} {
				if bytes.Contains(bytes.ToLower(b), bytes.ToLower(text)) {
					t.Errorf("%s holds %s %s", filepath.Base(path), what, form)
				}
			}
		}
		return nil
	})
	if err != nil || files < 2 {
		t.Fatalf("%d files were searched: %v", files, err)
	}
}

// secretsOf opens a copy of the card with the PIN and gives everything that nobody else may learn.
func secretsOf(t *testing.T, card, pin string) map[string][]byte {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(folder, os.DirFS(card)); err != nil {
		t.Fatal(err)
	}
	safe, err := phonebook.OpenSafe(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer safe.Close()
	if _, err := safe.Unlock("471109", time.Now()); err == nil {
		t.Fatal("any PIN opens it")
	}
	book, err := safe.Unlock(pin, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	zid := book.ZID()
	secrets := map[string][]byte{"our ZID": zid[:], "the PIN": []byte(pin), "the line of a contact": []byte(`"contacts"`)}
	for _, c := range book.Contacts() {
		secrets["a name"], secrets["an address"] = []byte(`"`+c.Name+`"`), []byte(c.Address)
		device, err := hex.DecodeString(c.Device)
		if err != nil || len(device) != len(zid) {
			t.Fatalf("no device is bound to %s", c.Name)
		}
		secrets["a ZID"] = device
		kept, ok := book.Lookup([12]byte(device))
		if !ok || len(kept.RS1) == 0 {
			t.Fatal("nothing is retained of the call")
		}
		secrets["a retained secret"] = kept.RS1
	}
	if len(book.Calls()) == 0 {
		t.Fatal("the call is in no log")
	}
	if m := book.Messages(); !bytes.Contains(m, []byte("Hi")) {
		t.Fatal("the text is in no memory")
	}
	secrets["a field of the texts"] = []byte(`"messages"`)
	return secrets
}
