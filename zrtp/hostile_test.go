package zrtp_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// The required reactions: a test a case, the attacker's side in the name of the subtest.

// TestHVIMismatch is CVE-2016-6271: DHPart2 is not the committed one.
func TestHVIMismatch(t *testing.T) {
	for name, alg := range map[string]func(a, b *zrtp.Config){"x255": x255, "dh3k": dh3k, "xm76": xm76} {
		t.Run(name, func(t *testing.T) {
			p := pair(t, 1, alg)
			p.Wire.Tap = edit(sideA, "DHPart2", func(m []byte) []byte {
				m[len(m)-12] ^= 1
				return p.A.Session.Sign(m, 0)
			})
			refused(t, p, p.B, zrtp.CodeCommitment, zrtp.AlertCommitment)
		})
	}
}

func TestConfirmMACWrong(t *testing.T) {
	for name, side := range map[string]int{"Confirm2": sideA, "Confirm1": sideB} {
		for _, at := range []int{12, 19, 36, 75} {
			p := pair(t, 5, x255)
			p.Wire.Tap = edit(side, name, func(m []byte) []byte { m[at] ^= 1; return m })
			victim := p.B
			if side == sideB {
				victim = p.A
			}
			p.Run(10*time.Second, nil)
			if victim.Failed == nil || victim.Failed.Code != zrtp.CodeConfirmMAC || victim.Secure != nil || victim.SAS != nil {
				t.Errorf("%s octet %d: %v", name, at, victim.Failed)
			}
			if got := alerts(victim); len(got) != 1 || got[0] != zrtp.AlertConfirmMAC {
				t.Errorf("alerts %v", got)
			}
		}
	}
}

func TestH0Wrong(t *testing.T) {
	for _, mode := range []struct {
		side  int
		after string
	}{{sideA, "DHPart2"}, {sideB, "DHPart1"}} {
		p := pair(t, 6, x255)
		attacker, victim := p.A, p.B
		if mode.side == sideB {
			attacker, victim = p.B, p.A
		}
		p.Wire.Tap = edit(mode.side, mode.after, func(m []byte) []byte { attacker.Session.BreakH0(); return m })
		unmoved(t, p, victim, zrtp.ErrPreimage)
	}
}

func TestH1Wrong(t *testing.T) {
	for name, side := range map[string]int{"DHPart2": sideA, "DHPart1": sideB} {
		p := pair(t, 7, x255)
		attacker, victim := p.A, p.B
		if side == sideB {
			attacker, victim = p.B, p.A
		}
		p.Wire.Tap = edit(side, name, func(m []byte) []byte { m[12] ^= 1; return attacker.Session.Sign(m, 0) })
		unmoved(t, p, victim, zrtp.ErrPreimage)
	}
}

func TestH2Wrong(t *testing.T) {
	p := pair(t, 8, x255)
	p.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte { m[12] ^= 1; return p.A.Session.Sign(m, 1) })
	unmoved(t, p, p.B, zrtp.ErrPreimage)
}

// TestMessageMACWrong flips the chain MAC of each message that has one.
func TestMessageMACWrong(t *testing.T) {
	for _, x := range []struct {
		side int
		name string
		code zrtp.ErrorCode // hash commitments and total_hash see some of it before the MAC can be checked
		why  zrtp.AlertReason
	}{
		{sideA, "Hello", zrtp.CodeHelloMismatch, zrtp.AlertMessageMAC},
		{sideB, "Hello", zrtp.CodeHelloMismatch, zrtp.AlertMessageMAC},
		{sideA, "Commit", zrtp.CodeHelloMismatch, zrtp.AlertMessageMAC},
		{sideA, "DHPart2", zrtp.CodeCommitment, zrtp.AlertCommitment},
		{sideB, "DHPart1", zrtp.CodeConfirmMAC, zrtp.AlertConfirmMAC},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := pair(t, 9, x255)
			p.Wire.Tap = edit(x.side, x.name, func(m []byte) []byte { m[len(m)-1] ^= 1; return m })
			victim := p.B
			if x.side == sideB {
				victim = p.A
			}
			refused(t, p, victim, x.code, x.why)
		})
	}
}

// TestDHPartMACWrong: the peer itself made the MAC wrong, so that everything else fits; only H0 shows it.
func TestDHPartMACWrong(t *testing.T) {
	for name, side := range map[string]int{"Commit": sideA, "DHPart1": sideB} {
		p := pair(t, 21, x255)
		attacker, victim := p.A, p.B
		if side == sideB {
			attacker, victim = p.B, p.A
		}
		p.Wire.Tap = edit(side, name, func([]byte) []byte { return bytes.Clone(attacker.Session.BreakPart()) })
		p.Run(10*time.Second, nil)
		if victim.Failed == nil || victim.Failed.Code != zrtp.CodeHelloMismatch || victim.Secure != nil ||
			alerts(victim)[0] != zrtp.AlertMessageMAC {
			t.Errorf("%s: %v", name, victim.Failed)
		}
	}
}

func TestCommitZIDDiffers(t *testing.T) {
	p := pair(t, 10, x255)
	p.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte { m[44] ^= 1; return p.A.Session.Sign(m, 1) })
	refused(t, p, p.B, zrtp.CodeHelloMismatch, zrtp.AlertZIDChanged)
}

func TestEqualZIDs(t *testing.T) {
	p := pair(t, 11, func(a, b *zrtp.Config) { b.ZID = a.ZID })
	refused(t, p, p.A, zrtp.CodeEqualZIDs, zrtp.AlertReflection)
}

func TestEqualSSRCs(t *testing.T) {
	p := pair(t, 12, func(a, b *zrtp.Config) { b.SSRC = a.SSRC })
	refused(t, p, p.A, zrtp.CodeSSRCCollision, zrtp.AlertReflection)
}

func TestVersions(t *testing.T) {
	setVersion := func(p *zrtptest.Pair, v string) {
		p.Wire.Tap = edit(sideA, "Hello", func(m []byte) []byte { copy(m[12:], v); return p.A.Session.Sign(m, 2) })
	}
	t.Run("0.90", func(t *testing.T) {
		p := pair(t, 13, x255)
		setVersion(p, "0.90")
		refused(t, p, p.B, zrtp.CodeVersion, 0)
	})
	t.Run("2.00", func(t *testing.T) {
		p := pair(t, 13, x255)
		setVersion(p, "2.00")
		unmoved(t, p, p.B, nil)
		if byName(p.B)["HelloACK"] == nil {
			t.Error("no HelloACK: it is sent regardless of the version")
		}
	})
	t.Run("1.1a", func(t *testing.T) { // only three octets count
		p := pair(t, 13, x255)
		p.Wire.Tap = nil
		setVersion(p, "1.1a")
		p.Run(5*time.Second, p.Settled)
		if byName(p.B)["DHPart1"] == nil {
			t.Error("not regarded as a version match")
		}
	})
}

func TestUnknownAlgorithmInCommit(t *testing.T) {
	for i, code := range []zrtp.ErrorCode{zrtp.CodeHash, zrtp.CodeCipher, zrtp.CodeAuthTag, zrtp.CodeKeyAgreement, zrtp.CodeSAS} {
		for _, block := range []string{"XXXX", "\x00\x00\x00\x00", "\xff\xff\xff\xff"} {
			p := pair(t, 14, x255)
			p.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte {
				copy(m[56+4*i:], block)
				return p.A.Session.Sign(m, 1)
			})
			refused(t, p, p.B, code, 0)
		}
	}
}

func TestMultistreamCommitFirst(t *testing.T) {
	p := pair(t, 15, nil)
	p.Wire.Tap = edit(sideA, "Commit", func([]byte) []byte {
		return p.A.Session.ForgeCommit(zrtp.Algorithms{Hash: zrtp.HashS256, Cipher: zrtp.CipherAES1, AuthTag: zrtp.AuthTagHS80,
			KeyAgreement: zrtp.KeyAgreementMult, SAS: zrtp.SASB32}, fill(16, 1), nil)
	})
	refused(t, p, p.B, zrtp.CodeNoSharedSecret, 0)
}

func TestPresharedUnknownKeyID(t *testing.T) {
	forge := func(p *zrtptest.Pair) {
		p.Wire.Tap = edit(sideA, "Commit", func([]byte) []byte {
			return p.A.Session.ForgeCommit(zrtp.Algorithms{Hash: zrtp.HashS256, Cipher: zrtp.CipherAES1,
				AuthTag: zrtp.AuthTagHS80, KeyAgreement: zrtp.KeyAgreementPrsh, SAS: zrtp.SASB32}, fill(16, 1), fill(8, 2))
		})
	}
	kas := []zrtp.KeyAgreement{zrtp.KeyAgreementX255, zrtp.KeyAgreementPrsh}
	t.Run("own DH Commit", func(t *testing.T) {
		p := pair(t, 16, func(a, b *zrtp.Config) { a.KeyAgreements, b.KeyAgreements = kas, kas })
		forge(p)
		p.Run(5*time.Second, func() bool { return byName(p.B)["Commit"] != nil })
		if byName(p.B)["Commit"] == nil || p.B.Failed != nil {
			t.Errorf("no DH Commit: %v", p.B.Failed)
		}
	})
	t.Run("passive", func(t *testing.T) {
		p := pair(t, 16, func(a, b *zrtp.Config) { a.KeyAgreements, b.KeyAgreements, b.Passive = kas, kas, true })
		forge(p)
		refused(t, p, p.B, zrtp.CodeNoSharedSecret, 0)
	})
}

func TestHelloMalformed(t *testing.T) {
	for name, f := range map[string]func(m []byte) []byte{
		"count over 7": func(m []byte) []byte { m[78] = 0xf0; return m },
		"all counts":   func(m []byte) []byte { binary.BigEndian.PutUint32(m[76:], 0xfffff); return m },
		"length 0":     func(m []byte) []byte { m[2], m[3] = 0, 0; return m },
		"length 500":   func(m []byte) []byte { binary.BigEndian.PutUint16(m[2:], 500); return m },
		"15 hashes": func(m []byte) []byte {
			more := make([]byte, 14*4)
			for i := range more {
				more[i] = byte(i)
			}
			m = append(m[:84], append(more, m[84:]...)...)
			m[3] += 14
			m[77] |= 0x0f
			return m
		},
		"one word":     func(m []byte) []byte { return m[:4] },
		"no preamble":  func(m []byte) []byte { m[0] = 0; return m },
		"cut in lists": func(m []byte) []byte { m = m[:84]; binary.BigEndian.PutUint16(m[2:], 21); return m },
	} {
		for side := range 2 {
			t.Run(name, func(t *testing.T) {
				p := pair(t, 17, x255)
				p.Wire.Tap = edit(side, "Hello", f)
				victim := p.B
				if side == sideB {
					victim = p.A
				}
				unmoved(t, p, victim, nil)
				if victim.Session.Candidates() != 0 {
					t.Error("kept")
				}
			})
		}
	}
}

func TestConfirmSignatureLength(t *testing.T) {
	confirmSignatureLength(t, false)
	confirmSignatureLength(t, true)
}

func confirmSignatureLength(t *testing.T, longer bool) {
	for name, side := range map[string]int{"Confirm2": sideA, "Confirm1": sideB} {
		p := pair(t, 18, x255)
		attacker, victim := p.A, p.B
		if side == sideB {
			attacker, victim = p.B, p.A
		}
		p.Wire.Tap = edit(side, name, func(m []byte) []byte {
			return attacker.Session.Reconfirm(m, func(plain []byte) []byte {
				if longer {
					return append(plain, 0, 0, 0, 0) // a word that the signature length does not tell
				}
				binary.BigEndian.PutUint32(plain[32:], 511<<8)
				return plain
			})
		})
		p.Run(10*time.Second, nil)
		if victim.Failed == nil || victim.Failed.Code != zrtp.CodeMalformed || victim.Secure != nil {
			t.Errorf("%s: %v", name, victim.Failed)
		}
	}
}

func TestDHPartShort(t *testing.T) {
	for name, side := range map[string]int{"DHPart2": sideA, "DHPart1": sideB} {
		p := pair(t, 19, x255)
		attacker, victim := p.A, p.B
		if side == sideB {
			attacker, victim = p.B, p.A
		}
		p.Wire.Tap = edit(side, name, func(m []byte) []byte {
			m = m[:len(m)-4]
			m[3]--
			return attacker.Session.Sign(m, 0)
		})
		unmoved(t, p, victim, zrtp.ErrMalformed)
	}
}

func TestCRCWrong(t *testing.T) {
	for _, name := range []string{"Hello", "HelloACK", "Commit", "DHPart1", "DHPart2", "Confirm1", "Confirm2", "Conf2ACK"} {
		p := pair(t, 20, x255)
		seen := 0
		p.Wire.Tap = func(_ int, q []byte) [][]byte {
			if zrtptest.MessageType(q) == name && seen < 3 {
				seen++
				q[len(q)-1] ^= 0x10
			}
			return [][]byte{q}
		}
		mustSecure(t, p)
		if n := len(alerts(p.A)) + len(alerts(p.B)); n != 0 {
			t.Errorf("%s: %d alerts for a random error", name, n)
		}
	}
}

// TestEC38NeedsLongHash: "the negotiated hash algorithm MUST be either SHA-384 or the corresponding SHA-3 successor".
func TestEC38NeedsLongHash(t *testing.T) {
	p := pair(t, 22, func(a, b *zrtp.Config) {
		ec38(a, b)
		a.Hashes = []zrtp.Hash{zrtp.HashS384, zrtp.HashS256}
		b.Hashes = a.Hashes
	})
	p.Wire.Tap = edit(sideA, "Commit", func(m []byte) []byte { copy(m[56:], "S256"); return p.A.Session.Sign(m, 1) })
	refused(t, p, p.B, zrtp.CodeHash, 0)
}
