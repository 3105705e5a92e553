package phonebook

import (
	"errors"
	"strings"
	"testing"

	"sotto/zrtp"
)

// people makes a book with Bob and Carol, each met once on a device of their own.
func people(t *testing.T) (b *Book, bobID, carolID string) {
	t.Helper()
	b, err := newBook(&failing{left: 1000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, address string
		device        zrtp.ZID
		id            *string
	}{{"Bob", "sip:bob@10.0.0.2", bobZID, &bobID}, {"Carol", "sip:carol@10.0.0.3", carolZID, &carolID}} {
		saved, err := b.SaveContact(Contact{Name: c.name, Address: c.address, Device: "forged"})
		if err != nil {
			t.Fatal(err)
		}
		if saved.Device != "" {
			t.Fatal("a contact was born with a device that nobody met")
		}
		*c.id = saved.ID
		if err := b.Store(c.device, secret); err != nil {
			t.Fatal(err)
		}
		if err := b.Met(c.address, c.device); err != nil {
			t.Fatal(err)
		}
	}
	return b, bobID, carolID
}

var (
	bobZID   = zrtp.ZID{0xb0, 0xb}
	carolZID = zrtp.ZID{0xca}
	malZID   = zrtp.ZID{0x0b, 0xad}
)

const bobAt = "sip:bob@10.0.0.2:5060"

func TestKnownDevice(t *testing.T) {
	b, _, _ := people(t)
	if j := b.Judge(bobAt, bobZID); j != (Judgement{Name: "Bob", Checked: true}) {
		t.Errorf("%+v", j)
	}
	if j := b.Judge("sip:somebody@else", zrtp.ZID{7}); j != (Judgement{}) {
		t.Errorf("a stranger: %+v", j)
	}
}

// TestNewDeviceUnderAKnownName: Mallory answers Bob's address with a device of her own.
func TestNewDeviceUnderAKnownName(t *testing.T) {
	b, bobID, _ := people(t)
	if j := b.Judge(bobAt, malZID); !j.OtherDevice || j.Name != "" {
		t.Fatalf("%+v", j)
	}
	if err := b.Met(bobAt, malZID); err != nil { // even if the phone forgot to look
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, malZID); !j.OtherDevice {
		t.Fatal("Met gave Bob's name to another device")
	}
	if err := b.Compared(bobAt, malZID, false); err != nil {
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, malZID); !j.Broken || !j.OtherDevice {
		t.Fatalf("the alarm does not persist: %+v", j)
	}
	// Bob himself with a new telephone: the code is right.
	if err := b.Store(zrtp.ZID{0xb1}, secret); err != nil {
		t.Fatal(err)
	}
	if err := b.Compared(bobAt, zrtp.ZID{0xb1}, true); err != nil {
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, zrtp.ZID{0xb1}); j.Name != "Bob" || j.OtherDevice {
		t.Fatalf("%+v", j)
	}
	if j := b.Judge(bobAt, bobZID); !j.OtherDevice {
		t.Fatalf("the telephone that Bob gave away is still his: %+v", j)
	}
	if c := b.Contacts()[0]; c.ID != bobID || c.Device != (zrtp.ZID{0xb1}).String() {
		t.Fatalf("%+v", c)
	}
}

// TestATelephoneThatKeepsNothing: Dora's is locked and calls herself another each time. Her name waits for the one that stays.
func TestATelephoneThatKeepsNothing(t *testing.T) {
	b, _, _ := people(t)
	dora, err := b.SaveContact(Contact{Name: "Dora", Address: "sip:dora@10.0.0.4"})
	if err != nil {
		t.Fatal(err)
	}
	for _, bind := range []func(string, zrtp.ZID) error{b.Met, func(a string, z zrtp.ZID) error { return b.Compared(a, z, true) }} {
		if err := bind(dora.Address, zrtp.ZID{0xd0, 1}); err != nil {
			t.Fatal(err)
		}
		if j := b.Judge(dora.Address, zrtp.ZID{0xd0, 2}); j != (Judgement{}) {
			t.Fatalf("an alarm for honest people: %+v", j)
		}
	}
	if err := b.Store(zrtp.ZID{0xd0}, secret); err != nil {
		t.Fatal(err)
	}
	if err := b.Met(dora.Address, zrtp.ZID{0xd0}); err != nil {
		t.Fatal(err)
	}
	if j := b.Judge(dora.Address, malZID); !j.OtherDevice {
		t.Fatal("Dora's own telephone was not bound to her name")
	}
	if err := b.Compared(bobAt, zrtp.ZID{0xb2}, true); err != nil { // Bob's is locked, and the code is right
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, bobZID); j.OtherDevice {
		t.Fatal("Bob's name went to a telephone that keeps nothing")
	}
}

// TestFriendInTheMiddle: Carol, whom we know and verified, answers under Bob's address and passes everything on.
func TestFriendInTheMiddle(t *testing.T) {
	b, _, _ := people(t)
	j := b.Judge(bobAt, carolZID)
	if j.Name != "Carol" || !j.OtherDevice || !j.OtherPerson {
		t.Fatalf("%+v", j)
	}
	if err := b.Compared(bobAt, carolZID, true); err != nil { // the code is right: it is Carol's device
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, carolZID); j.Name != "Carol" || !j.OtherDevice {
		t.Fatalf("Carol's device became Bob's: %+v", j)
	}
	dora, err := b.SaveContact(Contact{Name: "Dora", Address: "sip:dora@10.0.0.4"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Met(dora.Address, carolZID); err != nil {
		t.Fatal(err)
	}
	if j := b.Judge(dora.Address, carolZID); j.Name != "Carol" {
		t.Fatalf("one device has two names: %+v", j)
	}
}

// TestVerifiedButNeverHeard: the line broke before there was a sign that Bob has the secret too. Nothing is said of his telephone.
func TestVerifiedButNeverHeard(t *testing.T) {
	b, bobID, _ := people(t)
	s := secret
	s.Unproven = true
	if err := b.Store(bobZID, s); err != nil {
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, bobZID); j.Checked || j.Lost {
		t.Fatalf("%+v", j)
	}
	if _, checked, _ := b.TrustOf(b.Contacts()[0]); checked || b.Contacts()[0].ID != bobID {
		t.Fatal("shown as checked")
	}
}

// TestCacheLoss: what was retained of Bob's device is gone, though it is Bob's. A cloned ZID looks the same.
func TestCacheLoss(t *testing.T) {
	b, _, _ := people(t)
	delete(b.data.Secrets, bobZID.String())
	if j := b.Judge(bobAt, bobZID); !j.Lost {
		t.Fatalf("%+v", j)
	}
}

func TestUnverify(t *testing.T) {
	b, bobID, _ := people(t)
	if err := b.Unverify(bobID); err != nil {
		t.Fatal(err)
	}
	if j := b.Judge(bobAt, bobZID); j.Checked || j.Name != "Bob" {
		t.Fatalf("%+v", j)
	}
	if s, _ := b.Lookup(bobZID); s.Verified || len(s.RS1) == 0 {
		t.Fatal("the flag stands, or the retained secret is gone")
	}
	if err := b.Unverify("none"); !errors.Is(err, ErrNoContact) {
		t.Fatal(err)
	}
}

func TestDeletingANameKeepsTheDevice(t *testing.T) {
	b, bobID, _ := people(t)
	if err := b.DeleteContact(bobID); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Lookup(bobZID); !ok {
		t.Fatal("the retained secret went with the name: the next call would look like a first one")
	}
	if err := b.DeleteContact(bobID); !errors.Is(err, ErrNoContact) {
		t.Fatal(err)
	}
}

func TestContacts(t *testing.T) {
	b, bobID, _ := people(t)
	if _, err := b.SaveContact(Contact{Name: "  ", Address: "1"}); !errors.Is(err, ErrNoName) {
		t.Error(err)
	}
	if _, err := b.SaveContact(Contact{Name: "BOB", Address: "1"}); !errors.Is(err, ErrTwice) {
		t.Errorf("two people of one name: %v", err)
	}
	if _, err := b.SaveContact(Contact{ID: "77", Name: "Nobody"}); !errors.Is(err, ErrNoContact) {
		t.Error(err)
	}
	c, err := b.SaveContact(Contact{ID: bobID, Name: "Bob\x00\n\u202e Bad", Address: bobAt, Speed: 2})
	if err != nil || c.Name != "Bob Bad" || c.Device != bobZID.String() {
		t.Errorf("%+v %v", c, err)
	}
	if d, err := b.SaveContact(Contact{Name: strings.Repeat("ä", 100), Speed: 2}); err != nil || len(d.Name) > maxName {
		t.Errorf("%d bytes, %v", len(d.Name), err)
	}
	for _, c := range b.Contacts() {
		if c.ID == bobID && c.Speed != 0 {
			t.Error("two contacts on one key")
		}
	}
	if err := b.Block("sip:Eve@Example.Test", true); err != nil || !b.Blocked("sip:Eve@example.test:5060") || b.Blocked(bobAt) {
		t.Error("the block list does not block")
	}
	if err := b.Block("sip:Eve@example.test", false); err != nil || b.Blocked("sip:Eve@example.test") {
		t.Error("once blocked, blocked for ever")
	}
	for range maxCalls + 5 {
		if err := b.AddCall(Call{Name: "Bob"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(b.Calls()); n != maxCalls {
		t.Errorf("%d calls are kept", n)
	}
}

// TestSafetyNumber computes the number on both sides.
func TestSafetyNumber(t *testing.T) {
	b, bobID, _ := people(t)
	ours := b.SafetyNumber(bobID)
	theirs := safetyNumber(bobZID.String(), b.ZID().String(), secret.RS1)
	if ours != theirs {
		t.Errorf("the two sides read different numbers:\n%s\n%s", ours, theirs)
	}
	if digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, ours); len(digits) != 60 || strings.Count(ours, "\n") != 3 {
		t.Errorf("%q", ours)
	}
	if other := safetyNumber(bobZID.String(), b.ZID().String(), secret.RS2); other == ours {
		t.Error("the number does not follow the retained secret")
	}
	if b.SafetyNumber("none") != "" {
		t.Error("a number for nobody")
	}
}

// TestProvision gives Bob another address by the configuration: he stays who he is.
func TestProvision(t *testing.T) {
	b, bobID, _ := people(t)
	c, err := b.Provision("bob", "sip:bob@10.9.9.9:5070", 2)
	if err != nil || c.ID != bobID || c.Device != bobZID.String() || len(b.Contacts()) != 2 {
		t.Fatalf("%+v %v", c, err)
	}
	if j := b.Judge("sip:bob@10.9.9.9:5070", malZID); !j.OtherDevice {
		t.Fatal("a new address made room for another device")
	}
	if c, err = b.Provision("Dora", "1", 4); err != nil || c.Speed != 4 || len(b.Contacts()) != 3 {
		t.Fatalf("%+v %v", c, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		a, b       string
		same, like bool
	}{
		{"sip:bob@10.0.0.2", "bob@10.0.0.2:5060;transport=tcp", true, true},
		{"sip:bob@10.0.0.2:5062", "sip:Bob@10.0.0.2", false, true},
		{"sip:10.0.0.2", "sip:bob@10.0.0.2", false, true},
		{"sip:bob@[2001:db8::1]", "sip:bob@[2001:DB8::1]:5060", true, true},
		{"sip:bob@10.0.0.2", "sip:carol@10.0.0.2", false, false},
		{"sip:bob@10.0.0.2", "sip:bob@10.0.0.3", false, false},
		{"1234", "1234", true, true}, {"1234", "12345", false, false}, {"", "", false, false},
	} {
		if SameAddress(c.a, c.b) != c.same || like(c.a, c.b) != c.like || like(c.b, c.a) != c.like {
			t.Errorf("%q and %q: same %v, like %v", c.a, c.b, SameAddress(c.a, c.b), like(c.a, c.b))
		}
	}
	b, bobID, _ := people(t)
	if b.ContactAt("sip:BOB@10.0.0.2") != bobID || b.ContactAt("sip:bob@10.9.9.9") != "" {
		t.Error("a caller without a port is not known, or another is")
	}
	if j := b.Judge(bobAt, bobZID); j.OtherPerson || j.OtherDevice {
		t.Error("Bob is not Bob")
	}
	if j := b.Judge("sip:BOB@10.0.0.2:40000", malZID); !j.OtherDevice {
		t.Error("another port hides that it is not Bob's device")
	}
}
