package wiretap

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// header is the value of the first header with one of the names, empty when there is none.
func header(message string, names ...string) string {
	head, _, _ := strings.Cut(message, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		for _, want := range names {
			if strings.EqualFold(strings.TrimSpace(name), want) {
				return strings.TrimSpace(value)
			}
		}
	}
	return ""
}

// audioPort is the port that the session description of a message wants sound on; 0 without one.
func audioPort(message string) uint16 {
	_, body, _ := strings.Cut(message, "\r\n\r\n")
	for line := range strings.SplitSeq(body, "\r\n") {
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok {
			digits, _, _ := strings.Cut(rest, " ")
			port, err := strconv.ParseUint(digits, 10, 16)
			if err != nil || port >= 65535 {
				return 0
			}
			return uint16(port)
		}
	}
	return 0
}

// withHash puts another hash into every a=zrtp-hash of a message. The length stays, and so Content-Length is right.
func withHash(message string, hash [32]byte) string {
	const attribute = "a=zrtp-hash:1.10 "
	digits := hex.EncodeToString(hash[:])
	for at := 0; ; {
		i := strings.Index(message[at:], attribute)
		if i < 0 {
			return message
		}
		at += i + len(attribute)
		if len(message) < at+len(digits) {
			return message
		}
		message = message[:at] + digits + message[at+len(digits):]
	}
}
