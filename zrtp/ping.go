package zrtp

import (
	"encoding/binary"
	"time"
)

// Ping (RFC 6189, Section 5.15) and PingACK (Section 5.16).
const (
	pingSize    = 24
	pingACKSize = 36
)

// Ping answers a second and at once at most, so that nobody makes us send more than a call does.
const (
	pingRate  = 10
	pingBurst = 10
)

// endpointHash is "just the truncated ZID" for a normal endpoint.
func endpointHash(z ZID) []byte { return z[:8] }

func createPing(z ZID) []byte {
	m := createFrame(msgPing, pingSize)
	copy(m[12:], version)
	copy(m[16:], endpointHash(z))
	return m
}

// consumePing gives the sender's EndpointHash. A Ping of any version is answered in ours.
func consumePing(m []byte) ([]byte, error) {
	if len(m) != pingSize {
		return nil, ErrMalformed
	}
	return m[16:], nil
}

func createPingACK(z ZID, theirs []byte, ssrc uint32) []byte {
	m := createFrame(msgPingACK, pingACKSize)
	copy(m[12:], version)
	copy(m[16:], endpointHash(z))
	copy(m[24:], theirs)
	binary.BigEndian.PutUint32(m[32:], ssrc)
	return m
}

// consumePingACK tells whether m answers a Ping of ours.
func consumePingACK(m []byte, z ZID, ssrc uint32) (bool, error) {
	if len(m) != pingACKSize {
		return false, ErrMalformed
	}
	return string(m[24:32]) == string(endpointHash(z)) && binary.BigEndian.Uint32(m[32:]) == ssrc, nil
}

// pings is the state of both directions: when our last Ping went out and how many answers are left.
type pings struct {
	sent   time.Time
	tokens int
	filled time.Time
}

func (p *pings) allow(now time.Time) bool {
	if p.filled.IsZero() {
		p.tokens, p.filled = pingBurst, now
	}
	if n := int(min(now.Sub(p.filled), time.Second) * pingRate / time.Second); n > 0 {
		p.tokens, p.filled = min(p.tokens+n, pingBurst), now
	}
	if p.tokens == 0 {
		return false
	}
	p.tokens--
	return true
}

// Ping sends a Ping; PingAnswered follows if the peer hears it.
func (s *Session) Ping(now time.Time) {
	s.pings.sent = now
	s.send(createPing(s.cfg.ZID))
}

// pingReceived: "every ZRTP endpoint MUST respond to a Ping message with a PingACK message."
func (s *Session) pingReceived(m []byte, ssrc uint32, now time.Time) error {
	theirs, err := consumePing(m)
	if err != nil {
		return err
	}
	if s.pings.allow(now) {
		s.send(createPingACK(s.cfg.ZID, theirs, ssrc))
	}
	s.hello.extend()
	return nil
}

func (s *Session) pingACKReceived(m []byte, now time.Time) error {
	ours, err := consumePingACK(m, s.cfg.ZID, s.cfg.SSRC)
	if err != nil || !ours || s.pings.sent.IsZero() {
		return err
	}
	rtt := now.Sub(s.pings.sent)
	s.pings.sent = time.Time{}
	s.SetRTT(rtt)
	s.emit(PingAnswered{RTT: rtt})
	return nil
}
