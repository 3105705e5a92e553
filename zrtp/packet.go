package zrtp

import (
	"encoding/binary"
	"hash/crc32"
)

// The packet around a message (RFC 6189, Section 5): header, message, CRC. A message is made once and resent as it is;
// the packet is new each time, because the sequence number counts packets.
const (
	headerSize  = 12
	crcSize     = 4
	magicCookie = 0x5a525450
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// createPacket writes message as a packet into dst, which must be long enough, and returns its length.
func createPacket(dst, message []byte, seq uint16, ssrc uint32) int {
	n := headerSize + len(message)
	dst[0], dst[1] = 0x10, 0
	binary.BigEndian.PutUint16(dst[2:], seq)
	binary.BigEndian.PutUint32(dst[4:], magicCookie)
	binary.BigEndian.PutUint32(dst[8:], ssrc)
	copy(dst[headerSize:], message)
	// RFC 4960, Appendix B: CRC-32C, least significant octet first.
	binary.LittleEndian.PutUint32(dst[n:], crc32.Checksum(dst[:n], castagnoli))
	return n + crcSize
}

// consumePacket takes a packet apart. The message aliases b.
func consumePacket(b []byte) (ssrc uint32, message []byte, err error) {
	// "The 12 unused bits are set to zero and MUST be ignored when received."
	if len(b) < headerSize+minMessageSize+crcSize || b[0]>>4 != 1 ||
		binary.BigEndian.Uint32(b[4:]) != magicCookie {
		return 0, nil, ErrNotZRTP
	}
	n := len(b) - crcSize
	// "If a ZRTP message fails the CRC check, it is silently discarded."
	if binary.LittleEndian.Uint32(b[n:]) != crc32.Checksum(b[:n], castagnoli) {
		return 0, nil, ErrChecksum
	}
	return binary.BigEndian.Uint32(b[8:]), b[headerSize:n], nil
}
