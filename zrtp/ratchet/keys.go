package ratchet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha512"
	"fmt"
)

// key is 32 secret octets. It hides itself.
type key []byte

const keySize = 32

// String hides the key.
func (key) String() string { return "ratchet.key" }

// GoString hides the key.
func (k key) GoString() string { return k.String() }

// Format hides the key from every verb.
func (k key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

func (k key) wipe() { clear(k) }

func (k key) clone() key { return append(key(nil), k...) }

// expand derives n keys of a secret under a label: HKDF with SHA-512 (RFC 5869).
func expand(secret, salt []byte, label string, n int) ([]key, error) {
	long, err := hkdf.Key(sha512.New, secret, salt, label, n*keySize)
	if err != nil {
		return nil, fmt.Errorf("ratchet: %w", err)
	}
	keys := make([]key, n)
	for i := range keys {
		keys[i] = key(long[i*keySize : (i+1)*keySize : (i+1)*keySize])
	}
	return keys, nil
}

// stepRoot is KDF_RK_HE (Section 4.3): the next root key, the chain key and the next header key.
func stepRoot(root key, private *ecdh.PrivateKey, public []byte) (next, chain, header key, err error) {
	p, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, nil, nil, ErrForged
	}
	shared, err := private.ECDH(p) // refuses points of low order
	if err != nil {
		return nil, nil, nil, ErrForged
	}
	defer clear(shared)
	k, err := expand(shared, root, "sotto message root 1", 3)
	if err != nil {
		return nil, nil, nil, err
	}
	return k[0], k[1], k[2], nil
}

// stepChain is KDF_CK (Section 5.2): the key of this message, and the next chain key.
func stepChain(chain key) (next, message key) {
	return tag(chain, 2), tag(chain, 1)
}

func tag(k key, b byte) key {
	m := hmac.New(sha512.New, k)
	m.Write([]byte{b})
	return key(m.Sum(nil)[:keySize])
}

// sealer is AES-256-GCM under a key.
func sealer(k []byte) cipher.AEAD {
	block, err := aes.NewCipher(k)
	if err != nil {
		panic("ratchet: key of another length") // every key here has keySize octets: expand, tag and Unmarshal see to it
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("ratchet: AES has another block")
	}
	return aead
}

// bodySealer is the cipher of one message. The encrypted header, which begins with a random nonce, is mixed into its key:
// a state that came back from an old copy (a damaged file, a restored card) then still encrypts no two messages alike.
func bodySealer(message key, header []byte) (cipher.AEAD, []byte, error) {
	long, err := hkdf.Key(sha512.New, message, header, "sotto message body 1", keySize+nonceSize)
	if err != nil {
		return nil, nil, fmt.Errorf("ratchet: %w", err)
	}
	defer clear(long[:keySize])
	return sealer(long[:keySize]), long[keySize:], nil
}
