package wire

import (
	"bytes"
	"encoding/binary"
)

// Stream cuts what goes one way over a connection to a TURN server into messages. The zero value is one of which nothing has come.
type Stream struct{ rest []byte }

// Add takes the next octets and returns the messages that end with them. RFC 8656, Section 12.5: in a stream ChannelData is padded
// to four octets.
func (s *Stream) Add(data []byte) (whole [][]byte) {
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
