// Package onion is the telephone's Tor: a child process that is this very binary under another name, the onion service
// under which contacts reach us, and streams to theirs.
//
// It promises that nothing goes out but through Tor: the child resolves no name, takes only onion destinations, and when
// it is away a dial fails; there is no other way out of this package. No TCP port is opened, neither for control nor for
// SOCKS. Tor may crash, hang or be killed at any moment: it is started again, and services and keys come back with it,
// while its crash takes nothing of the telephone with it. A service without authorised clients is not published.
//
// It never writes a secret to disk: the service's key is a Seed that the caller keeps, given to Tor over the control
// connection. What Tor keeps in Config.Dir is its view of the network and its guards.
//
// It cannot hide that Tor is used, nor a caller from one who watches both ends; and it cannot tell who called: the
// service learns that a client key was right, not which. That is ZRTP's work.
//
// Tor is linked in with the build tag "tor" (tools/libtor builds the library). Without it the package builds, and Start
// returns ErrNotBuilt. The roof's main must call ChildMain before anything else.
package onion

import "errors"

// Errors of this package. Dial and Start wrap them: compare with errors.Is.
var (
	ErrNotBuilt      = errors.New("onion: built without Tor")
	ErrNotReady      = errors.New("onion: Tor is not ready")
	ErrNotReachable  = errors.New("onion: not reachable")
	ErrNotAuthorised = errors.New("onion: not authorised")
	ErrClosed        = errors.New("onion: closed")
	ErrAddress       = errors.New("onion: not an onion address")
	ErrKey           = errors.New("onion: not a client key")
	ErrConfig        = errors.New("onion: configuration that Tor would not take")
	ErrControl       = errors.New("onion: Tor refused a command")
)
