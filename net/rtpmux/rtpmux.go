// Package rtpmux tells apart the protocols that share a media port, by the first bytes of a datagram.
//
// It promises to look at no more than eight bytes, to keep no state, to allocate nothing and to name every datagram,
// so that no datagram reaches two machines. It cannot tell a forged packet from a true one: that is the work of the
// machine to which the packet goes.
package rtpmux

// Kind is the protocol to which a datagram belongs.
type Kind uint8

// The kinds. Unknown datagrams are to be dropped.
const (
	Unknown Kind = iota
	STUN
	ZRTP
	DTLS
	TURN // ChannelData
	RTP  // or SRTP, they look the same
	RTCP // or SRTCP
)

// String names the kind as its specification spells it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Unknown]
}

var kindNames = [...]string{"unknown", "STUN", "ZRTP", "DTLS", "TURN", "RTP", "RTCP"}

// From the specifications.
const (
	stunHeaderLen = 20         // RFC 8489, Section 5
	stunCookie    = 0x2112A442 // RFC 8489, Section 5
	rtpHeaderLen  = 12         // RFC 3550, Section 5.1
	rtcpHeaderLen = 8          // RFC 3550, Section 6.4: common header and SSRC of the sender
	zrtpHeaderLen = 16         // RFC 6189, Section 5: header and CRC
	zrtpCookie    = 0x5a525450 // RFC 6189, Section 5
	dtlsHeaderLen = 13         // RFC 6347, Section 4.1
	turnHeaderLen = 4          // RFC 8656, Section 12.4
)

// Classify names the protocol of a datagram that came in on a media port.
func Classify(datagram []byte) Kind {
	if len(datagram) == 0 {
		return Unknown
	}
	// RFC 7983, Section 7: the table of first bytes.
	switch b := datagram[0]; {
	case b <= 3:
		if len(datagram) >= stunHeaderLen && word(datagram[4:]) == stunCookie {
			return STUN
		}
	case b >= 16 && b <= 19:
		// RFC 6189, Section 5: the bits 0001 where RTP has its version, and the magic cookie where RTP has its
		// timestamp. The four unused bits after the version are not looked at.
		if len(datagram) >= zrtpHeaderLen && word(datagram[4:]) == zrtpCookie {
			return ZRTP
		}
	case b >= 20 && b <= 63:
		if len(datagram) >= dtlsHeaderLen {
			return DTLS
		}
	case b >= 64 && b <= 79:
		if len(datagram) >= turnHeaderLen {
			return TURN
		}
	case b >= 128 && b <= 191:
		return classifyRTP(datagram)
	}
	return Unknown
}

// classifyRTP tells RTP from RTCP. RFC 5761, Section 4: packet types 192 to 223 are RTCP, which is why RTP payload
// types 64 to 95 must not be used when both share a port.
func classifyRTP(datagram []byte) Kind {
	if len(datagram) < rtcpHeaderLen {
		return Unknown
	}
	if t := datagram[1]; t >= 192 && t <= 223 {
		return RTCP
	}
	if len(datagram) < rtpHeaderLen {
		return Unknown
	}
	return RTP
}

func word(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
