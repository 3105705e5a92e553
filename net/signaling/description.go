package signaling

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"sotto/net/onion/bundle"
)

// Payload types of our offers. An answer has those of its offer.
const (
	OpusType = 96
	DTMFType = 101
)

// Description is what one side of a call says of its audio: an offer or an answer (RFC 3264), as far as a call of ours
// needs it. There is one stream, it is Opus, and nothing in a Description is a secret but its Token, which is told over
// onion streams only. Keys that a server knows are not in it: see Crypto.
type Description struct {
	RTP         netip.AddrPort // where the author wants RTP, ZRTP and STUN
	RTCP        netip.AddrPort // where it wants RTCP; the same as RTP with Mux
	Mux         bool           // RTCP may share the port of RTP (RFC 5761)
	PayloadType uint8          // of Opus, 96 to 127; OpusType in our offers
	DTMF        uint8          // of telephone-event/48000 (RFC 4733), 0 for none; DTMFType in our offers
	Ptime       int            // milliseconds of audio that the author wants in a packet
	MaxPtime    int            // milliseconds that it takes at most; 0: it does not say
	FEC         bool           // the author makes use of in-band FEC (RFC 7587, useinbandfec)
	Bitrate     int            // bit/s that the author takes at most (RFC 7587, maxaveragebitrate); 0: it does not say
	CBR         bool           // the author wants a constant bit rate (RFC 7587, cbr)
	Direction   Direction      // as the author sees it
	Hashes      []ZRTPHash     // of the author's Hello messages (RFC 6189, Section 8)
	ICE         *ICE           // nil when the author does not speak ICE
	Token       bundle.Token   // joins streams of a bundle to this call (net/onion/bundle); zero: media goes by packets
	Session     uint64         // session identifier of the o= line
	Version     uint64         // version of the o= line; grows with every change

	layout []mediaLine // of a parsed offer: an answer has the same lines in the same order
}

// mediaLine is an m= line that an answer must mirror.
type mediaLine struct {
	media, proto, format string
	taken                bool // this is the line that carries the call
}

// SAVP reports whether a description, parsed or our answer to one, has its media under keys of its own.
func (d Description) SAVP() bool {
	return slices.ContainsFunc(d.layout, func(l mediaLine) bool { return l.taken && slices.Contains(keyedProfiles, l.proto) })
}

// ZRTPHash is the digest of a ZRTP Hello message: a=zrtp-hash.
type ZRTPHash struct {
	Version string   // "1.10"
	Hash    [32]byte // SHA-256 of the whole Hello message
}

// String is the value of the attribute.
func (h ZRTPHash) String() string { return h.Version + " " + hex.EncodeToString(h.Hash[:]) }

// ICE is what the author says for RFC 8445, with the candidates as RFC 8839 writes them after "candidate:".
type ICE struct {
	Ufrag, Pwd string
	Candidates []string
	Lite       bool
}

// Direction is who sends (RFC 3264, Section 5.1). The zero value is SendRecv.
type Direction uint8

// The directions.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

// String is the attribute's name.
func (d Direction) String() string { return directionNames[d&3] }

// Hold reports whether the author does not listen.
func (d Direction) Hold() bool { return d == SendOnly || d == Inactive }

// Reverse is the direction as the other side sees it, and so the widest that it may answer.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// Errors of Parse. None of them wraps what the peer wrote.
var (
	ErrTooLarge = errors.New("signaling: session description too large")
	ErrSyntax   = errors.New("signaling: session description malformed")
	ErrAddress  = errors.New("signaling: media address is not an address that can be used")
	ErrNoAudio  = errors.New("signaling: no audio offered")
	ErrNoOpus   = errors.New("signaling: no Opus offered")
	ErrProfile  = errors.New("signaling: media profile that ZRTP cannot protect")
	ErrICE      = errors.New("signaling: malformed ICE attributes")
	ErrHash     = errors.New("signaling: malformed zrtp-hash")
	ErrToken    = errors.New("signaling: malformed onion-bundle")
	ErrAnswer   = errors.New("signaling: answer does not fit the offer")
)

// CauseOf is the cause with which a call ends whose description gave err.
func CauseOf(err error) Cause {
	switch {
	case err == nil:
		return NoCause
	case errors.Is(err, ErrProfile), errors.Is(err, ErrCrypto):
		return PeerNotSecure
	case errors.Is(err, ErrNoAudio), errors.Is(err, ErrNoOpus), errors.Is(err, ErrAnswer):
		return NotAcceptable
	}
	return ProtocolError
}

// AnswerTo completes a description of ours into the answer to an offer: the numbers are the offer's, and nothing is
// answered that was not offered. Session and Version stay ours.
func (d Description) AnswerTo(offer Description) Description {
	a := d
	a.layout = offer.layout
	a.PayloadType = offer.PayloadType
	if d.DTMF != 0 {
		a.DTMF = offer.DTMF
	}
	// RFC 5761, Section 5.1.1: "If the answer contains an a=rtcp-mux attribute" the offer must have had one.
	a.Mux = d.Mux && offer.Mux
	if a.Mux {
		a.RTCP = a.RTP
	} else if d.Mux && d.RTP.IsValid() {
		a.RTCP = netip.AddrPortFrom(d.RTP.Addr(), d.RTP.Port()+1)
	}
	if offer.ICE == nil {
		a.ICE = nil
	}
	if offer.Token == (bundle.Token{}) {
		a.Token = bundle.Token{}
	}
	a.Direction = narrow(d.Direction, offer.Direction.Reverse())
	return a
}

// CheckAnswer reports whether an answer fits our offer: it may take up what was offered, and nothing else.
func (d Description) CheckAnswer(offer Description) error {
	// RFC 3264, Section 6: "the answer MUST contain exactly the same number of m= lines as the offer".
	if len(d.layout) != max(1, len(offer.layout)) || d.Mux && !offer.Mux || d.ICE != nil && offer.ICE == nil ||
		d.Token != (bundle.Token{}) && d.Token != offer.Token {
		return ErrAnswer
	}
	return nil
}

// narrow is the direction that both allow.
func narrow(a, b Direction) Direction {
	send := a.sends() && b.sends()
	recv := a.receives() && b.receives()
	switch {
	case send && recv:
		return SendRecv
	case send:
		return SendOnly
	case recv:
		return RecvOnly
	}
	return Inactive
}

func (d Direction) sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) receives() bool { return d == SendRecv || d == RecvOnly }

// parseHash reads the value of an a=zrtp-hash attribute. RFC 6189, Section 8.1:
// zrtp-hash-value = version SP 64HEX.
func parseHash(s string) (h ZRTPHash, err error) {
	version, digits, ok := strings.Cut(strings.TrimSpace(s), " ")
	if !ok || len(version) != 4 || version[1] != '.' || strings.Trim(version, "0123456789.") != "" {
		return h, ErrHash
	}
	digits = strings.TrimSpace(digits)
	if len(digits) != 2*len(h.Hash) {
		return h, ErrHash
	}
	if _, err := hex.Decode(h.Hash[:], []byte(digits)); err != nil {
		return h, ErrHash
	}
	h.Version = version
	return h, nil
}

// tokenKey is the attribute of a Token, at the media level: 32 hexadecimal digits. It is this project's own; RFC 8866,
// Section 5.13: "If an attribute is received that is not understood, it MUST be ignored by the receiver."
const tokenKey = "onion-bundle"

// parseToken reads the value of the attribute.
func parseToken(s string) (t bundle.Token, err error) {
	if len(s) != hex.EncodedLen(len(t)) {
		return t, ErrToken
	}
	if _, err := hex.Decode(t[:], []byte(s)); err != nil || t == (bundle.Token{}) {
		return bundle.Token{}, ErrToken
	}
	return t, nil
}
