package zrtp

// What tests outside the package need to forge and to look inside.

const (
	HeaderSize = headerSize
	CRCSize    = crcSize
	MACSize    = macSize
)

var (
	CreatePacket  = createPacket
	CreateError   = createError
	CreatePing    = createPing
	ConsumePacket = consumePacket
)

// NewStream is AddStream with another configuration.
func NewStream(s *Session, c *Config) (*Session, error) {
	cfg, err := c.complete()
	if err != nil {
		return nil, err
	}
	return newSession(cfg, s.call, false)
}

// SessionKey is ZRTPSess.
func (s *Session) SessionKey() Secret { return s.call.session }

// Candidates is how many Hellos are kept.
func (s *Session) Candidates() int { return len(s.peers.list) }

// HashChain is H0..H3.
func (s *Session) HashChain() [4][32]byte { return s.chain }
