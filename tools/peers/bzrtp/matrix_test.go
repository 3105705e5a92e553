//go:build interop

package bzrtp

import (
	"encoding/hex"
	"path/filepath"
	"testing"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// TestMatrix exchanges keys in every combination that libbzrtp has, in both roles.
func TestMatrix(t *testing.T) {
	for _, ka := range []zrtp.KeyAgreement{zrtp.KeyAgreementDH2k, zrtp.KeyAgreementDH3k, zrtp.KeyAgreementX255,
		zrtp.KeyAgreementX448} {
		for _, h := range []zrtp.Hash{zrtp.HashS256, zrtp.HashS384} {
			for _, c := range []zrtp.Cipher{zrtp.CipherAES1, zrtp.CipherAES3} {
				for _, role := range []zrtp.Role{zrtp.Initiator, zrtp.Responder} {
					t.Run(ka.String()+"/"+h.String()+"/"+c.String()+"/"+role.String(), func(t *testing.T) {
						t.Parallel()
						one(t, ka, h, c, role)
					})
				}
			}
		}
	}
}

func one(t *testing.T, ka zrtp.KeyAgreement, h zrtp.Hash, c zrtp.Cipher, role zrtp.Role) {
	r := &rig{t: t, config: config(t), lead: role == zrtp.Initiator,
		args: []string{"ka=" + ka.String(), "hash=" + h.String(), "cipher=" + c.String()}}
	r.config.KeyAgreements = []zrtp.KeyAgreement{ka}
	r.config.Hashes, r.config.Ciphers = []zrtp.Hash{h}, []zrtp.Cipher{c}
	r.config.Passive = role == zrtp.Responder
	r.run()
	r.mustAgree()
	if got := r.ends[0].keys; got.Role != role || got.Algorithms.KeyAgreement != ka || got.Algorithms.Hash != h ||
		got.Algorithms.Cipher != c {
		t.Errorf("agreed %v %v", got.Role, got.Algorithms)
	}
}

// TestDefaults meets libbzrtp as it comes, with contention, both SAS types and both tags.
func TestDefaults(t *testing.T) {
	for _, x := range []struct {
		tag zrtp.AuthTag
		sas zrtp.SASType
	}{{zrtp.AuthTagHS32, zrtp.SASB256}, {zrtp.AuthTagHS80, zrtp.SASB32}} {
		r := &rig{t: t, config: config(t), args: []string{"auth=" + x.tag.String(), "sas=" + x.sas.String()}}
		r.config.AuthTags, r.config.SASTypes = []zrtp.AuthTag{x.tag}, []zrtp.SASType{x.sas}
		r.run()
		r.mustAgree()
	}
}

// TestMultistream adds a stream; libbzrtp 5.1 has no room for more than two.
func TestMultistream(t *testing.T) {
	for _, passive := range []bool{false, true} {
		r := &rig{t: t, config: config(t), streams: 2, args: []string{"ka=X255,Mult"}}
		r.config.Passive = passive
		r.run()
		r.mustAgree()
	}
}

func TestAux(t *testing.T) {
	for _, x := range []struct {
		ours, theirs string
		match        bool
		aux          int
	}{{"00112233", "00112233", true, 0}, {"00112233", "44556677", false, 1}} {
		for _, lead := range []bool{false, true} {
			r := &rig{t: t, config: config(t), args: []string{"aux=" + x.theirs}, lead: lead}
			aux, err := hex.DecodeString(x.ours)
			if err != nil {
				t.Fatal(err)
			}
			r.config.AuxSecret, r.config.Passive = aux, !lead
			r.run()
			r.mustAgree()
			if got := r.theirs[0].Aux; got != x.aux {
				t.Errorf("peer's aux state %d, want %d", got, x.aux)
			}
			if r.ends[0].secure.AuxMatch != x.match || r.ends[0].aux == x.match {
				t.Errorf("AuxMatch %v, AuxMismatch %v", r.ends[0].secure.AuxMatch, r.ends[0].aux)
			}
		}
	}
}

// TestExported compares exported keys. libbzrtp's KDF adds KDF_Context under the exported master key, as ours does.
func TestExported(t *testing.T) {
	r := &rig{t: t, config: config(t)}
	r.run()
	r.mustAgree()
	k, err := r.ends[0].Export("sotto interop", 32)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(k); got != r.theirs[0].Exported {
		t.Errorf("exported %s, theirs %s", got, r.theirs[0].Exported)
	}
}

// TestContinuity makes three calls with caches, marks the first verified, then loses a cache.
func TestContinuity(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "zid.sqlite")
	c := config(t)
	call := func(verify bool) *rig {
		t.Helper()
		r := &rig{t: t, config: c, args: []string{"cache=" + cache}, verify: verify}
		if verify {
			r.args = append(r.args, "verify=1")
		}
		r.run()
		r.mustAgree()
		return r
	}
	first := call(true)
	if s := first.ends[0].sas; !s.NewDevice || s.CacheMismatch || s.Verified {
		t.Errorf("first call: %+v", s)
	}
	for range 2 {
		r := call(false)
		if s := r.ends[0].sas; s.NewDevice || s.CacheMismatch || !s.Verified {
			t.Errorf("later call: %+v", s)
		}
		if x := r.theirs[0]; x.CacheMismatch || !x.Verified {
			t.Errorf("peer, later call: %+v", x)
		}
	}
	backup := c.Cache.(zrtptest.Cache).Clone()
	c.Cache = zrtptest.Cache{} // our cache is lost: the peer must notice
	r := call(false)
	if s := r.ends[0].sas; !s.NewDevice || s.CacheMismatch || !r.theirs[0].CacheMismatch {
		t.Errorf("after our loss: %+v, peer %+v", s, r.theirs[0])
	}
	c.Cache = backup
	for z, s := range backup { // both have one, and they differ: both must notice
		s.RS1[0] ^= 1
		s.RS2 = nil
		backup[z] = s
	}
	r = call(false)
	if s := r.ends[0].sas; !s.CacheMismatch || s.Verified || !r.theirs[0].CacheMismatch {
		t.Errorf("after corruption: %+v, peer %+v", s, r.theirs[0])
	}
}
