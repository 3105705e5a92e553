package sassig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/sassig"
	"sotto/zrtp/zrtptest"
)

func signer(t testing.TB, curve elliptic.Curve, name string) *sassig.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: zrtptest.Epoch, NotAfter: zrtptest.Epoch.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &sassig.Signer{Certificate: der, Key: key, Rand: rand.Reader}
}

func roots(t testing.TB, s *sassig.Signer) *x509.CertPool {
	t.Helper()
	c, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	p.AddCert(c)
	return p
}

func at() time.Time { return zrtptest.Epoch.AddDate(0, 1, 0) }

func TestSignAndVerify(t *testing.T) {
	sas := make([]byte, 32)
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		s, other := signer(t, curve, "bob"), signer(t, curve, "mallory")
		kind, block, err := s.SignSAS(sas)
		if err != nil || len(block)%4 != 0 {
			t.Fatal(err, len(block))
		}
		for _, v := range []*sassig.Verifier{{Roots: roots(t, s), Now: at}, {Pinned: [][]byte{s.Certificate}}} {
			if name, err := v.VerifySAS(kind, block, sas); err != nil || name != "bob" {
				t.Errorf("%q, %v", name, err)
			}
		}
		bad := &sassig.Verifier{Roots: roots(t, other), Pinned: [][]byte{other.Certificate}, Now: at}
		if _, err := bad.VerifySAS(kind, block, sas); !errors.Is(err, sassig.ErrCertificate) {
			t.Errorf("untrusted: %v", err)
		}
		good := &sassig.Verifier{Pinned: [][]byte{s.Certificate}}
		for i := range block { // every octet counts but the padding
			block[i] ^= 1
			if _, err := good.VerifySAS(kind, block, sas); err == nil && i < len(s.Certificate) {
				t.Errorf("octet %d changed and accepted", i)
			}
			block[i] ^= 1
		}
		for n := range block {
			if _, err := good.VerifySAS(kind, block[:n], sas); err == nil {
				t.Errorf("cut to %d and accepted", n)
			}
		}
		if _, err := good.VerifySAS(zrtp.SignaturePGP, block, sas); !errors.Is(err, sassig.ErrType) {
			t.Errorf("PGP: %v", err)
		}
	}
}

func TestWrongCurve(t *testing.T) {
	s := signer(t, elliptic.P224(), "small")
	if _, _, err := s.SignSAS(make([]byte, 32)); !errors.Is(err, sassig.ErrKey) {
		t.Errorf("%v", err)
	}
}

// TestSignedCall makes a whole call: signed on both sides, signed by a stranger, and with a cache mismatch that the
// signature excuses.
func TestSignedCall(t *testing.T) {
	alice, bob, mallory := signer(t, elliptic.P256(), "alice"), signer(t, elliptic.P384(), "bob"), signer(t, elliptic.P256(), "bob")
	call := func(bobs *sassig.Signer, cache zrtptest.Cache) *zrtptest.Pair {
		t.Helper()
		a, b := zrtptest.Config('A', 1), zrtptest.Config('B', 1)
		a.Signer, a.Verifier, a.Cache = alice, &sassig.Verifier{Roots: roots(t, bob), Now: at}, cache
		b.Signer, b.Verifier = bobs, &sassig.Verifier{Roots: roots(t, alice), Now: at}
		p, err := zrtptest.NewPair(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Start().Run(10*time.Second, p.Secure) {
			t.Fatalf("%v %v", p.A.Failed, p.B.Failed)
		}
		return p
	}
	p := call(bob, zrtptest.Cache{})
	if p.A.SAS.Signer != "bob" || p.B.SAS.Signer != "alice" {
		t.Errorf("signers %q, %q", p.A.SAS.Signer, p.B.SAS.Signer)
	}
	if p = call(mallory, zrtptest.Cache{}); p.A.SAS.Signer != "" || p.B.SAS.Signer != "alice" {
		t.Errorf("signers %q, %q", p.A.SAS.Signer, p.B.SAS.Signer)
	}
	stale := func() zrtptest.Cache {
		return zrtptest.Cache{{'Z', 'I', 'D', 'B'}: {RS1: make([]byte, 32), Verified: true}}
	}
	for _, x := range []struct {
		signer  *sassig.Signer
		updated bool
	}{{bob, true}, {mallory, false}} {
		cache := stale()
		p = call(x.signer, cache)
		r := cache[zrtp.ZID{'Z', 'I', 'D', 'B'}]
		if !p.A.SAS.CacheMismatch || (r.RS2 != nil) != x.updated {
			t.Errorf("mismatch %v, updated %v, want %v", p.A.SAS.CacheMismatch, r.RS2 != nil, x.updated)
		}
	}
}

// FuzzVerifySAS: a peer that has the keys can put any octets into the signature block. None is accepted but the signed one.
func FuzzVerifySAS(f *testing.F) {
	sas := make([]byte, 32)
	s := signer(f, elliptic.P256(), "bob")
	kind, block, err := s.SignSAS(sas)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(block)
	f.Add(block[:len(block)-64])
	f.Add([]byte{0x30, 0x82, 0xff, 0xff})
	v := &sassig.Verifier{Pinned: [][]byte{s.Certificate}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if name, err := v.VerifySAS(kind, b, sas); err == nil && (name != "bob" || len(b) != len(block)) {
			t.Fatalf("accepted %x", b)
		}
	})
}
