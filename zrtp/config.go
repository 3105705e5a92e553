package zrtp

import (
	"io"
	"time"
)

// Config says who we are and what we accept. NewSession copies it; it is never changed. The zero value of a list means
// the default list; ZID, SSRC and Rand must be given.
type Config struct {
	ZID      ZID       // ours, random at install time (RFC 6189, Section 4.9)
	SSRC     uint32    // of our RTP stream
	ClientID string    // at most 16 octets, shown to the peer
	Rand     io.Reader // crypto/rand.Reader, except in tests

	// Preferences, best first, at most 7 of each. Mandatory algorithms that are missing are implied last.
	Hashes        []Hash
	Ciphers       []Cipher
	AuthTags      []AuthTag
	KeyAgreements []KeyAgreement
	SASTypes      []SASType

	Cache       SecretCache   // nil: cacheless (Section 4.9.1)
	CacheExpiry time.Duration // how long retained secrets live; 0: for ever (Section 4.9)

	PeerHelloHash      []byte        // the peer's a=zrtp-hash, 32 octets, when the signaling gave one (Section 8.1)
	SignalingAuthentic bool          // that hash came with end-to-end integrity (Section 8.1.1)
	AuxSecret          Secret        // auxsecret agreed by other means (Section 4.3)
	SDES               SDES          // instead of AuxSecret: SRTP key from the signaling, for srtps (Section 8.2)
	RTT                time.Duration // known round trip; timers start no lower (Section 6)

	Preshared  bool     // commit in Preshared mode when a retained secret allows it (Section 4.4.2)
	Passive    bool     // never send Commit (Section 5.2, P flag)
	Disclosure bool     // this product discloses keys (Section 11, D flag)
	PBX        PBX      // trusted man in the middle: only for a PBX, not for a handset (Section 7.3)
	Signer     Signer   // signs our sashash (Section 7.2); may be nil
	Verifier   Verifier // checks the peer's signature; nil clears the S flag of our Hello
}

// PBX is the part of Config that makes this endpoint a trusted man in the middle, and the provisioned pbxsecret.
type PBX struct {
	MiTM   bool   // set the M flag: we may send SASrelay (Section 5.2)
	Enroll bool   // set the E flag: offer enrollment and store pbxsecret (Section 7.3.1)
	Secret Secret // provisioned pbxsecret, used when the cache holds none; both PBX and phone may have it
}

// SDES is an SRTP master key and salt that the signaling carried (RFC 4568), raw octets.
type SDES struct{ Key, Salt Secret }

// Signer signs the sashash with a persistent key (RFC 6189, Section 7.2). The result is what follows the signature
// type block, padded to a multiple of 4 octets, at most 2040 octets.
type Signer interface {
	SignSAS(sashash []byte) (SignatureType, []byte, error)
}

// Verifier checks a received signature over sashash and says whose it is.
type Verifier interface {
	VerifySAS(t SignatureType, signature, sashash []byte) (signer string, err error)
}
