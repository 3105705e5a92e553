package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/firmware/provision"
	"sotto/firmware/update"
)

// do runs a verb and gives what it printed.
func do(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(args, &out)
	return out.String(), err
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := do(t, args...)
	if err != nil {
		t.Fatalf("sign %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// TestOwnerSignsAnImage is README.md as a test: two keys, two signatures, one bundle.
func TestOwnerSignsAnImage(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("image", strings.Repeat("an image ", 1000))
	write("pass", "open sesame\n")
	must(t, "keygen", "-key", at("one"), "-passphrase", at("pass"))
	must(t, "keygen", "-key", at("two"))
	if _, err := do(t, "keygen", "-key", at("one")); !errors.Is(err, os.ErrExist) {
		t.Fatalf("a secret key was overwritten: %v", err)
	}
	if info, err := os.Stat(at("one")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	must(t, "manifest", "-board", "rpi4", "-version", "12", "-name", "1.2.0", "-image", at("image"), "-o", at("manifest"))
	if _, err := do(t, "sign", "-key", at("one"), "-manifest", at("manifest"), "-o", at("sig1")); err == nil {
		t.Fatal("an encrypted key signs without its passphrase")
	}
	write("wrong", "open barley\n")
	if _, err := do(t, "sign", "-key", at("one"), "-passphrase", at("wrong"), "-manifest", at("manifest"), "-o", at("sig1")); !errors.Is(err, errPassphrase) {
		t.Fatal(err)
	}
	must(t, "sign", "-key", at("one"), "-passphrase", at("pass"), "-manifest", at("manifest"), "-o", at("sig1"))
	must(t, "sign", "-key", at("two"), "-manifest", at("manifest"), "-o", at("sig2"))
	must(t, "bundle", "-manifest", at("manifest"), "-image", at("image"), "-o", at("update"), at("sig1"), at("sig2"))
	check := func(board, newest string) error {
		_, err := do(t, "verify", "-board", board, "-need", "2", "-newest", newest, "-bundle", at("update"), at("one.pub"), at("two.pub"))
		return err
	}
	if err := check("rpi4", "11"); err != nil {
		t.Fatal(err)
	}
	if err := check("rpi3", "11"); !errors.Is(err, update.ErrBoard) {
		t.Error(err)
	}
	if err := check("rpi4", "12"); !errors.Is(err, update.ErrOlder) {
		t.Error(err)
	}
	must(t, "bundle", "-manifest", at("manifest"), "-image", at("image"), "-o", at("half"), at("sig1"), at("sig1"))
	if _, err := do(t, "verify", "-board", "rpi4", "-need", "2", "-bundle", at("half"), at("one.pub"), at("two.pub")); !errors.Is(err, update.ErrUnsigned) {
		t.Errorf("one key counts twice: %v", err)
	}
	write("other", "another image")
	if _, err := do(t, "bundle", "-manifest", at("manifest"), "-image", at("other"), "-o", at("bad"), at("sig1")); err == nil {
		t.Error("a bundle with an image that nobody signed")
	}
}

// TestMinisignKey reads a key that minisign made and signs as minisign does: Ed25519 gives the same signature.
// TestOwnerSignsASetUp is the other half of README.md: two owners sign, the second seals, a telephone opens.
func TestOwnerSignsASetUp(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"code": "blue horse\n", "bad": "sotto-provision 1\nend\n",
		"setup": "sotto-provision 1\nserial 1\nfor all\ncontact 2 sip:bob@192.0.2.7 Bob\nend\n"} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	terms := provision.Terms{Policy: update.Policy{Need: 2}}
	for _, name := range []string{"one", "two"} {
		must(t, "keygen", "-key", at(name))
		text, err := os.ReadFile(at(name + ".pub"))
		if err != nil {
			t.Fatal(err)
		}
		k, err := update.ParsePublicKey(string(text))
		if err != nil {
			t.Fatal(err)
		}
		terms.Policy.Keys = append(terms.Policy.Keys, k)
	}
	if _, err := do(t, "provision", "-key", at("one"), "-file", at("bad"), "-o", at("x")); !errors.Is(err, provision.ErrFormat) {
		t.Errorf("a file that no telephone takes: %v", err)
	}
	must(t, "provision", "-key", at("one"), "-file", at("setup"), "-o", at("once"))
	must(t, "provision", "-key", at("two"), "-file", at("once"), "-code", at("code"), "-o", at("sealed"), "-stick", at("stick"))
	for name, try := range map[string]struct {
		code string
		want error
	}{"once": {"", provision.ErrUnsigned}, "sealed": {"blue horse", nil}} {
		file, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := provision.Open(file, try.code, terms)
		if !errors.Is(err, try.want) || err == nil && (len(f.Contacts) != 1 || f.Contacts[0].Name != "Bob") {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	stick, err := os.ReadFile(at("stick"))
	file, err2 := os.ReadFile(at("sealed"))
	if err != nil || err2 != nil || len(stick)%512 != 0 || !strings.HasPrefix(string(stick[12:]), string(file)) ||
		string(stick[:8]) != "SOTTOSU1" || binary.BigEndian.Uint32(stick[8:]) != uint32(len(file)) {
		t.Errorf("the stick has %d octets, the file %d: %v, %v", len(stick), len(file), err, err2)
	}
	if _, err := do(t, "provision", "-key", at("two"), "-file", at("sealed"), "-o", at("x")); err == nil {
		t.Error("what is sealed was signed")
	}
}

func TestMinisignKey(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	k, err := openKey(read("plain.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	pub, err := update.ParsePublicKey(read("plain.pub"))
	if err != nil || pub != k.public() {
		t.Fatalf("the public key differs: %v", err)
	}
	want, err := update.ParseSignature(read("message.minisig"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := update.ParseSignature(update.Sign(k.id, k.secret, []byte(read("message")), want.Comment))
	if err != nil || got != want {
		t.Fatalf("%v: minisign signed\n%+v\nwe sign\n%+v", err, want, got)
	}
	if s := k.String(); s != "[secret]" {
		t.Error(s)
	}
}

func TestBadKeys(t *testing.T) {
	good, err := os.ReadFile("testdata/plain.key")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "x", "untrusted comment: y\nAAAA", string(good[:len(good)-9]), strings.Replace(string(good), "RWQAAEIy", "RWRTY0Iy", 1)} {
		if _, err := openKey(text, "x"); err == nil {
			t.Errorf("%q is taken for a key", text)
		}
	}
}

func TestWrongUseIsOneLine(t *testing.T) {
	for _, args := range [][]string{{}, {"dance"}, {"keygen"}, {"sign", "-key", "x"}, {"manifest", "-board", "a b\nc", "-version", "x", "-name", "n", "-image", "i", "-o", "o"}} {
		_, err := do(t, args...)
		if err == nil || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%v: %v", args, err)
		}
	}
}
