package update

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// Signatures in the format of minisign: the owner may sign with that tool or with tools/sign.

// ErrSignature says that a signature or a key is not one.
var ErrSignature = errors.New("update: malformed signature or key")

const (
	keyIDSize = 8
	keySize   = 2 + keyIDSize + ed25519.PublicKeySize
	sigSize   = 2 + keyIDSize + ed25519.SignatureSize

	untrustedPrefix = "untrusted comment: "
	trustedPrefix   = "trusted comment: "
	maxSigText      = 2048
)

// PublicKey is one of the owner's keys.
type PublicKey struct {
	ID  [keyIDSize]byte // random, to find the key by; proves nothing
	Key [ed25519.PublicKeySize]byte
}

// String is the key's ID as minisign shows it.
func (k PublicKey) String() string {
	id := bytes.Clone(k.ID[:])
	for i, j := 0, len(id)-1; i < j; i, j = i+1, j-1 {
		id[i], id[j] = id[j], id[i]
	}
	return strings.ToUpper(hex.EncodeToString(id))
}

// ParsePublicKey reads a key: its line of base64, with the comment above or without.
func ParsePublicKey(text string) (k PublicKey, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[len(lines)-1]))
	if err != nil || len(lines) > 2 || len(b) != keySize || string(b[:2]) != "Ed" {
		return k, ErrSignature
	}
	copy(k.ID[:], b[2:])
	copy(k.Key[:], b[2+keyIDSize:])
	return k, nil
}

// Text is the key as a file.
func (k PublicKey) Text() string {
	b := append(append([]byte("Ed"), k.ID[:]...), k.Key[:]...)
	return untrustedPrefix + "minisign public key " + k.String() + "\n" + base64.StdEncoding.EncodeToString(b) + "\n"
}

// Signature is a parsed signature file.
type Signature struct {
	Prehashed bool // "ED": the message was hashed with BLAKE2b-512 first; "Ed": it was not
	ID        [keyIDSize]byte
	Sig       [ed25519.SignatureSize]byte
	Comment   string // trusted: it is signed too
	Global    [ed25519.SignatureSize]byte
}

// ParseSignature reads a signature file of four lines.
func ParseSignature(text string) (s Signature, err error) {
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	if len(text) > maxSigText || len(lines) != 4 || !strings.HasPrefix(lines[0], untrustedPrefix) {
		return s, ErrSignature
	}
	b, err := base64.StdEncoding.DecodeString(lines[1])
	global, err2 := base64.StdEncoding.DecodeString(lines[3])
	comment, ok := strings.CutPrefix(lines[2], trustedPrefix)
	if err != nil || err2 != nil || !ok || len(b) != sigSize || len(global) != ed25519.SignatureSize || b[0] != 'E' {
		return s, ErrSignature
	}
	switch b[1] {
	case 'D':
		s.Prehashed = true
	case 'd':
	default:
		return s, ErrSignature
	}
	copy(s.ID[:], b[2:])
	copy(s.Sig[:], b[2+keyIDSize:])
	copy(s.Global[:], global)
	s.Comment = comment
	return s, nil
}

// Verify tells whether the key signed message and the trusted comment.
func (s *Signature) Verify(k PublicKey, message []byte) bool {
	if s.ID != k.ID {
		return false
	}
	if s.Prehashed {
		sum := blake2b.Sum512(message)
		message = sum[:]
	}
	return ed25519.Verify(k.Key[:], message, s.Sig[:]) &&
		ed25519.Verify(k.Key[:], append(bytes.Clone(s.Sig[:]), s.Comment...), s.Global[:])
}

// Sign makes a signature file with an Ed25519 private key, as minisign would.
func Sign(id [keyIDSize]byte, key ed25519.PrivateKey, message []byte, comment string) string {
	sum := blake2b.Sum512(message)
	sig := ed25519.Sign(key, sum[:])
	global := ed25519.Sign(key, append(bytes.Clone(sig), comment...))
	line := append(append([]byte("ED"), id[:]...), sig...)
	return untrustedPrefix + "signature of a Sotto image\n" + base64.StdEncoding.EncodeToString(line) + "\n" +
		trustedPrefix + comment + "\n" + base64.StdEncoding.EncodeToString(global) + "\n"
}
