package zrtp

import (
	"bytes"
	"testing"
)

// TestMandatoryOnly: "A count of zero means that only the mandatory-to-implement algorithms are supported."
func TestMandatoryOnly(t *testing.T) {
	h, err := consumeHello(createFrame(msgHello, helloFixedSize))
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&Config{ZID: ZID{1}, Rand: &counter{}}).complete()
	if err != nil {
		t.Fatal(err)
	}
	chain, err := newHashChain(c.Rand)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := consumeHello(createHello(&c, &chain))
	if err != nil {
		t.Fatal(err)
	}
	want := Algorithms{HashS256, CipherAES1, AuthTagHS80, KeyAgreementDH3k, SASB32}
	if got := negotiate(&ours, &h); got != want {
		t.Errorf("%v", got)
	}
}

// TestNegotiateKA is the example of Section 4.1.2, and more.
func TestNegotiateKA(t *testing.T) {
	for _, x := range []struct{ ours, theirs, hashes, want string }{
		{"DH2k DH3k EC25", "EC38 EC25 DH3k", "S384", "EC25"},
		{"XM76 X255", "XM76 X255", "S384", "XM76"},
		{"XM76 X255", "X255 XM76", "S384", "X255"},
		{"X255 E255", "E255", "S256", "E255"},
		{"EC38 X448", "EC38 X448", "S256", "X448"}, // EC38 needs a long hash
		{"EC38 X448", "EC38 X448", "S384", "EC38"},
		{"X448", "X255", "S256", "DH3k"}, // implied at the end
		{"Mult Prsh X255", "Mult X255", "S256", "X255"},
		// ours by default against linphonec, linphonec configured, baresip with GNU ZRTP old and new
		{"XM76 X255 E255 DH3k EC25 EC38 Mult", "DH3k Mult", "S256", "DH3k"},
		{"XM76 X255 E255 DH3k EC25 EC38 Mult", "X448 X255 DH3k Mult", "S256", "X255"},
		{"XM76 X255 E255 DH3k EC25 EC38 Mult", "X448", "S256", "DH3k"},
		{"XM76 X255 E255 DH3k EC25 EC38 Mult", "EC25 DH3k EC38 DH2k Mult", "S256", "EC25"},
		{"XM76 X255 E255 DH3k EC25 EC38 Mult", "E255 EC25 DH3k E414 Mult", "S384", "E255"},
	} {
		parse := func(list string) (h hello) {
			for _, w := range bytes.Fields([]byte(list)) {
				h.ka.add(blockValue(string(w)))
			}
			h.ka.add(uint32(KeyAgreementDH3k))
			h.hashes.add(blockValue(x.hashes))
			return h
		}
		a, b := parse(x.ours), parse(x.theirs)
		if got := negotiateKA(&a, &b); got.String() != x.want || negotiateKA(&b, &a) != got {
			t.Errorf("%s / %s: %v, want %s", x.ours, x.theirs, got, x.want)
		}
	}
}
