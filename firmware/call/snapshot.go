package call

import "time"

// State is what the telephone is doing, and so which screen it shows.
type State uint8

// The states.
const (
	Idle        State = iota
	Dialling          // digits are being typed
	Calling           // we call; Snapshot.Call.Ringing tells when it rings there
	Incoming          // it rings here
	GoingSecure       // answered; keys are being agreed, the microphone is muted
	Talking           // secure; Snapshot.Call.Trust tells how much is known about the peer
	Verifying         // secure, and the peer's half of the code is being typed
	Alarm             // the key changed or somebody listens: Snapshot.Call.Alarm tells; the microphone is muted
	Ended             // Snapshot.Call.Cause tells why
	Listing           // a list: menu, contacts, call log, settings
	Reading           // lines of text: what is running, a safety number
	Entering          // a name, an address or a PIN is being typed
	Closed            // locked: only a PIN, or an incoming call
	Waiting           // one talks, and another call rings: Snapshot.Call is the new one, Snapshot.Other the one that is up
	ToServer          // one talks, and the servers on the way have the keys: never secure
	numStates
)

var stateNames = [numStates]string{"idle", "dialling", "calling", "incoming", "going secure", "talking", "verifying",
	"alarm", "ended", "listing", "reading", "entering", "closed", "waiting", "to server only"}

// String is the state in plain words.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "unknown"
}

// Trust is how much is known about the device at the other end.
type Trust uint8

// Trust grows downwards to Verified; Broken is an alarm, and ServerOnly none at all.
const (
	Unknown    Trust = iota // never talked
	First                   // first call with this device, code not compared
	Known                   // same device as before, code never compared
	Checked                 // we compared the code; whether the peer did too is told in the next call
	Verified                // both compared it
	Broken                  // the key changed, or the code differed
	ServerOnly              // no key is the peer's alone: the servers on the way have it
)

// AlarmKind is why the telephone gives alarm.
type AlarmKind uint8

// The alarms, worst last.
const (
	NoAlarm     AlarmKind = iota
	KeyChanged            // the retained secret of this device did not match
	OtherDevice           // a device that is not the contact's
	OtherPerson           // a device that belongs to another contact
	Listened              // the codes differ: somebody is between
)

// Label is the name of a text. The screen's languages have the words.
type Label string

// Party is somebody as we know them or as they call themselves.
type Party struct{ Name, Address string }

// Contact is a line of the phone book.
type Contact struct {
	ID      string // the phone book's handle, empty for a new one
	Name    string
	Address string // SIP URI or number
	Speed   int    // 2 to 9: long press dials; 0: none
	Trust   Trust
	Device  bool   // a device is bound to this name
	Number  string // safety number, groups of digits; empty before there was a call

	Route string // of calls to this one: "relay", "tor", "tor-relay", "tor-direct"; empty: the usual
	Onion bool   // can be reached over Tor

	Tor      bool // has an authorisation to call us over Tor
	Always   bool // rings even when nobody else may
	Intercom bool // is answered by itself, once the device has proved to be the one whose code was compared
}

// Entry is a line of the call log.
type Entry struct {
	When     time.Time
	Peer     Party
	Contact  string // ID of the contact with that address, as the phone book judges; empty: none
	Incoming bool
	Answered bool
	Missed   bool
	Talked   time.Duration
	Cause    Cause
	Trust    Trust
	Alarm    AlarmKind
}

// Network is what the telephone can reach.
type Network struct {
	Up         bool
	Registered bool     // at least one account is registered, or none is set up
	Why        Cause    // why an account is not registered; empty: it is, or nobody knows
	Missing    []string // names of the accounts that are not registered
	Route      string   // "direct", "relay", "tor"; empty when not known
	Address    string   // ours, to be told to somebody who wants to call us
	Joined     bool     // the radio is in its network
	Trouble    Label    // why it is not; empty: nobody knows, or it shall be in none
}

// TestResult is one part of the self-test.
type TestResult struct {
	Part   string // microphone, speaker, keys, screen, random, network, nat, echo
	Done   bool
	OK     bool
	Detail string
}

// Settings are what the owner chose.
type Settings struct {
	Language  string // "en", "de", "fr", "es"
	Silent    bool   // no ring
	Rising    bool   // a ring that begins softly
	KeyTones  bool
	Large     bool // large text
	Contrast  bool // black and white only
	Volume    int  // 0 to 100 percent
	LockAfter int  // minutes without a key; 0: never
	Erase     bool // after eraseWrong wrong PINs; the vault keeps the truth, this is what is shown

	Tune      int    // of the ring, 0 to Tunes-1
	Quiet     Quiet  // who may ring
	LockQuiet bool   // nobody rings while the telephone is locked
	Voicemail string // number of the mailbox, on long press of 1
	Zone      string // of the time, by its name in the IANA database; empty: UTC
	Hours12   bool   // 12 hours and am or pm
	Forget    int    // days after which a line of the call log goes; 0: never
	Words     bool   // whole words are typed, a key a letter
}

// Quiet says who may ring.
type Quiet uint8

// The levels of do-not-disturb.
const (
	QuietOff      Quiet = iota // everybody rings
	QuietContacts              // contacts ring
	QuietVerified              // contacts ring whose code was compared, and those who always may
	QuietChosen                // only those ring who always may
	numQuiet
)

// Mailbox is where voice messages wait.
type Mailbox struct {
	Waiting bool
	New     int // 0 when the server does not count them
}

// Code is the short authentication string during one call. Our half is to be said, the peer's half to be heard and typed:
// it is not shown before it was typed.
type Code struct {
	Own      string // our half, to be said aloud
	OwnFirst bool   // our half stands left of the peer's
	Typed    string // what was typed of the peer's half
	Pending  bool   // the last symbol of Typed may still change
	Length   int    // symbols to type
	Words    bool   // halves are words, not symbols
	Whole    string // the whole code; empty until it was checked or the user asked to see it
	Misses   int    // wrong tries
}

// View is the call that is shown.
type View struct {
	Peer       Party
	Claimed    bool // the name is only what the peer calls itself: the screen puts it in quotes
	Outgoing   bool
	Ringing    bool // it rings there
	Connecting bool // answered here, not yet agreed
	ServerOnly bool // who calls can only be answered with keys that the server has
	Held       bool // by us: nobody hears anything
	HeldThere  bool // by the peer
	Elapsed    time.Duration
	Trust      Trust
	Plus       bool // verified, and the signaling is authentic as well
	Alarm      AlarmKind
	AlarmName  string // OtherPerson: whose device it is
	Alert      string // what ZRTP warned of last
	Disclosure bool
	Code       Code
	Algorithms string
	Muted      bool // by the user
	Speaker    bool
	Volume     int
	Quality    int // 0 to 4 bars
	Cause      Cause
}

// Row is one line of a list: words of the language, or a text as it is.
type Row struct {
	Label  Label
	Text   string
	Detail string // small, at the right
	State  Label  // small, at the right, in words of the language
	Trust  Trust
	Mark   Mark
}

// Mark is a sign before a row.
type Mark uint8

// The marks.
const (
	MarkNone Mark = iota
	MarkMissed
	MarkIn
	MarkOut
	MarkTrust // draw Row.Trust
	MarkOn
	MarkOff
	MarkFailed
	MarkNumbers // the account that takes plain numbers
)

// Input is a text while it is typed.
type Input struct {
	Text    string
	Pending bool // the last symbol may still change
	Secret  bool // show a dot for each symbol
	Mode    string
}

// Snapshot is everything that a person can see. It is a value: drawing it twice gives the same picture.
type Snapshot struct {
	State       State
	Left, Right Label // soft keys; empty: no key
	Own         string
	Now         time.Time // zero: the time is not known
	Network     Network
	Battery     int // percent; negative: none
	Missed      int
	Call        View
	Other       View // the other call, when Second
	Second      bool // there is one: it waits or is held
	Mailbox     Mailbox
	Trouble     bool  // of the telephone itself, not yet read
	Title       Label // of a list, a text or an entry
	TitleText   string
	Notice      Label // a line that asks or explains
	NoticeArg   string
	Rows        []Row
	Selected    int // of Rows, -1: none; of Lines, the first to be seen
	Lines       []string
	QR          string // to be read by another device; empty: none
	Input       Input
	Through     string // the account that the typed number goes through, where there is a choice
	Missing     bool   // it is not registered
	Lamp        bool   // lit only while a call is secure and gives no alarm
	Backlight   int    // percent
	Settings    Settings
}
