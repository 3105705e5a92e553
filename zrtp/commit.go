package zrtp

import "encoding/binary"

// Commit message (RFC 6189, Section 5.4). Offsets are from the start of the message.
const (
	commitH2        = 12
	commitZID       = 44
	commitBlocks    = 56
	commitHVI       = 76 // or nonce
	nonceSize       = 16
	keyIDSize       = 8
	commitDHSize    = commitHVI + hashSize + macSize
	commitMultSize  = commitHVI + nonceSize + macSize
	commitPrshSize  = commitHVI + nonceSize + keyIDSize + macSize
	commitKEMOffset = commitHVI + hashSize
)

// commit is a Commit taken apart. Slices alias the message.
type commit struct {
	h2    []byte
	zid   ZID
	alg   Algorithms
	mode  Mode
	hvi   []byte // DH mode
	key   []byte // DH mode with a KEM: the public key (POSTQUANTUM.md)
	nonce []byte // the other modes
	keyID []byte // Preshared mode
}

// weight is the number that settles contention (Section 4.2): hvi or nonce.
func (c *commit) weight() []byte {
	if c.mode == ModeDH {
		return c.hvi
	}
	return c.nonce
}

// createCommit makes a Commit from everything in c but h2. Its MAC is keyed by H1 (Section 9).
func createCommit(c *commit, chain *hashChain) []byte {
	size := commitHVI + len(c.hvi) + len(c.key) + len(c.nonce) + len(c.keyID) + macSize
	m := createFrame(msgCommit, size)
	copy(m[commitH2:], chain[2][:])
	copy(m[commitZID:], c.zid[:])
	for i, v := range [...]uint32{uint32(c.alg.Hash), uint32(c.alg.Cipher), uint32(c.alg.AuthTag),
		uint32(c.alg.KeyAgreement), uint32(c.alg.SAS)} {
		binary.BigEndian.PutUint32(m[commitBlocks+4*i:], v)
	}
	p := m[commitHVI:]
	for _, part := range [...][]byte{c.hvi, c.key, c.nonce, c.keyID} {
		p = p[copy(p, part):]
	}
	chain.sign(m, 1)
	return m
}

// consumeCommit takes a Commit apart. Of a key agreement that this package does not know only the head is looked at;
// the caller refuses it.
func consumeCommit(m []byte) (c commit, err error) {
	if len(m) < commitMultSize {
		return c, ErrMalformed
	}
	c.h2 = m[commitH2 : commitH2+hashSize]
	c.zid = ZID(m[commitZID:])
	word := func(i int) uint32 { return binary.BigEndian.Uint32(m[commitBlocks+4*i:]) }
	c.alg = Algorithms{Hash(word(0)), Cipher(word(1)), AuthTag(word(2)), KeyAgreement(word(3)), SASType(word(4))}
	end := len(m) - macSize
	switch g := c.alg.KeyAgreement.group(); {
	case c.alg.KeyAgreement == KeyAgreementMult && len(m) == commitMultSize:
		c.mode, c.nonce = ModeMultistream, m[commitHVI:end]
	case c.alg.KeyAgreement == KeyAgreementPrsh && len(m) == commitPrshSize:
		c.mode, c.nonce, c.keyID = ModePreshared, m[commitHVI:commitHVI+nonceSize], m[commitHVI+nonceSize:end]
	case g != nil && len(m) == commitDHSize+g.commitSize:
		c.mode, c.hvi, c.key = ModeDH, m[commitHVI:commitKEMOffset], m[commitKEMOffset:end]
	case g == nil && c.alg.KeyAgreement != KeyAgreementMult && c.alg.KeyAgreement != KeyAgreementPrsh &&
		len(m) >= commitDHSize:
		c.mode, c.hvi = ModeDH, m[commitHVI:commitKEMOffset]
	default:
		return c, ErrMalformed
	}
	return c, nil
}
