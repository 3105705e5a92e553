// Package zrtp is RFC 6189, sans-I/O. (Documentation follows in doc.go.)
package zrtp

import (
	"hash"
	"time"
)

// Session is the ZRTP exchange of one media stream. It has no goroutine and no lock: one owner calls it. After each
// call of Start, Handle, Tick, PeerSentSRTP or a user's act, drain Outgoing and NextEvent until empty, then sleep until
// Deadline.
type Session struct{}

// MaxPacketSize is the longest packet that Outgoing writes, in octets.
const MaxPacketSize = 12 + (19+511)*4 + 4

// NewSession prepares a session; HelloHash is valid at once. It fails with ErrConfig or an error of c.Rand.
func NewSession(c *Config, now time.Time) (*Session, error) { return nil, ErrConfig }

// Stream is what differs for a further media stream of a call.
type Stream struct {
	SSRC          uint32
	PeerHelloHash []byte
}

// AddStream prepares a Multistream session for a further media stream (RFC 6189, Section 4.4.3). It may be started
// before s is secure; its Commit waits until then. All streams of a call belong to one owner.
func (s *Session) AddStream(st Stream, now time.Time) (*Session, error) { return nil, ErrConfig }

// Start begins discovery: sends Hello.
func (s *Session) Start(now time.Time) {}

// Handle takes one datagram. Its error says why a packet was not used; events say what happened. nil also for packets
// rightly ignored.
func (s *Session) Handle(packet []byte, now time.Time) error { return nil }

// Tick runs the timers that are due at now.
func (s *Session) Tick(now time.Time) {}

// Deadline is when Tick is due next; the zero time when nothing is pending.
func (s *Session) Deadline() time.Time { return time.Time{} }

// Outgoing copies the next packet to send into dst, which should hold MaxPacketSize octets.
func (s *Session) Outgoing(dst []byte) (n int, ok bool) { return 0, false }

// NextEvent takes the next event.
func (s *Session) NextEvent() (Event, bool) { return nil, false }

// PeerSentSRTP tells that SRTP from the peer arrived with a valid auth tag: it stands for Conf2ACK (Section 4.6).
func (s *Session) PeerSentSRTP(now time.Time) {}

// HelloHash is the SHA-256 of our Hello message, for a=zrtp-hash:1.10 (Section 8.1).
func (s *Session) HelloHash() [32]byte { return [32]byte{} }

// PeerZID is the peer's ZID; false before its Hello.
func (s *Session) PeerZID() (ZID, bool) { return ZID{}, false }

// PeerClientID is the peer's client identifier, printable characters only; empty before its Hello.
func (s *Session) PeerClientID() string { return "" }

// SetRTT gives a round-trip time measured outside; timers start no lower (Section 6).
func (s *Session) SetRTT(rtt time.Duration) {}

// SetVerified records that the user compared the SAS: for this ZID, in the cache, with a cache update that waited for
// it after a mismatch (Sections 4.6.1.1, 7.1).
func (s *Session) SetVerified(now time.Time) error { return nil }

// Unverify takes the SAS Verified flag of this ZID back.
func (s *Session) Unverify() error { return nil }

// RejectSAS records that the SAS differed: the retained secrets of this call are forgotten (Section 7.1).
func (s *Session) RejectSAS() error { return nil }

// Enroll accepts the PBX as our trusted man in the middle; only ever by an explicit act of the user (Section 7.3.1).
func (s *Session) Enroll() error { return nil }

// RelaySAS sends, as a PBX, the SAS of the other leg (Section 5.13).
func (s *Session) RelaySAS(t SASType, sashash []byte, verified, disclosure bool, now time.Time) error {
	return nil
}

// Export derives n octets for the application under label (Section 4.5.2).
func (s *Session) Export(label string, n int) (Secret, error) { return nil, ErrNotSecure }

// Ping sends a Ping (Section 5.15).
func (s *Session) Ping(now time.Time) {}

// RequestClear sends GoClear (Section 4.7.2). For interoperability tests: a handset never goes clear.
func (s *Session) RequestClear(now time.Time) error { return ErrNotSecure }

// Close erases every secret. The session does nothing afterwards.
func (s *Session) Close() {}

func (h Hash) new() func() hash.Hash    { return nil }
func (c Cipher) keySize() int           { return 0 }
func (k KeyAgreement) group() *struct{} { return nil }
