package zrtp

import "encoding/binary"

// The frame of a message (RFC 6189, Section 5.1): preamble, length in words, type.
const (
	preamble       = 0x505a
	wordSize       = 4
	minMessageSize = 12 // preamble, length, type: an ACK
	macSize        = 8  // all MACs and secret IDs on the wire are truncated to 64 bits
	hashSize       = 32 // images of the hash chain, hvi
	version        = "1.10"
)

type messageType uint8

// The 16 messages of RFC 6189, Section 5.1.1.
const (
	msgUnknown messageType = iota
	msgHello
	msgHelloACK
	msgCommit
	msgDHPart1
	msgDHPart2
	msgConfirm1
	msgConfirm2
	msgConf2ACK
	msgError
	msgErrorACK
	msgGoClear
	msgClearACK
	msgSASrelay
	msgRelayACK
	msgPing
	msgPingACK
)

var messageNames = [...]string{"?", "Hello   ", "HelloACK", "Commit  ", "DHPart1 ", "DHPart2 ", "Confirm1", "Confirm2",
	"Conf2ACK", "Error   ", "ErrorACK", "GoClear ", "ClearACK", "SASrelay", "RelayACK", "Ping    ", "PingACK "}

// typeOf finds the type of a message whose frame is sound, msgUnknown for one that this version does not know.
func typeOf(message []byte) messageType {
	for t := msgHello; t <= msgPingACK; t++ {
		if messageNames[t] == string(message[4:12]) {
			return t
		}
	}
	return msgUnknown
}

// consumeFrame checks preamble and length, which must be that of the packet.
func consumeFrame(m []byte) (messageType, error) {
	if len(m) < minMessageSize || binary.BigEndian.Uint16(m) != preamble ||
		int(binary.BigEndian.Uint16(m[2:]))*wordSize != len(m) {
		return msgUnknown, ErrMalformed
	}
	return typeOf(m), nil
}

// createFrame begins a message of size octets, which must be whole words.
func createFrame(t messageType, size int) []byte {
	m := make([]byte, size)
	binary.BigEndian.PutUint16(m, preamble)
	binary.BigEndian.PutUint16(m[2:], uint16(size/wordSize))
	copy(m[4:], messageNames[t])
	return m
}
