// Package phone joins the rooms into a telephone: one select loop owns the call machine and passes events to it and its
// actions to the line, the voice, the phone book and the screen. The device and the simulator run the same phone.
//
// It promises that a call's media starts muted, that nothing is played or sent before ZRTP has confirmed the keys, and that
// the loop never waits for the network, for a disk or for a person. It decides nothing that firmware/call can decide.
package phone

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/firmware/ui"
	"sotto/firmware/update"
	"sotto/hal"
	"sotto/net/link"
	"sotto/net/nat"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// Devices are the parts of the board that the phone uses. Lamp and Mixer may be nil.
type Devices struct {
	OpenPCM    func() (hal.PCM, error) // at the start of each call's voice; Close gives the card back
	OpenRinger func() (hal.PCM, error) // the card while there is no call: rings and tones; nil: none are heard
	Keypad     hal.Keypad
	Display    hal.Display
	Lamp       hal.Indicator
	Mixer      hal.Mixer
}

// Contact is somebody whom the configuration adds to the phone book.
type Contact struct{ Name, URI string }

// Config is what a phone is made of.
type Config struct {
	Name     string             // told to those whom we call
	Listen   netip.AddrPort     // signaling; media uses the same address. Without address: that of the link, from Network
	Network  <-chan link.Status // nil: Listen is up and stays so
	Running  call.Running       // what is running; without a hash, that of the program is taken
	Guide    bool               // at the first start, ask for language, PIN and account
	Link     Link
	Notices  []string        // what is wrong with this telephone, for the screen that says what is running
	Alive    func()          // nil, or to be called every few seconds as long as the loop turns
	State    string          // folder for everything that must survive
	PIN      string          // opens the memory at start, and becomes its PIN when there is none; empty: a person types it
	Accounts []sipua.Account // at registrars; the first takes plain numbers
	Closed   bool            // to everybody but the accounts' servers, when there is an account
	Reach    Reach
	Onion    *Onion    // nil: without Tor
	Contacts []Contact // the first sits on speed dial 2
	Ptime    int       // milliseconds of speech in a packet; 0 is 20
	Ordinary bool      // ask for no real-time scheduling
	Devices  Devices
	Observe  func(Note) // may be nil; called by the loop

	SetClock func(time.Time) error // sets the clock; nil: it is not ours to set
	Floor    time.Time             // of the clock: no time before it is believed

	SetUp  <-chan []byte // the owner's set-up files, as they are found; nil: none
	Owners update.Policy // whose signatures a set-up file needs

	About func(context.Context, *call.Running) // fills in slot, image and signer; nil: the program hashes itself
}

// phone is the state of the loop. Only the loop's goroutine touches it.
type phone struct {
	cfg     Config
	line    *sipua.UA
	safe    *phonebook.Safe
	book    *phonebook.Book // nil while locked
	machine *call.Machine
	actions []call.Action
	pending []call.Event // to be handled after the one in hand

	results  chan func()        // of work in the background, to be run by the loop
	writes   chan func() func() // to the medium, in order; what they return is a result
	written  chan struct{}      // closed when the last of them is done
	quit     chan struct{}      // closed by stop
	accounts map[string]bool    // by name: registered
	calls    int                // since start
	current  signaling.CallID   // 0: none
	incoming *signaling.Incoming
	early    *gathering // for the incoming call; nil: none
	voice    *voice
	other    talk             // the call that waits or is held
	waiting  signaling.CallID // the incoming call of the event that is being handled
	card     card             // sound, shared by both calls
	mailbox  map[string]signaling.Messages
	pairing  pairing        // agreed in person, for the next call
	own      stored         // of the owner
	given    given          // of the configuration
	zone     *time.Location // nil: the system's
	stale    bool           // the accounts are others than those of the line
	away     bool           // the line's address is gone, and a call waits for it or another
	refused  call.Cause     // what a registrar said last; empty: nothing bad
	told     time.Time      // when the machine was last told how the voice arrives
	voices   chan voiceEvent
	notes    []Note // to be reported when the screen is drawn
	tor      tor
	texts    texts
	setUp    setUp
	clock    asked
	running  call.Running
	ringer   ringer
	radio    radio
	ringing  bool
	lamp     bool
	screen   ui.Renderer
}

// given is what the configuration says and the owner's settings add to.
type given struct {
	accounts  []sipua.Account
	servers   []nat.Server
	relayOnly bool
	closed    bool
}

// Run is a telephone until ctx is done or a part fails that it cannot do without.
func Run(ctx context.Context, cfg Config) error {
	lean()
	p, err := start(cfg)
	if err != nil {
		return err
	}
	defer p.stop()
	keys := make(chan hal.KeyEvent)
	failed := make(chan error, 1)
	go readKeys(ctx, cfg.Devices.Keypad, keys, failed)
	p.note(Note{Event: "ready"})
	return p.loop(ctx, keys, failed)
}

// start opens what can fail, before anything is shown.
func start(cfg Config) (*phone, error) {
	if cfg.Ptime == 0 {
		cfg.Ptime = 20
	}
	p := &phone{cfg: cfg, voices: make(chan voiceEvent, 64), results: make(chan func()), writes: make(chan func() func(), 64),
		written: make(chan struct{}), quit: make(chan struct{}), accounts: map[string]bool{}}
	if err := p.openBook(); err != nil {
		p.closeBook()
		return nil, err
	}
	p.openBox()
	p.given = given{cfg.Accounts, cfg.Reach.Servers, cfg.Reach.RelayOnly, cfg.Closed}
	known := p.load()
	p.reach()
	p.stale = false // the line is not open yet
	if cfg.Listen.Addr().IsValid() {
		if err := p.openLine(cfg.Listen); err != nil {
			p.closeBook()
			return nil, err
		}
	}
	if err := p.openTor(); err != nil {
		p.tor.close()
		if p.line != nil {
			p.line.Close()
		}
		p.closeBook()
		return nil, err
	}
	p.ringer.open = cfg.Devices.OpenRinger
	p.machine = call.New(call.Config{Name: cfg.Name, Settings: p.own.Settings, Setup: p.own.Setup, Able: p.able(),
		Closed: p.book == nil, HasPIN: p.safe.HasPIN(), First: cfg.Guide && p.book != nil && !known})
	go p.write()
	return p, nil
}

// stop says goodbye to the peer and closes everything.
func (p *phone) stop() {
	close(p.quit)
	for range 2 {
		if p.current != 0 {
			p.on(p.current).Hangup(p.current, signaling.HungUp)
		}
		p.stopVoice()
		p.exchange()
	}
	if p.early != nil {
		p.early.agent.Close()
	}
	p.ringer.stop()
	if p.line != nil {
		p.line.Close()
	}
	p.tor.close()
	close(p.writes)
	<-p.written
	p.closeBook()
	p.report()
}

// loop owns the machine.
func (p *phone) loop(ctx context.Context, keys <-chan hal.KeyEvent, failed <-chan error) error {
	p.begin()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p.tellStats()
		p.leaveLine()
		p.renewLine()
		p.readSetUp()
		p.askClock()
		p.postMessages()
		p.draw()
		timer.Reset(p.sleep())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case k := <-keys:
			if ev, ok := ui.Translate(k, p.machine.Snapshot()); ok {
				p.handle(ev)
			}
		case ev := <-p.lineEvents():
			if !p.textEvent(ev, false) {
				p.lineEvent(ev)
			}
		case ev := <-p.tor.events():
			if !p.textEvent(ev, true) {
				p.lineEvent(ev)
			}
		case s := <-p.tor.changes():
			p.torStatus(s)
		case then := <-p.results:
			then()
		case file := <-p.cfg.SetUp:
			p.setUp = setUp{file: file}
		case s := <-p.cfg.Network:
			p.network(s)
		case ev := <-p.voices:
			p.voiceEvent(ev)
		case <-timer.C:
			p.handle(call.Tick{})
		}
	}
}

// begin tells the machine what it cannot know.
func (p *phone) begin() {
	p.handle(call.Tick{})
	p.showBook()
	p.showMessages()
	p.tellNetwork()
	p.measure()
}

// pulse is how often a loop with nothing to do says that it is alive.
const pulse = 2 * time.Second

// sleep is how long the machine has nothing to do.
func (p *phone) sleep() time.Duration {
	longest := p.messagesDue(time.Hour)
	if p.cfg.Alive != nil {
		p.cfg.Alive()
		longest = min(longest, pulse)
	}
	if d := p.machine.Deadline(); !d.IsZero() {
		return min(max(time.Until(d), 0), longest)
	}
	return longest
}

// handle gives one event to the machine and does what it says.
func (p *phone) handle(ev call.Event) {
	p.later(ev)
	for len(p.pending) > 0 {
		ev, p.pending = p.pending[0], p.pending[1:]
		p.actions = p.machine.Handle(p.actions[:0], ev, p.now())
		for _, a := range p.actions {
			p.do(a)
		}
	}
}

// draw shows what changed.
func (p *phone) draw() {
	s := p.machine.Snapshot()
	d := p.cfg.Devices.Display
	if damage := p.screen.Render(d.Frame(), s); !damage.Empty() {
		d.Show(damage)
		if p.cfg.Observe != nil {
			p.notes = slices.Insert(p.notes, 0, Note{T: Stamp(now()), Event: "screen", Text: ui.Text(s)})
		}
	}
	if s.Lamp != p.lamp && p.cfg.Devices.Lamp != nil {
		p.cfg.Devices.Lamp.Set(s.Lamp)
	}
	p.lamp = s.Lamp
	p.report()
}

// readKeys passes the keypad's events on until ctx is done.
func readKeys(ctx context.Context, pad hal.Keypad, keys chan<- hal.KeyEvent, failed chan<- error) {
	for {
		k, err := pad.NextKey(ctx)
		if err != nil {
			if ctx.Err() == nil {
				failed <- fmt.Errorf("phone: keypad: %w", err)
			}
			return
		}
		select {
		case keys <- k:
		case <-ctx.Done():
			return
		}
	}
}
