// Package sassig signs and verifies the SAS of package zrtp by ECDSA with an X.509 certificate (RFC 6189, Section 7.2.2).
// It promises that VerifySAS accepts only a P-256 or P-384 key whose certificate the caller's roots vouch for, or exactly
// a certificate that the caller pinned. It has no store of its own and never asks the network. It cannot tell what a name
// in a certificate is worth: that is the roots' business.
package sassig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"sotto/zrtp"
)

// Errors of this package.
var (
	ErrKey         = errors.New("sassig: need an ECDSA key on P-256 or P-384")
	ErrType        = errors.New("sassig: not an X.509 signature")
	ErrFormat      = errors.New("sassig: malformed signature block")
	ErrSignature   = errors.New("sassig: signature does not verify")
	ErrCertificate = errors.New("sassig: certificate not trusted")
)

// Signer is a zrtp.Signer. Certificate is DER; Key is its private key; Rand is crypto/rand.Reader.
type Signer struct {
	Certificate []byte
	Key         crypto.Signer
	Rand        io.Reader
}

// SignSAS signs sashash. The block is the certificate, padded to a word, then r and s "with no truncation of leading
// zeros".
func (s *Signer) SignSAS(sasHash []byte) (zrtp.SignatureType, []byte, error) {
	public, ok := s.Key.Public().(*ecdsa.PublicKey)
	if !ok {
		return 0, nil, ErrKey
	}
	size, h, err := parameters(public)
	if err != nil {
		return 0, nil, err
	}
	der, err := s.Key.Sign(s.Rand, digest(h, sasHash), h)
	if err != nil {
		return 0, nil, fmt.Errorf("sassig: %w", err)
	}
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) != 0 {
		return 0, nil, ErrFormat
	}
	block := append([]byte(nil), s.Certificate...)
	for len(block)%4 != 0 {
		block = append(block, 0)
	}
	n := len(block)
	block = append(block, make([]byte, 2*size)...)
	rs.R.FillBytes(block[n : n+size])
	rs.S.FillBytes(block[n+size:])
	return zrtp.SignatureX509, block, nil
}

// Verifier is a zrtp.Verifier. Roots vouch for certificates; Pinned are DER certificates trusted as they are, for
// endpoints without a PKI (Section 7.2.3). Now is the time at which certificates must be valid; nil is time.Now.
type Verifier struct {
	Roots  *x509.CertPool
	Pinned [][]byte
	Now    func() time.Time
}

// VerifySAS checks a signature block over sashash and gives the common name of its certificate.
func (v *Verifier) VerifySAS(t zrtp.SignatureType, block, sasHash []byte) (string, error) {
	if t != zrtp.SignatureX509 {
		return "", ErrType
	}
	var raw asn1.RawValue
	if _, err := asn1.Unmarshal(block, &raw); err != nil {
		return "", ErrFormat
	}
	der := raw.FullBytes
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrFormat, err)
	}
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return "", ErrKey
	}
	size, h, err := parameters(public)
	if err != nil {
		return "", err
	}
	signature := block[min((len(der)+3)/4*4, len(block)):]
	if len(signature) != 2*size {
		return "", ErrFormat
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	if !ecdsa.Verify(public, digest(h, sasHash), r, s) {
		return "", ErrSignature
	}
	return cert.Subject.CommonName, v.trusted(cert, der)
}

func (v *Verifier) trusted(cert *x509.Certificate, der []byte) error {
	for _, p := range v.Pinned {
		if string(p) == string(der) {
			return nil
		}
	}
	if v.Roots == nil {
		return ErrCertificate
	}
	o := x509.VerifyOptions{Roots: v.Roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if v.Now != nil {
		o.CurrentTime = v.Now()
	}
	if _, err := cert.Verify(o); err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return nil
}

// parameters are the octets of r and s, and the hash that goes with the curve. SHA-1 is not among them: "MUST avoid using
// SHA1".
func parameters(k *ecdsa.PublicKey) (size int, h crypto.Hash, err error) {
	switch k.Curve {
	case elliptic.P256():
		return 32, crypto.SHA256, nil
	case elliptic.P384():
		return 48, crypto.SHA384, nil
	}
	return 0, 0, ErrKey
}

func digest(h crypto.Hash, data []byte) []byte {
	if h == crypto.SHA384 {
		sum := sha512.Sum384(data)
		return sum[:]
	}
	sum := sha256.Sum256(data)
	return sum[:]
}
