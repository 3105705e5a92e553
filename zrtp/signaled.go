package zrtp

import "bytes"

// SetPeerHelloHash gives the peer's a=zrtp-hash, 32 octets, to a session that has not started: a caller's own hash goes out
// with the offer, and the peer's comes with the answer. authentic says that the signaling has end-to-end integrity
// (RFC 6189, Section 8.1.1). It returns ErrConfig for another length or a running session.
func (s *Session) SetPeerHelloHash(hash []byte, authentic bool) error {
	if s.state != StateInitial || len(hash) != hashSize {
		return ErrConfig
	}
	s.cfg.PeerHelloHash = bytes.Clone(hash)
	s.cfg.SignalingAuthentic = authentic
	return nil
}

// PeerSSRC is the SSRC that the peer's Hello came from, and so the source of its RTP stream (RFC 6189, Section 5); false
// before the exchange has found its peer.
func (s *Session) PeerSSRC() (uint32, bool) {
	if s.peer == nil {
		return 0, false
	}
	return s.peer.ssrc, true
}
