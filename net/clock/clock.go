// Package clock asks one server of the owner's choice what time it is, by Network Time Security (RFC 8915) or, where the
// owner wants that, by plain NTP (RFC 5905).
//
// It promises that a time is believed only if the server proved itself (with NTS) and if the time is not before a floor,
// that of the image; that the server's certificate is good at the very time that it tells, so that a board without a
// battery needs no clock to get one; and that nobody but that server, and whom it names, is asked anything.
//
// It never sets a clock. Plain NTP it cannot protect from anybody on the path; the floor is all that holds there.
package clock

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/beevik/ntp"
	"github.com/beevik/nts"
)

// Ports: RFC 8915, Section 7.1, and RFC 5905, Section 7.2.
const (
	ntsPort = "4460"
	ntpPort = "123"
)

// Implementation constants.
const (
	timeout    = 5 * time.Second
	lifetime   = 40 * 365 * 24 * time.Hour // after the floor; a later time is an error
	askAgain   = 8 * time.Hour
	firstRetry = time.Minute
	lastRetry  = 2 * time.Hour
)

// Why a time is not taken.
var (
	ErrServer  = errors.New("clock: the server gives no time")
	ErrForged  = errors.New("clock: the server did not prove itself")
	ErrFloor   = errors.New("clock: a time before this telephone was made")
	ErrAddress = errors.New("clock: that is no server")
)

// Config is whom to ask.
type Config struct {
	Server string         // name or address, with a port if wanted
	Plain  bool           // NTP without proof
	Roots  *x509.CertPool // nil: those of the system
	Floor  time.Time      // no time before it is believed
}

// Ask returns how far this clock is behind the server's. It takes 15 seconds at most.
func Ask(c Config) (behind time.Duration, err error) {
	if !plainAddress(c.Server) {
		return 0, ErrAddress
	}
	var r *ntp.Response
	proof := &certificate{roots: c.Roots}
	if c.Plain {
		r, err = ntp.QueryWithOptions(withPort(c.Server, ntpPort), ntp.QueryOptions{Timeout: timeout})
	} else {
		r, err = secure(c.Server, proof)
	}
	if err != nil {
		return 0, err
	}
	if err := r.Validate(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrServer, err)
	}
	told := time.Now().Add(r.ClockOffset)
	if told.Before(c.Floor) || told.After(c.Floor.Add(lifetime)) {
		return 0, ErrFloor
	}
	if !c.Plain {
		if err := proof.at(told); err != nil {
			return 0, err
		}
	}
	return r.ClockOffset, nil
}

func secure(server string, proof *certificate) (*ntp.Response, error) {
	host, _, err := net.SplitHostPort(withPort(server, ntsPort))
	if err != nil {
		return nil, ErrAddress
	}
	proof.host = host
	// The library would judge the certificate by the clock that is to be set: proof judges it instead.
	s, err := nts.NewSessionWithOptions(withPort(server, ntsPort), &nts.SessionOptions{Timeout: timeout, TLSConfig: &tls.Config{
		ServerName: host, InsecureSkipVerify: true, VerifyConnection: proof.take, MinVersion: tls.VersionTLS13}})
	if errors.Is(err, ErrForged) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	r, err := s.QueryWithOptions(&ntp.QueryOptions{Timeout: timeout})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	return r, nil
}

// certificate is the server's, judged without a clock first and by the time that it brought then.
type certificate struct {
	host  string
	roots *x509.CertPool
	chain []*x509.Certificate
}

// take accepts a certificate that was good on the day when its validity began: nothing is sent to one that never was.
func (p *certificate) take(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return ErrForged
	}
	p.chain = s.PeerCertificates
	return p.at(p.chain[0].NotBefore.Add(time.Second))
}

// at tells whether the certificate is good at a time.
func (p *certificate) at(now time.Time) error {
	if len(p.chain) == 0 {
		return ErrForged
	}
	o := x509.VerifyOptions{DNSName: p.host, Roots: p.roots, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, c := range p.chain[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := p.chain[0].Verify(o); err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	return nil
}

// plainAddress refuses what is no name and no address, so that a typing error is not asked of a resolver.
func plainAddress(s string) bool {
	return s != "" && len(s) <= 255 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") == ""
}

func withPort(server, port string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), port)
}

// Next is how long to wait before the server is asked again, after so many failures in a row; 0 is after a success. A
// third of it is left to chance, so that the hour tells nobody which telephone asks.
func Next(failures int) time.Duration {
	d := askAgain
	if failures > 0 {
		d = min(firstRetry<<min(failures-1, 10), lastRetry)
	}
	return d - rand.N(d/3)
}
