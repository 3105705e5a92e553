package bundle

import "encoding/binary"

// frameHeader is the LENGTH field, 16 bits in network order (RFC 4571, Section 2).
const frameHeader = 2

// AppendFrame appends a packet with its length before it. The error is ErrTooLong.
func AppendFrame(dst, packet []byte) ([]byte, error) {
	if len(packet) > MaxPacket {
		return dst, ErrTooLong
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(packet)))
	return append(dst, packet...), nil
}

// Splitter cuts a stream into packets again, whatever pieces it comes in. It allocates nothing.
type Splitter struct {
	buf  [frameHeader + MaxPacket]byte
	have int
}

// Next takes a part of the stream. It returns a packet and what follows it, or no packet when all of the part is used up.
// The packet is good until the next call. After an error, ErrTooLong, nothing of the stream can be understood any more.
func (s *Splitter) Next(part []byte) (packet, rest []byte, err error) {
	for {
		part = s.fill(part, frameHeader)
		if s.have < frameHeader {
			return nil, nil, nil
		}
		n := int(binary.BigEndian.Uint16(s.buf[:]))
		if n > MaxPacket {
			return nil, nil, ErrTooLong
		}
		part = s.fill(part, frameHeader+n)
		if s.have < frameHeader+n {
			return nil, nil, nil
		}
		s.have = 0
		// RFC 4571, Section 2: "A null packet MAY be sent", and says nothing.
		if n > 0 {
			return s.buf[frameHeader : frameHeader+n], part, nil
		}
	}
}

// fill completes the buffer to want octets, as far as the part goes.
func (s *Splitter) fill(part []byte, want int) []byte {
	if s.have >= want {
		return part
	}
	n := copy(s.buf[s.have:want], part)
	s.have += n
	return part[n:]
}
