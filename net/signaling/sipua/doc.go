// Package sipua is a signaling.Line over SIP (RFC 3261): direct calls between two telephones without a server, and calls
// through the accounts of registrars.
//
// It promises that no message, however malformed and however many a second, crashes it, blocks it or makes it grow
// without bound; that nothing from outside a dialog touches that dialog; that a redirect is never followed and that a
// password is never shown to anybody but the account's own server; and that every call ends with one cause. It never
// logs. It cannot hide from a server or from the path who calls whom.
//
// The shape: core is a pure machine, a message or a moment in, messages and events out. UA is the one goroutine that owns
// it, and transport are the sockets. Messages are read, held and written by github.com/emiago/sipgo/sip; transactions and
// dialogs are our own, because sipgo's start a goroutine for each message and remember each source address for good, so
// that a flood from forged addresses would grow without bound, and they read the clock.
package sipua
