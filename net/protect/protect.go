// Package protect turns RTP into SRTP and back (RFC 3711), with the two pairs of keys that ZRTP agrees on.
//
// It promises that a packet which fails authentication, comes twice, or bears another SSRC than the negotiated one
// changes nothing; that a packet costs no allocation once dst has room; and that keys never appear in a log line. It never
// passes a packet through unprotected: without keys there is no Context. It cannot hide packet lengths and times.
//
// A Context is used by two goroutines at most: one that protects, one that unprotects.
//
// The sequence numbers of a stream should begin below 32768: RFC 3711 lets the receiver guess the rollover counter, and
// with a first packet lost just before the counter turns over that guess would be wrong for the whole call.
package protect

import (
	"errors"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// From the specifications.
const (
	saltLen       = 14 // RFC 3711, Section 8.2: 112 bits
	rtpHeaderLen  = 12 // RFC 3550, Section 5.1
	rtcpHeaderLen = 8  // RFC 3550, Section 6.4
	srtcpIndexLen = 4  // RFC 3711, Section 3.4
	rtcpTagLen    = 10 // RFC 3711, Section 5.2: SRTCP keeps 80 bits whatever SRTP has
)

// Of this implementation.
const replayWindow = 64 // packets; RFC 3711, Section 3.3.2: at least 64

// Overhead is the greatest number of bytes by which any of the four Protect and Unprotect calls lets a packet grow.
const Overhead = srtcpIndexLen + rtcpTagLen

// Profile is a cipher and an authentication tag, by the names of RFC 6189, Sections 5.1.3 and 5.1.4.
type Profile uint8

// The profiles. AES1 is AES-CM with 128 bits of key, AES3 with 256; HS80 and HS32 are HMAC-SHA1 tags.
const (
	AES1HS80 Profile = iota + 1
	AES1HS32
	AES3HS80
	AES3HS32
)

var profiles = [...]struct {
	name   string
	keyLen int
	tagLen int
	pion   srtp.ProtectionProfile
}{
	AES1HS80: {"AES1/HS80", 16, 10, srtp.ProtectionProfileAes128CmHmacSha1_80},
	AES1HS32: {"AES1/HS32", 16, 4, srtp.ProtectionProfileAes128CmHmacSha1_32},
	AES3HS80: {"AES3/HS80", 32, 10, srtp.ProtectionProfileAes256CmHmacSha1_80},
	AES3HS32: {"AES3/HS32", 32, 4, srtp.ProtectionProfileAes256CmHmacSha1_32},
}

func (p Profile) valid() bool { return p >= AES1HS80 && int(p) < len(profiles) }

// String names cipher and tag.
func (p Profile) String() string {
	if !p.valid() {
		return "none"
	}
	return profiles[p].name
}

// KeyLen is the length of the master keys in bytes, 0 for an unknown profile.
func (p Profile) KeyLen() int {
	if !p.valid() {
		return 0
	}
	return profiles[p].keyLen
}

// Keys is what New needs. New keeps no reference to the slices: the caller wipes them.
type Keys struct {
	Profile    Profile
	SendKey    []byte // KeyLen bytes
	SendSalt   []byte // 14 bytes
	RecvKey    []byte
	RecvSalt   []byte
	RemoteSSRC uint32 // the only synchronisation source whose packets are accepted
	AnySSRC    bool   // RemoteSSRC is not known: those count that first send authentic packets, a few
}

// Wipe overwrites the keys. Nil has none.
func (k *Keys) Wipe() {
	if k == nil {
		return
	}
	for _, secret := range [][]byte{k.SendKey, k.SendSalt, k.RecvKey, k.RecvSalt} {
		clear(secret)
	}
}

// String hides the keys.
func (k Keys) String() string { return "protect.Keys{" + k.Profile.String() + "}" }

// GoString hides the keys.
func (k Keys) GoString() string { return k.String() }

// Format hides the keys from every verb.
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// Errors. A packet that gives one of them is to be dropped.
var (
	ErrKeys     = errors.New("protect: key or salt of wrong length, or unknown profile")
	ErrShort    = errors.New("protect: packet too short")
	ErrSSRC     = errors.New("protect: packet of another source")
	ErrRejected = errors.New("protect: authentication failed or replayed")
	ErrPacket   = errors.New("protect: not a packet that can be protected")
)

// Context holds the state of both directions of one stream.
type Context struct {
	profile    Profile
	remoteSSRC uint32
	sources    *sources // nil: remoteSSRC alone
	send, recv *srtp.Context
	sendRTP    rtp.Header // the headers are reused, so that no packet allocates
	recvRTP    rtp.Header
	sendRTCP   rtcp.Header
	recvRTCP   rtcp.Header
}

// New returns a Context, or ErrKeys.
func New(k Keys) (*Context, error) {
	n := k.Profile.KeyLen()
	if n == 0 || len(k.SendKey) != n || len(k.RecvKey) != n || len(k.SendSalt) != saltLen || len(k.RecvSalt) != saltLen {
		return nil, ErrKeys
	}
	c := &Context{profile: k.Profile, remoteSSRC: k.RemoteSSRC}
	var err error
	erasing(func() {
		err = c.create(k)
		if k.AnySSRC {
			c.sources = newSources(k)
		}
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// create derives the session keys and keeps them.
func (c *Context) create(k Keys) (err error) {
	pion := profiles[k.Profile].pion
	if c.send, err = srtp.CreateContext(k.SendKey, k.SendSalt, pion); err != nil {
		return fmt.Errorf("protect: send context: %w", err)
	}
	// RFC 3711, Section 3.3: "each SRTP receiver MUST implement replay protection"; pion does so only when asked.
	if c.recv, err = srtp.CreateContext(k.RecvKey, k.RecvSalt, pion,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow)); err != nil {
		return fmt.Errorf("protect: receive context: %w", err)
	}
	return nil
}

// ProtectRTP encrypts and authenticates an RTP packet into dst, which is overwritten and returned, longer by the tag.
// dst must not overlap packet.
func (c *Context) ProtectRTP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtpHeaderLen {
		return nil, ErrShort
	}
	out, err := c.send.EncryptRTP(dst, packet, &c.sendRTP)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPacket, err)
	}
	return out, nil
}

// UnprotectRTP checks and decrypts an SRTP packet into dst, which is overwritten and returned.
// dst must not overlap packet. Errors: ErrShort, ErrSSRC, ErrRejected.
func (c *Context) UnprotectRTP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtpHeaderLen+profiles[c.profile].tagLen {
		return nil, ErrShort
	}
	if err := c.source(packet, 8, false); err != nil {
		return nil, err
	}
	out, err := c.recv.DecryptRTP(dst, packet, &c.recvRTP)
	if err != nil {
		return nil, ErrRejected
	}
	return out, nil
}

// ProtectRTCP encrypts and authenticates a compound RTCP packet into dst, which is overwritten and returned.
func (c *Context) ProtectRTCP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderLen {
		return nil, ErrShort
	}
	out, err := c.send.EncryptRTCP(dst, packet, &c.sendRTCP)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPacket, err)
	}
	return out, nil
}

// UnprotectRTCP checks and decrypts an SRTCP packet into dst, which is overwritten and returned.
// Errors: ErrShort, ErrSSRC, ErrRejected.
func (c *Context) UnprotectRTCP(dst, packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderLen+srtcpIndexLen+rtcpTagLen {
		return nil, ErrShort
	}
	if err := c.source(packet, 4, true); err != nil {
		return nil, err
	}
	out, err := c.recv.DecryptRTCP(dst, packet, &c.recvRTCP)
	if err != nil {
		return nil, ErrRejected
	}
	return out, nil
}
