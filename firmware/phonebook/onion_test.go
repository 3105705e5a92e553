package phonebook

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestOnion: address and keys stay with a contact through a change of name, come back from the medium, and are gone once
// the contact is revoked.
func TestOnion(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenFileCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.SaveContact(Contact{Name: "Bob", Address: "sip:bob@example.test"})
	if err != nil {
		t.Fatal(err)
	}
	want := Onion{Address: "b.onion", Key: "secret", Client: "client"}
	if err := b.SetOnion(c.ID, want); err != nil {
		t.Fatal(err)
	}
	if err := b.SetRoute(c.ID, "tor"); err != nil {
		t.Fatal(err)
	}
	seed, err := b.OnionSeed()
	if err != nil || seed == [32]byte{} {
		t.Fatalf("seed %v, %v", seed == [32]byte{}, err)
	}
	if _, err := b.SaveContact(Contact{ID: c.ID, Name: "Robert"}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if b, err = OpenFileCache(dir); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	got := b.Contacts()[0]
	if got.Onion != want || got.Route != "tor" || got.Name != "Robert" {
		t.Errorf("%s has %q, %q, route %q", got.Name, got.Onion.Address, got.Onion.Client, got.Route)
	}
	if again, err := b.OnionSeed(); err != nil || again != seed {
		t.Errorf("another seed after a restart, %v", err)
	}
	if s := fmt.Sprintf("%v %+v %#v %s", got, got, got, got.Onion.Key); strings.Contains(s, "secret") {
		t.Errorf("the key is told: %s", s)
	}
	if err := b.SetOnion(c.ID, Onion{}); err != nil || b.Contacts()[0].Onion != (Onion{}) {
		t.Errorf("revoked, it has %v, %v", b.Contacts()[0].Onion, err)
	}
	if err := b.SetOnion("nobody", want); !errors.Is(err, ErrNoContact) {
		t.Errorf("nobody's keys: %v", err)
	}
	if err := b.SetOnion(c.ID, Onion{Client: strings.Repeat("x", maxOnion+1)}); !errors.Is(err, ErrOnion) {
		t.Errorf("a long key: %v", err)
	}
}
