package onion

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Of RFC 1928 and RFC 1929.
const (
	socksVersion    = 5
	passwordMethod  = 2
	passwordVersion = 1
	commandConnect  = 1
	addressIPv4     = 1
	addressName     = 3
	addressIPv6     = 4
	succeeded       = reply(0)
)

// Of Tor's socks-extensions, with ExtendedErrors (proposal 304).
const (
	noDescriptor   = reply(0xf0)
	badDescriptor  = reply(0xf1)
	introFailed    = reply(0xf2)
	rendezvousFail = reply(0xf3)
	missingAuth    = reply(0xf4)
	wrongAuth      = reply(0xf5)
	badAddress     = reply(0xf6)
	introTimedOut  = reply(0xf7)
)

// reply is the code with which SOCKS answers.
type reply byte

var replies = map[reply]string{1: "general failure", 2: "forbidden", 3: "network unreachable", 4: "host unreachable",
	5: "refused", 6: "timed out", noDescriptor: "nobody tells where it is", badDescriptor: "its description is broken",
	introFailed: "it does not take introductions", rendezvousFail: "no rendezvous", badAddress: "no such address",
	introTimedOut: "introduction timed out"}

// String is the reason in words.
func (r reply) String() string {
	if s, ok := replies[r]; ok {
		return s
	}
	return fmt.Sprintf("SOCKS code 0x%02x", byte(r))
}

// errSOCKS tells that the other end does not speak SOCKS 5.
var errSOCKS = fmt.Errorf("%w: not SOCKS 5", ErrNotReady)

// socks asks for a stream to a name and port. The circuit is the user name: Tor isolates by it (IsolateSOCKSAuth);
// it has 1 to 255 octets (RFC 1929). The name is resolved by nobody (RFC 7686, Section 2); it is Tor that knows what it means.
func socks(rw io.ReadWriter, name string, port uint16, circuit string) (reply, error) {
	var b [4]byte
	// One step after the other: Tor forgets an answer when the next question is there already.
	hello := []byte{socksVersion, 1, passwordMethod}
	if err := exchange(rw, hello, b[:2]); err != nil {
		return 0, err
	}
	if b[0] != socksVersion || b[1] != passwordMethod {
		return 0, errSOCKS
	}
	login := append([]byte{passwordVersion, byte(len(circuit))}, circuit...)
	if err := exchange(rw, append(login, 1, '0'), b[:2]); err != nil {
		return 0, err
	}
	if b[0] != passwordVersion || b[1] != 0 {
		return 0, errSOCKS
	}
	ask := append([]byte{socksVersion, commandConnect, 0, addressName, byte(len(name))}, name...)
	if err := exchange(rw, binary.BigEndian.AppendUint16(ask, port), b[:4]); err != nil {
		return 0, err
	}
	if b[0] != socksVersion {
		return 0, errSOCKS
	}
	return reply(b[1]), skipAddress(rw, b[3])
}

// exchange writes a message and reads its answer.
func exchange(rw io.ReadWriter, message, answer []byte) error {
	if _, err := rw.Write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(rw, answer)
	return err
}

// skipAddress reads the bound address and port, which mean nothing here.
func skipAddress(r io.Reader, kind byte) error {
	n := 0
	switch kind {
	case addressIPv4:
		n = 4
	case addressIPv6:
		n = 16
	case addressName:
		var l [1]byte
		if _, err := io.ReadFull(r, l[:]); err != nil {
			return err
		}
		n = int(l[0])
	default:
		return errSOCKS
	}
	var rest [255 + 2]byte
	_, err := io.ReadFull(r, rest[:n+2])
	return err
}
