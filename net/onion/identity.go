package onion

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// Of the Tor specification, rend-spec-v3, "Encoding onion addresses".
const (
	version3     = 3
	checksumSalt = ".onion checksum"
	addressLen   = 56 // characters before ".onion"
	suffix       = ".onion"
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Address is a version 3 onion address: the public key of a service. The zero value is none.
type Address [ed25519.PublicKeySize]byte

// String is the address with ".onion", in lower case.
func (a Address) String() string { return a.id() + suffix }

// id is the address without its suffix, as the control protocol has it.
func (a Address) id() string {
	sum := a.checksum()
	b := append(append(a[:len(a):len(a)], sum[:]...), version3)
	return strings.ToLower(encoding.EncodeToString(b))
}

// checksum is the first two octets of SHA3-256(".onion checksum" | PUBKEY | VERSION).
func (a Address) checksum() [2]byte {
	h := sha3.New256()
	h.Write([]byte(checksumSalt))
	h.Write(a[:])
	h.Write([]byte{version3})
	return [2]byte(h.Sum(nil))
}

// ParseAddress reads an onion address, with or without ".onion", in either case. The error is ErrAddress.
func ParseAddress(s string) (a Address, err error) {
	s, _ = strings.CutSuffix(strings.ToLower(strings.TrimSpace(s)), suffix)
	if len(s) != addressLen {
		return Address{}, ErrAddress
	}
	// The length is asked again: the decoder passes over line ends, so that 56 characters may be fewer than 35 octets.
	b, err := encoding.DecodeString(strings.ToUpper(s))
	if err != nil || len(b) != encoding.DecodedLen(addressLen) {
		return Address{}, ErrAddress
	}
	copy(a[:], b)
	sum := a.checksum()
	if b[34] != version3 || b[32] != sum[0] || b[33] != sum[1] {
		return Address{}, ErrAddress
	}
	return a, nil
}

// Seed is the secret from which a service's key and so its address follow: an Ed25519 seed (RFC 8032, Section 5.1.5).
// Whoever has it is this telephone.
type Seed [ed25519.SeedSize]byte

// NewSeed draws a seed.
func NewSeed(random io.Reader) (s Seed, err error) {
	_, err = io.ReadFull(random, s[:])
	return s, err
}

// Address is the address of the service.
func (s Seed) Address() Address {
	return Address(ed25519.NewKeyFromSeed(s[:]).Public().(ed25519.PublicKey))
}

// blob is the secret scalar and the hash prefix (RFC 8032, Section 5.1.5) in base64: what ADD_ONION calls ED25519-V3.
func (s Seed) blob() string {
	h := sha512.Sum512(s[:])
	h[0] &= 248
	h[31] &= 127
	h[31] |= 64
	defer clear(h[:])
	return base64.StdEncoding.EncodeToString(h[:])
}

// Equal compares in constant time.
func (s Seed) Equal(o Seed) bool { return subtle.ConstantTimeCompare(s[:], o[:]) == 1 }

// String hides the seed.
func (Seed) String() string { return "onion.Seed" }

// GoString hides the seed.
func (Seed) GoString() string { return "onion.Seed" }

// Format hides the seed from every verb.
func (s Seed) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// ClientKey is the secret half of an authorisation to reach one service: an X25519 private key (rend-spec-v3, "Client
// authorization"). The caller has it; the called knows the ClientID.
type ClientKey [32]byte

// NewClientKey draws a key.
func NewClientKey(random io.Reader) (k ClientKey, err error) {
	_, err = io.ReadFull(random, k[:])
	return k, err
}

// ID is the public half.
func (k ClientKey) ID() ClientID {
	p, err := ecdh.X25519().NewPrivateKey(k[:])
	if err != nil {
		panic("onion: X25519 takes any 32 octets")
	}
	return ClientID(p.PublicKey().Bytes())
}

func (k ClientKey) blob() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Secret is the key in base32, 52 characters, as ParseClientKey reads it: for a sealed book, or to be handed over.
func (k ClientKey) Secret() string { return encoding.EncodeToString(k[:]) }

// ParseClientKey reads what Secret wrote, in either case. The error is ErrKey.
func ParseClientKey(s string) (k ClientKey, err error) {
	id, err := ParseClientID(s)
	return ClientKey(id), err
}

// String hides the key.
func (ClientKey) String() string { return "onion.ClientKey" }

// GoString hides the key.
func (ClientKey) GoString() string { return "onion.ClientKey" }

// Format hides the key from every verb.
func (k ClientKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// ClientID is the public half of a ClientKey: what a service keeps of each contact who may reach it.
type ClientID [32]byte

// String is the key in base32, 52 characters, as ParseClientID reads it.
func (c ClientID) String() string { return encoding.EncodeToString(c[:]) }

// ParseClientID reads what String wrote, in either case. The error is ErrKey.
func ParseClientID(s string) (c ClientID, err error) {
	b, err := encoding.DecodeString(strings.ToUpper(strings.TrimSpace(s)))
	if err != nil || len(b) != len(c) {
		return ClientID{}, ErrKey
	}
	c = ClientID(b)
	if c == (ClientID{}) {
		return ClientID{}, ErrKey
	}
	return c, nil
}
