package onion

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// published addresses of well-known services.
var known = []string{
	"2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion",
	"duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion",
}

func TestAddress(t *testing.T) {
	for _, s := range known {
		a, err := ParseAddress(s)
		if err != nil || a.String() != s {
			t.Errorf("%s became %s, %v", s, a, err)
		}
		for i := range addressLen { // a checksum of 16 bits sees one wrong character
			b := []byte(s)
			b[i] = 'a' + (b[i]-'a'+1)%26
			if _, err := ParseAddress(string(b)); !errors.Is(err, ErrAddress) {
				t.Errorf("%s was taken", b)
			}
		}
	}
	a, err := ParseAddress(" " + strings.ToUpper(strings.TrimSuffix(known[0], suffix)) + "\n")
	if err != nil || a.String() != known[0] {
		t.Errorf("in capitals: %s, %v", a, err)
	}
	for _, s := range []string{"", ".onion", "expyuzz4wqqyqhjn.onion", known[0] + ".onion", "a" + known[0], strings.Repeat("=", addressLen), known[0][:54] + "\n\n"} {
		if a, err := ParseAddress(s); !errors.Is(err, ErrAddress) || a != (Address{}) {
			t.Errorf("%q was taken", s)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range known {
		f.Add(s)
		f.Add(s[:50] + "\r\n\n\n\n\n")
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if b, err := ParseAddress(a.String()); err != nil || b != a {
			t.Fatalf("%q became %v and that %v, %v", s, a, b, err)
		}
	})
}

// TestSeed: the key of RFC 8032, Section 7.1, TEST 1.
func TestSeed(t *testing.T) {
	var s Seed
	hex.Decode(s[:], []byte("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
	a := s.Address()
	if got := hex.EncodeToString(a[:]); got != "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" {
		t.Errorf("public key %s", got)
	}
	// The clamped half of its SHA-512, as that section's algorithm makes it.
	secret, err := base64.StdEncoding.DecodeString(s.blob())
	if err != nil || len(secret) != 64 || hex.EncodeToString(secret[:32]) != "307c83864f2833cb427a2ef1c00a013cfdff2768d980c0a3a520f006904de94f" {
		t.Errorf("secret %x, %v", secret, err)
	}
	if !s.Equal(s) || s.Equal(Seed{}) {
		t.Error("Equal does not")
	}
}

// TestClientKey: RFC 7748, Section 5.2, the first iteration: the scalar 9 times the point 9.
func TestClientKey(t *testing.T) {
	k := ClientKey{9}
	if id := k.ID(); hex.EncodeToString(id[:]) != "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079" {
		t.Errorf("public key %x", id[:])
	}
	id := k.ID()
	again, err := ParseClientID(strings.ToLower(id.String()))
	if err != nil || again != id {
		t.Errorf("%s became %s, %v", id, again, err)
	}
	for _, s := range []string{"", id.String()[1:], id.String() + "A", strings.Repeat("A", 52), strings.Repeat("!", 52)} {
		if _, err := ParseClientID(s); !errors.Is(err, ErrKey) {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestSecretsHideThemselves(t *testing.T) {
	for _, secret := range []any{Seed{65, 66, 67}, ClientKey{65, 66, 67}, struct{ S Seed }{Seed{65, 66, 67}}, &ClientKey{65, 66, 67}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
			if s := fmt.Sprintf(verb, secret); strings.Contains(s, "ABC") || strings.Contains(s, "414243") || strings.Contains(s, "65") {
				t.Errorf("%s shows %s", verb, s)
			}
		}
	}
}
