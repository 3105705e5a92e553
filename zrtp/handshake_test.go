package zrtp_test

import (
	"bytes"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// pair makes two started sessions of configurations that change may adjust.
func pair(t testing.TB, seed uint64, change func(a, b *zrtp.Config)) *zrtptest.Pair {
	t.Helper()
	a, b := zrtptest.Config('A', seed), zrtptest.Config('B', seed)
	if change != nil {
		change(a, b)
	}
	p, err := zrtptest.NewPair(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return p.Start()
}

// mustSecure runs p until both are secure and checks that they agree on everything.
func mustSecure(t testing.TB, p *zrtptest.Pair) {
	t.Helper()
	if !p.Run(30*time.Second, p.Secure) {
		t.Fatalf("not secure: A %v %v %v, B %v %v %v", p.A.Session.State(), p.A.Failed, p.A.Errors,
			p.B.Session.State(), p.B.Failed, p.B.Errors)
	}
	agree(t, p)
}

func agree(t testing.TB, p *zrtptest.Pair) {
	t.Helper()
	a, b := p.A, p.B
	if a.Keys.Role == b.Keys.Role || a.Keys.Algorithms != b.Keys.Algorithms || a.Keys.Mode != b.Keys.Mode {
		t.Fatalf("roles or algorithms differ: %+v, %+v", a.Keys, b.Keys)
	}
	for _, k := range [][2]zrtp.Secret{
		{a.Keys.Send.Key, b.Keys.Receive.Key}, {a.Keys.Send.Salt, b.Keys.Receive.Salt},
		{b.Keys.Send.Key, a.Keys.Receive.Key}, {b.Keys.Send.Salt, a.Keys.Receive.Salt},
	} {
		if len(k[0]) == 0 || !bytes.Equal(k[0], k[1]) {
			t.Fatal("SRTP keys differ")
		}
	}
	if bytes.Equal(a.Keys.Send.Key, a.Keys.Receive.Key) {
		t.Fatal("one key for both directions")
	}
	if a.Keys.Mode != zrtp.ModeMultistream && (a.SAS == nil || b.SAS == nil || a.SAS.SAS != b.SAS.SAS || a.SAS.SAS == "") {
		t.Fatalf("SAS differs: %+v, %+v", a.SAS, b.SAS)
	}
}

// only restricts both sides to one algorithm of each kind.
func only(ka zrtp.KeyAgreement, h zrtp.Hash, c zrtp.Cipher) func(a, b *zrtp.Config) {
	return func(a, b *zrtp.Config) {
		for _, cfg := range []*zrtp.Config{a, b} {
			cfg.KeyAgreements = []zrtp.KeyAgreement{ka}
			cfg.Hashes = []zrtp.Hash{h}
			cfg.Ciphers = []zrtp.Cipher{c}
		}
	}
}

func TestEveryAlgorithm(t *testing.T) {
	for _, ka := range []zrtp.KeyAgreement{zrtp.KeyAgreementDH2k, zrtp.KeyAgreementDH3k, zrtp.KeyAgreementEC25,
		zrtp.KeyAgreementEC38, zrtp.KeyAgreementX255, zrtp.KeyAgreementE255, zrtp.KeyAgreementX448, zrtp.KeyAgreementXM76} {
		for _, h := range []zrtp.Hash{zrtp.HashS256, zrtp.HashS384, zrtp.HashN256, zrtp.HashN384} {
			for _, c := range []zrtp.Cipher{zrtp.CipherAES1, zrtp.CipherAES3} {
				if ka == zrtp.KeyAgreementEC38 && (h == zrtp.HashS256 || h == zrtp.HashN256) {
					continue
				}
				t.Run(ka.String()+"/"+h.String()+"/"+c.String(), func(t *testing.T) {
					p := pair(t, 1, only(ka, h, c))
					mustSecure(t, p)
					got := p.A.Secure.Algorithms
					if got.KeyAgreement != ka || got.Hash != h || got.Cipher != c {
						t.Errorf("agreed %v %v %v", got.KeyAgreement, got.Hash, got.Cipher)
					}
				})
			}
		}
	}
}

func TestEveryTagAndSAS(t *testing.T) {
	for _, tag := range []zrtp.AuthTag{zrtp.AuthTagHS32, zrtp.AuthTagHS80} {
		for _, sas := range []zrtp.SASType{zrtp.SASB32, zrtp.SASB256} {
			p := pair(t, 2, func(a, b *zrtp.Config) {
				for _, c := range []*zrtp.Config{a, b} {
					c.AuthTags, c.SASTypes = []zrtp.AuthTag{tag}, []zrtp.SASType{sas}
				}
			})
			mustSecure(t, p)
			if got := p.B.Secure.Algorithms; got.AuthTag != tag || got.SAS != sas {
				t.Errorf("agreed %v %v, want %v %v", got.AuthTag, got.SAS, tag, sas)
			}
		}
	}
}

func TestDefaultIsHybrid(t *testing.T) {
	p := pair(t, 3, nil)
	mustSecure(t, p)
	want := zrtp.Algorithms{Hash: zrtp.HashS384, Cipher: zrtp.CipherAES3, AuthTag: zrtp.AuthTagHS80,
		KeyAgreement: zrtp.KeyAgreementXM76, SAS: zrtp.SASB32}
	if p.A.Secure.Algorithms != want {
		t.Errorf("agreed %v", p.A.Secure.Algorithms)
	}
}
