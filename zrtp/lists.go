package zrtp

import "fmt"

// Default preferences: strongest first where all are fast; the hybrid between handsets of ours, X25519 under both its
// names, and DH3k for everyone (RFC 6189, Section 5.1.5). A Hello holds 7 of a kind.
var (
	defaultHashes  = []Hash{HashS384, HashS256, HashN384, HashN256}
	defaultCiphers = []Cipher{CipherAES3, CipherAES1}
	defaultTags    = []AuthTag{AuthTagHS80, AuthTagHS32}
	defaultKAs     = []KeyAgreement{KeyAgreementXM76, KeyAgreementX255, KeyAgreementE255, KeyAgreementDH3k,
		KeyAgreementEC25, KeyAgreementEC38, KeyAgreementMult}
	defaultSASTypes = []SASType{SASB32, SASB256}
)

// complete checks c, copies what the caller could change and fills in defaults.
func (c Config) complete() (Config, error) {
	if c.Rand == nil || c.ZID == (ZID{}) || len(c.ClientID) > clientIDSize ||
		len(c.PeerHelloHash) != 0 && len(c.PeerHelloHash) != hashSize {
		return c, fmt.Errorf("%w: ZID, Rand, ClientID or PeerHelloHash", ErrConfig)
	}
	if len(c.SDES.Key) != 0 && len(c.AuxSecret) != 0 {
		return c, fmt.Errorf("%w: AuxSecret and SDES exclude each other", ErrConfig)
	}
	c.Hashes = withDefault(c.Hashes, defaultHashes)
	c.Ciphers = withDefault(c.Ciphers, defaultCiphers)
	c.AuthTags = withDefault(c.AuthTags, defaultTags)
	c.KeyAgreements = withDefault(c.KeyAgreements, defaultKAs)
	c.SASTypes = withDefault(c.SASTypes, defaultSASTypes)
	for _, n := range [...]int{len(c.Hashes), len(c.Ciphers), len(c.AuthTags), len(c.KeyAgreements), len(c.SASTypes)} {
		if n > maxAlgorithms {
			return c, fmt.Errorf("%w: more than %d algorithms of a kind", ErrConfig, maxAlgorithms)
		}
	}
	if err := c.known(); err != nil {
		return c, err
	}
	c.PeerHelloHash = append([]byte(nil), c.PeerHelloHash...)
	c.AuxSecret, c.PBX.Secret = c.AuxSecret.clone(), c.PBX.Secret.clone()
	c.SDES = SDES{c.SDES.Key.clone(), c.SDES.Salt.clone()}
	return c, nil
}

func withDefault[T any](list, fallback []T) []T {
	if len(list) == 0 {
		list = fallback
	}
	return append([]T(nil), list...)
}

// known refuses preferences that this package does not implement.
func (c *Config) known() error {
	bad := func(v fmt.Stringer) error { return fmt.Errorf("%w: algorithm %v", ErrConfig, v) }
	for _, v := range c.Hashes {
		if v.size() == 0 {
			return bad(v)
		}
	}
	for _, v := range c.Ciphers {
		if v.keySize() == 0 {
			return bad(v)
		}
	}
	for _, v := range c.AuthTags {
		if v != AuthTagHS32 && v != AuthTagHS80 {
			return bad(v)
		}
	}
	for _, v := range c.KeyAgreements {
		if v.group() == nil && v != KeyAgreementMult && v != KeyAgreementPrsh {
			return bad(v)
		}
	}
	for _, v := range c.SASTypes {
		if v != SASB32 && v != SASB256 {
			return bad(v)
		}
	}
	return nil
}

// lists are the five lists of our Hello, in its order, as configured.
func (c *Config) lists() (l [5]blocks) {
	for _, v := range c.Hashes {
		l[0].add(uint32(v))
	}
	for _, v := range c.Ciphers {
		l[1].add(uint32(v))
	}
	for _, v := range c.AuthTags {
		l[2].add(uint32(v))
	}
	for _, v := range c.KeyAgreements {
		l[3].add(uint32(v))
	}
	for _, v := range c.SASTypes {
		l[4].add(uint32(v))
	}
	return l
}
