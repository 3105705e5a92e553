package zrtp

import (
	"bytes"
	"encoding/hex"
	"io"
	"sync"

	"filippo.io/bigmod"
)

// Finite-field Diffie-Hellman (RFC 6189, Section 5.1.5) with g = 2 in the groups of RFC 3526. The exponentiation is
// constant-time in the exponent.

const modp2048Hex = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
	"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
	"4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
	"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05" +
	"98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb" +
	"9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
	"e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718" +
	"3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff"

const modp3072Hex = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
	"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
	"4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
	"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05" +
	"98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb" +
	"9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
	"e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718" +
	"3995497cea956ae515d2261898fa051015728e5a8aaac42dad33170d04507a33" +
	"a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7" +
	"abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864" +
	"d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e2" +
	"08e24fa074e5ab3143db5bfce0fd108e4b82d120a93ad2caffffffffffffffff"

// field is a prime p with its bounds.
type field struct {
	p    *bigmod.Modulus
	last []byte // p-1
	size int    // octets
	base *bigmod.Nat
}

var (
	modp2048 = sync.OnceValue(func() *field { return newField(modp2048Hex) })
	modp3072 = sync.OnceValue(func() *field { return newField(modp3072Hex) })
)

func newField(s string) *field {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("zrtp: bad prime")
	}
	p, err := bigmod.NewModulus(b)
	if err != nil {
		panic("zrtp: bad prime")
	}
	last := bytes.Clone(b)
	last[len(last)-1]-- // p is odd
	return &field{p, last, len(b), bigmod.NewNat().SetUint(2).ExpandFor(p)}
}

// modpDH is one exponent with its public value.
type modpDH struct {
	f        *field
	exponent Secret
	public   []byte
}

// makeMODP draws exponents of the given length in octets: "The random Diffie-Hellman secret exponent SHOULD be twice as
// long as the AES key length."
func makeMODP(f func() *field) func(io.Reader, Role, int) (agreement, error) {
	return func(rand io.Reader, _ Role, exponent int) (agreement, error) {
		d := &modpDH{f: f(), exponent: make(Secret, exponent)}
		if _, err := io.ReadFull(rand, d.exponent); err != nil {
			return nil, err
		}
		// "the DH public value ... fixed to the bit-length of the DH prime; leading zeros MUST NOT be truncated."
		d.public = bigmod.NewNat().Exp(d.f.base, d.exponent, d.f.p).Bytes(d.f.p)
		return d, nil
	}
}

func (d *modpDH) commitKey() []byte                  { return nil }
func (d *modpDH) part1([]byte, Hash) ([]byte, error) { return d.public, nil }
func (d *modpDH) part2() []byte                      { return d.public }

// result refuses 0, 1, p-1 and what is not below p (Section 4.4.1.2).
func (d *modpDH) result(pv []byte, _ Hash) (Secret, error) {
	if d.f.weak(pv) {
		return nil, errWeak
	}
	y, err := bigmod.NewNat().SetBytes(pv, d.f.p)
	if err != nil {
		return nil, errWeak
	}
	defer d.exponent.Wipe()
	return bigmod.NewNat().Exp(y, d.exponent, d.f.p).Bytes(d.f.p), nil
}

func modp2048Weak(pv []byte) bool { return modp2048().weak(pv) }
func modp3072Weak(pv []byte) bool { return modp3072().weak(pv) }

// weak tells 0, 1, p-1 and what is not below p.
func (f *field) weak(pv []byte) bool {
	high := 0 // everything above the last octet
	for _, b := range pv[:len(pv)-1] {
		high |= int(b)
	}
	return high == 0 && pv[len(pv)-1] < 2 || bytes.Compare(pv, f.last) >= 0
}
