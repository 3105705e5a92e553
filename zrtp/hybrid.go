package zrtp

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/mlkem"
	"encoding/binary"
	"io"
)

// The hybrid of X25519 and ML-KEM-768, both used as KEMs: key in Commit, ciphertext in DHPart1, nonce in DHPart2.
// POSTQUANTUM.md is its specification.
const (
	x25519Size           = 32
	hybridKeySize        = x25519Size + mlkem.EncapsulationKeySize768
	hybridCiphertextSize = x25519Size + mlkem.CiphertextSize768
	dhkemID              = 0x0020 // X25519
)

// hybridInitiator holds the two private keys until the ciphertext comes.
type hybridInitiator struct {
	x     *ecdh.PrivateKey
	m     *mlkem.DecapsulationKey768
	nonce [nonceSize]byte
}

// hybridResponder holds the result from Commit to DHPart2.
type hybridResponder struct {
	x      *ecdh.PrivateKey // ephemeral
	secret Secret
}

func makeHybrid(rand io.Reader, role Role, _ int) (agreement, error) {
	seed := make(Secret, x25519Size+mlkem.SeedSize+nonceSize)
	defer seed.Wipe()
	if role == Responder {
		seed = seed[:x25519Size]
	}
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, err
	}
	x, err := ecdh.X25519().NewPrivateKey(seed[:x25519Size])
	if err != nil || role == Responder {
		return &hybridResponder{x: x}, err
	}
	m, err := mlkem.NewDecapsulationKey768(seed[x25519Size : x25519Size+mlkem.SeedSize])
	return &hybridInitiator{x, m, [nonceSize]byte(seed[x25519Size+mlkem.SeedSize:])}, err
}

func (k *hybridInitiator) commitKey() []byte {
	return append(k.x.PublicKey().Bytes(), k.m.EncapsulationKey().Bytes()...)
}

func (k *hybridInitiator) part1([]byte, Hash) ([]byte, error) { return nil, errWeak }
func (k *hybridInitiator) part2() []byte                      { return k.nonce[:] }

// result opens the ciphertext. ML-KEM's own check never fails for one of the right length: a wrong one gives another
// secret (FIPS 203, implicit rejection), and then the Confirm MAC is wrong.
func (k *hybridInitiator) result(ct []byte, h Hash) (Secret, error) {
	ephemeral, err := ecdh.X25519().NewPublicKey(ct[:x25519Size])
	if err != nil {
		return nil, errWeak
	}
	dh, err := k.x.ECDH(ephemeral)
	if err != nil {
		return nil, errWeak
	}
	pq, err := k.m.Decapsulate(ct[x25519Size:])
	if err != nil {
		return nil, errWeak
	}
	return combine(h, dh, pq, ct, k.x.PublicKey().Bytes())
}

func (k *hybridResponder) commitKey() []byte { return nil }
func (k *hybridResponder) part2() []byte     { return nil }

// part1 encapsulates to the initiator's key.
func (k *hybridResponder) part1(key []byte, h Hash) ([]byte, error) {
	return k.encapsulate(key, h, (*mlkem.EncapsulationKey768).Encapsulate)
}

func (k *hybridResponder) encapsulate(key []byte, h Hash,
	pq func(*mlkem.EncapsulationKey768) (secret, ct []byte)) ([]byte, error) {
	static, err := ecdh.X25519().NewPublicKey(key[:x25519Size])
	if err != nil {
		return nil, errWeak
	}
	dh, err := k.x.ECDH(static)
	if err != nil {
		return nil, errWeak
	}
	ek, err := mlkem.NewEncapsulationKey768(key[x25519Size:]) // FIPS 203, Section 7.2: modulus check
	if err != nil {
		return nil, errWeak
	}
	pqSecret, pqCiphertext := pq(ek)
	ct := append(k.x.PublicKey().Bytes(), pqCiphertext...)
	k.secret, err = combine(h, dh, pqSecret, ct, key[:x25519Size])
	return ct, err
}

// result ignores the nonce: it matters to hvi and total_hash only.
func (k *hybridResponder) result([]byte, Hash) (Secret, error) { return k.secret, nil }

// combine makes DHResult of both secrets and the ciphertexts. It wipes the secrets.
func combine(h Hash, dh, pq Secret, ct, x25519Key []byte) (Secret, error) {
	defer dh.Wipe()
	defer pq.Wipe()
	x, err := dhkemSecret(h, dh, ct[:x25519Size], x25519Key)
	if err != nil {
		return nil, err
	}
	defer x.Wipe()
	t := Secret{}
	for _, part := range [...][]byte{x, pq, ct} {
		m := hmac.New(h.new(), t)
		m.Write(part)
		t = m.Sum(nil)
	}
	return t, nil
}

// dhkemSecret turns an X25519 result into a KEM's shared secret, as RFC 9180, Section 4.1 does with its own labels.
func dhkemSecret(h Hash, dh Secret, ct, key []byte) (Secret, error) {
	suite := binary.BigEndian.AppendUint16([]byte("KEM"), dhkemID)
	ikm := append(append(append([]byte("ZRTP"), suite...), "eae_prk"...), dh...)
	prk, err := hkdf.Extract(h.new(), ikm, nil)
	if err != nil {
		return nil, err
	}
	info := append(binary.BigEndian.AppendUint16(nil, x25519Size), "ZRTP-v1.1"...)
	info = append(append(append(append(info, suite...), "shared_secret"...), ct...), key...)
	return hkdf.Expand(h.new(), prk, string(info), x25519Size)
}
