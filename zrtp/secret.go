package zrtp

import (
	"crypto/subtle"
	"fmt"

	"sotto/zrtp/internal/erase"
)

// Secret is key material. It prints as a placeholder whatever the verb; convert it to []byte to use its octets.
// Encoders that work by reflection (JSON, gob) do see the octets, so that a SecretCache can seal and store them.
type Secret []byte

const hidden = "[secret]"

// String hides the octets.
func (Secret) String() string { return hidden }

// GoString hides the octets.
func (Secret) GoString() string { return hidden }

// Format hides the octets from every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// Wipe overwrites the octets with zeros. Go's collector may hold older copies: see Limitations in doc.go.
func (s Secret) Wipe() { erase.Bytes(s) }

func (s Secret) clone() Secret { return append(Secret(nil), s...) }

// equal compares secrets and MACs in constant time.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
