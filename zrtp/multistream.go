package zrtp

import "time"

// Stream is what differs for a further media stream of a call.
type Stream struct {
	SSRC          uint32 // of our RTP stream
	PeerHelloHash []byte // the peer's a=zrtp-hash of this stream, when the signaling gave one
}

// AddStream prepares a Multistream session for a further media stream (RFC 6189, Section 4.4.3). It may be started
// before s is secure; its Commit waits until then. All streams of a call belong to one owner.
func (s *Session) AddStream(st Stream, now time.Time) (*Session, error) {
	c := s.cfg
	c.SSRC, c.PeerHelloHash = st.SSRC, st.PeerHelloHash
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	c.RTT = s.rtt
	return newSession(c, s.call, false)
}
