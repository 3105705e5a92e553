package phone

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/messages"
	"sotto/firmware/phonebook"
	"sotto/net/onion"
	"sotto/net/signaling"
	"sotto/zrtp"
)

// Text messages: the box seals and keeps them, the line carries them, and only calls bring keys. Neither text nor address
// nor time is ever noted.

const (
	textType  = "application/vnd.sotto.message"
	textLabel = "sotto message 1"
	textHost  = "handset" // user part over Tor, as in calls

	mediumPause = 10 * time.Second
)

// bookStore keeps the box in the sealed book.
type bookStore struct{ book *phonebook.Book }

// Save implements messages.Store.
func (s bookStore) Save(content []byte) error { return s.book.SetMessages(content) }

// texts is what the phone keeps of messages.
type texts struct {
	box  *messages.Box // nil while locked
	busy bool          // the writer is asking for what is due
	rest time.Time     // after the medium failed: nothing is asked for before
	sent map[textKey]messages.Packet
}

// textKey names a text on one of the two lines.
type textKey struct {
	tor bool
	id  signaling.TextID
}

// openBox reads the messages of the book that was opened.
func (p *phone) openBox() {
	p.texts = texts{sent: map[textKey]messages.Packet{}}
	if p.book == nil {
		return
	}
	box, err := messages.Open(bookStore{p.book}, p.book.Messages(), p.book.ZID().String(), rand.Reader)
	if err != nil {
		p.note(Note{Event: "alert", Why: err.Error()})
		return
	}
	p.texts.box = box
}

// closeBox wipes it.
func (p *phone) closeBox() {
	if p.texts.box != nil {
		p.texts.box.Close()
	}
	p.texts = texts{sent: map[textKey]messages.Packet{}}
}

// withBox works on the box on the writer's goroutine, and then on the loop with what came of it.
func (p *phone) withBox(work func(*messages.Box) error, then func(error)) {
	box := p.texts.box
	if box == nil {
		return
	}
	job := func() func() {
		err := work(box)
		return func() {
			if box != p.texts.box { // locked meanwhile
				return
			}
			then(err)
			p.showMessages()
		}
	}
	select {
	case p.writes <- job:
	default:
		then(errors.New("phone: the medium is too slow"))
	}
}

// quietly is for what comes again by itself when it failed.
func (p *phone) quietly(err error) {
	if err != nil {
		p.note(Note{Event: "alert", Why: err.Error()})
	}
}

// seedMessages takes the key of a call that gave no alarm; of one that did, once the code was compared.
func (p *phone) seedMessages(v *voice, initiator, alarm bool) {
	if p.texts.box == nil {
		return
	}
	v.call.Export(textLabel, 32, func(key zrtp.Secret) {
		seed := zrtp.Secret(slices.Clone(key))
		go func() { // not the call's goroutine: it must not wait for the loop
			select {
			case p.results <- func() {
				v.seed, v.initiator = seed, initiator
				if !alarm {
					p.useSeed(v)
				}
			}:
			case <-p.quit:
				seed.Wipe()
			}
		}()
	})
}

// useSeed begins a session with the device of a call.
func (p *phone) useSeed(v *voice) {
	if v.seed == nil {
		return
	}
	device, seed := v.zid.String(), v.seed
	v.seed = nil
	if p.texts.box == nil {
		seed.Wipe()
		return
	}
	p.withBox(func(b *messages.Box) error {
		defer seed.Wipe()
		return b.Seed(device, seed, v.initiator, now())
	}, p.quietly)
}

// comparedMessages is told how comparing the code ended.
func (p *phone) comparedMessages(v *voice, right bool) {
	if right {
		p.useSeed(v)
		return
	}
	v.seed.Wipe()
	v.seed = nil
	device := v.zid.String()
	p.withBox(func(b *messages.Box) error { return b.Cut(device) }, p.quietly)
}

// wakeMessages has what waits tried now: somebody, or with "" the network, is back.
func (p *phone) wakeMessages(device string) {
	p.withBox(func(b *messages.Box) error { return b.Wake(device, now()) }, p.quietly)
}

// postMessages sends what is due. The loop calls it each time round.
func (p *phone) postMessages() {
	t := &p.texts
	if t.box == nil || t.busy {
		return
	}
	if d := t.box.Deadline(); d.IsZero() || d.After(now()) || t.rest.After(now()) {
		return
	}
	t.busy = true
	var due []messages.Packet
	p.withBox(func(b *messages.Box) (err error) { due, err = b.Due(now()); return err }, func(err error) {
		t.busy = false
		if err != nil {
			t.rest = now().Add(mediumPause)
		}
		p.quietly(err)
		for _, packet := range due {
			p.sendMessage(packet)
		}
	})
}

// messagesDue is how long there is nothing to send.
func (p *phone) messagesDue(longest time.Duration) time.Duration {
	if p.texts.box == nil || p.texts.busy {
		return longest
	}
	if d := p.texts.box.Deadline(); !d.IsZero() {
		if p.texts.rest.After(d) {
			d = p.texts.rest
		}
		return min(max(time.Until(d), 0), longest)
	}
	return longest
}

// sendMessage gives a packet to the line that a call to that contact would take.
func (p *phone) sendMessage(packet messages.Packet) {
	i, contacts := -1, []phonebook.Contact(nil)
	if p.book != nil {
		contacts = p.book.Contacts()
		i = slices.IndexFunc(contacts, func(c phonebook.Contact) bool { return c.Device == packet.Device })
	}
	if i < 0 {
		p.messageSent(packet, messages.Later) // nobody's device any more, or not yet
		return
	}
	to := contacts[i].Address
	if target, _, ok := p.onionOf(to); ok {
		p.sendOnion(target, packet)
		return
	}
	if p.line == nil {
		p.messageSent(packet, messages.Later)
		return
	}
	id := p.line.SendText(signaling.Text{To: to, Account: p.accountFor(to), ContentType: textType, Body: packet.Body})
	p.texts.sent[textKey{false, id}] = packet
}

// sendOnion opens a stream and sends a packet over it. Nothing goes another way.
func (p *phone) sendOnion(target onion.Target, packet messages.Packet) {
	if p.tor.line == nil || target.Address == (onion.Address{}) {
		p.messageSent(packet, messages.Later)
		return
	}
	target.Circuit = fmt.Sprintf("text%x", packet.Body[:4])
	p.torWork(p.cfg.Onion.Patience, func(ctx context.Context) func() {
		conn, err := p.tor.child.Dial(ctx, target)
		return func() {
			if err != nil || p.tor.line == nil {
				if conn != nil {
					conn.Close()
				}
				p.messageSent(packet, messages.Later)
				return
			}
			p.tor.line.Inject(conn, target.Address.String())
			to := "sip:" + textHost + "@" + target.Address.String() + ";transport=tcp"
			id := p.tor.line.SendText(signaling.Text{To: to, ContentType: textType, Body: packet.Body})
			p.texts.sent[textKey{true, id}] = packet
		}
	})
}

// messageSent tells the box.
func (p *phone) messageSent(packet messages.Packet, o messages.Outcome) {
	p.withBox(func(b *messages.Box) error { return b.Sent(packet.Device, packet.ID, o, now()) }, p.quietly)
}

// textEvent takes the line's events of texts; false: it is another.
func (p *phone) textEvent(ev signaling.Event, tor bool) bool {
	switch ev := ev.(type) {
	case signaling.TextSent:
		key := textKey{tor, ev.Text}
		if packet, ok := p.texts.sent[key]; ok {
			delete(p.texts.sent, key)
			p.messageSent(packet, outcomeOf(ev.Cause))
		}
	case signaling.TextReceived:
		p.textCame(ev, tor)
	default:
		return false
	}
	return true
}

// outcomeOf is what a cause of the line means to a text.
func outcomeOf(c signaling.Cause) messages.Outcome {
	switch c {
	case signaling.NoCause:
		return messages.Accepted
	case signaling.NotAcceptable:
		return messages.Unknown
	case signaling.Declined, signaling.BadAddress:
		return messages.Denied
	}
	return messages.Later
}

// textCame opens a packet, whoever it says it is from, and answers once it is kept.
func (p *phone) textCame(ev signaling.TextReceived, tor bool) {
	line := p.line
	if tor {
		line = p.tor.line
	}
	answer := func(c signaling.Cause) {
		if line != nil {
			line.AnswerText(ev.Text, c)
		}
	}
	if p.texts.box == nil {
		answer(signaling.Busy) // locked: it comes again
		return
	}
	if p.book.Blocked(ev.From.URI) {
		answer(signaling.Busy)
		return
	}
	var came messages.Arrived
	p.withBox(func(b *messages.Box) (err error) {
		if came, err = b.Take(ev.Body, now()); err == nil {
			err = b.Wake(came.Device, now())
		}
		return err
	}, func(err error) {
		switch {
		case errors.Is(err, messages.ErrForeign):
			answer(signaling.NotAcceptable)
		case err != nil:
			p.quietly(err)
			answer(signaling.Busy)
		default:
			answer(signaling.NoCause)
		}
		if came.New && err == nil {
			p.note(Note{Event: "message"})
			name, _ := p.ownerOf(came.Device)
			p.showMessages()
			p.handle(call.MessageCame{Name: name.Name})
		}
		if came.Receipt {
			p.note(Note{Event: "delivered"})
		}
	})
}

// ownerOf is the contact that a device belongs to.
func (p *phone) ownerOf(device string) (c phonebook.Contact, ok bool) {
	if p.book == nil {
		return c, false
	}
	for _, c := range p.book.Contacts() {
		if c.Device == device {
			return c, true
		}
	}
	return c, false
}

// showMessages gives the threads to the machine.
func (p *phone) showMessages() {
	if p.texts.box == nil {
		return
	}
	var all []call.Thread
	for _, t := range p.texts.box.Threads() {
		o := call.Thread{Device: t.Device, Key: t.Key, Vanish: t.Vanish, Unread: t.Unread}
		if c, ok := p.ownerOf(t.Device); ok {
			o.Name, o.Contact, o.Trust = c.Name, c.ID, p.trustOf(c)
		}
		for _, m := range t.Messages {
			o.Messages = append(o.Messages, call.Message{ID: m.ID, Text: m.Text, When: m.When, State: call.MessageState(m.State), Cause: m.Cause})
		}
		all = append(all, o)
	}
	p.handle(call.MessagesChanged{Threads: all})
}

// doMessages carries out what concerns texts; false: another action.
func (p *phone) doMessages(a call.Action) bool {
	switch a := a.(type) {
	case call.WriteMessage:
		p.withBox(func(b *messages.Box) error { return b.Write(a.Device, a.Text, now()) }, func(err error) {
			switch {
			case errors.Is(err, messages.ErrNoKey):
				p.later(call.MessageRefused{Why: "no key"})
			case errors.Is(err, messages.ErrFull):
				p.later(call.MessageRefused{Why: "full"})
			case err != nil:
				p.later(call.MessageRefused{Why: "not stored"})
			}
		})
	case call.ReadThread:
		p.withBox(func(b *messages.Box) error { return b.Read(a.Device, now()) }, p.quietly)
	case call.ClearMessages:
		p.withBox(func(b *messages.Box) error { return b.Clear(a.Device, a.ID) }, p.quietly)
	case call.SetVanish:
		p.withBox(func(b *messages.Box) error { return b.SetVanish(a.Device, a.Seconds) }, p.quietly)
	default:
		return false
	}
	return true
}
