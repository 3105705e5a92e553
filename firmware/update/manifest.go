package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Manifest says what an image is.
type Manifest struct {
	Board   string // folder name of the board, such as rpizero2w
	Version uint64 // counts up; an image with a lower or equal one is refused
	Name    string // for people, such as 1.4.2
	Size    int64  // of the image, in bytes
	SHA256  [sha256.Size]byte

	// SignedBy are the IDs of the owner's keys whose signatures were found good, with a blank between; of no written form.
	SignedBy string
}

// ErrManifest says that a manifest is not written as it should be.
var ErrManifest = errors.New("update: malformed manifest")

const (
	manifestHead    = "sotto-update 1"
	maxManifestSize = 1024
)

// Append writes the one form in which a manifest is valid.
func (m *Manifest) Append(b []byte) []byte {
	return fmt.Appendf(b, "%s\nboard %s\nversion %d\nname %s\nsize %d\nsha256 %x\n", manifestHead, m.Board, m.Version, m.Name, m.Size, m.SHA256)
}

// ParseManifest reads what Append wrote, byte for byte: what is signed has one meaning.
func ParseManifest(b []byte) (m Manifest, err error) {
	if len(b) > maxManifestSize {
		return m, ErrManifest
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 7 || lines[0] != manifestHead {
		return m, ErrManifest
	}
	var values [5]string
	for i, key := range [...]string{"board ", "version ", "name ", "size ", "sha256 "} {
		v, ok := strings.CutPrefix(lines[1+i], key)
		if !ok || v == "" {
			return m, ErrManifest
		}
		values[i] = v
	}
	m.Board, m.Name = values[0], values[2]
	if m.Version, err = strconv.ParseUint(values[1], 10, 64); err != nil {
		return m, ErrManifest
	}
	if m.Size, err = strconv.ParseInt(values[3], 10, 64); err != nil || m.Size <= 0 {
		return m, ErrManifest
	}
	sum, err := hex.DecodeString(values[4])
	if err != nil || len(sum) != sha256.Size || !plain(m.Board) || !plain(m.Name) {
		return m, ErrManifest
	}
	m.SHA256 = [sha256.Size]byte(sum)
	if !bytes.Equal(m.Append(nil), b) {
		return m, ErrManifest
	}
	return m, nil
}

// plain is text that can stand on a screen and in a log.
func plain(s string) bool {
	return len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+ ") == ""
}
