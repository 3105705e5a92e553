package zrtp

import "strings"

const base32Alphabet = "ybndrfg8ejkmcpqxot1uwisza345h769"

// render gives the sashash to be read aloud (RFC 6189, Section 5.1.6): four characters, or two words with a colon
// between, as Linphone writes them.
func (t SASType) render(sasHash []byte) string {
	if t == SASB256 {
		// "the most-significant (leftmost) 16 bits of the 32-bit sasvalue are rendered in network byte order using the
		// PGP Word List"
		return strings.Fields(evenWords)[sasHash[0]] + ":" + strings.Fields(oddWords)[sasHash[1]]
	}
	bits := uint32(sasHash[0])<<24 | uint32(sasHash[1])<<16 | uint32(sasHash[2])<<8
	var out [4]byte
	for i := range out {
		out[i] = base32Alphabet[bits>>(27-5*i)&31]
	}
	return string(out[:])
}
