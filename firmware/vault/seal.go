package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed file: the header below, then the body, XChaCha20-Poly1305 under the data key with the header as associated
// data. The data key lies in the header, sealed under a key made of PIN and device secret, so that saving needs no PIN. A
// second place for it is always there: random, or the mark of the duress PIN. Nobody can tell which.
//
//	magic 8 | flags 1 | erase after 1 | threads 1 | time 4 | memory 4 | salt 16 | place 72 | duress place 72 | nonce 24 | body
const (
	sealMagic  = "SOTTO\x00V1"
	keySize    = chacha20poly1305.KeySize
	nonceSize  = chacha20poly1305.NonceSizeX
	saltSize   = 16
	placeSize  = nonceSize + keySize + chacha20poly1305.Overhead
	headerSize = len(sealMagic) + 3 + 8 + saltSize + 2*placeSize + nonceSize
	padTo      = 4096 // the body's length tells no more than this
)

// Limits of what a file may ask of Argon2id: a hostile card must not eat the memory.
const (
	maxTime    = 64
	maxMemory  = 1 << 20 // KiB
	maxThreads = 16
)

// Errors of this package. They carry no content.
var (
	ErrDamaged  = errors.New("vault: the sealed file is damaged or of another version")
	ErrWrongPIN = errors.New("vault: wrong PIN")
	ErrLocked   = errors.New("vault: locked")
)

// Params are the costs of one guess (RFC 9106, Section 3.1): passes, KiB of memory, lanes.
type Params struct {
	Time, Memory uint32
	Threads      uint8
}

func (p Params) sane() bool {
	return p.Time >= 1 && p.Time <= maxTime && p.Memory >= 8 && p.Memory <= maxMemory && p.Threads >= 1 && p.Threads <= maxThreads
}

// header is everything but the body. It can be read without a PIN and is authentic only after the body was opened.
type header struct {
	pin        bool  // a PIN was set: unlocking with none is not tried
	eraseAfter uint8 // wrong PINs before everything is erased; 0: never
	params     Params
	salt       [saltSize]byte
	place      [2][placeSize]byte // the data key under the PIN, and under the duress PIN
	nonce      [nonceSize]byte
}

func (h *header) append(b []byte) []byte {
	flags := byte(0)
	if h.pin {
		flags = 1
	}
	b = append(append(b, sealMagic...), flags, h.eraseAfter, h.params.Threads)
	b = binary.BigEndian.AppendUint32(b, h.params.Time)
	b = binary.BigEndian.AppendUint32(b, h.params.Memory)
	b = append(b, h.salt[:]...)
	b = append(append(b, h.place[0][:]...), h.place[1][:]...)
	return append(b, h.nonce[:]...)
}

// parseSealed takes a file apart. Everything in it may be an attacker's.
func parseSealed(b []byte) (h header, body []byte, err error) {
	if len(b) < headerSize+chacha20poly1305.Overhead || string(b[:len(sealMagic)]) != sealMagic || b[len(sealMagic)] > 1 {
		return h, nil, ErrDamaged
	}
	r := b[len(sealMagic):]
	h.pin, h.eraseAfter, h.params.Threads = r[0] == 1, r[1], r[2]
	h.params.Time, h.params.Memory = binary.BigEndian.Uint32(r[3:]), binary.BigEndian.Uint32(r[7:])
	r = r[11:]
	r = r[copy(h.salt[:], r):]
	r = r[copy(h.place[0][:], r):]
	r = r[copy(h.place[1][:], r):]
	copy(h.nonce[:], r)
	if !h.params.sane() {
		return h, nil, ErrDamaged
	}
	return h, b[headerSize:], nil
}

// newHeader makes a header with fresh salt, and noise in both places.
func newHeader(p Params) (*header, error) {
	h := &header{params: p}
	if !p.sane() {
		return nil, fmt.Errorf("vault: Argon2id parameters %+v are out of range", p)
	}
	for _, part := range [][]byte{h.salt[:], h.place[0][:], h.place[1][:]} {
		if _, err := rand.Read(part); err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
	}
	return h, nil
}

// derive makes the key of a PIN: Argon2id, then the device secret, without which a stolen card is not worth guessing on.
// Without a PIN there is nothing to guess and nothing to stretch: the device secret alone is the key.
func (h *header) derive(pin string, device []byte) *memory {
	stretched := bytes.Clone(h.salt[:])
	if pin != "" {
		stretched = argon2.IDKey([]byte(pin), h.salt[:], h.params.Time, h.params.Memory, h.params.Threads, keySize)
		if h.params.Memory >= 1<<10 { // KiB: a telephone of 20 MB must not stay one of 150
			defer debug.FreeOSMemory()
		}
	}
	mac := hmac.New(sha256.New, device)
	mac.Write([]byte("sotto vault key 1"))
	mac.Write(stretched)
	key := newMemory(keySize)
	mac.Sum(key.bytes[:0])
	clear(stretched)
	return key
}

// put seals secret into a place under key.
func (h *header) put(i int, key *memory, secret []byte) error {
	aead, err := chacha20poly1305.NewX(key.bytes)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	nonce := h.place[i][:nonceSize]
	if _, err := rand.Read(nonce); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	aead.Seal(nonce, nonce, secret, []byte{byte(i)})
	return nil
}

// take opens a place; nil: not with this key.
func (h *header) take(i int, key *memory) *memory {
	aead, err := chacha20poly1305.NewX(key.bytes)
	if err != nil {
		return nil
	}
	out := newMemory(keySize)
	if _, err := aead.Open(out.bytes[:0], h.place[i][:nonceSize], h.place[i][nonceSize:], []byte{byte(i)}); err != nil {
		out.free()
		return nil
	}
	return out
}

// seal makes the whole file.
func (h *header) seal(dataKey *memory, content []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(dataKey.bytes)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if _, err := rand.Read(h.nonce[:]); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	padded := make([]byte, (4+len(content)+padTo-1)/padTo*padTo)
	binary.BigEndian.PutUint32(padded, uint32(len(content)))
	copy(padded[4:], content)
	defer clear(padded)
	file := h.append(make([]byte, 0, headerSize+len(padded)+chacha20poly1305.Overhead))
	return aead.Seal(file, h.nonce[:], padded, file), nil
}

// open reads the body.
func (h *header) open(dataKey *memory, body []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(dataKey.bytes)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	padded, err := aead.Open(nil, h.nonce[:], body, h.append(nil))
	if err != nil || len(padded) < 4 {
		return nil, ErrDamaged
	}
	n := binary.BigEndian.Uint32(padded)
	if uint64(n) > uint64(len(padded)-4) {
		return nil, ErrDamaged
	}
	return padded[4 : 4+n : 4+n], nil
}
