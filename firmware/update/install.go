package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Why a bundle is refused. Each can be told to a person.
var (
	ErrFormat   = errors.New("update: that is no update of a Sotto telephone")
	ErrUnsigned = errors.New("update: not signed by the owner's keys")
	ErrBoard    = errors.New("update: made for another board")
	ErrOlder    = errors.New("update: not newer than what runs")
	ErrTooBig   = errors.New("update: larger than the slot")
	ErrCut      = errors.New("update: the image is cut short or damaged")
	ErrMedium   = errors.New("update: the slot does not hold what was written to it")
)

const bundleMagic = "SOTTOUP1"

// MaxSignatures is how many signatures are looked at.
const MaxSignatures = 8

// Policy is what the owner decided about updates.
type Policy struct {
	Board string
	Keys  []PublicKey
	Need  int // signatures by different keys; at least 1
}

// Slot is the storage that does not run now. Its size bounds the image.
type Slot interface {
	io.WriterAt
	io.ReaderAt
	Size() int64
	Sync() error
}

// ReadManifest reads the head of a bundle and checks its signatures and that it fits here. What follows in r is the
// image. newest is the highest version that ever ran well on this telephone.
func ReadManifest(r io.Reader, p Policy, newest uint64) (m Manifest, err error) {
	text, signatures, err := readHead(r)
	if err != nil {
		return m, err
	}
	signers := p.Signers(text, signatures)
	if !p.enough(signers) {
		return m, ErrUnsigned
	}
	// Only now is the manifest worth reading.
	if m, err = ParseManifest(text); err != nil {
		return m, err
	}
	m.SignedBy = strings.Join(signers, " ")
	switch {
	case m.Board != p.Board:
		return m, fmt.Errorf("%w: %s", ErrBoard, m.Board)
	case m.Version <= newest:
		return m, fmt.Errorf("%w: %d, here runs %d", ErrOlder, m.Version, newest)
	}
	return m, nil
}

func readHead(r io.Reader) (manifest []byte, signatures []string, err error) {
	var head [len(bundleMagic) + 4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:len(bundleMagic)]) != bundleMagic {
		return nil, nil, ErrFormat
	}
	n := binary.BigEndian.Uint32(head[len(bundleMagic):])
	if n > maxManifestSize {
		return nil, nil, ErrFormat
	}
	manifest = make([]byte, n+1)
	if _, err := io.ReadFull(r, manifest); err != nil {
		return nil, nil, ErrFormat
	}
	count := manifest[n]
	manifest = manifest[:n]
	if count > MaxSignatures {
		return nil, nil, ErrFormat
	}
	for range count {
		var size [2]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return nil, nil, ErrFormat
		}
		text := make([]byte, binary.BigEndian.Uint16(size[:]))
		if len(text) > maxSigText {
			return nil, nil, ErrFormat
		}
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, nil, ErrFormat
		}
		signatures = append(signatures, string(text))
	}
	return manifest, signatures, nil
}

// Signed tells whether enough different keys of the owner signed the message; the signatures are minisign files.
func (p Policy) Signed(manifest []byte, signatures []string) bool {
	return p.enough(p.Signers(manifest, signatures))
}

func (p Policy) enough(signers []string) bool { return p.Need >= 1 && len(signers) >= p.Need }

// Signers are the IDs of the owner's keys that signed the message, each once, in the order of the policy.
func (p Policy) Signers(message []byte, signatures []string) (ids []string) {
	by := map[[32]byte]bool{}
	for _, k := range p.Keys {
		for _, text := range signatures {
			if s, err := ParseSignature(text); err == nil && !by[k.Key] && s.Verify(k, message) {
				by[k.Key] = true
				ids = append(ids, k.String())
			}
		}
	}
	return ids
}

// Write puts the image that follows in r into the slot and reads it back. progress is called with the bytes done; it may
// be nil. After an error the slot holds rubbish and must not be started.
func Write(r io.Reader, m Manifest, slot Slot, progress func(done int64)) error {
	if m.Size > slot.Size() {
		return fmt.Errorf("%w: %d bytes, the slot has %d", ErrTooBig, m.Size, slot.Size())
	}
	buf := make([]byte, 64<<10)
	h := sha256.New()
	for done := int64(0); done < m.Size; {
		part := buf[:min(int64(len(buf)), m.Size-done)]
		if _, err := io.ReadFull(r, part); err != nil {
			return ErrCut
		}
		if _, err := slot.WriteAt(part, done); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		h.Write(part)
		done += int64(len(part))
		if progress != nil {
			progress(done)
		}
	}
	if !bytes.Equal(h.Sum(nil), m.SHA256[:]) {
		return ErrCut
	}
	if err := slot.Sync(); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return readBack(m, slot, buf)
}

// readBack sees that the medium holds what was written.
func readBack(m Manifest, slot Slot, buf []byte) error {
	h := sha256.New()
	if _, err := io.CopyBuffer(h, io.NewSectionReader(slot, 0, m.Size), buf); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if !bytes.Equal(h.Sum(nil), m.SHA256[:]) {
		return ErrMedium
	}
	return nil
}

// Bundle writes the head of a bundle; the image follows it.
func Bundle(manifest []byte, signatures []string) ([]byte, error) {
	if len(manifest) > maxManifestSize || len(signatures) > MaxSignatures {
		return nil, ErrFormat
	}
	b := append([]byte(bundleMagic), binary.BigEndian.AppendUint32(nil, uint32(len(manifest)))...)
	b = append(append(b, manifest...), byte(len(signatures)))
	for _, s := range signatures {
		if len(s) > maxSigText {
			return nil, ErrSignature
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b, nil
}
