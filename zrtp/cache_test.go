package zrtp_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// couple is two endpoints that call each other again and again.
type couple struct {
	t    *testing.T
	a, b zrtptest.Cache
	n    uint64
	tap  func(p *zrtptest.Pair) func(int, []byte) [][]byte
	cfg  func(a, b *zrtp.Config)
}

func newCouple(t *testing.T) *couple { return &couple{t: t, a: zrtptest.Cache{}, b: zrtptest.Cache{}} }

var (
	zidA = zrtp.ZID{'Z', 'I', 'D', 'A'}
	zidB = zrtp.ZID{'Z', 'I', 'D', 'B'}
)

// start makes the next call, without waiting for its end.
func (c *couple) start() *zrtptest.Pair {
	c.n++
	p := pair(c.t, 100+c.n, func(a, b *zrtp.Config) {
		x255(a, b)
		a.Cache, b.Cache = c.a, c.b
		if c.cfg != nil {
			c.cfg(a, b)
		}
	})
	if c.tap != nil {
		p.Wire.Tap = c.tap(p)
	}
	return p
}

func (c *couple) call() *zrtptest.Pair {
	c.t.Helper()
	p := c.start()
	mustSecure(c.t, p)
	p.A.Session.PeerSentSRTP(p.Now) // they talk
	p.B.Session.PeerSentSRTP(p.Now)
	p.Drain()
	return p
}

// synced asserts that both caches hold the same newest secret.
func (c *couple) synced() {
	c.t.Helper()
	ra, rb := c.a[zidB], c.b[zidA]
	if len(ra.RS1) != 32 || !bytes.Equal(ra.RS1, rb.RS1) {
		c.t.Fatalf("caches differ: %x, %x", []byte(ra.RS1), []byte(rb.RS1))
	}
}

func TestContinuity(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	if !p.A.SAS.NewDevice || !p.B.SAS.NewDevice || p.A.SAS.CacheMismatch || !p.A.Events[0].(zrtp.PeerFound).NewDevice {
		t.Errorf("first call: %+v %+v", p.A.SAS, p.A.Events[0])
	}
	c.synced()
	for range 3 {
		old := c.a[zidB].RS1
		p = c.call()
		if p.A.SAS.NewDevice || p.B.SAS.NewDevice || p.A.SAS.CacheMismatch || p.B.SAS.CacheMismatch {
			t.Errorf("later call: %+v %+v", p.A.SAS, p.B.SAS)
		}
		c.synced()
		if bytes.Equal(old, c.a[zidB].RS1) || !bytes.Equal(old, c.a[zidB].RS2) || !bytes.Equal(old, c.b[zidA].RS2) {
			t.Error("rs1 did not become rs2")
		}
	}
}

// TestTwoGenerals: the responder stored, the initiator never got Conf2ACK and did not. The next call recovers by rs2,
// several times over, and whoever leads.
func TestTwoGenerals(t *testing.T) {
	c := newCouple(t)
	c.call()
	for i := range 6 {
		c.tap = func(p *zrtptest.Pair) func(int, []byte) [][]byte {
			return func(_ int, q []byte) [][]byte {
				if zrtptest.MessageType(q) == "Conf2ACK" {
					return nil
				}
				return [][]byte{q}
			}
		}
		p := c.start()
		p.Run(time.Minute, p.Settled)
		if bytes.Equal(c.a[zidB].RS1, c.b[zidA].RS1) {
			t.Fatal("still in step: the test tests nothing")
		}
		c.tap = nil
		p = c.call()
		if p.A.SAS.CacheMismatch || p.B.SAS.CacheMismatch {
			t.Errorf("round %d: false alarm", i)
		}
		c.synced()
	}
}

func TestVerifiedFlag(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	if err := p.A.Session.SetVerified(p.Now); err != nil {
		t.Fatal(err)
	}
	if p = c.call(); p.A.SAS.Verified || p.B.SAS.Verified {
		t.Error("verified although B never said so")
	}
	if err := p.B.Session.SetVerified(p.Now); err != nil {
		t.Fatal(err)
	}
	if p = c.call(); !p.A.SAS.Verified || !p.B.SAS.Verified {
		t.Error("not verified although both said so")
	}
	if err := p.A.Session.Unverify(); err != nil {
		t.Fatal(err)
	}
	if p = c.call(); p.A.SAS.Verified || p.B.SAS.Verified {
		t.Error("verified although A took it back")
	}
}

// TestCacheMismatch: B's cache is replaced. Both are told, nothing is stored before SetVerified, and every call warns
// until then.
func TestCacheMismatch(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	if err := p.A.Session.SetVerified(p.Now); err != nil {
		t.Fatal(err)
	}
	old := c.a[zidB].RS1
	c.b = zrtptest.Cache{zidA: {RS1: fill(32, 1), Verified: true}}
	for range 2 {
		p = c.call()
		for _, e := range []*zrtptest.End{p.A, p.B} {
			if !e.SAS.CacheMismatch || e.SAS.Verified || e.SAS.NewDevice {
				t.Errorf("%+v", e.SAS)
			}
		}
		if !bytes.Equal(c.a[zidB].RS1, old) || !bytes.Equal(c.b[zidA].RS1, fill(32, 1)) {
			t.Error("cache overwritten before the SAS was verified")
		}
	}
	if err := p.A.Session.SetVerified(p.Now); err != nil {
		t.Fatal(err)
	}
	if err := p.B.Session.SetVerified(p.Now); err != nil {
		t.Fatal(err)
	}
	c.synced()
	if p = c.call(); p.A.SAS.CacheMismatch || !p.A.SAS.Verified {
		t.Errorf("after verification: %+v", p.A.SAS)
	}
}

// TestCacheWipe: B lost its cache. Only A can know, and A is told; A's cache waits for the user.
func TestCacheWipe(t *testing.T) {
	c := newCouple(t)
	c.call()
	old := c.a[zidB].RS1
	c.b = zrtptest.Cache{}
	p := c.call()
	if !p.A.SAS.CacheMismatch || p.B.SAS.CacheMismatch || !p.B.SAS.NewDevice {
		t.Errorf("%+v %+v", p.A.SAS, p.B.SAS)
	}
	if !bytes.Equal(c.a[zidB].RS1, old) {
		t.Error("A's cache overwritten")
	}
}

// TestVerifiedBelongsToZID: another device with B's address does not inherit what B earned.
func TestVerifiedBelongsToZID(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	for _, e := range []*zrtptest.End{p.A, p.B} {
		if err := e.Session.SetVerified(p.Now); err != nil {
			t.Fatal(err)
		}
	}
	c.cfg = func(a, b *zrtp.Config) { b.ZID[3] = 'C' }
	if p = c.call(); p.A.SAS.Verified || !p.A.SAS.NewDevice {
		t.Errorf("another ZID: %+v", p.A.SAS)
	}
	// A thief of the ZID alone, without the secret, is a mismatch.
	c.cfg, c.b = nil, zrtptest.Cache{}
	if p = c.call(); p.A.SAS.Verified || !p.A.SAS.CacheMismatch {
		t.Errorf("stolen ZID: %+v", p.A.SAS)
	}
}

func TestRejectSAS(t *testing.T) {
	c := newCouple(t)
	p := c.call()
	if err := p.A.Session.RejectSAS(); err != nil {
		t.Fatal(err)
	}
	if r := c.a[zidB]; r.RS1 != nil || r.RS2 != nil || r.Verified {
		t.Error("secrets of a rejected call kept")
	}
}

func TestCacheExpiry(t *testing.T) {
	c := newCouple(t)
	c.cfg = func(a, b *zrtp.Config) { a.CacheExpiry, b.CacheExpiry = time.Hour, 2*time.Hour }
	p := c.call()
	for _, r := range []zrtp.RetainedSecrets{c.a[zidB], c.b[zidA]} { // the minimum of both
		if d := r.Expires.Sub(p.Now); d < 59*time.Minute || d > time.Hour {
			t.Errorf("expires in %v", d)
		}
	}
	// Past the hour, one side has forgotten: no alarm.
	r := c.a[zidB]
	r.Expires = zrtptest.Epoch.Add(-time.Minute)
	c.a[zidB] = r
	c.b = zrtptest.Cache{}
	if p = c.call(); p.A.SAS.CacheMismatch {
		t.Error("alarm for an expired secret")
	}
}

// TestCacheless: expiry 0 and no V flag; the peer stores nothing, and forgets what it had when it may.
func TestCacheless(t *testing.T) {
	c := newCouple(t)
	c.cfg = func(a, b *zrtp.Config) { b.Cache = nil }
	p := c.call()
	if len(c.a) != 0 {
		t.Error("stored although the peer has no cache")
	}
	if err := p.B.Session.SetVerified(p.Now); !errors.Is(err, zrtp.ErrNoCache) {
		t.Errorf("%v", err)
	}
	if err := p.A.Session.SetVerified(p.Now); err != nil || len(c.a) != 0 {
		t.Errorf("verified without a secret to rest on: %v", err)
	}
	c.cfg = nil
	c.call()
	c.cfg = func(a, b *zrtp.Config) { b.Cache = nil }
	p = c.call()
	if r := c.a[zidB]; r.Expires.IsZero() || r.RS1 == nil {
		t.Error("interval not set to 0")
	}
	if p.A.SAS.Verified {
		t.Error("verified with a cacheless peer")
	}
}

// brokenCache cannot store.
type brokenCache struct{ zrtptest.Cache }

func (brokenCache) Store(zrtp.ZID, zrtp.RetainedSecrets) error { return errors.New("disk full") }

func TestCacheFails(t *testing.T) {
	c := newCouple(t)
	c.cfg = func(a, b *zrtp.Config) { a.Cache = brokenCache{} }
	p := c.start()
	mustSecure(t, p)
	told := 0
	for _, e := range p.A.Events {
		if _, ok := e.(zrtp.CacheFailed); ok {
			told++
		}
	}
	if told != 1 || p.A.Session.SetVerified(p.Now) == nil {
		t.Errorf("%d CacheFailed", told)
	}
}

// TestIntegrity: with an authenticated zrtp-hash a mismatch does not delay the cache (Section 4.6.1.1).
func TestIntegrity(t *testing.T) {
	for _, authentic := range []bool{true, false} {
		c := newCouple(t)
		first := c.call()
		if err := first.A.Session.SetVerified(first.Now); err != nil {
			t.Fatal(err)
		}
		c.b = zrtptest.Cache{}
		old := c.a[zidB].RS1
		hash := helloHash(t, 'B', 100+c.n+1)
		c.cfg = func(a, b *zrtp.Config) { a.PeerHelloHash, a.SignalingAuthentic = hash, authentic }
		p := c.call()
		if updated := !bytes.Equal(c.a[zidB].RS1, old); updated != authentic || !p.A.SAS.CacheMismatch {
			t.Errorf("authentic %v: updated %v", authentic, updated)
		}
		if c.a[zidB].Verified == authentic {
			t.Error("the verified flag belongs to the secret that was lost")
		}
	}
}
