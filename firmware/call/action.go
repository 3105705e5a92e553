package call

// Action is something that the world must do. It is one of the structures below; they are to be done in order.
type Action interface{ action() }

// Actions for the line.
type (
	// Dial begins a call. To is a SIP URI, or a number that the account completes.
	Dial struct{ To string }
	// Answer accepts the call that rings.
	Answer struct{}
	// Hangup ends the call in whatever state it is: it rejects, cancels or hangs up, and says why.
	Hangup struct{ Cause Cause }
	// RefuseWaiting refuses the incoming call of this very event: another call is up, or this one is not to ring.
	RefuseWaiting struct{ Cause Cause }
	// HoldCall tells the peer that we do not listen, or that we go on. The voice is silent meanwhile.
	HoldCall struct{ On bool }
	// Swap makes the other call the current one and the current one the other; there may be only one of them. What was
	// the current call has been muted before.
	Swap struct{}
	// Aside is an action that concerns the other call.
	Aside struct{ Action Action }
)

// Actions for the media.
type (
	// StartMedia starts ZRTP and the voice pipeline. The microphone is muted until a Mute says otherwise.
	StartMedia struct{}
	// StopMedia ends both and wipes the keys.
	StopMedia struct{}
	// Mute closes or opens the microphone. Silence is sent instead, so that the wire does not tell.
	Mute struct{ On bool }
	// Speaker chooses the loudspeaker instead of the earpiece.
	Speaker struct{ On bool }
	// Volume is for ear and loudspeaker, 0 to 100 percent.
	Volume struct{ Percent int }
	// SendDTMF sends a digit to the peer, inside the encryption.
	SendDTMF struct{ Digit rune }
	// Say says our half of the code in the ear, for those who cannot read it.
	Say struct{ Code, Language string }
	// SetVerified tells ZRTP that the code was compared (OK), or that it differed: then nothing may be retained.
	SetVerified struct{ OK bool }
)

// Actions for ear, eye and memory.
type (
	// Ring plays a ring on the loudspeaker until another Ring. RingNone stops it.
	Ring struct {
		Kind RingKind
		Tune int // 0 to Tunes-1
	}
	// Tone plays in the earpiece until another Tone. ToneNone stops it. Tones end by themselves unless they say so.
	Tone struct{ Kind ToneKind }
	// SetBacklight is the display's light, 0 to 100 percent.
	SetBacklight struct{ Percent int }
	// LogCall keeps what came of a call.
	LogCall struct{ Entry Entry }
	// SaveContact stores a contact; an empty ID makes a new one. ContactsChanged is the answer.
	SaveContact struct{ Contact Contact }
	// DeleteContact forgets a contact, not its device's retained secrets.
	DeleteContact struct{ ID string }
	// Unverify takes back what was verified with a contact's device.
	Unverify struct{ ID string }
	// ShowPairing wants a number for the next call with a contact; PairingNumber is the answer.
	ShowPairing struct{ ID string }
	// Pair keeps the number that a contact's telephone shows, for the next call.
	Pair struct{ ID, Number string }
	// GiveCard tells the peer of the current call, whose code was compared, how we are reached over Tor, and keeps what it
	// tells: it becomes a contact if it is none.
	GiveCard struct{}
	// Invite makes an authorisation with which a contact can call us over Tor; Invitation is the answer. One that it had
	// before ends.
	Invite struct{ ID string }
	// Revoke ends a contact's authorisation, and forgets how it is reached over Tor.
	Revoke struct{ ID string }
	// SetRoute says how calls to a contact go; empty is the usual way.
	SetRoute struct{ ID, Route string }
	// Block refuses calls from an address from now on, without a ring.
	Block struct{ Address string }
	// SelfTest tests the telephone; TestChanged is the answer, as often as there is news.
	SelfTest struct{}
	// SaveSettings stores the settings.
	SaveSettings struct{ Settings Settings }
	// SaveSetup stores how others are reached, and does so from now on. SetupChanged need not be the answer.
	SaveSetup struct{ Setup Setup }
	// LookAround wants to know what networks are in reach; WifiSeen is the answer.
	LookAround struct{}
	// Lock closes the vault and wipes its key from memory; Locked is the answer.
	Lock struct{}
	// CheckPIN opens the vault; PINChecked is the answer.
	CheckPIN struct{ PIN string }
	// ChangePIN seals the vault under a new PIN; an empty Old is none. PINChanged is the answer.
	ChangePIN struct{ Old, New string }
	// SetDuress makes a PIN that erases everything; PINChanged is the answer.
	SetDuress struct{ PIN, Duress string }
	// SetEraseAfter has everything erased after that many wrong PINs, 0 is never; PINChanged is the answer.
	SetEraseAfter struct {
		PIN   string
		Wrong int
	}
)

func (Dial) action()          {}
func (Answer) action()        {}
func (Hangup) action()        {}
func (RefuseWaiting) action() {}
func (HoldCall) action()      {}
func (Swap) action()          {}
func (Aside) action()         {}
func (StartMedia) action()    {}
func (StopMedia) action()     {}
func (Mute) action()          {}
func (Speaker) action()       {}
func (Volume) action()        {}
func (SendDTMF) action()      {}
func (Say) action()           {}
func (SetVerified) action()   {}
func (Ring) action()          {}
func (Tone) action()          {}
func (SetBacklight) action()  {}
func (LogCall) action()       {}
func (SaveContact) action()   {}
func (DeleteContact) action() {}
func (Unverify) action()      {}
func (ShowPairing) action()   {}
func (GiveCard) action()      {}
func (Invite) action()        {}
func (Revoke) action()        {}
func (SetRoute) action()      {}
func (Pair) action()          {}
func (Block) action()         {}
func (SelfTest) action()      {}
func (LookAround) action()    {}
func (SaveSettings) action()  {}
func (SaveSetup) action()     {}
func (Lock) action()          {}
func (CheckPIN) action()      {}
func (ChangePIN) action()     {}
func (SetDuress) action()     {}
func (SetEraseAfter) action() {}

// String hides the PIN.
func (CheckPIN) String() string { return "CheckPIN{[secret]}" }

// GoString hides the PIN.
func (CheckPIN) GoString() string { return "CheckPIN{[secret]}" }

// String hides both PINs.
func (ChangePIN) String() string { return "ChangePIN{[secret]}" }

// GoString hides both PINs.
func (ChangePIN) GoString() string { return "ChangePIN{[secret]}" }

// String hides both PINs.
func (SetDuress) String() string { return "SetDuress{[secret]}" }

// GoString hides both PINs.
func (SetDuress) GoString() string { return "SetDuress{[secret]}" }

// String hides the number.
func (Pair) String() string { return "Pair{[secret]}" }

// GoString hides the number.
func (Pair) GoString() string { return "Pair{[secret]}" }

// String hides the PIN.
func (SetEraseAfter) String() string { return "SetEraseAfter{[secret]}" }

// GoString hides the PIN.
func (SetEraseAfter) GoString() string { return "SetEraseAfter{[secret]}" }

// RingKind is what is heard of a call that comes in.
type RingKind uint8

// The rings.
const (
	RingNone   RingKind = iota
	RingNormal          // a contact or a stranger calls
	RingRising          // the same, beginning softly
)

// Tunes is how many ring tones there are.
const Tunes = 5

// ToneKind is what is heard in the ear.
type ToneKind uint8

// The tones.
const (
	ToneNone     ToneKind = iota
	ToneRingback          // the other telephone rings; goes on
	ToneProgress          // keys are being agreed; goes on
	ToneSecure            // the call became secure; once
	ToneGood              // the typed code was right; once
	ToneWrong             // the typed code was wrong; once
	ToneAlarm             // the key changed, or somebody listens; goes on
	ToneEnded             // the call is over; once
	ToneKey               // a key was pressed; once
	ToneWaiting           // another call waits; goes on
	ToneServer            // the call is encrypted to the server only; once
	ToneIntercom          // the microphone will open by itself; once, as long as intercomWarning
)
