package zrtp

import "encoding/binary"

// Hello message (RFC 6189, Section 5.2). Offsets are from the start of the message.
const (
	maxAlgorithms   = 7 // of one kind
	helloVersion    = 12
	helloClientID   = 16
	helloH3         = 32
	helloZID        = 64
	helloFlags      = 76
	helloLists      = 80
	helloFixedSize  = helloLists + macSize
	flagSignature   = 1 << 30
	flagMiTM        = 1 << 29
	flagPassive     = 1 << 28
	clientIDSize    = 16
	mandatoryHash   = HashS256
	mandatoryCipher = CipherAES1
)

// blocks is one algorithm list: at most 7 type blocks and the mandatory ones that "are implicitly added to the end".
type blocks struct {
	n int
	v [maxAlgorithms + 2]uint32
}

func (l *blocks) add(v uint32) {
	if !l.has(v) {
		l.v[l.n] = v
		l.n++
	}
}

func (l *blocks) has(v uint32) bool {
	for _, w := range l.v[:l.n] {
		if w == v {
			return true
		}
	}
	return false
}

// hello is a Hello taken apart. Slices alias the message.
type hello struct {
	version                        [4]byte
	clientID                       []byte
	h3                             []byte
	zid                            ZID
	signature, mitm, passive       bool
	hashes, ciphers, tags, ka, sas blocks
}

// createHello makes our Hello. Its MAC is keyed by H2 (Section 9).
func createHello(c *Config, chain *hashChain) []byte {
	lists := c.lists()
	words := 0
	for i := range lists {
		words += lists[i].n
	}
	m := createFrame(msgHello, helloFixedSize+words*wordSize)
	copy(m[helloVersion:], version)
	copy(m[helloClientID:helloClientID+clientIDSize], "                ")
	copy(m[helloClientID:helloClientID+clientIDSize], c.ClientID)
	copy(m[helloH3:], chain[3][:])
	copy(m[helloZID:], c.ZID[:])
	flags := uint32(0)
	for i, on := range [...]bool{c.Verifier != nil, c.PBX.MiTM, c.Passive} {
		if on {
			flags |= flagSignature >> i
		}
	}
	p := m[helloLists:]
	for i := range lists {
		flags |= uint32(lists[i].n) << (16 - 4*i)
		for _, v := range lists[i].v[:lists[i].n] {
			binary.BigEndian.PutUint32(p, v)
			p = p[wordSize:]
		}
	}
	binary.BigEndian.PutUint32(m[helloFlags:], flags)
	chain.sign(m, 2)
	return m
}

// consumeHello takes a Hello apart. It accepts any version; the caller compares it.
func consumeHello(m []byte) (h hello, err error) {
	if len(m) < helloFixedSize {
		return h, ErrMalformed
	}
	flags := binary.BigEndian.Uint32(m[helloFlags:])
	lists := [...]*blocks{&h.hashes, &h.ciphers, &h.tags, &h.ka, &h.sas}
	words := 0
	for i := range lists {
		n := int(flags >> (16 - 4*i) & 15)
		if n > maxAlgorithms {
			return h, ErrMalformed
		}
		words += n
	}
	if len(m) != helloFixedSize+words*wordSize {
		return h, ErrMalformed
	}
	p := m[helloLists:]
	for i, l := range lists {
		for range int(flags >> (16 - 4*i) & 15) {
			l.add(binary.BigEndian.Uint32(p))
			p = p[wordSize:]
		}
	}
	// "If a mandatory algorithm is not included in the list, it is implicitly added to the end of the list."
	h.hashes.add(uint32(mandatoryHash))
	h.ciphers.add(uint32(mandatoryCipher))
	h.tags.add(uint32(AuthTagHS32))
	h.tags.add(uint32(AuthTagHS80))
	h.ka.add(uint32(KeyAgreementDH3k))
	h.sas.add(uint32(SASB32))
	h.version = [4]byte(m[helloVersion:])
	h.clientID = m[helloClientID : helloClientID+clientIDSize]
	h.h3 = m[helloH3 : helloH3+hashSize]
	h.zid = ZID(m[helloZID:])
	h.signature, h.mitm, h.passive = flags&flagSignature != 0, flags&flagMiTM != 0, flags&flagPassive != 0
	return h, nil
}
