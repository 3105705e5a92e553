package zrtp

import "time"

// The end of an exchange (RFC 6189, Sections 4.5, 4.6): keys to the owner, SAS to the user, secrets to the cache.

// adopt hands the SRTP keys over and keeps what belongs to the call. Both Confirms are proven to come from who knows s0.
func (s *Session) adopt() {
	ex, k := &s.ex, &s.ex.keys
	ours, theirs := ex.role.of(), ex.role.other().of()
	s.emit(KeysReady{Role: ex.role, Mode: ex.mode, Algorithms: ex.alg, Send: k.srtp[ours], Receive: k.srtp[theirs]})
	k.srtp = [2]SRTPKey{} // the owner wipes them
	if ex.mode == ModeMultistream {
		return
	}
	c := s.call
	c.zids[0], c.zids[1] = s.zids()
	c.peerZID, c.alg = s.peer.zid, ex.alg
	c.session, k.session = k.session, nil
	c.sasHash = k.sasHash.clone()
	c.exported = newKDF(ex.alg.Hash, k.exported, k.context)
	k.exported.Wipe()
}

// becomeSecure completes the exchange.
func (s *Session) becomeSecure(now time.Time) {
	ex := &s.ex
	s.state = StateSecure
	if ex.mode != ModeMultistream {
		s.call.busy, s.call.secure, s.call.secureAt = false, true, now
		s.reportSAS(now)
	}
	s.emit(Secure{Role: ex.role, Mode: ex.mode, Algorithms: ex.alg, Disclosure: ex.got.flags&flagDisclosure != 0,
		AuxMatch: ex.shared.s2 != nil, PBXMatch: ex.shared.s3 != nil})
	ex.keys.newRS1.Wipe()
	ex.retained.wipe()
}

// reportSAS tells the user everything that the SAS rests on, and updates the cache.
func (s *Session) reportSAS(now time.Time) {
	ex := &s.ex
	expired := !ex.retained.Expires.IsZero() && now.After(ex.retained.Expires)
	// "we expected a cache match because rs1 exists in our local cache, but we computed a null value for s1"; a secret past
	// its expiration may be gone "without causing the other party to note it as an unexpected security event".
	// A first secret that the peer never showed to have is not expected either: the line may have broken before it had it.
	expected := ex.shared.own[0] != nil && !ex.retained.Unproven
	mismatch := expected && !s.matched() && !expired
	if mismatch {
		s.emit(CacheMismatch{s.peer.zid})
	}
	if ex.shared.own[2] != nil && ex.shared.s2 == nil {
		s.emit(AuxMismatch{})
	}
	signer := s.checkSignature()
	// "If a received Confirm message has the (E) flag set" by a PBX; a phone cannot offer enrollment.
	if ex.got.flags&flagEnrollment != 0 && s.peer.mitm && s.cfg.Cache != nil {
		s.call.enroll = true
		s.emit(EnrollmentOffered{})
	}
	s.updateCache(mismatch && signer == "" && !(s.cfg.SignalingAuthentic && s.peer.announced), now)
	s.emit(SASReady{
		SAS: ex.alg.SAS.render(s.call.sasHash), Type: ex.alg.SAS,
		Verified:      ex.retained.Verified && s.matched() && ex.got.flags&flagVerified != 0,
		NewDevice:     ex.shared.own[0] == nil || ex.retained.Unproven && !s.matched(),
		CacheMismatch: mismatch, Signer: signer,
	})
}

// checkSignature verifies the SAS signature of the peer's Confirm, if there is one, and gives the signer's name.
func (s *Session) checkSignature() (signer string) {
	c := &s.ex.got
	if c.sigType == 0 || s.cfg.Verifier == nil || s.ex.mode != ModeDH {
		return ""
	}
	signer, err := s.cfg.Verifier.VerifySAS(c.sigType, c.sig, s.call.sasHash)
	if err != nil {
		signer = ""
		s.alert(AlertBadSignature)
	}
	s.emit(PeerSigned{Type: c.sigType, Signer: signer, Err: err})
	return signer
}

// Export derives n octets for the application under its own label from ExportedKey (Section 4.5.2). n is at most the
// length of the negotiated hash: 32 or 48.
func (s *Session) Export(label string, n int) (Secret, error) {
	if s.call.exported == nil || !s.call.secure {
		return nil, ErrNotSecure
	}
	if n < 1 || n > s.call.exported.h.size() {
		return nil, ErrConfig
	}
	return s.call.exported.derive(label, n), nil
}
