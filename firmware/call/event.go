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
)

// Events from the line. They concern the current call; events of older calls must not be passed on.
type (
	// IncomingCall rings here. While another call is up it is answered with the action RefuseWaiting.
	IncomingCall struct{ From Party }
	// Ringing tells that the called telephone rings.
	Ringing struct{}
	// Answered tells that both sides agreed to talk: the machine starts the media.
	Answered struct{}
	// LineEnded tells that the call is over, or never began. After our own Hangup it is ignored.
	LineEnded struct{ Cause Cause }
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
		Authentic             bool   // TLS on the signaling and a matching a=zrtp-hash
		Disclosure            bool   // the peer's product gives keys away (RFC 6189, Section 11)
	}
	// CacheMismatch tells that the retained secret of this device did not match. It may come before or after Secure.
	CacheMismatch struct{}
	// PeerCannotEncrypt tells that nobody answered in ZRTP.
	PeerCannotEncrypt struct{}
	// Alert tells of something that honest peers and random errors do not cause. An empty one takes it back.
	Alert struct{ Why string }
	// MediaFailed ends the call: no way for the media, a sound card gone, or a key agreement that failed.
	MediaFailed struct{ Cause Cause }
	// Stats is how the voice arrives, about once a second.
	Stats struct {
		Lost  float64       // share of frames that had to be concealed, 0 to 1
		Delay time.Duration // jitter buffer
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
	// BatteryChanged is the charge in percent; negative: there is no battery.
	BatteryChanged struct{ Percent int }
	// AboutChanged replaces the lines of the screen that says what is running.
	AboutChanged struct{ Lines []string }
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
func (Hold) event()              {}
func (IncomingCall) event()      {}
func (Ringing) event()           {}
func (Answered) event()          {}
func (LineEnded) event()         {}
func (Secure) event()            {}
func (CacheMismatch) event()     {}
func (PeerCannotEncrypt) event() {}
func (Alert) event()             {}
func (MediaFailed) event()       {}
func (Stats) event()             {}
func (Tick) event()              {}
func (ContactsChanged) event()   {}
func (LogChanged) event()        {}
func (SettingsChanged) event()   {}
func (NetworkChanged) event()    {}
func (BatteryChanged) event()    {}
func (AboutChanged) event()      {}
func (TestChanged) event()       {}
func (PINChecked) event()        {}
func (PINChanged) event()        {}
func (Locked) event()            {}
