package phone

import (
	"errors"
	"fmt"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/phonebook"
	"sotto/zrtp"
)

// ErrPIN tells that the PIN of the configuration does not open the telephone.
var ErrPIN = errors.New("phone: wrong PIN")

// openBook opens the sealed memory. Without a PIN it is open at once; with one, the configuration's PIN opens it, or a
// person does later.
func (p *phone) openBook() error {
	safe, err := phonebook.OpenSafe(p.cfg.State)
	if err != nil {
		return err
	}
	p.safe = safe
	if p.cfg.PIN != "" && !safe.HasPIN() {
		if err := safe.ChangePIN("", p.cfg.PIN); err != nil {
			return err
		}
	}
	if safe.HasPIN() && p.cfg.PIN == "" {
		return nil
	}
	pin := p.cfg.PIN
	if !safe.HasPIN() {
		pin = ""
	}
	if p.book, err = safe.Unlock(pin, now()); err != nil {
		return fmt.Errorf("%w: %v", ErrPIN, err)
	}
	return p.addContacts()
}

// closeBook gives the folder free.
func (p *phone) closeBook() {
	if p.safe != nil {
		p.safe.Close()
	}
}

// addContacts writes the configuration's contacts into the book: a name that is there keeps its device.
func (p *phone) addContacts() error {
	for i, c := range p.cfg.Contacts {
		speed := 0
		if i < 8 {
			speed = i + 2
		}
		if _, err := p.book.Provision(c.Name, c.URI, speed); err != nil {
			return fmt.Errorf("contact %s: %w", c.Name, err)
		}
	}
	return nil
}

// remember changes the book on a goroutine of its own, in order, so that the loop never waits for the medium, and then
// shows what it holds.
func (p *phone) remember(change func(*phonebook.Book) error) {
	book := p.book
	if book == nil {
		return
	}
	work := func() func() {
		err := change(book)
		return func() {
			if err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
				p.handle(call.Alert{Why: "not stored"})
			}
			p.showBook()
			p.showMessages() // names and trust are the book's
		}
	}
	select {
	case p.writes <- work:
	default: // a medium that hangs must not stop a call
		p.note(Note{Event: "alert", Why: "phone: the medium is too slow"})
	}
}

// write is the goroutine that waits for the medium. It ends when writes is closed, and not before everything in it is kept.
func (p *phone) write() {
	defer close(p.written)
	for work := range p.writes {
		then := work()
		select {
		case p.results <- then:
		case <-p.quit:
		}
	}
}

// showBook gives contacts and log to the machine.
func (p *phone) showBook() {
	if p.book == nil {
		return
	}
	var contacts []call.Contact
	for _, c := range p.book.Contacts() {
		contacts = append(contacts, call.Contact{ID: c.ID, Name: c.Name, Address: c.Address, Speed: c.Speed,
			Trust: p.trustOf(c), Device: c.Device != "", Number: p.book.SafetyNumber(c.ID),
			Always: c.Always, Intercom: c.Intercom, Route: c.Route, Onion: c.Onion.Address != "", Tor: c.Onion.Client != ""})
	}
	p.handle(call.ContactsChanged{Contacts: contacts})
	var log []call.Entry
	for _, c := range p.book.Calls() {
		log = append(log, call.Entry{When: c.When, Peer: call.Party{Name: c.Name, Address: c.Address},
			Contact: p.book.ContactAt(c.Address), Incoming: c.Incoming,
			Answered: c.Answered, Missed: c.Missed, Talked: c.Talked, Cause: call.Cause(c.Cause), Trust: call.Trust(c.Trust),
			Alarm: call.AlarmKind(c.Alarm)})
	}
	p.handle(call.LogChanged{Entries: log})
}

func (p *phone) trustOf(c phonebook.Contact) call.Trust {
	switch called, checked, broken := p.book.TrustOf(c); {
	case broken:
		return call.Broken
	case checked:
		return call.Checked
	case called:
		return call.Known
	}
	return call.Unknown
}

// doMemory carries out what concerns the book and its lock.
func (p *phone) doMemory(a call.Action) {
	if p.doMessages(a) || p.doSetUp(a) {
		return
	}
	switch a := a.(type) {
	case call.LogCall:
		e := a.Entry
		p.remember(func(b *phonebook.Book) error {
			return b.AddCall(phonebook.Call{When: e.When, Name: e.Peer.Name, Address: e.Peer.Address, Incoming: e.Incoming,
				Answered: e.Answered, Missed: e.Missed, Talked: e.Talked, Cause: string(e.Cause), Trust: uint8(e.Trust),
				Alarm: uint8(e.Alarm)})
		})
		p.forgetCalls()
	case call.SaveContact:
		c, met := a.Contact, func(*phonebook.Book) error { return nil }
		if v := p.voice; v != nil && v.secure {
			address, zid := v.address, v.zid // a name that is given during a call belongs to this device
			met = func(b *phonebook.Book) error { return b.Met(address, zid) }
		}
		p.remember(func(b *phonebook.Book) error {
			_, err := b.SaveContact(phonebook.Contact{ID: c.ID, Name: c.Name, Address: c.Address, Speed: c.Speed,
				Always: c.Always, Intercom: c.Intercom})
			if err == nil {
				err = met(b)
			}
			return err
		})
	case call.Invite:
		p.invite(a.ID)
	case call.Revoke:
		p.revoke(a.ID)
	case call.GiveCard:
		p.giveCard()
	case call.SetRoute:
		p.remember(func(b *phonebook.Book) error { return b.SetRoute(a.ID, a.Route) })
	case call.Block:
		p.remember(func(b *phonebook.Book) error { return b.Block(a.Address, true) })
	case call.LookAround:
		p.lookAround()
	case call.SelfTest:
		p.selfTest()
	case call.DeleteContact:
		p.remember(func(b *phonebook.Book) error { return b.DeleteContact(a.ID) })
	case call.Unverify:
		p.remember(func(b *phonebook.Book) error { return b.Unverify(a.ID) })
	case call.SaveSettings:
		p.saveSettings(a.Settings)
	case call.SaveSetup:
		p.saveSetup(a.Setup)
	case call.Lock:
		p.lock()
	case call.CheckPIN:
		p.unlock(a.PIN)
	case call.ChangePIN:
		p.changePIN(func() error { return p.safe.ChangePIN(a.Old, a.New) })
	case call.SetDuress:
		p.changePIN(func() error { return p.safe.SetDuress(a.PIN, a.Duress) })
	case call.SetEraseAfter:
		p.changePIN(func() error { return p.safe.SetEraseAfter(a.PIN, uint8(a.Wrong)) })
	}
}

// lock wipes the key and the book from memory.
func (p *phone) lock() {
	if p.book != nil {
		p.closeBox()
		p.safe.Lock(p.book)
		p.book = nil
		p.setUp = setUp{file: p.setUp.file} // what was read of it holds passwords; it is read again
	}
	p.later(call.Locked{})
}

// unlock tries a PIN; that takes as long as a guess is meant to take.
func (p *phone) unlock(pin string) {
	p.writes <- func() func() {
		book, err := p.safe.Unlock(pin, time.Now())
		wait, left := p.safe.Tries(err, time.Now())
		return func() {
			if err == nil {
				p.book = book
				p.openBox()
				defer p.showMessages()
				p.load()
				if err := p.openTor(); err != nil {
					p.note(Note{Event: "alert", Why: err.Error()})
				}
				p.reach()
				p.handle(call.SettingsChanged{Settings: p.own.Settings})
				p.handle(call.SetupChanged{Setup: p.own.Setup, Able: p.able()})
				p.showBook()
			}
			p.handle(call.PINChecked{OK: err == nil, Wait: wait, Left: left})
		}
	}
}

// changePIN does what takes a PIN and says whether it was the right one.
func (p *phone) changePIN(change func() error) {
	p.writes <- func() func() {
		err := change()
		return func() { p.handle(call.PINChanged{OK: err == nil}) }
	}
}

// identity is who we are in a call, and where its secrets are kept. A locked telephone has neither: it answers as a new
// device, which the peer is told, and remembers nothing.
func (p *phone) identity(random func([]byte) (int, error)) (zid zrtp.ZID, cache zrtp.SecretCache, err error) {
	if p.book != nil {
		return p.book.ZID(), p.book, nil
	}
	_, err = random(zid[:])
	return zid, nil, err
}

// judge looks the device at the other end up, before this call changes what is known of it.
func (p *phone) judge(v *voice, zid zrtp.ZID) {
	v.zid = zid
	if p.book != nil {
		v.judgement = p.book.Judge(v.address, zid)
	}
}
