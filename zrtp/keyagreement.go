package zrtp

import (
	"crypto/ecdh"
	"errors"
	"io"

	"github.com/cloudflare/circl/dh/x448"
)

// errWeak means a public value with which the result would be known to others: Error 0x61.
var errWeak = errors.New("zrtp: bad public value")

// group is a Key Agreement Type (RFC 6189, Section 5.1.5).
type group struct {
	part1Size  int // octets of pv in DHPart1
	part2Size  int // octets of pv in DHPart2
	commitSize int // octets of public key in the Commit; 0 but for a KEM
	strength   int // bits of security, for the responder's policy
	make       func(rand io.Reader, role Role, exponent int) (agreement, error)
	weak       func(pv []byte) bool // finite fields: pv that must be refused before anything else
}

// agreement is one side's part of a key agreement. A KEM fits it as well as Diffie-Hellman (POSTQUANTUM.md).
type agreement interface {
	// commitKey is what the initiator's Commit carries beyond hvi.
	commitKey() []byte
	// part1 is the responder's pv, given the commitKey.
	part1(commitKey []byte, h Hash) ([]byte, error)
	// part2 is the initiator's pv.
	part2() []byte
	// result is DHResult, given the other side's pv.
	result(pv []byte, h Hash) (Secret, error)
}

// groups is ordered from fastest to slowest. The order of the RFC is DH2k, EC25, DH3k, EC38; the others are placed as
// Linphone places them (Section 4.1.2).
var groups = [...]struct {
	ka KeyAgreement
	group
}{
	{KeyAgreementDH2k, group{256, 256, 0, 112, makeMODP(modp2048), modp2048Weak}},
	{KeyAgreementX255, group{32, 32, 0, 128, makeX25519, nil}},
	{KeyAgreementE255, group{32, 32, 0, 128, makeX25519, nil}},
	{KeyAgreementEC25, group{64, 64, 0, 128, makeCurve(ecdh.P256(), 32), nil}},
	{KeyAgreementX448, group{56, 56, 0, 224, makeX448, nil}},
	{KeyAgreementDH3k, group{384, 384, 0, 128, makeMODP(modp3072), modp3072Weak}},
	{KeyAgreementEC38, group{96, 96, 0, 192, makeCurve(ecdh.P384(), 48), nil}},
	{KeyAgreementXM76, group{hybridCiphertextSize, nonceSize, hybridKeySize, 256, makeHybrid, nil}},
}

// rank is the place in groups, -1 for a type that is unknown or no public-key agreement.
func (k KeyAgreement) rank() int {
	for i := range groups {
		if groups[i].ka == k {
			return i
		}
	}
	return -1
}

// group is nil for a type that is unknown or no public-key agreement.
func (k KeyAgreement) group() *group {
	if i := k.rank(); i >= 0 {
		return &groups[i].group
	}
	return nil
}

// curveDH is Diffie-Hellman on a curve of crypto/ecdh. The wire has X || Y without the 0x04 that crypto/ecdh wants;
// its result is X alone, as SP 800-56A has it. X25519 goes as RFC 7748 writes it.
type curveDH struct {
	private *ecdh.PrivateKey
	prefix  int // 1 for the NIST curves
}

func makeCurve(curve ecdh.Curve, size int) func(io.Reader, Role, int) (agreement, error) {
	return func(rand io.Reader, _ Role, _ int) (agreement, error) {
		scalar := make(Secret, size)
		defer scalar.Wipe()
		for {
			if _, err := io.ReadFull(rand, scalar); err != nil {
				return nil, err
			}
			// A scalar outside [1, n-1] is drawn again, so that every one is equally likely.
			if k, err := curve.NewPrivateKey(scalar); err == nil {
				return &curveDH{k, 1}, nil
			}
		}
	}
}

func makeX25519(rand io.Reader, _ Role, _ int) (agreement, error) {
	scalar := make(Secret, 32)
	defer scalar.Wipe()
	if _, err := io.ReadFull(rand, scalar); err != nil {
		return nil, err
	}
	k, err := ecdh.X25519().NewPrivateKey(scalar)
	return &curveDH{k, 0}, err
}

func (d *curveDH) commitKey() []byte                  { return nil }
func (d *curveDH) part1([]byte, Hash) ([]byte, error) { return d.part2(), nil }
func (d *curveDH) part2() []byte                      { return d.private.PublicKey().Bytes()[d.prefix:] }
func (d *curveDH) result(pv []byte, _ Hash) (Secret, error) {
	point := append([]byte{4}, pv...)[1-d.prefix:]
	public, err := d.private.Curve().NewPublicKey(point) // refuses what is not on the curve
	if err != nil {
		return nil, errWeak
	}
	secret, err := d.private.ECDH(public) // refuses points of low order on X25519
	if err != nil {
		return nil, errWeak
	}
	return secret, nil
}

// x448DH is X448 (RFC 7748).
type x448DH struct{ private, public x448.Key }

func makeX448(rand io.Reader, _ Role, _ int) (agreement, error) {
	d := new(x448DH)
	if _, err := io.ReadFull(rand, d.private[:]); err != nil {
		return nil, err
	}
	x448.KeyGen(&d.public, &d.private)
	return d, nil
}

func (d *x448DH) commitKey() []byte                  { return nil }
func (d *x448DH) part1([]byte, Hash) ([]byte, error) { return d.public[:], nil }
func (d *x448DH) part2() []byte                      { return d.public[:] }
func (d *x448DH) result(pv []byte, _ Hash) (Secret, error) {
	var secret, public x448.Key
	copy(public[:], pv)
	if !x448.Shared(&secret, &d.private, &public) {
		return nil, errWeak
	}
	return secret[:], nil
}
