package zrtp

import (
	"bytes"
	"crypto/sha256"
	"time"
)

// Discovery (RFC 6189, Section 4.1): Hello and HelloACK, both ways.

func (s *Session) helloReceived(m *message) error {
	h, err := consumeHello(m.body)
	if err != nil {
		return err
	}
	if s.peer != nil { // a repetition by the peer that missed our HelloACK, or somebody else
		if m.ssrc != s.peer.ssrc || !bytes.Equal(m.body, s.peer.message) {
			return ErrStranger
		}
		s.send(helloACK)
		return nil
	}
	announced, err := s.checkHelloHash(m.body)
	if err != nil {
		return err
	}
	// "When comparing protocol versions, a ZRTP endpoint MUST include only the first three octets".
	switch c := bytes.Compare(h.version[:3], []byte(version[:3])); {
	case c > 0:
		// "the received Hello message MUST be ignored", yet "A HelloACK is sent regardless if the version number in the
		// Hello is supported".
		s.send(helloACK)
		return nil
	case c < 0 && len(s.peers.list) == 0:
		return s.fail(CodeVersion, "Hello of version "+printable(h.version[:]), m.now)
	case c < 0:
		return ErrStranger
	}
	if h.zid == s.cfg.ZID {
		if len(s.peers.list) != 0 {
			return ErrStranger
		}
		s.alert(AlertReflection)
		return s.fail(CodeEqualZIDs, "Hello with our ZID", m.now)
	}
	if !s.first && s.call.peerZID != (ZID{}) && h.zid != s.call.peerZID {
		// "In a Multistream session, a ZRTP endpoint MUST use the same ZID for all media streams".
		s.alert(AlertZIDChanged)
		return ErrStranger
	}
	return s.candidate(m, announced)
}

// checkHelloHash rejects a Hello that the signaling did not announce (Section 8.1).
func (s *Session) checkHelloHash(message []byte) (announced bool, err error) {
	if len(s.cfg.PeerHelloHash) == 0 {
		return false, nil
	}
	sum := sha256.Sum256(message)
	if !equal(sum[:], s.cfg.PeerHelloHash) {
		s.alert(AlertHelloHash)
		return false, ErrStranger
	}
	return true, nil
}

// candidate answers a sound Hello and keeps it.
func (s *Session) candidate(m *message, announced bool) error {
	s.send(helloACK)
	if s.peers.find(m.ssrc, m.body) != nil {
		return nil
	}
	p := &peer{message: bytes.Clone(m.body), ssrc: m.ssrc, announced: announced}
	p.hello, _ = consumeHello(p.message) // the same octets parsed before
	s.peers.add(p)
	if len(s.peers.list) == 1 {
		s.found(p)
	}
	p.acked = s.peers.acked && s.peers.ackedBy == m.ssrc || s.peerAcked(m.ssrc)
	s.quiet = time.Time{}
	if s.state == StateDetect || s.state == StateAckDetected {
		s.state = StateAckSent
	}
	if p.acked {
		s.tryCommit(m.now)
	} else if s.state == StateAckSent && !s.hello.running() {
		s.hello.startHello(s.rtt, m.now) // the schedule was over, or a stranger's HelloACK had stopped it
		s.send(s.hello.message)
	} else if len(s.peers.list) == 1 {
		s.hello.hasten(m.now)
	}
	s.hello.extend()
	return nil
}

func (s *Session) peerAcked(ssrc uint32) bool {
	p := s.peers.fromSSRC(ssrc)
	return p != nil && p.acked
}

func (s *Session) found(p *peer) {
	e := PeerFound{ZID: p.zid, ClientID: printable(p.clientID), HelloHash: p.announced}
	r, known := s.lookup(p.zid)
	e.NewDevice = !known || r.RS1 == nil
	s.call.announced = p.zid
	if s.first {
		s.emit(e)
	}
}

func (s *Session) helloACKReceived(m *message) error {
	if err := consumeACK(m.body); err != nil {
		return err
	}
	if s.peers.ack(m.ssrc) {
		s.tryCommit(m.now)
		return nil
	}
	if len(s.peers.list) == 0 {
		// "The receipt of a HelloACK stops retransmission of the Hello message."
		s.peers.ackedBy, s.peers.acked = m.ssrc, true
		s.hello.stop()
		s.state = StateAckDetected
		s.quiet = m.now.Add(t1Extend)
	}
	return nil
}

// tryCommit commits as soon as a peer's Hello and HelloACK are here: "it can only be sent after receiving both a Hello
// message and a HelloACK message."
func (s *Session) tryCommit(now time.Time) {
	p := s.peers.ready()
	if p == nil || !discovering.has(s.state) {
		return
	}
	s.hello.stop()
	s.quiet = time.Time{}
	s.state = StateWaitCommit
	switch {
	case s.cfg.Passive:
		s.quiet = now.Add(t1Extend)
	case s.first || s.call.secure:
		// An error here means that the random source failed or the peer lacks Multistream: it is in the events.
		_ = s.initiate(p, s.cfg.Preshared, now)
	}
}

// waitsForCall is when a further stream may commit: once the first is secure. The zero time: not yet, or not at all.
func (s *Session) waitsForCall() time.Time {
	if s.first || s.state != StateWaitCommit || s.cfg.Passive || !s.call.secure {
		return time.Time{}
	}
	return s.call.secureAt
}

// helloExhausted: nobody answered. "a late Commit message from the peer SHOULD still be accepted."
func (s *Session) helloExhausted(time.Time) { s.emit(NoPeer{}) }

// ownSSRC: "If a Hello message, or any other ZRTP message, indicates that there is a synchronization source (SSRC)
// collision, an Error message MUST be sent with the Error Code indicating SSRC collision, and the ZRTP negotiation MUST
// be terminated." Once the peer's own SSRC is known to differ, it is no collision but a stranger or an echo.
func (s *Session) ownSSRC(m *message) error {
	if len(s.peers.list) != 0 || !discovering.has(s.state) || m.kind == msgError || m.kind == msgErrorACK {
		return ErrStranger
	}
	if len(s.cfg.PeerHelloHash) != 0 { // we can tell whether this is the peer
		if _, err := s.checkHelloHash(m.body); err != nil || m.kind != msgHello {
			return ErrStranger
		}
	}
	s.alert(AlertReflection)
	return s.fail(CodeSSRCCollision, "packet with our SSRC", m.now)
}
