package clock

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// identity is a certificate for 127.0.0.1 and its key, as chrony reads them.
func identity(t *testing.T, from, to time.Time) (cert, key []byte, roots *x509.CertPool) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clock"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(c)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), roots
}

// server is a chronyd on loopback that tells the time of this machine, and sets no clock.
type server struct {
	nts, ntp string
	roots    *x509.CertPool
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func serve(t *testing.T, from, to time.Time) server {
	t.Helper()
	dir := t.TempDir()
	cert, key, roots := identity(t, from, to)
	kePort, timePort := freePort(t), freePort(t)
	conf := fmt.Sprintf("port %d\nntsport %d\nntsservercert %s/cert\nntsserverkey %s/key\nntsdumpdir %s\nallow\nbindaddress 127.0.0.1\n"+
		"local stratum 1\ncmdport 0\npidfile %s/pid\nbindcmdaddress /\n", timePort, kePort, dir, dir, dir, dir)
	for name, b := range map[string][]byte{"cert": cert, "key": key, "conf": []byte(conf)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("chronyd", "-x", "-d", "-U", "-u", "root", "-f", filepath.Join(dir, "conf"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (tools/setup/ensure.sh chrony)", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	s := server{fmt.Sprintf("127.0.0.1:%d", kePort), fmt.Sprintf("127.0.0.1:%d", timePort), roots}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp4", s.nts); err == nil {
			_ = c.Close()
			return s
		}
		if time.Now().After(until) {
			t.Fatal("chronyd does not answer")
		}
	}
}

var day = 24 * time.Hour

// TestARealServer asks chronyd by both protocols.
func TestARealServer(t *testing.T) {
	now := time.Now()
	s := serve(t, now.Add(-day), now.Add(day))
	for name, c := range map[string]struct {
		cfg  Config
		want error
	}{
		"NTS":                        {Config{Server: s.nts, Roots: s.roots, Floor: now.Add(-day)}, nil},
		"NTP":                        {Config{Server: s.ntp, Plain: true, Floor: now.Add(-day)}, nil},
		"NTS, a strange authority":   {Config{Server: s.nts, Roots: x509.NewCertPool(), Floor: now.Add(-day)}, ErrForged},
		"NTS, before the floor":      {Config{Server: s.nts, Roots: s.roots, Floor: now.Add(day)}, ErrFloor},
		"NTP, before the floor":      {Config{Server: s.ntp, Plain: true, Floor: now.Add(day)}, ErrFloor},
		"NTS, much later than it":    {Config{Server: s.nts, Roots: s.roots, Floor: now.Add(-lifetime - day)}, ErrFloor},
		"a name that is none":        {Config{Server: "time server", Floor: now}, ErrAddress},
		"nothing":                    {Config{Floor: now}, ErrAddress},
		"NTS where nobody speaks it": {Config{Server: fmt.Sprint("127.0.0.1:", freePort(t)), Roots: s.roots, Floor: now.Add(-day)}, ErrServer},
	} {
		behind, err := Ask(c.cfg)
		if !errors.Is(err, c.want) || behind.Abs() > 2*time.Second {
			t.Errorf("%s: %v, %v; want %v", name, behind, err, c.want)
		}
	}
}

// TestTheCertificateIsJudgedByTheTimeThatItBrings: one that is over is refused, though nobody asks this clock.
func TestTheCertificateIsJudgedByTheTimeThatItBrings(t *testing.T) {
	now := time.Now()
	s := serve(t, now.Add(-9*day), now.Add(-day))
	if _, err := Ask(Config{Server: s.nts, Roots: s.roots, Floor: now.Add(-20 * day)}); !errors.Is(err, ErrForged) {
		t.Errorf("an expired certificate: %v", err)
	}
	p := certificate{host: "127.0.0.1", roots: s.roots}
	if err := p.at(now); !errors.Is(err, ErrForged) {
		t.Errorf("no certificate: %v", err)
	}
}

func TestNext(t *testing.T) {
	for failures, most := range []time.Duration{askAgain, time.Minute, 2 * time.Minute, 4 * time.Minute} {
		for range 50 {
			if d := Next(failures); d > most || d < most*2/3 {
				t.Errorf("after %d failures %v, want two thirds of %v to the whole", failures, d, most)
			}
		}
	}
	if Next(1000) > lastRetry {
		t.Error("it gives up")
	}
}
