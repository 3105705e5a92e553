package phone

import (
	"bytes"
	"testing"

	"sotto/net/onion"
)

// boxes are those of two telephones in one call.
func boxes(t testing.TB) (a, b *cardBox) {
	t.Helper()
	key := bytes.Repeat([]byte{7}, cardKey)
	a, err := newCardBox(key, true)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = newCardBox(key, false); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// TestCard: a card comes over once, whole, to the peer alone, and nothing on the way can change it.
func TestCard(t *testing.T) {
	a, b := boxes(t)
	want := businessCard{is: true, address: onion.Seed{1}.Address(), client: onion.ClientID{2}}
	first, second := a.seal(want), a.seal(businessCard{got: true})
	if bytes.Contains(first, want.address[:8]) {
		t.Error("the address is to be read on the way")
	}
	if _, err := a.open(first); err == nil {
		t.Error("one's own card came back and was taken")
	}
	for i := range first {
		bad := bytes.Clone(first)
		bad[i] ^= 1
		if _, err := b.open(bad); err == nil {
			t.Errorf("octet %d was changed, and nobody noticed", i)
		}
	}
	if got, err := b.open(first); err != nil || got != want {
		t.Errorf("%+v came as %+v, %v", want, got, err)
	}
	if _, err := b.open(first); err == nil {
		t.Error("a card was taken twice")
	}
	if got, err := b.open(second); err != nil || got != (businessCard{got: true}) {
		t.Errorf("the second came as %+v, %v", got, err)
	}
}

// FuzzCard: whatever comes, nothing is taken that the peer did not seal.
func FuzzCard(f *testing.F) {
	a, _ := boxes(f)
	f.Add(a.seal(businessCard{is: true}))
	f.Add([]byte{cardMark, cardVersion, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, packet []byte) {
		a, b := boxes(t)
		genuine := [][]byte{a.seal(businessCard{is: true})}
		if _, err := b.open(packet); err == nil && !bytes.Equal(packet, genuine[0]) {
			t.Fatalf("%x was taken for a card", packet)
		}
		if _, err := b.open(genuine[0]); err != nil && !bytes.Equal(packet, genuine[0]) {
			t.Fatal("a forged card keeps out a genuine one")
		}
	})
}
