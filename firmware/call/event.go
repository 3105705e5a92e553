package call

import "time"

// Event is something that happened. It is one of the structures below.
type Event interface{ event() }

// Events from the keypad.
type (
	// Press is a key that went down.
	Press struct{ Key Key }
	// Hold is a key that stayed down. A Press of the same key came before.
	Hold struct{ Key Key }
	// Release is a key that came up again.
	Release struct{ Key Key }
)

// Events from the line. They concern the current call, inside Beside the other one; events of older calls must not be
// passed on.
type (
	// IncomingCall rings here. One that is not to ring is answered with the action RefuseWaiting; while a call is up that
	// can be held, it waits as the other call.
	IncomingCall struct {
		From    Party
		Contact string // ID of the contact that has this address, as the phone book judges; empty: none
		// ServerOnly: it can be answered only with keys that the server has. Known: the address is one at which we know a
		// telephone, or we cannot know whether it is.
		ServerOnly, Known bool
	}
	// Ringing tells that the called telephone rings.
	Ringing struct{}
	// Answered tells that both sides agreed to talk: the machine starts the media.
	Answered struct{}
	// PeerHeld tells that the peer stopped listening, or went on.
	PeerHeld struct{ On bool }
	// LineEnded tells that the call is over, or never began. After our own Hangup it is ignored.
	LineEnded struct{ Cause Cause }
	// Beside is an event of the line or the media that concerns the other call: the one that waits or is held.
	Beside struct{ Event Event }
)

// Events from the media: what ZRTP and the voice pipeline have to say.
type (
	// Secure tells that keys are agreed and the code can be compared.
	Secure struct {
		SAS                   string // four symbols (B32), or two words with a colon between (B256)
		Initiator             bool   // our ZRTP role: the initiator says the first half
		KA, Hash, Cipher, Tag string // names of the algorithms, to be shown to who asks
		Verified              bool   // both sides compared the code in an earlier call, and the retained secret matched
		Checked               bool   // we compared it earlier; whether the peer did is not known
		FirstCall             bool   // never talked to this device
		Name                  string // the contact that this device belongs to; empty: nobody's yet
		OtherDevice           bool   // the contact of this call owns another device, and this is not it
		OtherPerson           bool   // this device belongs to another contact than the one of this call
		Paired                bool   // both ends knew the number that was agreed in person
		Authentic             bool   // TLS on the signaling and a matching a=zrtp-hash
		Disclosure            bool   // the peer's product gives keys away (RFC 6189, Section 11)
	}
	// CacheMismatch tells that the retained secret of this device did not match. It may come before or after Secure.
	CacheMismatch struct{}
	// PeerCannotEncrypt tells that nobody answered in ZRTP.
	PeerCannotEncrypt struct{}
	// Alert tells of something that honest peers and random errors do not cause. An empty one takes it back.
	Alert struct{ Why string }
	// WayLost tells that the network is gone from under a call, and again that another way is looked for; the call waits.
	// WayFound ends that.
	WayLost  struct{}
	WayFound struct{}
	// MediaFailed ends the call: no way for the media, a sound card gone, or a key agreement that failed.
	MediaFailed struct{ Cause Cause }
	// Stats is how the voice arrives, about once a second.
	Stats struct {
		Lost    float64       // share of packets that did not come in time, 0 to 1
		Delay   time.Duration // of the jitter buffer
		Jitter  time.Duration
		RTT     time.Duration // there and back; 0: not known
		Bitrate int           // of our speech, bit/s
		Codec   string
		Route   string // "direct", "relay", "tor"
	}
)

// Events from the rest of the telephone.
type (
	// Tick tells only the time. It is due at Deadline.
	Tick struct{}
	// ContactsChanged replaces the contacts, sorted as they are to be listed.
	ContactsChanged struct{ Contacts []Contact }
	// LogChanged replaces the call log, newest first.
	LogChanged struct{ Entries []Entry }
	// SettingsChanged replaces the settings: those of the vault, once it is open.
	SettingsChanged struct{ Settings Settings }
	// NetworkChanged is the state of the link and of the accounts.
	NetworkChanged struct{ Network Network }
	// MailboxChanged is how many voice messages wait.
	MailboxChanged struct{ Mailbox Mailbox }
	// Invitation answers Invite: an address with a secret key, to be scanned from the screen or typed.
	Invitation struct{ Address string }
	// PairingNumber answers ShowPairing when the number is good for a call.
	PairingNumber struct{ Number string }
	// PairingReady answers Pair.
	PairingReady struct{}
	// BatteryChanged is the charge in percent; negative: there is no battery.
	BatteryChanged struct{ Percent int }
	// RunningChanged replaces what is running.
	RunningChanged struct{ Running Running }
	// SetupChanged replaces how others are reached, and what of it can be changed here.
	SetupChanged struct {
		Setup Setup
		Able  Able
	}
	// WifiSeen answers LookAround: the best heard first, none when nothing could be heard.
	WifiSeen struct{ Networks []WifiNetwork }
	// TestChanged tells how the self-test stands.
	TestChanged struct{ Results []TestResult }
	// PINChecked answers CheckPIN.
	PINChecked struct {
		OK   bool
		Wait time.Duration // no try counts before this has passed
		Left int           // tries before everything is erased; negative: never erased
	}
	// PINChanged answers ChangePIN.
	PINChanged struct{ OK bool }
	// Locked tells that the vault is closed: contacts and log are gone from memory.
	Locked struct{}
)

func (Press) event()             {}
func (Release) event()           {}
func (Hold) event()              {}
func (IncomingCall) event()      {}
func (Ringing) event()           {}
func (Answered) event()          {}
func (LineEnded) event()         {}
func (PeerHeld) event()          {}
func (Beside) event()            {}
func (MailboxChanged) event()    {}
func (PairingNumber) event()     {}
func (Invitation) event()        {}
func (PairingReady) event()      {}
func (Secure) event()            {}
func (CacheMismatch) event()     {}
func (PeerCannotEncrypt) event() {}
func (Alert) event()             {}
func (WayLost) event()           {}
func (WayFound) event()          {}
func (MediaFailed) event()       {}
func (Stats) event()             {}
func (Tick) event()              {}
func (ContactsChanged) event()   {}
func (LogChanged) event()        {}
func (SettingsChanged) event()   {}
func (NetworkChanged) event()    {}
func (BatteryChanged) event()    {}
func (RunningChanged) event()    {}
func (SetupChanged) event()      {}
func (WifiSeen) event()          {}
func (TestChanged) event()       {}
func (PINChecked) event()        {}
func (PINChanged) event()        {}
func (Locked) event()            {}

// String hides the number.
func (PairingNumber) String() string { return "PairingNumber{[secret]}" }

// GoString hides the number.
func (PairingNumber) GoString() string { return "PairingNumber{[secret]}" }

// String hides the key.
func (Invitation) String() string { return "Invitation{[secret]}" }

// GoString hides the key.
func (Invitation) GoString() string { return "Invitation{[secret]}" }
