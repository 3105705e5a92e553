package zrtp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"hash"
)

// new is the hash's constructor, nil for one that this package does not implement (RFC 6189, Section 5.1.2).
func (h Hash) new() func() hash.Hash {
	switch h {
	case HashS256:
		return sha256.New
	case HashS384:
		return sha512.New384
	case HashN256:
		return func() hash.Hash { return sha3.New256() }
	case HashN384:
		return func() hash.Hash { return sha3.New384() }
	}
	return nil
}

// size is the output length in octets, 0 for an unknown hash.
func (h Hash) size() int {
	switch h {
	case HashS256, HashN256:
		return 32
	case HashS384, HashN384:
		return 48
	}
	return 0
}

// keySize is the AES key length in octets, 0 for an unknown cipher.
func (c Cipher) keySize() int {
	switch c {
	case CipherAES1:
		return 16
	case CipherAES3:
		return 32
	}
	return 0
}

// digest is the negotiated hash of the parts one after the other.
func digest(h Hash, parts ...[]byte) []byte {
	d := h.new()()
	for _, p := range parts {
		d.Write(p)
	}
	return d.Sum(nil)
}

// mac is the negotiated MAC (Section 5.1.2.1), untruncated.
func mac(h Hash, key []byte, parts ...[]byte) []byte {
	m := hmac.New(h.new(), key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

// kdf is the key derivation function of Section 4.5.1 with one key and one context:
// KDF(KI, Label, Context, L) = HMAC(KI, i || Label || 0x00 || Context || L). The counter i is 32 bits, always 1; L is
// in bits; the result is never longer than the hash.
type kdf struct {
	h       Hash
	mac     hash.Hash
	context []byte
	input   []byte // of the last derivation, kept for its room: every object made among secrets costs its erasure
}

func newKDF(h Hash, key, context []byte) *kdf {
	return &kdf{h, hmac.New(h.new(), key), context, make([]byte, 0, 128)}
}

// derive gives n octets under label.
func (k *kdf) derive(label string, n int) Secret {
	m := append(binary.BigEndian.AppendUint32(k.input[:0], 1), label...)
	m = append(append(m, 0x00), k.context...)
	k.input = binary.BigEndian.AppendUint32(m, uint32(n*8))
	k.mac.Reset()
	k.mac.Write(k.input)
	return k.mac.Sum(make([]byte, 0, k.h.size()))[:n]
}

// lengthPrefixed writes len(p) as 32 bits and p, as in Sections 4.4.1.4 and 4.4.2.2; a null secret has length 0.
func lengthPrefixed(w hash.Hash, p []byte) {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(p)))
	w.Write(n[:])
	w.Write(p)
}
