//go:build interop

package natlab

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// Where UDP is blocked, media comes in a stream to the relay's server. The lab keeps the messages of such a stream as if each
// had been a datagram, so that the same eyes read both.

const turnPort = 3478

// flow is one direction of a connection, as the one who sends sees it.
type flow struct{ from, to netip.AddrPort }

// stream is how far a flow has been read.
type stream struct {
	next uint32 // sequence number
	rest []byte // the beginning of a message
}

// said is what a packet says: its datagram, or the messages that it completes in a stream to TURN's port. Of other TCP it
// says nothing.
func (l *lab) said(p Packet) [][]byte {
	if p.protocol() == udp {
		return [][]byte{bytes.Clone(p[p.header()+8:])}
	}
	if p.source().Port() != turnPort && p.destination().Port() != turnPort {
		return nil
	}
	key := flow{p.source(), p.destination()}
	segment := p[p.header():]
	number := binary.BigEndian.Uint32(segment[4:])
	const syn = 2
	if segment[13]&syn != 0 {
		l.flows[key] = &stream{next: number + 1}
		return nil
	}
	offset := int(segment[12]>>4) * 4
	if s := l.flows[key]; s != nil && offset <= len(segment) && number == s.next { // not what was sent once more
		s.next += uint32(len(segment) - offset)
		return s.messages(segment[offset:])
	}
	return nil
}

// messages are those that end with data. RFC 8656, Section 12.5: in a stream ChannelData is padded to four octets.
func (s *stream) messages(data []byte) (whole [][]byte) {
	s.rest = append(s.rest, data...)
	for len(s.rest) >= 4 {
		n := int(binary.BigEndian.Uint16(s.rest[2:]))
		if s.rest[0]>>6 == 1 {
			n = 4 + (n+3)&^3
		} else {
			n += 20
		}
		if len(s.rest) < n {
			break
		}
		whole = append(whole, bytes.Clone(s.rest[:n]))
		s.rest = s.rest[n:]
	}
	return whole
}

// However a stream is cut, its messages are the same; padding belongs to them.
func TestMessagesOfAStream(t *testing.T) {
	stun := append([]byte{0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 16)...)
	channel := []byte{0x40, 0, 0, 5, 0x80, 'm', 'e', 'd', 'i', 0, 0, 0}
	all := bytes.Join([][]byte{channel, stun, channel}, nil)
	for size := 1; size <= len(all); size++ {
		var s stream
		var got [][]byte
		for rest := all; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			got = append(got, s.messages(rest[:min(size, len(rest))])...)
		}
		if len(got) != 3 || !bytes.Equal(got[0], channel) || !bytes.Equal(got[1], stun) || !bytes.Equal(got[2], channel) {
			t.Errorf("in pieces of %d: %x", size, got)
		}
	}
}
