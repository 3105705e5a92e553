package zrtp

import (
	"time"

	"sotto/zrtp/internal/erase"
)

// exchange is one key agreement: who is who, the messages that count, and the secrets until they are used.
type exchange struct {
	role     Role
	mode     Mode
	alg      Algorithms
	ka       agreement
	retained RetainedSecrets // the cache's entry when the exchange began
	known    bool            // there was one
	shared   shared
	preKey   Secret // Preshared mode: preshared_key

	commit       []byte // the initiator's
	offer        commit // the same, taken apart
	part1, part2 []byte
	confirm      []byte // the one we sent: Confirm1 or Confirm2
	peerConfirm2 []byte // as responder, for repetitions
	h1           []byte // the peer's, from its DHPart
	keys         keys
	got          confirm // the peer's Confirm
}

// call is what the streams between the same two endpoints share (RFC 6189, Sections 4.4.3, 4.5.2).
type call struct {
	session   Secret // ZRTPSess
	alg       Algorithms
	announced ZID // PeerFound was emitted for it
	peerZID   ZID
	zids      [2]ZID // initiator's and responder's, of the first stream
	busy      bool   // the first stream's exchange is under way
	secure    bool
	secureAt  time.Time
	nonces    [][nonceSize]byte // of Multistream and Preshared Commits
	exported  *kdf              // keyed with ExportedKey
	sasHash   Secret

	retained RetainedSecrets  // what the cache holds for the peer
	pending  *RetainedSecrets // what it will hold once the SAS is verified (Section 4.6.1.1)
	enroll   bool             // the peer offered enrollment
}

func (c *call) wipe() {
	c.session.Wipe()
	c.sasHash.Wipe()
	c.retained.wipe()
	if c.pending != nil {
		c.pending.wipe()
	}
	*c = call{}
}

// useNonce records a nonce; false when it was used before: "Its value MUST be unique for all nonce values chosen for
// active ZRTP sessions between a pair of endpoints."
func (c *call) useNonce(nonce []byte) bool {
	n := [nonceSize]byte(nonce)
	for _, used := range c.nonces {
		if used == n {
			return false
		}
	}
	c.nonces = append(c.nonces, n)
	return true
}

// begin turns to p with a fresh exchange.
func (s *Session) begin(p *peer, role Role, mode Mode, alg Algorithms) {
	s.forget()
	if s.peer = p; s.call.announced != p.zid {
		s.found(p)
	}
	s.ex = exchange{role: role, mode: mode, alg: alg}
	s.hello.stop()
	s.repeat.stop()
	if mode == ModeMultistream {
		return
	}
	s.call.busy = true
	s.ex.retained, s.ex.known = s.lookup(p.zid)
	pbx := s.ex.retained.PBX
	if len(pbx) == 0 {
		pbx = s.cfg.PBX.Secret
	}
	s.ex.shared.own = [4]Secret{s.ex.retained.RS1, s.ex.retained.RS2, s.auxSecret(), pbx}
	for i, secret := range s.ex.shared.own {
		if len(secret) == 0 {
			s.ex.shared.own[i] = nil
		}
	}
}

// auxSecret is auxsecret, or srtps in its place (Section 8.2).
func (s *Session) auxSecret() Secret {
	if len(s.cfg.SDES.Key) == 0 {
		return s.cfg.AuxSecret
	}
	i, r := s.zids()
	return srtpSecret(s.ex.alg.Hash, &s.cfg.SDES, i, r)
}

// zids are the initiator's and the responder's ZID.
func (s *Session) zids() (initiator, responder ZID) {
	if s.ex.role == Initiator {
		return s.cfg.ZID, s.peer.zid
	}
	return s.peer.zid, s.cfg.ZID
}

// responderHello is the Hello that total_hash begins with.
func (s *Session) responderHello() []byte {
	if s.ex.role == Responder {
		return s.hello.message
	}
	return s.peer.message
}

// agreeDH derives the keys of DH mode. It wipes dhResult.
func (s *Session) agreeDH(dhResult Secret) {
	erase.Do(func() { s.deriveDH(dhResult) })
}

func (s *Session) deriveDH(dhResult Secret) {
	ex := &s.ex
	i, r := s.zids()
	context := kdfContext(ex.alg.Hash, i, r, s.responderHello(), ex.commit, ex.part1, ex.part2)
	s0 := sharedSecretDH(ex.alg.Hash, dhResult, context, &ex.shared)
	ex.keys = deriveKeys(ex.alg.Hash, ex.alg.Cipher, s0, context, true)
	ex.ka = nil
}

// agreeShared derives the keys of Preshared and Multistream mode (Sections 4.4.2.4, 4.4.3.2). It wipes the preshared key:
// "The preshared_key MUST be erased as soon as it has been used to calculate s0."
func (s *Session) agreeShared() { erase.Do(s.deriveShared) }

func (s *Session) deriveShared() {
	ex := &s.ex
	i, r := s.zids()
	context := kdfContext(ex.alg.Hash, i, r, s.responderHello(), ex.commit)
	key, label := s.call.session, "ZRTP MSK"
	if ex.mode == ModePreshared {
		key, label = ex.preKey, "ZRTP PSK"
		defer ex.preKey.Wipe()
	}
	s0 := newKDF(ex.alg.Hash, key, context).derive(label, ex.alg.Hash.size())
	ex.keys = deriveKeys(ex.alg.Hash, ex.alg.Cipher, s0, context, ex.mode == ModePreshared)
}

// forget wipes the secrets of the exchange.
func (s *Session) forget() {
	s.ex.keys.wipe()
	s.ex.preKey.Wipe()
	s.ex.retained.wipe()
	if len(s.cfg.SDES.Key) != 0 {
		s.ex.shared.own[2].Wipe()
	}
	s.ex = exchange{}
}
