package phone

import (
	"testing"

	"sotto/net/signaling/sipua"
	"sotto/zrtp"
)

// TestOverTLS: only an account whose server is reached over TLS, and never a call without an account, may become SECURE+.
func TestOverTLS(t *testing.T) {
	p := &phone{}
	for _, s := range []string{"sip:a@one.test;transport=tls", "sip:b@two.test;transport=tcp", "sip:c@three.test"} {
		a, err := sipua.ParseAccount(s)
		if err != nil {
			t.Fatal(err)
		}
		p.cfg.Accounts = append(p.cfg.Accounts, a)
	}
	for account, want := range map[string]bool{"a@one.test": true, "b@two.test": false, "c@three.test": false, "": false, "d@four.test": false} {
		if p.overTLS(account) != want {
			t.Errorf("%q: %v", account, !want)
		}
	}
}

// TestAuthenticNeedsBoth: TLS alone is not enough, nor a Hello that was announced over a line that anybody could change.
func TestAuthenticNeedsBoth(t *testing.T) {
	for _, tls := range []bool{false, true} {
		for _, announced := range []bool{false, true} {
			v := &voice{authentic: tls}
			(&phone{}).agreement(v, zrtp.PeerFound{HelloHash: announced})
			if v.authentic != (tls && announced) {
				t.Errorf("TLS %v, announced %v: %v", tls, announced, v.authentic)
			}
		}
	}
}
