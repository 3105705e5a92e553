package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/scrypt"

	"sotto/firmware/update"
)

// A minisign secret key file: a comment, then base64 of
//
//	"Ed" | KDF 2 ("Sc", or zeros for none) | "B2" | salt 32 | opslimit 8 | memlimit 8 | (id 8 | secret 64 | checksum 32)
//
// where the bracket is XORed with the stream that scrypt makes of the passphrase.
const (
	keyHead    = 2 + 2 + 2 + 32 + 8 + 8
	keyBody    = 8 + ed25519.PrivateKeySize + blake2b.Size256
	opsLimit   = 1 << 22 // with memLimit: N = 2^17, r = 8, p = 1, 128 MiB
	memLimit   = 1 << 27
	maxLogN    = 20 // what minisign itself writes; more is hostile
	keyComment = "untrusted comment: Sotto owner's secret key\n"
)

var (
	errKey        = errors.New("that is no secret key of minisign's format")
	errPassphrase = errors.New("wrong passphrase, or a damaged key")
)

type key struct {
	id     [8]byte
	secret ed25519.PrivateKey
}

func newKey() (key, error) {
	var k key
	if _, err := rand.Read(k.id[:]); err != nil {
		return k, err
	}
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	k.secret = secret
	return k, err
}

func (k key) public() update.PublicKey {
	return update.PublicKey{ID: k.id, Key: [ed25519.PublicKeySize]byte(k.secret.Public().(ed25519.PublicKey))}
}

// String hides the key.
func (k key) String() string { return "[secret]" }

// GoString hides the key.
func (k key) GoString() string { return "[secret]" }

func (k key) checksum() []byte {
	sum := blake2b.Sum256(append(append([]byte("Ed"), k.id[:]...), k.secret...))
	return sum[:]
}

// seal writes the key file, encrypted when there is a passphrase.
func (k key) seal(passphrase string) (string, error) {
	b := make([]byte, keyHead, keyHead+keyBody)
	copy(b, "Ed\x00\x00B2")
	body := append(append(bytes.Clone(k.id[:]), k.secret...), k.checksum()...)
	if passphrase != "" {
		copy(b[2:], "Sc")
		if _, err := rand.Read(b[6:38]); err != nil {
			return "", err
		}
		binary.LittleEndian.PutUint64(b[38:], opsLimit)
		binary.LittleEndian.PutUint64(b[46:], memLimit)
		stream, err := stretch(passphrase, b[6:38], opsLimit, memLimit)
		if err != nil {
			return "", err
		}
		subtle.XORBytes(body, body, stream)
	}
	return keyComment + base64.StdEncoding.EncodeToString(append(b, body...)) + "\n", nil
}

// openKey reads a key file of ours or of minisign's.
func openKey(text, passphrase string) (k key, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	b, err := base64.StdEncoding.DecodeString(lines[len(lines)-1])
	if err != nil || len(b) != keyHead+keyBody || string(b[:2]) != "Ed" || string(b[4:6]) != "B2" {
		return k, errKey
	}
	body, encrypted := b[keyHead:], false
	switch string(b[2:4]) {
	case "\x00\x00":
	case "Sc":
		encrypted = true
		if passphrase == "" {
			return k, errors.New("the key is encrypted: name a file with -passphrase")
		}
		stream, err := stretch(passphrase, b[6:38], binary.LittleEndian.Uint64(b[38:]), binary.LittleEndian.Uint64(b[46:]))
		if err != nil {
			return k, err
		}
		subtle.XORBytes(body, body, stream)
	default:
		return k, errKey
	}
	copy(k.id[:], body)
	k.secret = ed25519.PrivateKey(body[8 : 8+ed25519.PrivateKeySize])
	// minisign leaves the checksum of a key without passphrase zero.
	sum := body[8+ed25519.PrivateKeySize:]
	if encrypted && subtle.ConstantTimeCompare(k.checksum(), sum) != 1 {
		return key{}, errPassphrase
	}
	if !bytes.Equal(ed25519.NewKeyFromSeed(k.secret.Seed()), k.secret) {
		return key{}, errPassphrase
	}
	return k, nil
}

// stretch makes the stream as libsodium's crypto_pwhash_scryptsalsa208sha256 does from its two limits.
func stretch(passphrase string, salt []byte, ops, mem uint64) ([]byte, error) {
	const r = 8
	ops = max(ops, 32768)
	maxN, p := ops/(r*4), uint64(1)
	if ops >= mem/32 {
		maxN = mem / (r * 128)
	}
	logN := 1
	for logN < 63 && uint64(1)<<logN <= maxN/2 {
		logN++
	}
	if logN > maxLogN {
		return nil, errKey
	}
	if ops >= mem/32 {
		p = min((ops/4)>>logN, 0x3fffffff) / r
	}
	if p < 1 || p > 64 {
		return nil, errKey
	}
	return scrypt.Key([]byte(passphrase), salt, 1<<logN, r, int(p), keyBody)
}
