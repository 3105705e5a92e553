package phonebook

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sotto/firmware/vault"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func safe(t *testing.T, dir string) *Safe {
	t.Helper()
	s, err := openSafe(dir, func() vault.Params { return vault.Params{Time: 1, Memory: 8, Threads: 1} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func unlock(t *testing.T, s *Safe, pin string) *Book {
	t.Helper()
	b, err := s.Unlock(pin, noon)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSafe(t *testing.T) {
	dir := t.TempDir()
	s := safe(t, dir)
	if s.HasPIN() {
		t.Fatal("a new telephone has a PIN that nobody knows")
	}
	b := unlock(t, s, "")
	zid := b.ZID()
	if _, err := b.SaveContact(Contact{Name: "Bob", Address: bobAt}); err != nil {
		t.Fatal(err)
	}
	if err := b.Store(bobZID, secret); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangePIN("", "4711"); err != nil {
		t.Fatal(err)
	}
	s.Lock(b)
	if _, ok := b.Lookup(bobZID); ok || len(b.Contacts()) != 0 {
		t.Fatal("the book is still readable after Lock")
	}
	if err := b.Store(bobZID, secret); !errors.Is(err, vault.ErrLocked) {
		t.Fatalf("stored after Lock: %v", err)
	}
	s.Close()

	s = safe(t, dir)
	if _, err := s.Unlock("0000", noon); !errors.Is(err, vault.ErrWrongPIN) {
		t.Fatal(err)
	}
	b = unlock(t, s, "4711")
	got, ok := b.Lookup(bobZID)
	if !ok || !bytes.Equal(got.RS1, secret.RS1) || b.ZID() != zid || b.Contacts()[0].Name != "Bob" {
		t.Fatal("something was lost behind the PIN")
	}
	onCard(t, dir, `"Bob"`, "10.0.0.2", `"4711"`, string(secret.RS1), zid.String(), bobZID.String())
}

// onCard looks for words in every file of the folder. They have five octets at least: three stand by chance in one sealed
// file of three hundred.
func onCard(t *testing.T, dir string, words ...string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) < 3 {
		t.Fatalf("only %v on the card", files)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if len(w) < 5 {
				t.Fatalf("%q is too short a word", w)
			}
			if bytes.Contains(content, []byte(w)) {
				t.Errorf("%s holds %q in the clear", f, w)
			}
		}
	}
}

// TestClearBookMovesIntoTheSafe takes over what a telephone without a vault has written, and leaves nothing of it.
func TestClearBookMovesIntoTheSafe(t *testing.T) {
	dir := t.TempDir()
	old := open(t, dir)
	zid := old.ZID()
	for range 2 {
		if err := old.Store(bobZID, secret); err != nil {
			t.Fatal(err)
		}
	}
	old.Close()
	b := unlock(t, safe(t, dir), "")
	if got, ok := b.Lookup(bobZID); !ok || !bytes.Equal(got.RS1, secret.RS1) || b.ZID() != zid {
		t.Fatal("the move lost something")
	}
	if err := b.AddCall(Call{Name: "Bob"}); err != nil {
		t.Fatal(err)
	}
	onCard(t, dir, zid.String(), bobZID.String(), `"rs1"`, `"RS1"`)
	if left, _ := filepath.Glob(filepath.Join(dir, cacheFile+"*")); len(left) > 0 {
		t.Errorf("%v is still there", left)
	}
}

func TestWaitAndTries(t *testing.T) {
	s := safe(t, t.TempDir())
	b := unlock(t, s, "")
	if err := s.ChangePIN("", "4711"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetEraseAfter("4711", 10); err != nil {
		t.Fatal(err)
	}
	s.Lock(b)
	var err error
	for range 3 {
		_, err = s.Unlock("0000", noon)
	}
	if wait, left := s.Tries(err, noon); wait != 5*time.Second || left != 7 {
		t.Errorf("wait %v, %d left", wait, left)
	}
	_, err = s.Unlock("4711", noon.Add(time.Second))
	if wait, _ := s.Tries(err, noon.Add(time.Second)); wait != 4*time.Second {
		t.Errorf("%v: wait %v", err, wait)
	}
}
