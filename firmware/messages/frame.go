package messages

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"unicode/utf8"
)

// A frame is what is sealed in a packet. It has one of three lengths, so that the length of a packet tells little.
//
//	octet 0       1: a text, 2: a receipt
//	octets 1-8    the message's number, random
//	octets 9-12   seconds from reading until it disappears, big-endian
//	octets 13-14  length of the text, big-endian
//	octets 15-    the text in UTF-8, then zeros
const (
	frameText    = 1
	frameReceipt = 2
	idSize       = 8
	frameHeader  = 1 + idSize + 4 + 2
	maxVanish    = 366 * 24 * 3600
)

// steps are the lengths of a frame in octets.
var steps = [...]int{160, 416, 672}

var errFrame = errors.New("messages: not a frame")

type frame struct {
	kind   byte
	id     [idSize]byte
	vanish uint32
	text   string
}

// newFrame names a message by its number as text.
func newFrame(kind byte, id string) frame {
	f := frame{kind: kind}
	if b, err := hex.DecodeString(id); err == nil {
		copy(f.id[:], b)
	}
	return f
}

func (f frame) marshal() []byte {
	n := frameHeader + len(f.text)
	size := steps[len(steps)-1]
	for _, s := range steps {
		if n <= s {
			size = s
			break
		}
	}
	b := append(make([]byte, 0, size), f.kind)
	b = append(b, f.id[:]...)
	b = binary.BigEndian.AppendUint32(b, f.vanish)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.text)))
	b = append(b, f.text...)
	return b[:size]
}

// parseFrame reads what a peer sealed: it is the peer's, but may be anything.
func parseFrame(b []byte) (f frame, err error) {
	if len(b) < frameHeader {
		return f, errFrame
	}
	f.kind = b[0]
	copy(f.id[:], b[1:])
	f.vanish = binary.BigEndian.Uint32(b[9:])
	n := int(binary.BigEndian.Uint16(b[13:]))
	if n > len(b)-frameHeader || n > MaxText || f.vanish > maxVanish {
		return f, errFrame
	}
	text := b[frameHeader : frameHeader+n]
	for _, zero := range b[frameHeader+n:] {
		if zero != 0 {
			return f, errFrame
		}
	}
	switch {
	case f.kind == frameText && n > 0 && utf8.Valid(text):
	case f.kind == frameReceipt && n == 0:
	default:
		return f, errFrame
	}
	f.text = string(text)
	return f, nil
}
