package phone

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sotto/firmware/phonebook"
	"sotto/net/onion"
	"sotto/net/onion/bundle"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
)

// Onion makes the telephone reachable under an onion address of its own, and lets it call those of others.
type Onion struct {
	Tor      onion.Config                      // an empty Dir: below Config.State
	Route    string                            // of calls to contacts that have none: torDirect, torRelay or torAll, which is the default
	Seed     *onion.Seed                       // of our address; nil: the one that the book keeps
	Open     bool                              // whoever knows our address may call; else contacts with a key and Clients
	Clients  []onion.ClientID                  // may call besides the contacts
	Keys     map[onion.Address]onion.ClientKey // to call others besides the contacts'
	Patience time.Duration                     // of a dial; 0: a minute
}

// Routes over Tor: all of them carry the signaling to an onion address.
const (
	torDirect = "tor-direct" // media by ICE: the peer learns our address
	torRelay  = "tor-relay"  // media by a TURN server: the peer learns the server's
	torAll    = "tor"        // media over Tor as well
)

// Ports of our service. Nobody but a handset of ours dials them.
const (
	onionSIP   = 5060
	onionMedia = 5004
)

// dialPatience is how long a dial over Tor may take, unless the configuration says otherwise.
const dialPatience = time.Minute

// tor is the telephone's Tor and what hangs on it. The zero value is a telephone without.
type tor struct {
	child   *onion.Tor
	service *onion.Service
	line    *sipua.UA // over onion streams; nil as long as the book is locked
	gate    *bundle.Gate
	seed    onion.Seed
	status  onion.Status
	trouble string // why there is none
}

// ValidRoute tells whether a route over Tor has that name.
func ValidRoute(route string) bool { return route == torDirect || route == torRelay || route == torAll }

// openTor starts Tor and our service, once the book can be read: in it is how the owner wants Tor to be entered, and a Tor
// that started before could have gone another way.
func (p *phone) openTor() error {
	o := p.cfg.Onion
	if o == nil || p.book == nil && o.Seed == nil {
		return nil
	}
	if p.tor.child != nil {
		return p.serveOnion()
	}
	if o.Route == "" {
		o.Route = torAll
	}
	if o.Patience == 0 {
		o.Patience = dialPatience
	}
	c := o.Tor
	if c.Dir == "" {
		dir, err := filepath.Abs(filepath.Join(p.cfg.State, "tor"))
		if err != nil {
			return fmt.Errorf("phone: %w", err)
		}
		c.Dir = dir
	}
	own := p.own.Setup
	c.Amnesic = c.Amnesic || own.Forgetful
	if own.Bridge != "" {
		c.Bridges = append(slices.Clone(c.Bridges), own.Bridge)
	}
	child, err := onion.Start(c)
	if err != nil && own.Bridge != "" { // the telephone must start, so that this can be mended; Tor must not go another way
		p.note(Note{Event: "alert", Why: err.Error()})
		p.tor.trouble = "Tor cannot use the bridge"
		return nil
	}
	if err != nil {
		return err
	}
	p.tor.child = child
	return p.serveOnion()
}

// serveOnion opens our onion service, once the seed can be read.
func (p *phone) serveOnion() error {
	o, t := p.cfg.Onion, &p.tor
	if t.child == nil || t.service != nil || p.book == nil && o.Seed == nil {
		return nil
	}
	if o.Seed != nil {
		t.seed = *o.Seed
	} else {
		seed, err := p.book.OnionSeed()
		if err != nil {
			return err
		}
		t.seed = seed
	}
	ctx, cancel := context.WithTimeout(context.Background(), wayLimit)
	defer cancel()
	service, err := t.child.Listen(ctx, onion.ServiceConfig{Seed: t.seed, Ports: []uint16{onionSIP, onionMedia},
		Clients: p.onionClients(), Open: o.Open})
	if err != nil {
		return err
	}
	line, err := sipua.NewOnion(sipua.Config{Name: p.cfg.Name, Texts: []string{textType}}, service.Address().String())
	if err != nil {
		service.Close()
		return err
	}
	t.service, t.line, t.gate = service, line, bundle.NewGate(service.Listener(onionMedia))
	go admit(service.Listener(onionSIP), line)
	return nil
}

// admit hands the streams of callers to the line until the listener is closed.
func admit(l net.Listener, line *sipua.UA) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		line.Inject(c, "")
	}
}

// close ends Tor and all that hangs on it.
func (t *tor) close() {
	if t.child == nil {
		return
	}
	if t.line != nil {
		t.line.Close()
		t.gate.Close()
	}
	t.child.Close()
	clear(t.seed[:])
}

// events is nil as long as nobody can call.
func (t *tor) events() <-chan signaling.Event {
	if t.line == nil {
		return nil
	}
	return t.line.Events()
}

// changes is nil without Tor.
func (t *tor) changes() <-chan onion.Status {
	if t.child == nil {
		return nil
	}
	return t.child.Changes()
}

// torStatus takes in what Tor is now.
func (p *phone) torStatus(s onion.Status) {
	was := p.tor.status
	p.tor.status = s
	switch {
	case was.Running && !s.Running:
		p.note(Note{Event: "tor-away"})
	case s.Reachable() && s.Services > 0 && !(was.Reachable() && was.Services > 0):
		p.note(Note{Event: "reachable"})
	case s.Ready() && !was.Ready():
		p.note(Note{Event: "tor-ready"})
	}
	if s.ClockSkew != was.ClockSkew {
		p.note(Note{Event: "alert", Why: "Tor: the clock is wrong"})
	}
	p.tellNetwork()
	p.tellRunning()
}

// torNotes is Tor on the screen of what is running. Without Tor there are none.
func (p *phone) torNotes() []string {
	if p.tor.trouble != "" {
		return []string{p.tor.trouble}
	}
	if p.tor.child == nil {
		return nil
	}
	s := p.tor.status
	state := fmt.Sprintf("%d %%", s.Percent)
	switch {
	case !s.Running:
		state = "off"
	case s.Reachable() && s.Services > 0:
		state = "reachable"
	case s.Ready():
		state = "ready, not published"
	}
	notes := []string{strings.TrimSpace("Tor " + s.Version + ": " + state)}
	if s.ClockSkew != 0 {
		notes = append(notes, "Clock differs by "+s.ClockSkew.Round(time.Second).String())
	}
	if s.Restarts > 0 {
		notes = append(notes, fmt.Sprintf("Tor was restarted %d times", s.Restarts))
	}
	return notes
}

// onionClients are those who may reach us.
func (p *phone) onionClients() []onion.ClientID {
	clients := append([]onion.ClientID(nil), p.cfg.Onion.Clients...)
	if p.book == nil {
		return clients
	}
	for _, c := range p.book.Contacts() {
		if id, err := onion.ParseClientID(c.Onion.Client); err == nil {
			clients = append(clients, id)
		}
	}
	return clients
}

// heedClients tells Tor who may reach us now. Who was revoked loses what he had open.
func (p *phone) heedClients() {
	service := p.tor.service
	if service == nil {
		return
	}
	clients := p.onionClients()
	p.background(func(ctx context.Context) func() {
		err := service.SetClients(ctx, clients)
		return func() {
			if err != nil {
				p.note(Note{Event: "alert", Why: err.Error()})
			}
		}
	})
}

// on is the line of a call.
func (p *phone) on(id signaling.CallID) *sipua.UA {
	if sipua.IsOnion(id) {
		return p.tor.line
	}
	return p.line
}

// onionOf is the onion address that a call to an address goes to, its route and the key for it; false: it goes over the
// ordinary line. What is an onion name, or stands for one, never does.
func (p *phone) onionOf(to string) (target onion.Target, route string, ok bool) {
	host := hostOf(to)
	literal := sipua.IsOnionHost(host)
	contact, known := p.contactAt(to, host)
	if !literal && (!known || !ValidRoute(contact.Route) || contact.Onion.Address == "") {
		return target, "", false
	}
	if !literal {
		host = contact.Onion.Address
	}
	if literal && !strings.HasSuffix(host, ".onion") && known { // what an onion caller bears until it gave its card
		host = contact.Onion.Address
	}
	// An address that cannot be read stays zero, and that one is not dialled.
	target.Address, _ = onion.ParseAddress(host)
	target.Port = onionSIP
	if k, err := onion.ParseClientKey(string(contact.Onion.Key)); known && err == nil {
		target.Key = &k
	} else if k, err := onion.ParseClientKey(keyOf(to)); err == nil {
		target.Key = &k
	}
	route = torAll
	if o := p.cfg.Onion; o != nil {
		if k, has := o.Keys[target.Address]; has && target.Key == nil {
			target.Key = &k
		}
		route = o.Route
	}
	if ValidRoute(contact.Route) {
		route = contact.Route
	}
	return target, route, true
}

// contactAt finds the contact by its address or, for an onion name, by that.
func (p *phone) contactAt(address, host string) (c phonebook.Contact, ok bool) {
	if p.book == nil {
		return c, false
	}
	id := p.book.ContactAt(address)
	for _, c := range p.book.Contacts() {
		if c.ID == id || host != "" && c.Onion.Address == host {
			return c, true
		}
	}
	if sipua.IsOnionHost(host) { // the name before it is anybody's
		for _, c := range p.book.Contacts() {
			if hostOf(c.Address) == host {
				return c, true
			}
		}
	}
	return c, false
}

// hostOf is the host of an address, in lower case.
func hostOf(to string) string {
	to = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(to)), "sips:"), "sip:")
	if _, host, ok := strings.Cut(to, "@"); ok {
		to = host
	}
	to, _, _ = strings.Cut(to, ";")
	if six, _, ok := strings.Cut(to, "]"); ok && strings.HasPrefix(six, "[") {
		return six[1:]
	}
	to, _, _ = strings.Cut(to, ":")
	return strings.TrimSuffix(to, ".")
}

// keyOf is the client key that an address brings: "sip:bob@NAME.onion;key=KEY", as somebody types, scans or reads it from a
// file. It goes no further: the address that is dialled is made anew.
func keyOf(to string) string {
	_, key, _ := strings.Cut(strings.ToLower(to), ";key=")
	key, _, _ = strings.Cut(key, ";")
	return key
}

// nameOnion finds out which contact a caller over Tor says to be, and gives the call that contact's address. It is a claim
// like any other: ZRTP tells who it is.
func (p *phone) nameOnion(ev *signaling.Incoming) {
	if p.book == nil {
		return
	}
	_, host, _ := strings.Cut(ev.From.URI, "@")
	for _, c := range p.book.Contacts() {
		for _, name := range []string{hostOf(c.Address), c.Onion.Address} {
			if strings.HasSuffix(name, ".onion") && host == "["+sipua.OnionAddr(name).Addr().String()+"]" {
				ev.From.URI = c.Address
				return
			}
		}
	}
}

// newToken draws what joins streams to a call.
func newToken() (bundle.Token, error) { return bundle.NewToken(rand.Reader) }
