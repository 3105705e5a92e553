package phonebook

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/firmware/vault"
	"sotto/zrtp"
)

var (
	bob    = zrtp.ZID{1, 2, 3}
	secret = zrtp.RetainedSecrets{RS1: bytes.Repeat([]byte{7}, 32), RS2: bytes.Repeat([]byte{8}, 32), Verified: true,
		Expires: time.Unix(2e9, 0).UTC()}
)

func open(t *testing.T, dir string) *Book {
	t.Helper()
	c, err := OpenFileCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCacheSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	c := open(t, dir)
	zid := c.ZID()
	if zid == (zrtp.ZID{}) {
		t.Fatal("the ZID is zero")
	}
	given := secret
	given.RS1 = bytes.Clone(secret.RS1)
	if err := c.Store(bob, given); err != nil {
		t.Fatal(err)
	}
	given.RS1.Wipe() // the session does that
	if got, _ := c.Lookup(bob); !bytes.Equal(got.RS1, secret.RS1) {
		t.Fatal("the cache shares memory with the session")
	}
	c.Close()

	c = open(t, dir)
	got, ok := c.Lookup(bob)
	if c.ZID() != zid || !ok || !bytes.Equal(got.RS1, secret.RS1) || !bytes.Equal(got.RS2, secret.RS2) ||
		!got.Verified || !got.Expires.Equal(secret.Expires) || got.PBX != nil {
		t.Fatalf("after restart: %v %v %v", c.ZID() == zid, ok, got.Verified)
	}
	if _, ok := c.Lookup(zrtp.ZID{9}); ok {
		t.Fatal("a stranger is known")
	}
}

func TestTwoProcessesOneFolder(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := OpenFileCache(dir); !errors.Is(err, vault.ErrInUse) {
		t.Fatalf("opened twice: %v", err)
	}
}

// TestRottenCacheUsesTheOlderGeneration sees that the peer is still known and that nothing was deleted.
func TestRottenCacheUsesTheOlderGeneration(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	zid := c.ZID()
	for range 2 { // both generations know Bob
		if err := c.Store(bob, secret); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	files, _ := filepath.Glob(filepath.Join(dir, cacheFile+".*"))
	if len(files) != 2 {
		t.Fatalf("generations: %v", files)
	}
	for _, f := range files {
		saved, _ := os.ReadFile(f)
		if err := os.WriteFile(f, saved[:len(saved)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		c := open(t, dir)
		if _, ok := c.Lookup(bob); !ok || c.ZID() != zid {
			t.Fatalf("%s torn: Bob is forgotten", f)
		}
		if len(c.SetAside()) != 1 || !strings.Contains(c.SetAside()[0], "broken") {
			t.Fatalf("set aside: %v", c.SetAside())
		}
		c.Close()
		if err := os.WriteFile(f, saved, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// failing is a store whose medium is full.
type failing struct{ left int }

func (f *failing) Save([]byte) error {
	if f.left--; f.left < 0 {
		return errors.New("no space")
	}
	return nil
}

func TestFailedStoreChangesNothing(t *testing.T) {
	c, err := newBook(&failing{left: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Store(bob, secret); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(bob, zrtp.RetainedSecrets{}); err == nil {
		t.Fatal("the error of the medium is swallowed")
	}
	if err := c.Store(zrtp.ZID{5}, secret); err == nil {
		t.Fatal("the error of the medium is swallowed")
	}
	got, _ := c.Lookup(bob)
	_, stranger := c.Lookup(zrtp.ZID{5})
	if !bytes.Equal(got.RS1, secret.RS1) || stranger {
		t.Fatal("the cache differs from the medium")
	}
}

func TestContentThatIsNoPhoneBook(t *testing.T) {
	for _, content := range []string{"", "{", "[]", `{"zid":"12"}`, `{"zid":"zz0000000000000000000000"}`} {
		if _, err := newBook(&failing{left: 9}, []byte(content)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: %v", content, err)
		}
	}
}
