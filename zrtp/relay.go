package zrtp

import (
	"bytes"
	"time"
)

// Trusted man in the middle (RFC 6189, Sections 5.13, 7.3).

// pbxSecret = KDF(ZRTPSess, "Trusted MiTM key", (ZIDi || ZIDr), 256).
func (s *Session) pbxSecret() Secret {
	return newKDF(s.call.alg.Hash, s.call.session, s.call.context()).derive("Trusted MiTM key", 32)
}

// Enroll accepts the PBX as our trusted man in the middle, after EnrollmentOffered. It can listen from then on, so: "An
// endpoint MUST NOT store the pbxsecret in the cache without explicit user authorization." It fails with ErrNotSecure
// when nothing was offered, ErrNoCache or the error of the cache.
func (s *Session) Enroll() error {
	c := s.call
	if !c.secure || !c.enroll {
		return ErrNotSecure
	}
	c.retained.PBX = s.pbxSecret()
	if c.pending != nil {
		c.pending.PBX = c.retained.PBX.clone()
	}
	return s.store(&c.retained)
}

// RelaySAS sends, as a PBX, the sashash of the other leg, or only its rendering type when sasHash is nil (Section 7.3).
// To a phone that does not share pbxsecret only the type goes out. It fails with ErrNotSecure, or with ErrConfig unless
// Config.PBX.MiTM is set and sasHash has 32 octets.
func (s *Session) RelaySAS(t SASType, sasHash []byte, verified, disclosure bool, now time.Time) error {
	switch {
	case s.state != StateSecure:
		return ErrNotSecure
	case !s.cfg.PBX.MiTM || sasHash != nil && len(sasHash) != hashSize:
		return ErrConfig
	}
	r := sasRelay{scheme: t}
	if s.ex.shared.s3 != nil {
		copy(r.sasHash[:], sasHash)
	}
	if verified {
		r.flags |= flagVerified
	}
	if disclosure {
		r.flags |= flagDisclosure
	}
	var iv [ivSize]byte
	if err := s.random(iv[:]); err != nil {
		return err
	}
	k, i := &s.ex.keys, s.ex.role.of()
	s.flight(sealEnvelope(msgSASrelay, s.ex.alg.Hash, k.mac[i], k.zrtp[i], iv[:], r.plaintext()), now)
	return nil
}

// relayReceived: "The receiver absolutely MUST NOT render the relayed SAS if it does not come from a specially trusted
// ZRTP endpoint": one that set M in its Hello and shares pbxsecret with us. "A RelayACK is still sent, but no Error
// message is sent."
func (s *Session) relayReceived(m *message) error {
	if len(m.body) < confirmCipher+relayPlainSize {
		return ErrMalformed
	}
	k, i := &s.ex.keys, s.ex.role.other().of()
	plain, ok := openEnvelope(m.body, s.ex.alg.Hash, k.mac[i], k.zrtp[i])
	if !ok {
		s.alert(AlertForgedRelay)
		return ErrForged
	}
	r, err := consumeRelay(plain)
	if err != nil {
		return err
	}
	s.send(relayACK)
	if !s.peer.mitm || s.ex.shared.s3 == nil {
		s.alert(AlertUntrustedRelay)
		return nil
	}
	if bytes.Equal(m.body, s.close.relayed) || r.scheme != SASB32 && r.scheme != SASB256 {
		return nil
	}
	s.close.relayed = bytes.Clone(m.body)
	e := RelayedSAS{Type: r.scheme, Verified: r.flags&flagVerified != 0, Disclosure: r.flags&flagDisclosure != 0}
	if r.sasHash != ([hashSize]byte{}) {
		e.SAS = r.scheme.render(r.sasHash[:])
	}
	s.emit(e)
	return nil
}

func (s *Session) relayACKReceived(m *message) error {
	if err := consumeACK(m.body); err != nil {
		return err
	}
	if !s.close.clearing {
		s.repeat.stop()
	}
	return nil
}
