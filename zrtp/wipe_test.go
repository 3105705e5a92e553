package zrtp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func zeros(b []byte) bool { return len(b) > 0 && bytes.Equal(b, make([]byte, len(b))) }

// TestSecretsWiped: what an exchange needs no more is zero when it is secure, the rest when it is closed.
func TestSecretsWiped(t *testing.T) {
	a, b, now := fuzzPair(6) // until DHPart1 and DHPart2 are about
	var buf [MaxPacketSize]byte
	var transient [][]byte
	for range 20 {
		for _, s := range []*Session{a, b} {
			if n, ok := s.Outgoing(buf[:]); ok {
				other := a
				if s == a {
					other = b
				}
				_ = other.Handle(slices.Clone(buf[:n]), now) // honest
			}
			if s.state == StateWaitConfirm1 || s.state == StateWaitConfirm2 {
				transient = append(transient, s.ex.keys.newRS1, s.ex.keys.exported)
			}
		}
	}
	if a.state != StateSecure || b.state != StateSecure || len(transient) == 0 {
		t.Fatal(a.state, b.state)
	}
	for i, secret := range transient {
		if !zeros(secret) {
			t.Errorf("transient secret %d is not wiped", i)
		}
	}
	lasting := [][]byte{a.call.session, a.call.sasHash, a.call.retained.RS1, a.ex.keys.mac[0], a.ex.keys.zrtp[1]}
	for i, secret := range lasting {
		if zeros(secret) {
			t.Errorf("lasting secret %d is gone too early", i)
		}
	}
	a.Close()
	for i, secret := range lasting {
		if !zeros(secret) {
			t.Errorf("secret %d is not wiped by Close", i)
		}
	}
	if a.Start(now); a.state != StateClosed || !a.Deadline().IsZero() {
		t.Error("closed session lives")
	}
}

// TestDHPrivateWiped: exponent and results of finite-field Diffie-Hellman and of the KEM do not outlive their use.
func TestDHPrivateWiped(t *testing.T) {
	d, err := makeMODP(modp2048)(&counter{}, Initiator, 32)
	if err != nil {
		t.Fatal(err)
	}
	m := d.(*modpDH)
	result, err := m.result(m.public, HashS256)
	if err != nil || !zeros(m.exponent) {
		t.Errorf("exponent stays: %v", err)
	}
	if sharedSecretDH(HashS256, result, nil, &shared{}); !zeros(result) {
		t.Error("DHResult stays")
	}
}

func TestSecretHides(t *testing.T) {
	s := Secret("open sesame")
	for _, verb := range []string{"%v", "%s", "%x", "%q", "%+v", "%#v", "%d", "%X"} {
		for _, v := range []any{s, &s, SRTPKey{s, s}, RetainedSecrets{RS1: s}, KeysReady{Send: SRTPKey{s, s}}} {
			out := fmt.Sprintf(verb, v)
			if bytes.Contains([]byte(out), []byte("open")) || bytes.Contains([]byte(out), []byte("6f70")) ||
				bytes.Contains([]byte(out), []byte("6F70")) || bytes.Contains([]byte(out), []byte("111 112")) {
				t.Errorf("%s of %T shows %s", verb, v, out)
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	good := func() Config { return Config{ZID: ZID{1}, Rand: &counter{}} }
	for name, change := range map[string]func(c *Config){
		"no ZID":         func(c *Config) { c.ZID = ZID{} },
		"no Rand":        func(c *Config) { c.Rand = nil },
		"long client":    func(c *Config) { c.ClientID = "12345678901234567" },
		"short hash":     func(c *Config) { c.PeerHelloHash = make([]byte, 31) },
		"8 algorithms":   func(c *Config) { c.KeyAgreements = make([]KeyAgreement, 8) },
		"unknown hash":   func(c *Config) { c.Hashes = []Hash{1} },
		"unknown cipher": func(c *Config) { c.Ciphers = []Cipher{1} },
		"unknown tag":    func(c *Config) { c.AuthTags = []AuthTag{1} },
		"unknown ka":     func(c *Config) { c.KeyAgreements = []KeyAgreement{1} },
		"unknown sas":    func(c *Config) { c.SASTypes = []SASType{1} },
		"aux and SDES":   func(c *Config) { c.AuxSecret, c.SDES.Key = Secret{1}, Secret{1} },
	} {
		c := good()
		change(&c)
		if _, err := NewSession(&c, time.Time{}); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := good()
	c.Rand = bytes.NewReader(make([]byte, 33))
	if _, err := NewSession(&c, time.Time{}); err == nil || errors.Is(err, ErrConfig) {
		t.Errorf("random source ends: %v", err)
	}
}
