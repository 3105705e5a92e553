package zrtp

import "encoding/binary"

// Error (RFC 6189, Section 5.9) and GoClear (Section 5.11).
const (
	errorSize   = 16
	goClearSize = 20
)

func createError(code ErrorCode) []byte {
	m := createFrame(msgError, errorSize)
	binary.BigEndian.PutUint32(m[12:], uint32(code))
	return m
}

func consumeError(m []byte) (ErrorCode, error) {
	if len(m) != errorSize {
		return 0, ErrMalformed
	}
	return ErrorCode(binary.BigEndian.Uint32(m[12:])), nil
}

// clearMAC is MAC(mackey of the sender, "GoClear "), with the space (Section 4.7.2).
func clearMAC(h Hash, macKey []byte) []byte {
	return mac(h, macKey, []byte(messageNames[msgGoClear]))[:macSize]
}

func createGoClear(h Hash, macKey []byte) []byte {
	m := createFrame(msgGoClear, goClearSize)
	copy(m[12:], clearMAC(h, macKey))
	return m
}

// consumeGoClear gives the clear_mac.
func consumeGoClear(m []byte) ([]byte, error) {
	if len(m) != goClearSize {
		return nil, ErrMalformed
	}
	return m[12:], nil
}
