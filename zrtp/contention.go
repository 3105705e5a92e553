package zrtp

import "bytes"

// contention: both sides committed (RFC 6189, Section 4.2). In the field this is the normal case.
func (s *Session) contention(m *message) error {
	c, err := consumeCommit(m.body)
	if err != nil {
		return err
	}
	if !isPreimage(c.h2, s.peer.h3) {
		return ErrPreimage
	}
	ours := s.ex.mode
	switch {
	case (ours == ModeMultistream) != (c.mode == ModeMultistream):
		// "a software error has occurred and the ZRTP negotiation should be terminated."
		return s.fail(CodeSoftware, "Multistream against another mode", m.now)
	case ours == ModeDH && c.mode == ModePreshared:
		return nil // "the Preshared Commit MUST be discarded and the DH Commit proceeds"
	case ours == ModePreshared && c.mode == ModeDH:
		return s.accept(s.peer, &c, m)
	case ours == ModePreshared && s.ours.mitm != s.peer.mitm:
		// "the phone is the initiator and the PBX is the responder"
		if s.ours.mitm {
			return s.accept(s.peer, &c, m)
		}
		return nil
	}
	// "the Commit message with the lowest hvi ... or lowest nonce value ... MUST be discarded and the other side is the
	// initiator ... compared as large unsigned integers in network byte order."
	if bytes.Compare(c.weight(), s.ex.offer.weight()) > 0 {
		return s.accept(s.peer, &c, m)
	}
	return nil
}
