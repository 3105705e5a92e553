// Package repeat carries copies of earlier payloads in the padding of an Opus packet, so that what a lossy path swallows
// comes once more a little later.
//
// It promises that every Opus decoder still finds the newest frame: RFC 6716, Section 3.2.5, lets a decoder skip the
// padding whatever it holds, and what we put there has the form of draft-ietf-mlcodec-opus-extension with an identifier
// left for experiments. Packets of one setting have one length. It allocates nothing. It cannot help where more is lost
// in one run than the copies are apart.
package repeat

import (
	"encoding/binary"
	"errors"

	"sotto/codec"
)

// Errors of Pack.
var (
	ErrPayload = errors.New("repeat: a payload of more than one frame, or none")
	ErrRoom    = errors.New("repeat: not enough room")
)

// From the specifications.
const (
	codeMask     = 0x03
	codeOne      = 0x00     // one frame, Section 3.2.2
	codeAny      = 0x03     // any number of frames, Section 3.2.5
	paddingFlag  = 0x40     // of the frame count byte
	vbrFlag      = 0x80     // of the frame count byte
	countMask    = 0x3f     // of the frame count byte
	extension    = 122 << 1 // L = 0: long extension for experiments that fills the rest of the padding
	paddingChain = 255      // a padding length byte that says: 254, and look at the next
)

// Of this implementation.
const (
	MaxCopies   = 3
	MaxDistance = 32
	copyHeader  = 3 // octets: distance, length
)

// Bitrates are of each of a payload and its copies, in bit/s: all of them together stay near 330 octets in 20 ms.
var Bitrates = [MaxCopies + 1]int{codec.DefaultBitrate, 64000, 40000, 32000}

// Copy is an earlier payload. Distance says how many packets before the one that carries it.
type Copy struct {
	Distance int
	Payload  []byte
}

// Size is the length of a packet with a payload of that many octets and n copies of the same length.
func Size(payload, n int) int {
	if n == 0 {
		return payload
	}
	padding := 1 + n*(copyHeader+payload)
	return 2 + (padding/254 + 1) + (payload - 1) + padding
}

// Pack writes payload and its copies into dst, as a packet of Size(len(payload), n) octets. Copies that are missing or
// have another length leave their room empty. dst must not overlap what it is made of.
func Pack(dst, payload []byte, copies []Copy, n int) (int, error) {
	frame, ok := single(payload)
	if !ok || n > MaxCopies || len(copies) > n {
		return 0, ErrPayload
	}
	size := Size(len(payload), n)
	if size > len(dst) {
		return 0, ErrRoom
	}
	if n == 0 {
		return copy(dst, payload), nil
	}
	dst = dst[:size]
	dst[0], dst[1] = payload[0]&^codeMask|codeAny, paddingFlag|1
	// Padding fills what the frame leaves: the length bytes themselves are not counted.
	chain, padding := 1, size-2-1-len(frame)
	for padding-(chain-1) > 254*chain {
		chain++
	}
	padding -= chain - 1
	for i := range chain - 1 {
		dst[2+i] = paddingChain
	}
	dst[2+chain-1] = byte(padding - 254*(chain-1))
	at := 2 + chain
	at += copy(dst[at:], frame)
	clear(dst[at:])
	dst[at] = extension
	at++
	for _, c := range copies {
		if c.Distance < 1 || c.Distance > MaxDistance || len(c.Payload) != len(payload) {
			continue
		}
		dst[at] = byte(c.Distance)
		binary.BigEndian.PutUint16(dst[at+1:], uint16(len(c.Payload)))
		at += copyHeader + copy(dst[at+copyHeader:], c.Payload)
	}
	return size, nil
}

// single finds the frame of a payload that has just one.
func single(payload []byte) (frame []byte, ok bool) {
	frame, _, ok = split(payload)
	return frame, ok
}

// split finds frame and padding of a packet of one frame.
func split(packet []byte) (frame, padding []byte, ok bool) {
	if len(packet) == 0 {
		return nil, nil, false
	}
	switch packet[0] & codeMask {
	case codeOne:
		return packet[1:], nil, true
	case codeAny:
	default:
		return nil, nil, false
	}
	if len(packet) < 2 || packet[1]&countMask != 1 {
		return nil, nil, false
	}
	at, pad := 2, 0
	if packet[1]&paddingFlag != 0 {
		for {
			if at == len(packet) {
				return nil, nil, false
			}
			b := int(packet[at])
			at++
			if b != paddingChain {
				pad += b
				break
			}
			pad += paddingChain - 1
		}
	}
	if pad > len(packet)-at {
		return nil, nil, false
	}
	return packet[at : len(packet)-pad], packet[len(packet)-pad:], true
}

// Unpack takes a packet apart. payload is what a decoder should get and is a part of packet, of which an octet may be
// overwritten; copies are written into dst. A packet without copies, whoever made it, comes back as it is.
func Unpack(dst *[MaxCopies]Copy, packet []byte) (payload []byte, n int) {
	frame, padding, ok := split(packet)
	if !ok || len(padding) == 0 || padding[0] != extension || packet[1]&vbrFlag != 0 {
		return packet, 0
	}
	for rest := padding[1:]; len(rest) >= copyHeader && n < MaxCopies; {
		distance, length := int(rest[0]), int(binary.BigEndian.Uint16(rest[1:]))
		if distance < 1 || distance > MaxDistance || length == 0 || length > len(rest)-copyHeader || length > codec.MaxPayload {
			break
		}
		dst[n] = Copy{distance, rest[copyHeader : copyHeader+length]}
		rest = rest[copyHeader+length:]
		n++
	}
	// The octet before the frame becomes its table of contents.
	start := len(packet) - len(padding) - len(frame) - 1
	packet[start] = packet[0]&^codeMask | codeOne
	return packet[start : start+1+len(frame)], n
}
