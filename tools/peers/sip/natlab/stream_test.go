//go:build interop

package natlab

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"sotto/tools/wire"
)

// Where UDP is blocked, media comes in a stream to the relay's server. The lab keeps the messages of such a stream as if each
// had been a datagram, so that the same eyes read both.

const turnPort = 3478

// flow is one direction of a connection, as the one who sends sees it.
type flow struct{ from, to netip.AddrPort }

// stream is how far a flow has been read.
type stream struct {
	next     uint32 // sequence number
	messages wire.Stream
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
		return s.messages.Add(segment[offset:])
	}
	return nil
}
