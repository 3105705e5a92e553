package zrtp

import (
	"encoding/hex"
	"time"
)

// ZID names one installation of ZRTP: 96 random bits made once at install time (RFC 6189, Section 4.9).
type ZID [12]byte

// String is the ZID in hexadecimal.
func (z ZID) String() string { return hex.EncodeToString(z[:]) }

// RetainedSecrets is what one call leaves for the next with the same ZID (RFC 6189, Sections 4.3, 4.6.1, 4.9).
type RetainedSecrets struct {
	RS1, RS2 Secret    // newest retained secret and the one before; nil when there is none
	PBX      Secret    // pbxsecret, the trusted MiTM key; nil unless the user enrolled (Section 7.3.1)
	Verified bool      // SAS Verified flag: the user compared the SAS with this ZID (Section 7.1)
	Expires  time.Time // when RS1 may be forgotten without alarm; the zero time is never
}

// SecretCache holds RetainedSecrets by the peer's ZID. The session that owns it calls it from its own goroutine.
// Store must be durable before it returns. An error of Store is reported as a CacheFailed event and the call goes on.
type SecretCache interface {
	Lookup(ZID) (RetainedSecrets, bool)
	Store(ZID, RetainedSecrets) error
}
