package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"sotto/firmware/phonebook"
	"sotto/zrtp"
)

// forms are the ways in which a secret could stand on a medium: as it is, in UTF-16, in hexadecimal, in base64 at each of
// the three places where a group may begin.
func forms(secret []byte) map[string][]byte {
	f := map[string][]byte{"as it is": secret, "hexadecimal": []byte(hex.EncodeToString(secret)),
		"HEXADECIMAL": []byte(strings.ToUpper(hex.EncodeToString(secret)))}
	little, big := []byte(nil), []byte(nil)
	for _, u := range utf16.Encode([]rune(string(secret))) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	f["UTF-16LE"], f["UTF-16BE"] = little, big
	for i := range 3 {
		for name, e := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := e.EncodeToString(append(make([]byte, i), secret...))
			// Neighbours change the first characters and the last ones.
			f[name+string(rune('0'+i))] = []byte(text[4*((i+2)/3) : len(text)-2])
		}
	}
	return f
}

// found tells in which form a secret stands in b, "" for none.
func found(b, secret []byte) string {
	for name, form := range forms(secret) {
		if bytes.Contains(b, form) {
			return name
		}
	}
	return ""
}

// TestGrepFinds sees that the search of the next test would find each form, with other octets around it.
func TestGrepFinds(t *testing.T) {
	secret := make([]byte, 24)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	for name, form := range forms(secret) {
		if found(bytes.Join([][]byte{make([]byte, 99), form, {1, 2, 3}}, nil), secret) == "" {
			t.Errorf("%s is not found", name)
		}
	}
	for i := range 3 {
		around := append(append(bytes.Repeat([]byte{'{'}, 6+i), secret...), "}}}}}"...)
		if got := found([]byte(base64.StdEncoding.EncodeToString(around)), secret); !strings.HasPrefix(got, "base64") {
			t.Errorf("inside other base64, %d octets on: %q", i, got)
		}
	}
	if got := found(make([]byte, 999), secret); got != "" {
		t.Errorf("found in nothing: %s", got)
	}
}

// TestStolenCard fills a telephone's memory, keeps every version of every file that was ever written, as a card's worn
// blocks may, makes the data partition of all that, and searches it. Nothing that the owner knows may stand there.
func TestStolenCard(t *testing.T) {
	dir := t.TempDir()
	phone := filepath.Join(dir, "phone")
	secrets := map[string][]byte{"the PIN": []byte("84310275"), "a name": []byte("Rosalind Übermut"), "an address": []byte("sip:rosalind@calls.example"),
		"a caller": []byte("sip:whistle@paper.example"), "a password": []byte("correct horse battery"), "a note": []byte("the key is under the mat"),
		"an onion key": []byte("mmwpq3kzvhm3u7xkzq2o5d7n4l6a")}
	versions := 0
	keep := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		versions += keepVersions(t, phone, filepath.Join(dir, "worn"))
	}
	safe, err := phonebook.OpenSafe(phone)
	keep(err)
	book, err := safe.Unlock("", time.Now())
	keep(err)
	keep(safe.ChangePIN("", string(secrets["the PIN"])))
	c, err := book.SaveContact(phonebook.Contact{Name: string(secrets["a name"]), Address: string(secrets["an address"]), Speed: 2})
	keep(err)
	keep(book.SetOnion(c.ID, phonebook.Onion{Address: "x", Key: phonebook.Key(secrets["an onion key"])}))
	keep(book.AddCall(phonebook.Call{When: time.Now(), Name: "unknown caller", Address: string(secrets["a caller"]), Incoming: true}))
	keep(book.SetSettings([]byte(`{"account":{"password":"` + string(secrets["a password"]) + `"},"text":"` + string(secrets["a note"]) + `"}`)))
	seed, err := book.OnionSeed()
	keep(err)
	secrets["the onion seed"] = seed[:]
	rs := make([]byte, 32)
	if _, err := rand.Read(rs); err != nil {
		t.Fatal(err)
	}
	secrets["a retained secret"] = rs
	device := zrtp.ZID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	secrets["a device"] = device[:]
	keep(book.Store(device, zrtp.RetainedSecrets{RS1: bytes.Clone(rs), Verified: true}))
	keep(book.SetSettings([]byte(`{}`)))
	safe.Lock(book)
	keep(safe.Close())
	if versions < 12 {
		t.Fatalf("only %d versions were kept: the medium was not watched", versions)
	}
	image := filepath.Join(t.TempDir(), "data.img")
	if err := run("mke2fs", "-q", "-t", "ext4", "-d", dir, image, "64M"); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("worn")) {
		t.Fatal("the partition does not hold what was put into it")
	}
	for name, secret := range secrets {
		if form := found(b, secret); form != "" {
			t.Errorf("%s stands on the card, %s", name, form)
		}
	}
	if strings.Contains(string(b), "unknown caller") || strings.Contains(strings.ToLower(string(b)), "rosalind") {
		t.Error("a part of a name stands on the card")
	}
}

// keepVersions copies what is in the folder now, and returns how many files that were.
func keepVersions(t *testing.T, folder, to string) (n int) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, string(rune('a'+n))+time.Now().Format("150405.000000000")), b, 0o600); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
