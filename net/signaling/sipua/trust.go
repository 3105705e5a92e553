package sipua

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
)

// tlsConfig is how a server is trusted. RFC 8446 or nothing: older versions of TLS are not spoken.
func tlsConfig(accounts []Account, name string) *tls.Config {
	conf := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS13}
	for _, a := range accounts {
		t, err := parseTarget(a.URI)
		if err != nil || t.host != name {
			continue
		}
		conf.RootCAs = a.Roots
		if a.Pin != ([32]byte{}) {
			pin(conf, a.Pin, a.Roots == nil)
		}
		break
	}
	return conf
}

// proved reports whether a handshake that has succeeded showed who the server is.
func proved(conf *tls.Config, s tls.ConnectionState) bool {
	return s.HandshakeComplete && s.Version >= tls.VersionTLS13 &&
		(len(s.VerifiedChains) > 0 || conf.InsecureSkipVerify && conf.VerifyConnection != nil) // the latter: pin
}

// pin accepts one public key; alone, it stands for name, date and signer as well.
func pin(conf *tls.Config, want [32]byte, alone bool) {
	conf.InsecureSkipVerify = alone
	conf.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errPin
		}
		got := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return errPin
		}
		return nil
	}
}
