package zrtp

import "time"

// Termination (RFC 6189, Section 4.7).

// closing is what the end of an exchange remembers.
type closing struct {
	alerted  uint32 // bit set of AlertReason already told
	clearing bool   // our GoClear is in flight
	relayed  []byte // the last SASrelay, so that its repetitions are told apart
}

// fail ends the exchange with an Error message: "The termination of a ZRTP key agreement exchange results in no updates
// to the cached shared secrets and deletion of all crypto context for that media stream."
func (s *Session) fail(code ErrorCode, detail string, now time.Time) error {
	err := &ProtocolError{Code: code, Detail: detail}
	s.over(err)
	s.state = StateWaitErrorACK
	s.flight(createError(code), now)
	return err
}

// attack is fail for what honest peers and random errors do not cause.
func (s *Session) attack(r AlertReason, code ErrorCode, detail string, now time.Time) error {
	s.alert(r)
	return s.fail(code, detail, now)
}

func (s *Session) over(err *ProtocolError) {
	if s.first {
		s.call.wipe()
	}
	s.forget()
	s.hello.stop()
	s.repeat.stop()
	s.quiet = time.Time{}
	s.state = StateClosed
	s.emit(Failed{err})
}

// errorReceived: an Error ends an exchange in progress. It is not authenticated, so against keys already confirmed it does
// nothing but be acknowledged, and a stranger's ends nothing.
func (s *Session) errorReceived(m *message) error {
	code, err := consumeError(m.body)
	if err != nil {
		return err
	}
	s.send(errorACK)
	if s.state == StateSecure && s.close.clearing && code == CodeGoClearForbidden {
		s.close.clearing = false
		s.repeat.stop()
		s.emit(ClearRefused{})
	}
	if !(exchanging | discovering).has(s.state) || s.peer == nil && s.peers.fromSSRC(m.ssrc) == nil {
		return nil
	}
	e := &ProtocolError{Code: code, Remote: true}
	s.over(e)
	return e
}

func (s *Session) errorACKReceived(m *message) error {
	if err := consumeACK(m.body); err != nil {
		return err
	}
	s.repeat.stop()
	s.state = StateClosed
	return nil
}

// flightExhausted: nobody answered the message in flight.
func (s *Session) flightExhausted(now time.Time) {
	switch {
	case exchanging.has(s.state):
		_ = s.fail(CodeTimeout, "no answer in state "+s.state.String(), now) // it is in the events
	case s.state == StateWaitErrorACK:
		s.state = StateClosed
	case s.close.clearing:
		// "In the event a ClearACK is not received before the retransmissions of GoClear are exhausted, the key material is
		// deleted".
		s.cleared()
	}
}

// peerSilent: the peer stopped in the middle. "if a ZRTP responder receives no ZRTP messages for more than 10 seconds, the
// responder MAY send a protocol timeout Error message and terminate the ZRTP protocol."
func (s *Session) peerSilent(now time.Time) {
	s.quiet = time.Time{}
	if s.state == StateAckDetected {
		s.emit(NoPeer{})
		return
	}
	_ = s.fail(CodeTimeout, "silence in state "+s.state.String(), now) // it is in the events
}

// goClearReceived: this endpoint set A to 0 and never goes clear: an authentic GoClear is answered with Error 0x100 and
// changes nothing, a forged one with nothing: "If a GoClear message is received with a bad MAC, ClearACK MUST NOT be
// sent and the GoClear MUST NOT be acted on by the recipient".
func (s *Session) goClearReceived(m *message) error {
	got, err := consumeGoClear(m.body)
	if err != nil {
		return err
	}
	if !equal(got, clearMAC(s.ex.alg.Hash, s.ex.keys.mac[s.ex.role.other().of()])) {
		s.alert(AlertForgedGoClear)
		return ErrForged
	}
	s.alert(AlertGoClear)
	s.send(createError(CodeGoClearForbidden))
	return nil
}

// RequestClear sends GoClear (Section 4.7.2). It is for interoperability tests: the owner must have stopped sending SRTP,
// and nothing follows but ClearRefused or Cleared.
func (s *Session) RequestClear(now time.Time) error {
	if s.state != StateSecure {
		return ErrNotSecure
	}
	s.close.clearing = true
	s.flight(createGoClear(s.ex.alg.Hash, s.ex.keys.mac[s.ex.role.of()]), now)
	return nil
}

func (s *Session) clearACKReceived(m *message) error {
	if err := consumeACK(m.body); err != nil {
		return err
	}
	if s.close.clearing {
		s.cleared()
	}
	return nil
}

// cleared replaces ZRTPSess by a one-way function of itself and erases the rest (Section 4.7.2.1).
func (s *Session) cleared() {
	c := s.call
	old := c.session
	c.session = newKDF(c.alg.Hash, old, c.context()).derive("New ZRTP Session", c.alg.Hash.size())
	old.Wipe()
	s.close.clearing = false
	s.repeat.stop()
	s.forget()
	s.state = StateClosed
	s.emit(Cleared{})
}

// context is ZIDi || ZIDr, for what belongs to the whole call.
func (c *call) context() []byte { return append(append([]byte(nil), c.zids[0][:]...), c.zids[1][:]...) }
