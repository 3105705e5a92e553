package zrtp

import (
	"crypto/hmac"
	"crypto/sha256"
	"io"
)

// hashChain is H0..H3 (RFC 6189, Section 9): H0 random, each next the SHA-256 of the one before, whatever hash is
// negotiated. They are sent in reverse order, so that each message proves to come from the sender of the one before, and
// each keys the MAC of an earlier message.
type hashChain [4][hashSize]byte

func newHashChain(rand io.Reader) (c hashChain, err error) {
	if _, err = io.ReadFull(rand, c[0][:]); err != nil {
		return c, err
	}
	for i := range 3 {
		c[i+1] = sha256.Sum256(c[i][:])
	}
	return c, nil
}

// sign writes the MAC of m, keyed by image i, into the last 8 octets of m.
func (c *hashChain) sign(m []byte, i int) {
	mac := chainMAC(c[i][:], m)
	copy(m[len(m)-macSize:], mac[:])
}

// chainMAC is the implicit MAC (Section 5.1.2.2), HMAC-SHA-256 to 64 bits, of m without its last 8 octets.
func chainMAC(key, m []byte) (out [macSize]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(m[:len(m)-macSize])
	var sum [hashSize]byte
	copy(out[:], h.Sum(sum[:0]))
	return out
}

// chainMACValid tells whether m ends in the MAC keyed by key.
func chainMACValid(key, m []byte) bool {
	mac := chainMAC(key, m)
	return equal(mac[:], m[len(m)-macSize:])
}

// isPreimage tells whether image is the SHA-256 of preimage.
func isPreimage(preimage, image []byte) bool {
	sum := sha256.Sum256(preimage)
	return equal(sum[:], image)
}
