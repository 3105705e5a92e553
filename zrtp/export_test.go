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

// Sign puts the right MAC, keyed by image i of the session's hash chain, at the end of m.
func (s *Session) Sign(m []byte, i int) []byte { s.chain.sign(m, i); return m }

// Recommit changes the DHPart2 that an initiator is bound to, with everything that depends on it, and gives the Commit.
func (s *Session) Recommit(change func(part2 []byte)) []byte {
	change(s.ex.part2)
	s.chain.sign(s.ex.part2, 0)
	copy(s.ex.commit[commitHVI:], s.hvi(s.peer.message))
	s.chain.sign(s.ex.commit, 1)
	s.repeat.message = s.ex.commit
	return s.ex.commit
}

// BreakPart makes the MAC of the session's own DHPart wrong, for itself too, and gives the message that goes out next:
// Commit of the initiator, DHPart1 of the responder.
func (s *Session) BreakPart() []byte {
	if s.ex.role == Responder {
		s.ex.part1[len(s.ex.part1)-1] ^= 1
		return s.ex.part1
	}
	s.ex.part2[len(s.ex.part2)-1] ^= 1
	copy(s.ex.commit[commitHVI:], s.hvi(s.peer.message))
	s.chain.sign(s.ex.commit, 1)
	return s.ex.commit
}

// Reconfirm seals the session's Confirm again with its plaintext changed.
func (s *Session) Reconfirm(m []byte, change func(plain []byte) []byte) []byte {
	k, i := &s.ex.keys, s.ex.role.of()
	plain, ok := openEnvelope(m, s.ex.alg.Hash, k.mac[i], k.zrtp[i])
	if !ok {
		panic("not our Confirm")
	}
	return sealEnvelope(typeOf(m), s.ex.alg.Hash, k.mac[i], k.zrtp[i], m[confirmIV:confirmIV+ivSize], change(plain))
}

// BreakH0 makes the session confirm with an H0 that is no preimage of its H1.
func (s *Session) BreakH0() { s.chain[0] = [32]byte{1} }

// ForgeCommit makes a Multistream or Preshared Commit of the session.
func (s *Session) ForgeCommit(a Algorithms, nonce, keyID []byte) []byte {
	return createCommit(&commit{zid: s.cfg.ZID, alg: a, nonce: nonce, keyID: keyID}, &s.chain)
}

// ForgeGoClear makes the session's GoClear.
func (s *Session) ForgeGoClear() []byte {
	return createGoClear(s.ex.alg.Hash, s.ex.keys.mac[s.ex.role.of()])
}

// ForgeRelay makes a SASrelay of the session, whatever its configuration.
func (s *Session) ForgeRelay(sasHash [32]byte) []byte {
	r := sasRelay{scheme: SASB32, sasHash: sasHash}
	k, i := &s.ex.keys, s.ex.role.of()
	return sealEnvelope(msgSASrelay, s.ex.alg.Hash, k.mac[i], k.zrtp[i], make([]byte, ivSize), r.plaintext())
}

// SASHash is the sashash of the call.
func (s *Session) SASHash() []byte { return s.call.sasHash }

// Frame makes an empty message of a type by its name.
func Frame(name string, size int) []byte {
	for t, n := range messageNames {
		if n == (name + "        ")[:8] {
			return createFrame(messageType(t), size)
		}
	}
	panic(name)
}

// Prime3072 is p of DH3k in hexadecimal.
const Prime3072 = modp3072Hex

// NumStates is the number of states.
const NumStates = int(numStates)

// counted counts how often a key agreement is worked out.
type counted struct {
	agreement
	n *int
}

func (c counted) result(pv []byte, h Hash) (Secret, error) { *c.n++; return c.agreement.result(pv, h) }

// CountDH counts the results that the session works out from now on in its exchange.
func (s *Session) CountDH() *int {
	n := new(int)
	s.ex.ka = counted{s.ex.ka, n}
	return n
}

// BreakCommit makes the MAC of the session's own Commit wrong, for itself too.
func (s *Session) BreakCommit() []byte {
	s.ex.commit[len(s.ex.commit)-1] ^= 1
	return s.ex.commit
}
