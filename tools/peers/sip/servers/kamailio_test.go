//go:build interop

package servers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

const domain = "example.test"

// authority signs the server's certificate.
type authority struct {
	pool *x509.CertPool
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{pool, cert, key}
}

// issue writes a certificate and its key, and returns the SubjectPublicKeyInfo.
func (a *authority) issue(t *testing.T, dir, name string, notAfter time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert.RawSubjectPublicKeyInfo
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// server is a running kamailio.
type server struct {
	port, tlsPort int
	spki          []byte
	authority     *authority
}

type serverOptions struct {
	algorithm string // empty: MD5
	certName  string // empty: the domain
	expired   bool
	open      bool // asks nobody for a password
}

// startKamailio runs kamailio on free ports of loopback until the test ends.
func startKamailio(t *testing.T, o serverOptions) *server {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &server{port: freePort(t), tlsPort: freePort(t), authority: newAuthority(t)}
	if o.algorithm == "" {
		o.algorithm = "MD5"
	}
	if o.certName == "" {
		o.certName = domain
	}
	notAfter := time.Now().Add(time.Hour)
	if o.expired {
		notAfter = time.Now().Add(-time.Hour)
	}
	s.spki = s.authority.issue(t, dir, o.certName, notAfter)
	conf, err := os.ReadFile("kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("SIPPORT", fmt.Sprint(s.port), "TLSPORT", fmt.Sprint(s.tlsPort), "ALGORITHM", o.algorithm,
		"CERTFILE", dir+"/cert.pem", "KEYFILE", dir+"/key.pem").Replace(string(conf))
	write(t, dir+"/kamailio.cfg", []byte(text))
	cmd := exec.Command("kamailio", "-DD", "-E", "-f", dir+"/kamailio.cfg", "-P", dir+"/pid", "-Y", dir, "-w", dir, "-m", "32", "-M", "4")
	if !o.open {
		cmd.Args = append(cmd.Args, "-A", "WITH_DIGEST")
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Logf("kamailio said:\n%s", log.String())
		}
	})
	waitFor(t, "kamailio", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.tlsPort))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return s
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("no %s after ten seconds", what)
}

// account is one at the server. The server is found by its SRV-less name through the resolver of the test.
func (s *server) account(user, transport string) sipua.Account {
	port := s.port
	if transport == "tls" {
		port = s.tlsPort
	}
	return sipua.Account{Name: "work", URI: fmt.Sprintf("sip:%s@%s:%d;transport=%s", user, domain, port, transport),
		Password: "secret", Roots: s.authority.pool}
}

// phone is one of our telephones.
type phone struct {
	*sipua.UA
	t    *testing.T
	name string
}

func newPhone(t *testing.T, name string, accounts ...sipua.Account) *phone {
	t.Helper()
	u, err := sipua.New(sipua.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: name, Accounts: accounts,
		Resolver: local{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return &phone{u, t, name}
}

// want takes the next event, which must be of type E.
func want[E signaling.Event](p *phone) E {
	p.t.Helper()
	select {
	case e := <-p.Events():
		if got, ok := e.(E); ok {
			return got
		}
		p.t.Fatalf("%s: got %T %+v", p.name, e, e)
	case <-time.After(10 * time.Second):
		var none E
		p.t.Fatalf("%s: nothing happens, want %T", p.name, none)
	}
	panic("not reached")
}

func (p *phone) wantRegistered() {
	p.t.Helper()
	if e := want[signaling.Registration](p); !e.OK {
		p.t.Fatalf("%s is not registered: %v", p.name, e.Cause)
	}
}

func (p *phone) wantEnd(cause signaling.Cause) {
	p.t.Helper()
	if e := want[signaling.Ended](p); e.Cause != cause {
		p.t.Fatalf("%s: ended with %q, want %q", p.name, e.Cause, cause)
	}
}

func describe(port uint16) signaling.Description {
	ip := netip.MustParseAddr("127.0.0.1")
	return signaling.Description{RTP: netip.AddrPortFrom(ip, port), RTCP: netip.AddrPortFrom(ip, port+1), Mux: true,
		PayloadType: signaling.OpusType, DTMF: signaling.DTMFType, Ptime: 20, Session: 1, Version: 1}
}

// call makes a calls b through the server, until both have agreed.
func call(a, b *phone, to string) (atA, atB signaling.CallID) {
	a.t.Helper()
	atA = a.Dial(signaling.Dial{To: to, Account: "work", Offer: describe(4000)})
	in := want[signaling.Incoming](b)
	want[signaling.Ringing](a)
	b.Answer(in.Call, describe(5000))
	want[signaling.Answered](a)
	want[signaling.Answered](b)
	if in.Account != "work" {
		a.t.Fatalf("%s was called by account %q", b.name, in.Account)
	}
	return atA, in.Call
}

func TestCallsThroughKamailio(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		s := startKamailio(t, serverOptions{algorithm: algorithm})
		for _, ta := range []string{"udp", "tcp", "tls"} {
			for _, tb := range []string{"udp", "tcp", "tls"} {
				t.Run(algorithm+" "+ta+" to "+tb, func(t *testing.T) {
					alice := newPhone(t, "alice", s.account("alice", ta))
					bob := newPhone(t, "bob", s.account("bob", tb))
					alice.wantRegistered()
					bob.wantRegistered()
					a, _ := call(alice, bob, "bob")
					alice.Hangup(a, signaling.HungUp)
					alice.wantEnd(signaling.HungUp)
					bob.wantEnd(signaling.PeerHungUp)
					_, atA := call(bob, alice, "alice")
					alice.Hangup(atA, signaling.HungUp) // the called hangs up: sipgo#361
					alice.wantEnd(signaling.HungUp)
					bob.wantEnd(signaling.PeerHungUp)
				})
			}
		}
	}
}

// A hundred calls in a row with each transport, with and without a password, in both directions and ended by either side:
// each is told to have ended at both ends, and nothing comes after that.
func TestHundredCallsInARow(t *testing.T) {
	for _, open := range []bool{false, true} {
		s := startKamailio(t, serverOptions{open: open})
		for _, transport := range []string{"udp", "tls"} {
			t.Run(fmt.Sprintf("%s, without password=%v", transport, open), func(t *testing.T) {
				alice := newPhone(t, "alice", s.account("alice", transport))
				bob := newPhone(t, "bob", s.account("bob", transport))
				alice.wantRegistered()
				bob.wantRegistered()
				for i := range 100 {
					from, to := alice, bob
					if i%2 == 1 {
						from, to = bob, alice
					}
					atFrom, atTo := call(from, to, to.name)
					if i/2%2 == 0 {
						from.Hangup(atFrom, signaling.HungUp)
						from.wantEnd(signaling.HungUp)
						to.wantEnd(signaling.PeerHungUp)
					} else {
						to.Hangup(atTo, signaling.HungUp)
						to.wantEnd(signaling.HungUp)
						from.wantEnd(signaling.PeerHungUp)
					}
				}
				alice.quiet()
				bob.quiet()
			})
		}
	}
}

// quiet asserts that nothing more happens.
func (p *phone) quiet() {
	p.t.Helper()
	select {
	case e := <-p.Events():
		p.t.Errorf("%s: got %T %+v", p.name, e, e)
	case <-time.After(200 * time.Millisecond):
	}
}

func TestRefusals(t *testing.T) {
	s := startKamailio(t, serverOptions{})
	for _, transport := range []string{"udp", "tls"} {
		alice := newPhone(t, "alice", s.account("alice", transport))
		alice.wantRegistered()
		alice.Dial(signaling.Dial{To: "nobody", Account: "work", Offer: describe(4000)})
		alice.wantEnd(signaling.NotFound)
		wrong := s.account("bob", transport)
		wrong.Password = "guess"
		bob := newPhone(t, "bob", wrong)
		if e := want[signaling.Registration](bob); e.OK || e.Cause != signaling.NotAuthorized {
			t.Errorf("a wrong password: %+v", e)
		}
		foreign := s.account("carol", transport)
		foreign.Realm = "another.test"
		carol := newPhone(t, "carol", foreign)
		if e := want[signaling.Registration](carol); e.OK || e.Cause != signaling.NotAuthorized {
			t.Errorf("another realm: %+v", e)
		}
	}
}

func TestCertificates(t *testing.T) {
	cause := func(t *testing.T, a sipua.Account) signaling.Cause {
		p := newPhone(t, "alice", a)
		return want[signaling.Registration](p).Cause
	}
	good := startKamailio(t, serverOptions{})
	t.Run("another authority", func(t *testing.T) {
		a := good.account("alice", "tls")
		a.Roots = newAuthority(t).pool
		if c := cause(t, a); c != signaling.NotTrusted {
			t.Error(c)
		}
	})
	t.Run("pinned", func(t *testing.T) {
		a := good.account("alice", "tls")
		a.Roots = nil
		a.Pin = sum(good.spki)
		if c := cause(t, a); c != signaling.NoCause {
			t.Error(c)
		}
		a.Pin[0] ^= 1
		if c := cause(t, a); c != signaling.NotTrusted {
			t.Error(c)
		}
		a = good.account("alice", "tls")
		a.Pin[0] = 1
		if c := cause(t, a); c != signaling.NotTrusted {
			t.Error("the right authority, and another pin: ", c)
		}
	})
	t.Run("wrong name", func(t *testing.T) {
		s := startKamailio(t, serverOptions{certName: "other.test"})
		if c := cause(t, s.account("alice", "tls")); c != signaling.NotTrusted {
			t.Error(c)
		}
	})
	t.Run("expired", func(t *testing.T) {
		s := startKamailio(t, serverOptions{expired: true})
		if c := cause(t, s.account("alice", "tls")); c != signaling.NotTrusted {
			t.Error(c)
		}
	})
}
