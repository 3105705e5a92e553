package zrtp_test

import (
	"encoding/hex"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// setPV makes side's public value pv, with hvi made for it.
func setPV(p *zrtptest.Pair, side int, pv []byte) {
	put := func(m []byte) { copy(m[76:len(m)-8], pv) }
	if side == sideA {
		p.Wire.Tap = edit(sideA, "Commit", func([]byte) []byte { return p.A.Session.Recommit(put) })
		return
	}
	p.Wire.Tap = edit(sideB, "DHPart1", func(m []byte) []byte { put(m); return p.B.Session.Sign(m, 0) })
}

func TestBadPublicValue(t *testing.T) {
	prime := func() []byte {
		b, err := hex.DecodeString(zrtp.Prime3072)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	below, above := prime(), fill(384, 0xff)
	below[383]--
	one := make([]byte, 384)
	one[383] = 1
	p25 := unhex(t, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
	lowOrder := [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...),
		unhex(t, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		unhex(t, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
		unhex(t, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")}
	for _, x := range []struct {
		name string
		alg  func(a, b *zrtp.Config)
		pvs  [][]byte
	}{
		{"dh3k 0, 1, p-1, p, above", dh3k, [][]byte{make([]byte, 384), one, below, prime(), above}},
		{"x25519 low order", x255, lowOrder},
		{"p256 off curve, zero, x>=p", ec25, [][]byte{fill(64, 5), make([]byte, 64), append(p25, fill(32, 1)...)}},
		{"p384 off curve, zero, x>=p", ec38, [][]byte{fill(96, 5), make([]byte, 96), fill(96, 0xff)}},
		{"x448 zero, one", only(zrtp.KeyAgreementX448, zrtp.HashS256, zrtp.CipherAES1),
			[][]byte{make([]byte, 56), append([]byte{1}, make([]byte, 55)...)}},
	} {
		for _, pv := range x.pvs {
			for side, victim := range map[int]string{sideA: "responder", sideB: "initiator"} {
				t.Run(x.name+"/to "+victim, func(t *testing.T) {
					p := pair(t, 2, x.alg)
					setPV(p, side, pv)
					v := p.B
					if side == sideB {
						v = p.A
					}
					refused(t, p, v, zrtp.CodePublicValue, zrtp.AlertPublicValue)
				})
			}
		}
	}
}

// TestNonCanonicalX25519: RFC 7748 accepts values above p and reduces them. The exchange fails at the Confirm MAC or
// completes; it never crashes.
func TestNonCanonicalX25519(t *testing.T) {
	for side := range 2 {
		p := pair(t, 3, x255)
		setPV(p, side, fill(32, 0xff))
		p.Run(30*time.Second, p.Settled)
		if p.Secure() {
			t.Error("secure although the attacker has no secret for this value")
		}
	}
}

// TestBadHybridKey: an ML-KEM key whose coefficients are not reduced, and X25519 of low order in key and ciphertext.
func TestBadHybridKey(t *testing.T) {
	t.Run("ML-KEM key", func(t *testing.T) {
		p := pair(t, 4, xm76)
		p.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte {
			copy(m[108+32:], fill(600, 0xff))
			return p.A.Session.Sign(m, 1)
		})
		refused(t, p, p.B, zrtp.CodePublicValue, zrtp.AlertPublicValue)
	})
	t.Run("X25519 key", func(t *testing.T) {
		p := pair(t, 4, xm76)
		p.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte {
			copy(m[108:], make([]byte, 32))
			return p.A.Session.Sign(m, 1)
		})
		refused(t, p, p.B, zrtp.CodePublicValue, zrtp.AlertPublicValue)
	})
	t.Run("X25519 ciphertext", func(t *testing.T) {
		p := pair(t, 4, xm76)
		setPV(p, sideB, make([]byte, 32))
		refused(t, p, p.A, zrtp.CodePublicValue, zrtp.AlertPublicValue)
	})
	t.Run("ML-KEM ciphertext", func(t *testing.T) { // implicit rejection: another secret, so another MAC
		p := pair(t, 4, xm76)
		p.Wire.Tap = edit(sideB, "DHPart1", func(m []byte) []byte {
			m[200] ^= 1
			return p.B.Session.Sign(m, 0)
		})
		p.Run(30*time.Second, p.Settled)
		if p.A.Failed == nil || p.A.Failed.Code != zrtp.CodeConfirmMAC {
			t.Errorf("failed with %v", p.A.Failed)
		}
	})
}
