// Package signaling says how a call is offered, answered and ended, whatever protocol carries it.
//
// It promises that what a peer wrote is bounded and checked before anybody acts on it, and that every end of a call
// has one Cause which can be shown to a person. It opens no socket and has no goroutine; sipua is the Line over SIP. It
// cannot make a call secure: nothing here is trusted by ZRTP but the Hello hash, and that only to notice tampering.
package signaling

import "sotto/net/protect"

// CallID is a handle for one call on one Line. It is never sent to anybody and never used twice.
type CallID uint64

// Line is a way to reach people and to be reached.
//
// No method blocks on the network. Whatever happens next, failures included, comes as an Event. The events of one call
// come in order; the last one is Ended and it comes exactly once. A call that the Line does not know is ignored.
type Line interface {
	// Dial begins a call and returns its handle.
	Dial(Dial) CallID
	// Answer accepts a call that rings here, or a Restart of one that runs. The description answers the Offer of that event.
	Answer(CallID, Description)
	// Hangup ends a call in whatever state it is: it rejects with the cause (Busy, Declined), cancels or hangs up.
	Hangup(CallID, Cause)
	// Events is the same channel at every call. Nobody but the phone's loop reads it.
	Events() <-chan Event
}

// Dial is what a Line needs to begin a call.
type Dial struct {
	To      string // a SIP URI, or a number that the account completes
	Account string // name of the account to call through; empty for a direct call
	Offer   Description
	// ServerOnly allows the call to be encrypted with keys that the account's server knows, where it may reach gateways and its
	// connection is good for that. ZRTP is offered beside them.
	ServerOnly bool
}

// Party is how a peer calls itself. Anybody can write anything here: it is text to show, and no proof of who calls.
type Party struct {
	Name string // display name, printable, at most 64 bytes
	URI  string // address of record or contact, printable, at most 256 bytes
}

// Event is one of the structures below.
type Event interface{ event() }

// Incoming tells that somebody calls. The Line has answered "ringing" and waits for Answer or Hangup.
type Incoming struct {
	Call    CallID
	From    Party
	Account string // name of the account that was called; empty for a direct call
	Offer   Description
	Secure  bool // the signaling came over TLS
	// ServerOnly: the caller offers no media but with keys that the server knows (net/signaling, Crypto).
	ServerOnly bool
}

// Ringing tells that the called telephone rings.
type Ringing struct{ Call CallID }

// Answered tells that both sides have agreed: the answer has come and was acknowledged (for the caller), or our answer was
// acknowledged (for the called). ZRTP may start.
type Answered struct {
	Call   CallID
	Remote Description // what the peer said: its Answer, or again its Offer
	// Keys are known to the server: for a peer that has not announced ZRTP and does not answer in it. Nil: there are none.
	// Whoever gets them wipes them.
	Keys *protect.Keys
}

// Held tells that the peer stopped listening or went on. Nothing else of the call changes.
type Held struct {
	Call CallID
	Hold bool
}

// Moved tells that the peer asks for the media at another address. The security state is what it was: keys belong to
// the two ends, not to addresses.
type Moved struct {
	Call   CallID
	Remote Description
}

// Restart tells that the peer of a running call looks for another way for the media (an ICE restart: RFC 8839, Section
// 4.4.1.1.1). It waits for Answer with new candidates of ours; without any in it the restart is refused. Neither does
// anything to the security state.
type Restart struct {
	Call  CallID
	Offer Description
}

// Ended tells that a call is over. Nothing follows it.
type Ended struct {
	Call  CallID
	Cause Cause
}

// Registration tells whether calls can be made and taken through an account. It comes when that changes.
type Registration struct {
	Account string
	OK      bool
	Cause   Cause // why not
}

// Rerouted tells that an account's server reaches us another way than before, although our address is the same: a translator
// between has forgotten us, or a connection was lost. Media may have lost its way at the same moment.
type Rerouted struct{ Account string }

// Messages tells of a voice mailbox.
type Messages struct {
	Account string
	Waiting bool
	New     int // new voice messages, 0 when the server does not count them
}

func (Incoming) event()     {}
func (Ringing) event()      {}
func (Answered) event()     {}
func (Held) event()         {}
func (Moved) event()        {}
func (Restart) event()      {}
func (Ended) event()        {}
func (Registration) event() {}
func (Rerouted) event()     {}
func (Messages) event()     {}
