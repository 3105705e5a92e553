package zrtp

import (
	"time"
)

// The initiator's half of the exchange (RFC 6189, Section 4.4).

// initiate sends a Commit to p: Multistream for a further stream, else Preshared if wanted and possible, else DH mode.
func (s *Session) initiate(p *peer, preshared bool, now time.Time) error {
	alg := negotiate(&s.ours, &p.hello)
	var err error
	switch {
	case !s.first:
		if !p.ka.has(uint32(KeyAgreementMult)) || !s.ours.ka.has(uint32(KeyAgreementMult)) {
			s.begin(p, Initiator, ModeMultistream, alg)
			return s.fail(CodeKeyAgreement, "peer has no Multistream mode", now)
		}
		alg = s.call.alg // "SHOULD be set by the initiator to the same as the values as in the initial DH Mode Commit"
		alg.KeyAgreement = KeyAgreementMult
		s.begin(p, Initiator, ModeMultistream, alg)
		err = s.commitNonce(nil)
	case preshared && s.canPreshare(p):
		alg.KeyAgreement = KeyAgreementPrsh
		s.begin(p, Initiator, ModePreshared, alg)
		s.presharedBy(s.ex.shared.own[2], s.ex.shared.own[3])
		err = s.commitNonce(keyID(alg.Hash, s.ex.preKey))
	default:
		s.begin(p, Initiator, ModeDH, alg)
		err = s.commitDH()
	}
	if err != nil {
		return s.fail(CodeSoftware, err.Error(), now)
	}
	s.ex.offer, _ = consumeCommit(s.ex.commit) // we made it
	s.state = StateCommitSent
	s.flight(s.ex.commit, now)
	return nil
}

// commitDH makes DHPart2, and the Commit that binds us to it before we see DHPart1 (Section 4.4.1.1).
func (s *Session) commitDH() (err error) {
	ex := &s.ex
	if ex.ka, err = ex.alg.KeyAgreement.group().make(s.cfg.Rand, Initiator, 2*ex.alg.Cipher.keySize()); err != nil {
		return err
	}
	ids, err := ex.shared.send(ex.alg.Hash, Initiator, s.chain[3][:], s.cfg.Rand)
	if err != nil {
		return err
	}
	ex.part2 = createDHPart(msgDHPart2, &ids, ex.ka.part2(), &s.chain)
	c := commit{zid: s.cfg.ZID, alg: ex.alg, hvi: s.hvi(s.peer.message), key: ex.ka.commitKey()}
	ex.commit = createCommit(&c, &s.chain)
	return nil
}

// hvi = hash(initiator's DHPart2 message || responder's Hello message), truncated to 256 bits.
func (s *Session) hvi(responderHello []byte) []byte {
	return digest(s.ex.alg.Hash, s.ex.part2, responderHello)[:hashSize]
}

// commitNonce makes the Commit of Multistream mode, or of Preshared mode with a keyID.
func (s *Session) commitNonce(keyID []byte) error {
	var nonce [nonceSize]byte
	if err := s.random(nonce[:]); err != nil {
		return err
	}
	s.call.useNonce(nonce[:])
	c := commit{zid: s.cfg.ZID, alg: s.ex.alg, nonce: nonce[:], keyID: keyID}
	s.ex.commit = createCommit(&c, &s.chain)
	return nil
}

// dhPart1Received: the responder answered our Commit.
func (s *Session) dhPart1Received(m *message) error {
	ex := &s.ex
	if ex.mode != ModeDH {
		return nil
	}
	d, err := consumeDHPart(m.body, ex.alg.KeyAgreement.group().part1Size)
	if err != nil {
		return err
	}
	// "since H2 is sent in the Commit message, and the initiator does not receive a Commit message, the initiator computes
	// the responder's missing H2 by hashing the responder's H1."
	h2 := digest(mandatoryHash, d.h1)
	if !isPreimage(h2, s.peer.h3) {
		return ErrPreimage
	}
	if !chainMACValid(h2, s.peer.message) {
		return s.attack(AlertMessageMAC, CodeHelloMismatch, "Hello was altered", m.now)
	}
	dhResult, err := ex.ka.result(d.pv, ex.alg.Hash)
	if err != nil {
		return s.attack(AlertPublicValue, CodePublicValue, "DHPart1", m.now)
	}
	ex.part1 = append([]byte(nil), m.body...)
	ex.h1 = ex.part1[dhPartH1 : dhPartH1+hashSize]
	ex.shared.match(ex.alg.Hash, Responder, s.peer.h3, &d.ids)
	s.agreeDH(dhResult)
	s.answered(m.now)
	s.state = StateWaitConfirm1
	s.flight(ex.part2, m.now)
	return nil
}

// confirm1Received: the responder has the keys, and so have we.
func (s *Session) confirm1Received(m *message) error {
	if s.state == StateCommitSent {
		if s.ex.mode == ModeDH {
			return nil // not before DHPart1
		}
		s.agreeShared()
	}
	if err := s.openConfirm(m, Responder); err != nil {
		return err
	}
	if err := s.makeConfirm(msgConfirm2); err != nil {
		return s.fail(CodeSoftware, err.Error(), m.now)
	}
	s.answered(m.now)
	s.state = StateWaitConf2ACK
	s.adopt()
	s.flight(s.ex.confirm, m.now)
	return nil
}

func (s *Session) conf2ACKReceived(m *message) error {
	if err := consumeACK(m.body); err != nil {
		return err
	}
	s.PeerSentSRTP(m.now)
	return nil
}

// PeerSentSRTP tells that SRTP from the peer arrived with a valid auth tag: "The initiator MUST treat the first valid
// SRTP media from the responder as equivalent to receiving a Conf2ACK." (Section 4.6) To the responder it shows that the
// initiator has the keys and has stored what they leave.
func (s *Session) PeerSentSRTP(now time.Time) {
	switch {
	case s.state == StateWaitConf2ACK:
		s.answered(now)
		s.becomeSecure(now)
	case s.state == StateSecure && s.ex.role == Responder:
		s.proven()
	}
}
