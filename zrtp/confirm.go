package zrtp

import (
	"bytes"
	"math"
	"time"
)

// Confirmation (RFC 6189, Section 4.6): making and opening Confirm1 and Confirm2.

// makeConfirm makes our Confirm of type t into ex.confirm.
func (s *Session) makeConfirm(t messageType) error {
	ex := &s.ex
	c := confirm{h0: s.chain[0], flags: s.confirmFlags(), expiry: s.expiry()}
	if s.cfg.Signer != nil && ex.mode == ModeDH && s.peer.signature {
		// "A signature may be sent only in the initial media stream in a DH or ECDH ZRTP exchange".
		sigType, sig, err := s.cfg.Signer.SignSAS(ex.keys.sasHash)
		if err != nil {
			return err
		}
		if len(sig)%wordSize != 0 || len(sig)/wordSize >= maxSigWords {
			return ErrConfig
		}
		c.sigType, c.sig = sigType, sig
	}
	var iv [ivSize]byte
	if err := s.random(iv[:]); err != nil {
		return err
	}
	plain := c.plaintext()
	i := ex.role.of()
	ex.confirm = sealEnvelope(t, ex.alg.Hash, ex.keys.mac[i], ex.keys.zrtp[i], iv[:], plain)
	return nil
}

func (s *Session) confirmFlags() (flags uint8) {
	if s.cfg.Disclosure {
		flags |= flagDisclosure
	}
	if s.ex.mode == ModeMultistream {
		return flags
	}
	// V is the flag of the previous session, worth saying only if it was with this peer. A stays 0: this endpoint never
	// goes clear.
	if s.cfg.Cache != nil && s.ex.retained.Verified && s.matched() {
		flags |= flagVerified
	}
	if s.cfg.PBX.Enroll {
		flags |= flagEnrollment
	}
	return flags
}

// matched tells whether the retained secret was the same on both sides.
func (s *Session) matched() bool { return s.ex.shared.s1 != nil }

// expiry is the cache expiration interval that we offer, in seconds (Section 4.9).
func (s *Session) expiry() uint32 {
	switch {
	case s.ex.mode == ModeMultistream:
		return expireNever
	case s.cfg.Cache == nil:
		return 0 // "it MUST set the cache expiration interval to zero"
	case s.cfg.CacheExpiry <= 0 || s.cfg.CacheExpiry/time.Second >= math.MaxUint32:
		return expireNever
	}
	return uint32(s.cfg.CacheExpiry / time.Second)
}

// openConfirm checks the peer's Confirm: its MAC, then H0, then the MACs that H0 keys. Only then it counts.
func (s *Session) openConfirm(m *message, sender Role) error {
	ex := &s.ex
	if len(m.body) < confirmCipher+confirmPlainSize {
		return ErrMalformed
	}
	plain, ok := openEnvelope(m.body, ex.alg.Hash, ex.keys.mac[sender.of()], ex.keys.zrtp[sender.of()])
	if !ok {
		return s.attack(AlertConfirmMAC, CodeConfirmMAC, "wrong confirm_mac", m.now)
	}
	c, err := consumeConfirm(plain)
	if err != nil {
		return s.fail(CodeMalformed, "Confirm", m.now)
	}
	if err := s.checkChain(&c, m.now); err != nil {
		return err
	}
	ex.got = c
	return nil
}

// checkChain: "Packets that contain an incorrect hash preimage MUST NOT be used by the recipient"; a wrong MAC with a
// right preimage "MUST be treated as a security exception indicating a MiTM attack".
func (s *Session) checkChain(c *confirm, now time.Time) error {
	ex := &s.ex
	theirDHPart := ex.part1
	if ex.role == Responder {
		theirDHPart = ex.part2
	}
	if ex.mode == ModeDH {
		if !isPreimage(c.h0[:], ex.h1) {
			return ErrPreimage
		}
		if !chainMACValid(c.h0[:], theirDHPart) {
			return s.attack(AlertMessageMAC, CodeHelloMismatch, "DHPart was altered", now)
		}
		return nil
	}
	// "An analogous interpolation is performed by both parties to handle the skipped DHPart1 and DHPart2 messages".
	h1 := digest(mandatoryHash, c.h0[:])
	h2 := digest(mandatoryHash, h1)
	if ex.role == Responder {
		if !bytes.Equal(h2, ex.offer.h2) {
			return ErrPreimage
		}
		if !chainMACValid(h1, ex.commit) {
			return s.attack(AlertMessageMAC, CodeHelloMismatch, "Commit was altered", now)
		}
		return nil
	}
	if !isPreimage(h2, s.peer.h3) {
		return ErrPreimage
	}
	if !chainMACValid(h2, s.peer.message) {
		return s.attack(AlertMessageMAC, CodeHelloMismatch, "Hello was altered", now)
	}
	return nil
}
