package zrtp

import "fmt"

// The type blocks of RFC 6189, Sections 5.1.2-5.1.6: four ASCII characters, padded with spaces, kept as the
// big-endian integer that they are on the wire so that they compare and switch without allocation.
type (
	// Hash is a Hash Type Block (Section 5.1.2).
	Hash uint32
	// Cipher is a Cipher Type Block (Section 5.1.3).
	Cipher uint32
	// AuthTag is an SRTP Auth Tag Type Block (Section 5.1.4).
	AuthTag uint32
	// KeyAgreement is a Key Agreement Type Block (Section 5.1.5).
	KeyAgreement uint32
	// SASType is a SAS Type Block (Section 5.1.6).
	SASType uint32
	// SignatureType is a Signature Type Block (Section 5.1.7).
	SignatureType uint32
)

// Hash types (Section 5.1.2). S256 is mandatory.
const (
	HashS256 Hash = 'S'<<24 | '2'<<16 | '5'<<8 | '6' // SHA-256
	HashS384 Hash = 'S'<<24 | '3'<<16 | '8'<<8 | '4' // SHA-384
	HashN256 Hash = 'N'<<24 | '2'<<16 | '5'<<8 | '6' // SHA3-256
	HashN384 Hash = 'N'<<24 | '3'<<16 | '8'<<8 | '4' // SHA3-384
)

// Cipher types (Section 5.1.3). AES1 is mandatory.
const (
	CipherAES1 Cipher = 'A'<<24 | 'E'<<16 | 'S'<<8 | '1' // AES-128
	CipherAES3 Cipher = 'A'<<24 | 'E'<<16 | 'S'<<8 | '3' // AES-256
)

// SRTP authentication tags (Section 5.1.4). Both are mandatory.
const (
	AuthTagHS32 AuthTag = 'H'<<24 | 'S'<<16 | '3'<<8 | '2' // HMAC-SHA1, 32 bits
	AuthTagHS80 AuthTag = 'H'<<24 | 'S'<<16 | '8'<<8 | '0' // HMAC-SHA1, 80 bits
)

// Key agreement types. DH3k is mandatory. X255, E255 and X448 are outside RFC 6189: Linphone offers X25519 under the
// first name, GNU ZRTP under the second. XM76 is ours: see POSTQUANTUM.md.
const (
	KeyAgreementDH3k KeyAgreement = 'D'<<24 | 'H'<<16 | '3'<<8 | 'k' // finite field, 3072 bits (RFC 3526, Section 4)
	KeyAgreementDH2k KeyAgreement = 'D'<<24 | 'H'<<16 | '2'<<8 | 'k' // finite field, 2048 bits (RFC 3526, Section 3)
	KeyAgreementEC25 KeyAgreement = 'E'<<24 | 'C'<<16 | '2'<<8 | '5' // P-256
	KeyAgreementEC38 KeyAgreement = 'E'<<24 | 'C'<<16 | '3'<<8 | '8' // P-384
	KeyAgreementX255 KeyAgreement = 'X'<<24 | '2'<<16 | '5'<<8 | '5' // X25519 (RFC 7748)
	KeyAgreementE255 KeyAgreement = 'E'<<24 | '2'<<16 | '5'<<8 | '5' // X25519, GNU ZRTP's name
	KeyAgreementX448 KeyAgreement = 'X'<<24 | '4'<<16 | '4'<<8 | '8' // X448 (RFC 7748)
	KeyAgreementXM76 KeyAgreement = 'X'<<24 | 'M'<<16 | '7'<<8 | '6' // X25519 + ML-KEM-768 hybrid
	KeyAgreementPrsh KeyAgreement = 'P'<<24 | 'r'<<16 | 's'<<8 | 'h' // Preshared mode
	KeyAgreementMult KeyAgreement = 'M'<<24 | 'u'<<16 | 'l'<<8 | 't' // Multistream mode
)

// SAS rendering types (Section 5.1.6). B32 is mandatory.
const (
	SASB32  SASType = 'B'<<24 | '3'<<16 | '2'<<8 | ' ' // four letters and digits
	SASB256 SASType = 'B'<<24 | '2'<<16 | '5'<<8 | '6' // two words of the PGP word list
)

// Signature types (Section 5.1.7).
const (
	SignaturePGP  SignatureType = 'P'<<24 | 'G'<<16 | 'P'<<8 | ' '
	SignatureX509 SignatureType = 'X'<<24 | '5'<<16 | '0'<<8 | '9'
)

// Algorithms is one choice of every kind, as a Commit makes it (Section 5.4).
type Algorithms struct {
	Hash         Hash
	Cipher       Cipher
	AuthTag      AuthTag
	KeyAgreement KeyAgreement
	SAS          SASType
}

// String gives the block as text without its padding, such as "S256" or "B32".
func (h Hash) String() string          { return blockString(uint32(h)) }
func (c Cipher) String() string        { return blockString(uint32(c)) }
func (a AuthTag) String() string       { return blockString(uint32(a)) }
func (k KeyAgreement) String() string  { return blockString(uint32(k)) }
func (s SASType) String() string       { return blockString(uint32(s)) }
func (s SignatureType) String() string { return blockString(uint32(s)) }

// ParseHash, ParseCipher, ParseAuthTag, ParseKeyAgreement and ParseSASType turn the text of a block ("S256", "B32")
// into its value; they fail on blocks that this package does not implement.
func ParseHash(s string) (Hash, error) {
	h := Hash(blockValue(s))
	return h, unknown(h.new() != nil, s)
}

// ParseCipher is as ParseHash.
func ParseCipher(s string) (Cipher, error) {
	c := Cipher(blockValue(s))
	return c, unknown(c.keySize() != 0, s)
}

// ParseAuthTag is as ParseHash.
func ParseAuthTag(s string) (AuthTag, error) {
	a := AuthTag(blockValue(s))
	return a, unknown(a == AuthTagHS32 || a == AuthTagHS80, s)
}

// ParseKeyAgreement is as ParseHash.
func ParseKeyAgreement(s string) (KeyAgreement, error) {
	k := KeyAgreement(blockValue(s))
	return k, unknown(k == KeyAgreementPrsh || k == KeyAgreementMult || k.group() != nil, s)
}

// ParseSASType is as ParseHash.
func ParseSASType(s string) (SASType, error) {
	t := SASType(blockValue(s))
	return t, unknown(t == SASB32 || t == SASB256, s)
}

func unknown(known bool, s string) error {
	if known {
		return nil
	}
	return fmt.Errorf("zrtp: unknown algorithm %q", s)
}

func blockString(v uint32) string {
	b := []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
	for i, c := range b {
		if c < 0x20 || c > 0x7e {
			b[i] = '?' // an attacker chose these octets: never let them reach a terminal
		}
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return string(b)
}

func blockValue(s string) uint32 {
	if len(s) == 0 || len(s) > 4 {
		return 0
	}
	v := [4]byte{' ', ' ', ' ', ' '}
	copy(v[:], s)
	return uint32(v[0])<<24 | uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3])
}
