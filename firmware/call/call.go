package call

import "time"

// Times that the machine keeps.
const (
	secureTimeout  = 10 * time.Second // from answer to keys; then the peer cannot encrypt (field practice)
	ringTimeout    = 2 * time.Minute  // of a call that nobody answers, either way
	endedShort     = 8 * time.Second  // how long an ordinary end is shown
	endedLong      = 10 * time.Minute // how long a failure or a missed call is shown
	wayTimeout     = 20 * time.Second // that a call waits for a network, and then for a way over it
	noticeTime     = 6 * time.Second  // of a line that says how something went
	tapTime        = time.Second      // after which a symbol of multitap stands
	dimAfter       = 20 * time.Second // without a key
	darkAfter      = 40 * time.Second
	backlightFull  = 100
	backlightDim   = 20
	volumeStep     = 10
	maxInput       = 64 // runes that any entry takes
	maxDigits      = 32
	maxPIN         = 12
	minPIN         = 4
	wrongCodeLimit = 2               // wrong codes that are too many
	sampleTime     = 4 * time.Second // of a ring tone that was chosen
	eraseWrong     = 10              // wrong PINs after which everything is erased, where that was asked for
)

// Config is what a Machine knows from the beginning.
type Config struct {
	Name     string    // the owner's, shown when idle
	Contacts []Contact // sorted as they are to be listed
	Log      []Entry   // newest first
	Running  Running   // what is running
	Setup    Setup     // how others are reached
	Able     Able      // what of it can be changed here
	Settings Settings  // zero: the defaults
	Closed   bool      // begin locked: a PIN is wanted
	HasPIN   bool      // there is a PIN, so that the telephone can be locked
	First    bool      // first start: ask for language, PIN and account
}

// DefaultSettings are those of a new telephone.
func DefaultSettings() Settings {
	return Settings{Language: "en", KeyTones: true, Volume: 70}
}

// Machine is the telephone's mind. One goroutine owns it.
type Machine struct {
	own      string
	contacts []Contact
	threads  []Thread
	log      []Entry
	running  Running
	setup    Setup
	able     Able
	air      air
	steps    []func() // of the first start, still to come
	offer    func()   // shows how it stands with a set-up file, as soon as nothing else is on the screen; nil: there is none
	tests    []TestResult
	settings Settings
	hasPIN   bool
	closed   bool
	waitPIN  time.Time // no PIN is taken before
	after    func()    // what a right PIN brings about

	now     time.Time
	timers  timers
	out     []Action // of the event that is being handled
	told    outputs  // what the world was told last
	call    *current // nil: no call
	other   *current // nil, or a call that waits or is held
	rings   rings    // who rang lately
	pages   []*page  // the newest is on top
	typed   typing   // of the entry or of the dial screen
	chosen  int      // of the contacts that were found while dialling; -1: none
	account int      // that the number goes through which is being typed, as they are listed
	notice  notice
	missed  int
	mailbox Mailbox

	troubleRead string // the Trouble that was looked at
	pairing     string // the number on the screen
	network     Network
	battery     int
	light       int
	beep        ToneKind // a tone of this event, heard once
}

// notice is a line that goes by itself.
type notice struct {
	label Label
	arg   string
}

// New makes a telephone that is idle, or locked. Handle must be called once before the first Snapshot is drawn, with a
// Tick, so that it knows the time.
func New(c Config) *Machine {
	m := &Machine{own: c.Name, contacts: c.Contacts, log: c.Log, running: c.Running, setup: c.Setup, able: c.Able, settings: c.Settings,
		hasPIN: c.HasPIN || c.Closed, closed: c.Closed, battery: -1, chosen: -1, light: backlightFull}
	if m.settings == (Settings{}) {
		m.settings = DefaultSettings()
	}
	if c.First && !c.Closed {
		m.begin()
	}
	return m
}

// Handle takes one event and appends to dst what the world must do now.
func (m *Machine) Handle(dst []Action, ev Event, now time.Time) []Action {
	first := m.now.IsZero()
	m.now, m.out = now, dst
	if first {
		m.wake()
	}
	m.expire()
	switch ev := ev.(type) {
	case Press:
		m.press(ev.Key)
	case Hold:
		m.hold(ev.Key)
	case Release:
		m.release(ev.Key)
	case IncomingCall, Ringing, Answered, LineEnded, PeerHeld:
		m.fromLine(ev)
	case Beside:
		m.beside(ev.Event)
	case Secure, CacheMismatch, PeerCannotEncrypt, EncryptedToServer, Alert, WayLost, WayFound, MediaFailed, Stats:
		m.fromMedia(ev)
	default:
		m.fromHouse(ev)
	}
	m.nextStep()
	m.settle()
	dst, m.out = m.out, nil
	return dst
}

// fromHouse handles what the rest of the telephone tells.
func (m *Machine) fromHouse(ev Event) {
	switch ev := ev.(type) {
	case ContactsChanged:
		m.contacts = ev.Contacts
		m.refresh()
	case LogChanged:
		m.log = ev.Entries
		m.refresh()
	case SettingsChanged:
		m.settings = ev.Settings
		m.wake()
		m.refresh()
	case NetworkChanged:
		m.network = ev.Network
		m.refresh()
	case Invitation:
		m.showInvitation(ev.Address)
	case PairingNumber:
		m.showPairing(ev.Number)
	case PairingReady:
		m.say("pair.call", "")
	case MailboxChanged:
		m.mailbox = ev.Mailbox
	case BatteryChanged:
		m.battery = ev.Percent
	case RunningChanged:
		m.running = ev.Running
		m.refresh()
	case SetupChanged:
		m.setup, m.able = ev.Setup, ev.Able
		m.refresh()
	case WifiSeen:
		m.wifiSeen(ev.Networks)
	case TestChanged:
		m.tests = ev.Results
		m.refresh()
	case PINChecked:
		m.pinChecked(ev)
	case PINChanged:
		m.pinChanged(ev.OK)
	case Locked:
		m.lock()
	case MessagesChanged, MessageCame, MessageRefused:
		m.fromMessages(ev)
	case SetUpSealed, SetUpRead, SetUpRefused, SetUpTaken:
		m.fromSetUp(ev)
	}
}

func (m *Machine) do(a Action) { m.out = append(m.out, a) }

// say shows a line for a while.
func (m *Machine) say(l Label, arg string) {
	m.notice = notice{l, arg}
	m.timers.set(timerNotice, m.now.Add(noticeTime))
}

// state is what the screen shows: a call is above everything but the pages that belong to it.
func (m *Machine) state() State {
	switch c := m.call; {
	case m.other != nil && m.other.state == Incoming:
		return Waiting
	case c != nil && !c.talks() && (c.state != Incoming || c.connecting):
		return c.state
	case len(m.pages) > 0:
		return m.top().state
	case m.call != nil:
		return m.call.state
	case m.closed:
		return Closed
	case len(m.typed.text) > 0:
		return Dialling
	}
	return Idle
}

// outputs are those things that follow from the state alone. settle tells the world only what changed.
type outputs struct {
	muted bool
	media bool
	ring  Ring
	tone  ToneKind
	light int
}

// settle brings microphone, ring, tone and light in line with the state. That the microphone is open in one place only
// is what makes "muted while going secure" hard to break.
func (m *Machine) settle() {
	want := outputs{light: m.light, muted: true}
	if c := m.call; c != nil {
		want.media = c.media
		want.muted = c.muted || (!c.talks() && c.state != Verifying) || c.quiet(m.now)
		want.tone = c.tone()
		if c.state == Incoming && !c.silenced && !m.settings.Silent && !c.connecting {
			want.ring = m.ring()
		}
	}
	if o := m.other; o != nil && o.state == Incoming && !o.silenced && want.tone == ToneNone {
		want.tone = ToneWaiting
	}
	if m.call == nil && !m.timers[timerSample].IsZero() { // a tone that was just chosen
		want.ring = m.ring()
	}
	if want.media && (!m.told.media || want.muted != m.told.muted) {
		m.do(Mute{want.muted})
	}
	if want.ring != m.told.ring {
		m.do(want.ring)
	}
	switch { // a tone that is heard once ends the one before; one that goes on is not to be disturbed
	case want.tone != m.told.tone && (want.tone != ToneNone || m.beep == ToneNone):
		m.do(Tone{want.tone})
	case want.tone == ToneNone && m.beep != ToneNone:
		m.do(Tone{m.beep})
	}
	m.beep = ToneNone
	if want.light != m.told.light {
		m.do(SetBacklight{want.light})
	}
	m.told = want
}
