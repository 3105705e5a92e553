package zrtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// Confirm1 and Confirm2 messages (RFC 6189, Section 5.7), and SASrelay (Section 5.13), which has the same envelope.
// Offsets are from the start of the message.
const (
	confirmMAC       = 12
	confirmIV        = 20
	confirmCipher    = 36
	ivSize           = 16
	confirmPlainSize = 40 // H0, flags, expiration
	relayPlainSize   = 40 // flags, rendering scheme, sashash
	maxSigWords      = 511
	flagEnrollment   = 8
	flagVerified     = 4
	flagAllowClear   = 2
	flagDisclosure   = 1
	expireNever      = 0xffffffff
)

// confirm is the encrypted part of a Confirm.
type confirm struct {
	h0      [hashSize]byte
	flags   uint8
	expiry  uint32        // seconds
	sigType SignatureType // 0: no signature
	sig     []byte        // aliases the plaintext
}

func (c *confirm) plaintext() []byte {
	p := make([]byte, confirmPlainSize, confirmPlainSize+wordSize+len(c.sig))
	copy(p, c.h0[:])
	p, words := appendSignature(p, c.sigType, c.sig)
	binary.BigEndian.PutUint32(p[32:], words<<8|uint32(c.flags))
	binary.BigEndian.PutUint32(p[36:], c.expiry)
	return p
}

// consumeConfirm takes a decrypted Confirm apart.
func consumeConfirm(p []byte) (c confirm, err error) {
	if len(p) < confirmPlainSize {
		return c, ErrMalformed
	}
	c.h0 = [hashSize]byte(p)
	word := binary.BigEndian.Uint32(p[32:])
	c.flags, c.expiry = uint8(word), binary.BigEndian.Uint32(p[36:])
	c.sigType, c.sig, err = consumeSignature(p[confirmPlainSize:], word)
	return c, err
}

// sasRelay is the encrypted part of a SASrelay.
type sasRelay struct {
	flags   uint8
	scheme  SASType
	sasHash [hashSize]byte
	sigType SignatureType
	sig     []byte
}

func (r *sasRelay) plaintext() []byte {
	p := make([]byte, relayPlainSize, relayPlainSize+wordSize+len(r.sig))
	binary.BigEndian.PutUint32(p[4:], uint32(r.scheme))
	copy(p[8:], r.sasHash[:])
	p, words := appendSignature(p, r.sigType, r.sig)
	binary.BigEndian.PutUint32(p, words<<8|uint32(r.flags))
	return p
}

// consumeRelay takes a decrypted SASrelay apart.
func consumeRelay(p []byte) (r sasRelay, err error) {
	if len(p) < relayPlainSize {
		return r, ErrMalformed
	}
	word := binary.BigEndian.Uint32(p)
	r.flags, r.scheme = uint8(word), SASType(binary.BigEndian.Uint32(p[4:]))
	r.sasHash = [hashSize]byte(p[8:])
	r.sigType, r.sig, err = consumeSignature(p[relayPlainSize:], word)
	return r, err
}

func appendSignature(p []byte, t SignatureType, sig []byte) ([]byte, uint32) {
	if t == 0 {
		return p, 0
	}
	p = binary.BigEndian.AppendUint32(p, uint32(t))
	return append(p, sig...), uint32(1 + len(sig)/wordSize)
}

// consumeSignature checks that the rest of the plaintext is as long as the 9-bit length in word says: a length without
// data must never be believed.
func consumeSignature(rest []byte, word uint32) (SignatureType, []byte, error) {
	words := int(word >> 8 & maxSigWords)
	if len(rest) != words*wordSize {
		return 0, nil, ErrMalformed
	}
	if words == 0 {
		return 0, nil, nil
	}
	t := SignatureType(binary.BigEndian.Uint32(rest))
	if t == 0 { // would read as no signature
		return 0, nil, ErrMalformed
	}
	return t, rest[wordSize:], nil
}

// sealEnvelope makes a Confirm or SASrelay of a plaintext: encrypted with key, the ciphertext alone authenticated with
// macKey (Section 4.6).
func sealEnvelope(t messageType, h Hash, macKey, key, iv, plain []byte) []byte {
	m := createFrame(t, confirmCipher+len(plain))
	copy(m[confirmIV:], iv)
	copy(m[confirmCipher:], plain)
	cfb(key, iv, m[confirmCipher:], true)
	copy(m[confirmMAC:confirmMAC+macSize], mac(h, macKey, m[confirmCipher:]))
	return m
}

// openEnvelope checks the MAC, then decrypts into fresh memory. A false result means a wrong MAC.
func openEnvelope(m []byte, h Hash, macKey, key []byte) (plain []byte, ok bool) {
	if !equal(mac(h, macKey, m[confirmCipher:])[:macSize], m[confirmMAC:confirmMAC+macSize]) {
		return nil, false
	}
	plain = append([]byte(nil), m[confirmCipher:]...)
	cfb(key, m[confirmIV:confirmIV+ivSize], plain, false)
	return plain, true
}

// cfb is full-block cipher feedback (SP 800-38A, Section 6.3) with the last block truncated, in place.
func cfb(key, iv, data []byte, encrypt bool) {
	block := newAES(key)
	var feedback, stream [aes.BlockSize]byte
	copy(feedback[:], iv)
	for len(data) > 0 {
		block.Encrypt(stream[:], feedback[:])
		n := min(len(data), aes.BlockSize)
		if !encrypt {
			copy(feedback[:], data[:n])
		}
		subtle.XORBytes(data[:n], data[:n], stream[:])
		if encrypt {
			copy(feedback[:], data[:n])
		}
		data = data[n:]
	}
}

// newAES makes the cipher of a key whose length the KDF chose; no other length can occur.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("zrtp: " + err.Error())
	}
	return block
}
