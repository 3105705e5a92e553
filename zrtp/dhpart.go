package zrtp

// DHPart1 and DHPart2 messages (RFC 6189, Sections 5.5, 5.6). Offsets are from the start of the message.
const (
	dhPartH1        = 12
	dhPartIDs       = 44
	dhPartPV        = 76
	dhPartFixedSize = dhPartPV + macSize
)

// secretIDs are rs1ID, rs2ID, auxsecretID and pbxsecretID (Section 4.3.1).
type secretIDs [4][macSize]byte

// dhPart is a DHPart taken apart. Slices alias the message.
type dhPart struct {
	h1  []byte
	ids secretIDs
	pv  []byte // public value, KEM ciphertext or KEM nonce
}

// createDHPart makes a DHPart1 or DHPart2. Its MAC is keyed by H0 (Section 9).
func createDHPart(t messageType, ids *secretIDs, pv []byte, chain *hashChain) []byte {
	m := createFrame(t, dhPartFixedSize+len(pv))
	copy(m[dhPartH1:], chain[1][:])
	for i := range ids {
		copy(m[dhPartIDs+i*macSize:], ids[i][:])
	}
	copy(m[dhPartPV:], pv)
	chain.sign(m, 0)
	return m
}

// consumeDHPart takes a DHPart apart whose pv has pvSize octets, as the key agreement type demands (Section 5.1.5).
func consumeDHPart(m []byte, pvSize int) (d dhPart, err error) {
	if len(m) != dhPartFixedSize+pvSize {
		return d, ErrMalformed
	}
	d.h1 = m[dhPartH1 : dhPartH1+hashSize]
	for i := range d.ids {
		d.ids[i] = [macSize]byte(m[dhPartIDs+i*macSize:])
	}
	d.pv = m[dhPartPV : dhPartPV+pvSize]
	return d, nil
}
