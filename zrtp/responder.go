package zrtp

import (
	"bytes"
	"time"
)

// The responder's half of the exchange (RFC 6189, Section 4.4). It never resends by itself: it answers duplicates with
// the stored answer.

// commitReceived during discovery: the peer is the initiator.
func (s *Session) commitReceived(m *message) error {
	c, err := consumeCommit(m.body)
	if err != nil {
		return err
	}
	p, err := s.peers.committed(m.ssrc, c.h2)
	if err != nil {
		return err
	}
	return s.accept(p, &c, m)
}

// authentic checks a Commit whose H2 is right: the Hello's MAC, and the ZID, "which MUST have the same value as was used
// in the Hello message."
func (s *Session) authentic(p *peer, c *commit, now time.Time) error {
	if !chainMACValid(c.h2, p.message) {
		s.peer = p
		return s.attack(AlertMessageMAC, CodeHelloMismatch, "Hello was altered", now)
	}
	if c.zid != p.zid {
		s.peer = p
		return s.attack(AlertZIDChanged, CodeHelloMismatch, "ZID of Commit is not that of Hello", now)
	}
	return nil
}

// accept makes us the responder to c.
func (s *Session) accept(p *peer, c *commit, m *message) error {
	if err := s.authentic(p, c, m.now); err != nil {
		return err
	}
	if s.peer == nil {
		s.peer = p // whatever follows, Error goes to it
	}
	if code, detail, downgrade := admit(&s.ours, &p.hello, c.alg); downgrade {
		return s.attack(AlertDowngrade, code, detail, m.now)
	} else if code != 0 {
		return s.fail(code, detail, m.now)
	}
	switch {
	case c.mode == ModeMultistream && len(s.call.session) == 0 && s.call.busy && !s.first:
		s.peer = nil
		return nil // the first stream is about to have ZRTPSess; the Commit will come again
	case c.mode == ModeMultistream && len(s.call.session) == 0:
		// "If a Commit is received selecting Multistream mode, but the responder does not have a ZRTP Session Key
		// available, the exchange MUST be terminated."
		return s.fail(CodeNoSharedSecret, "Multistream without a session key", m.now)
	case c.mode != ModeMultistream && !s.first:
		return s.fail(CodeSoftware, "further streams are Multistream", m.now)
	}
	kept := s.ex.ka // "should only be discarded if it does not match the initiator's DH key size"
	if s.ex.alg.KeyAgreement != c.alg.KeyAgreement || s.ex.alg.Cipher != c.alg.Cipher || len(c.key) != 0 {
		kept = nil
	}
	s.begin(p, Responder, c.mode, c.alg)
	s.ex.commit = bytes.Clone(m.body)
	s.ex.offer, _ = consumeCommit(s.ex.commit) // the same octets parsed before
	s.ex.ka = kept
	if c.mode == ModeDH {
		return s.respondDH(m.now)
	}
	return s.respondShared(m.now)
}

// respondDH answers a DH Commit with DHPart1.
func (s *Session) respondDH(now time.Time) (err error) {
	ex := &s.ex
	if ex.ka == nil {
		ex.ka, err = ex.alg.KeyAgreement.group().make(s.cfg.Rand, Responder, 2*ex.alg.Cipher.keySize())
		if err != nil {
			return s.fail(CodeSoftware, err.Error(), now)
		}
	}
	pv, err := ex.ka.part1(ex.offer.key, ex.alg.Hash)
	if err != nil {
		return s.attack(AlertPublicValue, CodePublicValue, "Commit", now)
	}
	ids, err := ex.shared.send(ex.alg.Hash, Responder, s.chain[3][:], s.cfg.Rand)
	if err != nil {
		return s.fail(CodeSoftware, err.Error(), now)
	}
	ex.part1 = createDHPart(msgDHPart1, &ids, pv, &s.chain)
	s.reply(StateWaitDHPart2, ex.part1, now)
	return nil
}

// respondShared answers a Multistream or Preshared Commit with Confirm1.
func (s *Session) respondShared(now time.Time) error {
	if !s.call.useNonce(s.ex.offer.nonce) {
		// "If a Commit is received with a reused nonce value, the ZRTP exchange MUST be immediately terminated."
		return s.attack(AlertNonceReuse, CodeNonceReuse, "nonce came before", now)
	}
	if s.ex.mode == ModePreshared && !s.findPreshared() {
		if s.cfg.Passive {
			return s.fail(CodeNoSharedSecret, "no secret for this keyID", now)
		}
		return s.initiate(s.peer, false, now) // "it SHOULD respond with its own DH Commit message"
	}
	s.agreeShared()
	if err := s.makeConfirm(msgConfirm1); err != nil {
		return s.fail(CodeSoftware, err.Error(), now)
	}
	s.reply(StateWaitConfirm2, s.ex.confirm, now)
	return nil
}

// reply sends what answers the peer's message and gives the peer time for the next.
func (s *Session) reply(next State, m []byte, now time.Time) {
	s.state = next
	s.quiet = now.Add(patience)
	s.send(m)
}

// commitRepeated: our answer was lost.
func (s *Session) commitRepeated(m *message) error {
	if !bytes.Equal(m.body, s.ex.commit) {
		return ErrPreimage // another Commit after one was accepted proves nothing and changes nothing
	}
	switch {
	case s.ex.mode != ModeDH:
		s.reply(s.state, s.ex.confirm, m.now)
	case s.state == StateWaitDHPart2:
		s.reply(s.state, s.ex.part1, m.now)
	}
	return nil
}

// dhPart2Received: the initiator opens its commitment.
func (s *Session) dhPart2Received(m *message) error {
	ex := &s.ex
	d, err := consumeDHPart(m.body, ex.alg.KeyAgreement.group().part2Size)
	if err != nil {
		return err
	}
	if !isPreimage(d.h1, ex.offer.h2) {
		return ErrPreimage
	}
	if !chainMACValid(d.h1, ex.commit) {
		return s.attack(AlertMessageMAC, CodeHelloMismatch, "Commit was altered", m.now)
	}
	ex.part2 = bytes.Clone(m.body)
	ex.h1 = ex.part2[dhPartH1 : dhPartH1+hashSize]
	if weak := ex.alg.KeyAgreement.group().weak; weak != nil && weak(d.pv) { // before hvi, as Section 4.4.1.2 has it
		return s.attack(AlertPublicValue, CodePublicValue, "DHPart2", m.now)
	}
	// "If they are different, a MiTM attack is taking place and the user is alerted and the protocol exchange terminated."
	if !equal(s.hvi(s.hello.message), ex.offer.hvi) {
		return s.attack(AlertCommitment, CodeCommitment, "DHPart2 is not the committed one", m.now)
	}
	dhResult, err := ex.ka.result(d.pv, ex.alg.Hash)
	if err != nil {
		return s.attack(AlertPublicValue, CodePublicValue, "DHPart2", m.now)
	}
	ex.shared.match(ex.alg.Hash, Initiator, s.peer.h3, &d.ids)
	s.agreeDH(dhResult)
	if err := s.makeConfirm(msgConfirm1); err != nil {
		return s.fail(CodeSoftware, err.Error(), m.now)
	}
	s.reply(StateWaitConfirm2, ex.confirm, m.now)
	return nil
}

func (s *Session) dhPart2Repeated(m *message) error {
	if !bytes.Equal(m.body, s.ex.part2) {
		return ErrPreimage
	}
	s.reply(s.state, s.ex.confirm, m.now)
	return nil
}

// confirm2Received: the initiator has the keys too.
func (s *Session) confirm2Received(m *message) error {
	if err := s.openConfirm(m, Initiator); err != nil {
		return err
	}
	s.ex.peerConfirm2 = bytes.Clone(m.body)
	s.quiet = time.Time{}
	s.adopt()
	s.becomeSecure(m.now)
	s.send(conf2ACK)
	return nil
}

func (s *Session) confirm2Repeated(m *message) error {
	if s.ex.role == Responder && bytes.Equal(m.body, s.ex.peerConfirm2) {
		s.send(conf2ACK)
	}
	return nil
}
