// Package bundle carries datagrams over several streams at once: each packet goes out on all of them, and of what comes in
// the first copy counts. Speech over Tor needs it: a lost segment holds up a whole stream, but seldom two at a time.
//
// It promises that WritePacket never waits for the network, that old speech makes room for new, that a packet is handed
// on once, and that what a peer sends costs bounded memory. Its framing is RFC 4571; the first frame of a stream is the
// token of the call that it belongs to.
//
// It never looks into a packet and protects nothing: SRTP and ZRTP bring their own keys and their own defence against
// replay. It cannot make Tor fast: the delay is the best of the streams, not better.
package bundle

import "errors"

// Errors of this package.
var (
	ErrTooLong  = errors.New("bundle: packet too long")
	ErrNoStream = errors.New("bundle: no stream is open")
	ErrClosed   = errors.New("bundle: closed")
	ErrToken    = errors.New("bundle: not a token that is expected")
)

// MaxPacket is the longest packet, in octets. RFC 4571 allows more; the longest of a call is ZRTP's Confirm with a
// signature, some 2200, and a length that nobody means shall not make us wait.
const MaxPacket = 2560
