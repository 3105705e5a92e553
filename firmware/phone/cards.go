package phone

import (
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/media"
	"sotto/firmware/phonebook"
	"sotto/net/onion"
	"sotto/net/signaling/sipua"
	"sotto/zrtp"
)

// Of the exchange of cards.
const (
	cardEvery  = 500 * time.Millisecond
	cardLimit  = 2 * time.Minute // for the other person to want it as well
	cardEchoes = 6               // more of our cards once both have all: the last of the peer's may wait for one
)

// cards is the exchange of cards in one call. A card goes out only when our user asks for it, in a call whose code was
// compared, and the peer's is kept only then: both must want it.
type cards struct {
	box     atomic.Pointer[cardBox] // nil before keys are agreed
	contact string                  // whom the peer is kept as; empty: nobody has asked for it
	key     onion.ClientKey         // ours to call the peer
	theirs  businessCard            // the peer's; zero: none came
	kept    bool
	once    sync.Once
	quit    chan struct{}

	mu   sync.Mutex
	ours businessCard // to be sent
	done int          // cards sent since both had all
}

func newCards() *cards { return &cards{quit: make(chan struct{})} }

func (c *cards) close() {
	c.once.Do(func() { close(c.quit) })
	clear(c.key[:])
}

// cardPath takes cards out of what comes over the media's path.
type cardPath struct {
	media.Transport
	take func(packet []byte)
}

// ReadPacket implements media.Transport.
func (w cardPath) ReadPacket(dst []byte) (int, error) {
	for {
		n, err := w.Transport.ReadPacket(dst)
		if err != nil || n == 0 || dst[0] != cardMark {
			return n, err
		}
		w.take(dst[:n])
	}
}

// Close implements io.Closer where the transport does.
func (w cardPath) Close() error {
	if c, ok := w.Transport.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// withCards puts the exchange of cards before the path of a call's media.
func (p *phone) withCards(v *voice, path media.Transport) media.Transport {
	if p.tor.service == nil || path == nil {
		return path
	}
	v.cards, v.path = newCards(), path
	return cardPath{path, func(packet []byte) {
		box := v.cards.box.Load()
		if box == nil {
			return
		}
		card, err := box.open(packet)
		if err != nil {
			return
		}
		select {
		case p.results <- func() { p.cardCame(v, card) }:
		default: // the loop is busy; the peer sends it again
		}
	}}
}

// openCards gets the key of the cards once the call is secure.
func (v *voice) openCards(initiator bool) {
	if v.cards == nil {
		return
	}
	c := v.cards
	v.call.Export(cardLabel, cardKey, func(key zrtp.Secret) {
		if box, err := newCardBox(key, initiator); err == nil {
			c.box.Store(box)
		}
	})
}

// giveCard sends our card to the peer of the current call, whose code was compared, and makes it a contact if it is none.
func (p *phone) giveCard() {
	v, book := p.voice, p.book
	if v == nil || v.cards == nil || !v.compared || book == nil || v.cards.contact != "" {
		return
	}
	if c, ok := p.contactAt(v.address, hostOf(v.address)); ok {
		p.sendCard(v, c.ID)
		return
	}
	name := v.name
	if name == "" {
		name = v.address
	}
	contact := phonebook.Contact{Name: name, Address: v.address}
	p.remember(func(b *phonebook.Book) (err error) {
		if contact, err = b.SaveContact(contact); err == nil {
			err = b.Met(v.address, v.zid)
		}
		return err
	})
	p.afterBook(func() { p.sendCard(v, contact.ID) })
}

// sendCard begins the exchange.
func (p *phone) sendCard(v *voice, contact string) {
	if contact == "" || v != p.voice && v != p.other.voice {
		return
	}
	c := v.cards
	key, err := onion.NewClientKey(rand.Reader)
	if err != nil {
		return
	}
	c.contact, c.key = contact, key
	c.mu.Lock()
	c.ours = businessCard{is: true, address: p.tor.seed.Address(), client: key.ID()}
	c.mu.Unlock()
	p.note(Note{Event: "card", Call: v.number, Text: "given"})
	go v.sendCards()
	p.keepCard(v)
}

// sendCards repeats our card until the peer has it and we have the peer's.
func (v *voice) sendCards() {
	c := v.cards
	end := time.After(cardLimit)
	tick := time.NewTicker(cardEvery)
	defer tick.Stop()
	for {
		c.mu.Lock()
		card, over := c.ours, c.done > cardEchoes
		if c.done > 0 {
			c.done++
		}
		c.mu.Unlock()
		if over {
			return
		}
		if box := c.box.Load(); box != nil {
			_ = v.path.WritePacket(box.seal(card)) // a packet that is lost is sent again
		}
		select {
		case <-tick.C:
		case <-end:
			return
		case <-c.quit:
			return
		}
	}
}

// cardCame takes in a card of the peer.
func (p *phone) cardCame(v *voice, card businessCard) {
	c := v.cards
	if v != p.voice && v != p.other.voice || !card.is {
		return
	}
	if !c.theirs.is {
		p.note(Note{Event: "card", Call: v.number, Text: "offered"})
		if c.contact == "" {
			p.tell(v, call.Alert{Why: "card"})
		}
	}
	c.theirs = card
	p.keepCard(v)
	c.mu.Lock()
	if card.got && c.ours.got && c.done == 0 {
		c.done = 1
	}
	c.mu.Unlock()
}

// keepCard writes the peer's card into the book, once there is one and our user wants it.
func (p *phone) keepCard(v *voice) {
	c := v.cards
	if c.kept || c.contact == "" || !c.theirs.is {
		return
	}
	c.kept = true
	id, o := c.contact, phonebook.Onion{Address: c.theirs.address.String(), Key: phonebook.Key(c.key.Secret()), Client: c.theirs.client.String()}
	p.remember(func(b *phonebook.Book) error { return keepOnion(b, id, o) })
	p.afterBook(func() {
		c.mu.Lock()
		c.ours.got = true
		c.mu.Unlock()
		p.heedClients()
		p.note(Note{Event: "card", Call: v.number, Text: "kept"})
		p.tell(v, call.Alert{})
	})
}

// keepOnion writes it. A contact that has no address but the one that stood for a caller over Tor gets the onion's.
func keepOnion(b *phonebook.Book, id string, o phonebook.Onion) error {
	if err := b.SetOnion(id, o); err != nil {
		return err
	}
	for _, c := range b.Contacts() {
		if host := hostOf(c.Address); c.ID == id && (c.Address == "" || sipua.IsOnionHost(host) && host != o.Address) {
			c.Address = "sip:handset@" + o.Address
			_, err := b.SaveContact(c)
			return err
		}
	}
	return nil
}

// afterBook lets the loop do something once all that was to be remembered is on the medium.
func (p *phone) afterBook(then func()) {
	select {
	case p.writes <- func() func() { return then }:
	default: // a medium that hangs: remember has said so
	}
}

// revoke takes a contact's way over Tor: neither can call the other so any more.
func (p *phone) revoke(contact string) {
	p.remember(func(b *phonebook.Book) error { return b.SetOnion(contact, phonebook.Onion{}) })
	p.afterBook(p.heedClients)
}

// invite makes a key with which a contact can call us over Tor, and shows it with our address. Who has both can find us:
// they are to be handed over in person.
func (p *phone) invite(contact string) {
	service, book := p.tor.service, p.book
	key, err := onion.NewClientKey(rand.Reader)
	if service == nil || book == nil || err != nil {
		return
	}
	address := "sip:handset@" + service.Address().String() + ";key=" + strings.ToLower(key.Secret())
	p.remember(func(b *phonebook.Book) error {
		for _, c := range b.Contacts() {
			if c.ID == contact {
				c.Onion.Client = key.ID().String()
				return b.SetOnion(contact, c.Onion)
			}
		}
		return phonebook.ErrNoContact
	})
	p.afterBook(func() {
		p.heedClients()
		p.handle(call.Invitation{Address: address})
	})
}
