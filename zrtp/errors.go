package zrtp

import (
	"errors"
	"fmt"
)

// ErrorCode is the code of an Error message (RFC 6189, Section 5.9, Table 8).
type ErrorCode uint32

// Error codes of RFC 6189, Table 8.
const (
	CodeMalformed        ErrorCode = 0x10
	CodeSoftware         ErrorCode = 0x20
	CodeVersion          ErrorCode = 0x30
	CodeHelloMismatch    ErrorCode = 0x40
	CodeHash             ErrorCode = 0x51
	CodeCipher           ErrorCode = 0x52
	CodeKeyAgreement     ErrorCode = 0x53
	CodeAuthTag          ErrorCode = 0x54
	CodeSAS              ErrorCode = 0x55
	CodeNoSharedSecret   ErrorCode = 0x56
	CodePublicValue      ErrorCode = 0x61
	CodeCommitment       ErrorCode = 0x62
	CodeUntrustedRelay   ErrorCode = 0x63
	CodeConfirmMAC       ErrorCode = 0x70
	CodeNonceReuse       ErrorCode = 0x80
	CodeEqualZIDs        ErrorCode = 0x90
	CodeSSRCCollision    ErrorCode = 0x91
	CodeUnavailable      ErrorCode = 0xA0
	CodeTimeout          ErrorCode = 0xB0
	CodeGoClearForbidden ErrorCode = 0x100
)

var codeText = map[ErrorCode]string{
	CodeMalformed:        "malformed packet",
	CodeSoftware:         "critical software error",
	CodeVersion:          "unsupported ZRTP version",
	CodeHelloMismatch:    "Hello components mismatch",
	CodeHash:             "hash type not supported",
	CodeCipher:           "cipher type not supported",
	CodeKeyAgreement:     "key agreement not supported",
	CodeAuthTag:          "SRTP auth tag not supported",
	CodeSAS:              "SAS rendering not supported",
	CodeNoSharedSecret:   "no shared secret available",
	CodePublicValue:      "bad public value",
	CodeCommitment:       "hash commitment broken",
	CodeUntrustedRelay:   "relayed SAS from untrusted MiTM",
	CodeConfirmMAC:       "bad Confirm MAC",
	CodeNonceReuse:       "nonce reuse",
	CodeEqualZIDs:        "equal ZIDs",
	CodeSSRCCollision:    "SSRC collision",
	CodeUnavailable:      "service unavailable",
	CodeTimeout:          "protocol timeout",
	CodeGoClearForbidden: "GoClear not allowed",
}

// String is the meaning in words.
func (c ErrorCode) String() string {
	if t, ok := codeText[c]; ok {
		return t
	}
	return "unknown error"
}

// ProtocolError ends an exchange. Code is what the Error message carried.
type ProtocolError struct {
	Code   ErrorCode
	Remote bool   // the peer sent it
	Detail string // what exactly was wrong; empty when the peer sent it
}

func (e *ProtocolError) Error() string {
	who, sep := "", ""
	if e.Remote {
		who = "peer: "
	}
	if e.Detail != "" {
		sep = ": "
	}
	return fmt.Sprintf("zrtp: %s0x%x %v%s%s", who, uint32(e.Code), e.Code, sep, e.Detail)
}

// Errors that Handle returns for packets it did not use. They say why; nothing has changed.
var (
	ErrNotZRTP   = errors.New("zrtp: not a ZRTP packet")
	ErrChecksum  = errors.New("zrtp: wrong CRC")
	ErrMalformed = errors.New("zrtp: malformed message")
	ErrPreimage  = errors.New("zrtp: wrong hash preimage")
	ErrForged    = errors.New("zrtp: wrong MAC")
	ErrStranger  = errors.New("zrtp: packet of another stream")
)

// Errors of the calls that the owner makes.
var (
	ErrConfig    = errors.New("zrtp: bad configuration")
	ErrNotSecure = errors.New("zrtp: session is not secure")
	ErrNoCache   = errors.New("zrtp: no secret cache")
)
