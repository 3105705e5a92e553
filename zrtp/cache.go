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
	// Unproven: the first secret with this ZID, and no sign yet that the peer keeps it. Missing it is no alarm, and Verified means
	// nothing yet.
	Unproven bool
}

// SecretCache holds RetainedSecrets by the peer's ZID. The session that owns it calls it from its own goroutine, and
// neither side keeps or changes slices that it gave or got. Store must be durable before it returns. An error of Store
// is reported as a CacheFailed event and the call goes on.
type SecretCache interface {
	Lookup(ZID) (RetainedSecrets, bool)
	Store(ZID, RetainedSecrets) error
}

func (r *RetainedSecrets) clone() RetainedSecrets {
	c := *r
	c.RS1, c.RS2, c.PBX = r.RS1.clone(), r.RS2.clone(), r.PBX.clone()
	return c
}

func (r *RetainedSecrets) wipe() {
	r.RS1.Wipe()
	r.RS2.Wipe()
	r.PBX.Wipe()
}

func (s *Session) lookup(z ZID) (RetainedSecrets, bool) {
	if s.cfg.Cache == nil {
		return RetainedSecrets{}, false
	}
	r, ok := s.cfg.Cache.Lookup(z)
	return r.clone(), ok
}

func (s *Session) store(r *RetainedSecrets) error {
	if s.cfg.Cache == nil {
		return ErrNoCache
	}
	err := s.cfg.Cache.Store(s.call.peerZID, r.clone())
	if err != nil {
		s.emit(CacheFailed{err})
	}
	return err
}

// updateCache writes the new retained secret (Section 4.6.1), or keeps it until SetVerified when doubtful: "the cache
// update MUST be delayed in the current session until the user verbally compares the SAS" (Section 4.6.1.1).
func (s *Session) updateCache(doubtful bool, now time.Time) {
	ex, c := &s.ex, s.call
	c.retained = ex.retained.clone()
	if s.cfg.Cache == nil {
		return
	}
	if s.cfg.PBX.Enroll {
		c.retained.PBX = s.pbxSecret()
	}
	// "The actual cache interval used by both endpoints is the minimum of the values from the Confirm1 and Confirm2".
	seconds := min(s.expiry(), ex.got.expiry)
	next := c.retained.clone()
	next.Verified = next.Verified && s.matched()
	if ex.mode == ModeDH {
		next.RS2 = s.older()
	}
	next.RS1 = ex.keys.newRS1.clone()
	// When the line breaks now, the initiator never hears that we have stored, and there is no older secret to recover by.
	next.Unproven = ex.role == Responder && ex.mode == ModeDH && len(next.RS2) == 0
	next.Expires = now.Add(time.Duration(seconds) * time.Second)
	if seconds == expireNever {
		next.Expires = time.Time{}
	}
	switch {
	case seconds == 0 && ex.known:
		// "A value of 0 seconds means the newly computed shared secret SHOULD NOT be stored in the cache, and if a cache
		// entry already exists from an earlier call, the stored cache interval should be set to 0."
		c.retained.Expires = now
		_ = s.store(&c.retained) // a failure is in the events
	case seconds == 0:
	case doubtful:
		c.pending = &next
	default:
		c.retained = next
		_ = s.store(&c.retained)
	}
}

// older is the secret that the next call recovers by when only one side stores that of this call: "This mitigates the
// well-known Two Generals' Problem." RFC 6189, Section 4.6.1, takes the old rs1. We take what matched in this call: both
// sides hold it, whereas our rs1 may be of a call that the peer did not finish, and two of those in a row would be an alarm.
func (s *Session) older() Secret {
	ex := &s.ex
	switch {
	case s.matched():
		return ex.shared.s1.clone()
	case ex.retained.Unproven:
		return nil
	}
	return ex.retained.RS1.clone()
}

// proven is told that the initiator sent SRTP. It may not before it has stored (Section 4), so from now on it is expected to
// know our secret.
func (s *Session) proven() {
	if c := s.call; s.first && c.retained.Unproven {
		c.retained.Unproven = false
		_ = s.store(&c.retained) // a failure is in the events
	}
}

// SetVerified records that the user compared the SAS with the peer and it was equal: for this ZID, in the cache, with
// the cache update that waited for it after a mismatch (Sections 4.6.1.1, 7.1). It fails with ErrNotSecure, ErrNoCache
// or the error of the cache. With a peer that keeps no secrets it is not remembered.
func (s *Session) SetVerified(now time.Time) error {
	c := s.call
	if !c.secure {
		return ErrNotSecure
	}
	if c.pending != nil {
		c.retained, c.pending = *c.pending, nil
	}
	if s.cfg.Cache != nil && len(c.retained.RS1) == 0 {
		return nil // one side keeps no secret: there is nothing that the flag could rest on in the next call
	}
	c.retained.Verified = true
	return s.store(&c.retained)
}

// Unverify takes the SAS Verified flag of this ZID back. Errors as SetVerified.
func (s *Session) Unverify() error {
	if !s.call.secure {
		return ErrNotSecure
	}
	s.call.retained.Verified = false
	return s.store(&s.call.retained)
}

// RejectSAS records that the user found the SAS different: a man in the middle is there. "The software can then take
// appropriate action, clearing the SAS Verified flag, and erase the cached shared secret from this session." An older
// secret that this call did not match stays. Errors as SetVerified.
func (s *Session) RejectSAS() error {
	c := s.call
	if !c.secure {
		return ErrNotSecure
	}
	if c.pending != nil {
		c.pending.wipe()
		c.pending = nil
		return nil
	}
	c.retained.RS1.Wipe()
	c.retained.RS2.Wipe()
	c.retained.RS1, c.retained.RS2, c.retained.Verified, c.retained.Unproven = nil, nil, false, false
	return s.store(&c.retained)
}
