package phonebook

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"sotto/zrtp"
)

// Errors of contacts.
var (
	ErrNoContact = errors.New("phonebook: no such contact")
	ErrNoName    = errors.New("phonebook: a contact needs a name")
	ErrTwice     = errors.New("phonebook: there is a contact of that name")
)

// Limits of what a book holds.
const (
	maxContacts = 2000
	maxCalls    = 200
	maxName     = 64  // bytes
	maxAddress  = 256 // bytes
)

// Contact is somebody with a name. The name belongs to one device: Device is its ZID, empty before the first call.
type Contact struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"` // SIP URI or number
	Route   string `json:"route,omitempty"`
	Speed   int    `json:"speed,omitempty"` // 2 to 9; 0: none
	Device  string `json:"device,omitempty"`
	Onion   Onion  `json:"onion,omitzero"`

	Always   bool `json:"always,omitempty"`   // rings even when nobody else may
	Intercom bool `json:"intercom,omitempty"` // is answered by itself
}

// Call is a line of the log.
type Call struct {
	When     time.Time     `json:"when"`
	Name     string        `json:"name,omitempty"`
	Address  string        `json:"address,omitempty"`
	Incoming bool          `json:"incoming,omitempty"`
	Answered bool          `json:"answered,omitempty"`
	Missed   bool          `json:"missed,omitempty"`
	Talked   time.Duration `json:"talked,omitempty"`
	Cause    string        `json:"cause,omitempty"`
	Trust    uint8         `json:"trust,omitempty"`
	Alarm    uint8         `json:"alarm,omitempty"`
}

// Contacts are all, sorted by name.
func (b *Book) Contacts() []Contact {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.data.Contacts)
}

// SaveContact stores a contact, a new one when its ID is empty, and returns it as stored. The device of a known contact
// does not change here: only a call can show whose it is. Nor do Onion and Route: see SetOnion and SetRoute. Another address keeps the device too: it is the person's.
func (b *Book) SaveContact(c Contact) (Contact, error) {
	c.Name, c.Address = printable(c.Name, maxName), printable(c.Address, maxAddress)
	if c.Name == "" {
		return c, ErrNoName
	}
	if c.Speed < 2 || c.Speed > 9 {
		c.Speed = 0
	}
	err := b.change(func(d *document) error {
		i := slices.IndexFunc(d.Contacts, func(o Contact) bool { return o.ID == c.ID })
		if slices.ContainsFunc(d.Contacts, func(o Contact) bool { return o.ID != c.ID && strings.EqualFold(o.Name, c.Name) }) {
			return fmt.Errorf("%w: %s", ErrTwice, c.Name)
		}
		switch {
		case c.ID == "":
			if len(d.Contacts) >= maxContacts {
				return fmt.Errorf("phonebook: more than %d contacts", maxContacts)
			}
			d.NextID++
			c.ID, c.Device = strconv.Itoa(d.NextID), ""
			d.Contacts = append(d.Contacts, c)
		case i < 0:
			return ErrNoContact
		default:
			c.Device, c.Onion, c.Route = d.Contacts[i].Device, d.Contacts[i].Onion, d.Contacts[i].Route
			d.Contacts[i] = c
		}
		for i := range d.Contacts { // a key of speed dial belongs to the last who took it
			if o := &d.Contacts[i]; o.ID != c.ID && o.Speed == c.Speed {
				o.Speed = 0
			}
		}
		slices.SortStableFunc(d.Contacts, func(x, y Contact) int {
			return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name))
		})
		return nil
	})
	return c, err
}

// Provision makes a contact of that name, or gives the one there is another address. The name keeps its device.
func (b *Book) Provision(name, address string, speed int) (Contact, error) {
	c := Contact{Name: name, Address: address, Speed: speed}
	for _, o := range b.Contacts() {
		if strings.EqualFold(o.Name, printable(name, maxName)) {
			c = o
			c.Address = address
			if c == o {
				return c, nil
			}
		}
	}
	return b.SaveContact(c)
}

// DeleteContact forgets a name. What is known of the device stays: deleting must not make an alarm go away.
func (b *Book) DeleteContact(id string) error {
	return b.change(func(d *document) error {
		n := len(d.Contacts)
		d.Contacts = slices.DeleteFunc(d.Contacts, func(c Contact) bool { return c.ID == id })
		if len(d.Contacts) == n {
			return ErrNoContact
		}
		return nil
	})
}

// printable is one line of text without control characters, at most limit bytes.
func printable(s string, limit int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	for len(s) > limit {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

// SameAddress compares two addresses as people write them: without scheme, parameters and the usual port.
func SameAddress(a, b string) bool {
	userA, hostA, portA := split(a)
	userB, hostB, portB := split(b)
	return hostA != "" && userA == userB && hostA == hostB && portA == portB
}

// like is SameAddress but for port, case of the user, and a user that only one has: telephones that call directly often
// give no port.
func like(a, b string) bool {
	userA, hostA, _ := split(a)
	userB, hostB, _ := split(b)
	return hostA != "" && hostA == hostB && (userA == "" || userB == "" || strings.EqualFold(userA, userB))
}

func split(a string) (user, host, port string) {
	a = strings.TrimPrefix(strings.TrimPrefix(a, "sips:"), "sip:")
	a, _, _ = strings.Cut(a, ";")
	user, host, ok := strings.Cut(a, "@")
	if !ok {
		user, host = "", a
	}
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host, port = host[:i], host[i+1:]
	}
	if port == "5060" {
		port = ""
	}
	return user, strings.ToLower(host), port
}

// at finds the contact with an address: the same one, or else one that is like it; -1: none.
func (d *document) at(address string) int {
	i := slices.IndexFunc(d.Contacts, func(c Contact) bool { return SameAddress(c.Address, address) })
	if i < 0 {
		i = slices.IndexFunc(d.Contacts, func(c Contact) bool { return like(c.Address, address) })
	}
	return i
}

// ContactAt is the ID of the contact with an address, as far as the network tells; empty: nobody's.
func (b *Book) ContactAt(address string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.data.at(address); i >= 0 {
		return b.data.Contacts[i].ID
	}
	return ""
}

// ForgetCalls drops the lines of the log that are older than before.
func (b *Book) ForgetCalls(before time.Time) error {
	old := func(c Call) bool { return c.When.Before(before) }
	if !slices.ContainsFunc(b.Calls(), old) {
		return nil
	}
	return b.change(func(d *document) error { d.Calls = slices.DeleteFunc(d.Calls, old); return nil })
}

// AddCall keeps a line of the log; the oldest goes when there are too many.
func (b *Book) AddCall(c Call) error {
	c.Name, c.Address = printable(c.Name, maxName), printable(c.Address, maxAddress)
	return b.change(func(d *document) error {
		d.Calls = slices.Insert(d.Calls, 0, c)
		d.Calls = d.Calls[:min(len(d.Calls), maxCalls)]
		return nil
	})
}

// Calls are the lines of the log, newest first.
func (b *Book) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.data.Calls)
}

// Block refuses an address from now on, or takes it again.
func (b *Book) Block(address string, on bool) error {
	return b.change(func(d *document) error {
		d.Blocked = slices.DeleteFunc(d.Blocked, func(o string) bool { return SameAddress(o, address) })
		if on && len(d.Blocked) < maxContacts {
			d.Blocked = append(d.Blocked, printable(address, maxAddress))
		}
		return nil
	})
}

// Blocked tells whether an address is refused.
func (b *Book) Blocked(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.data.Blocked, func(o string) bool { return SameAddress(o, address) })
}

// Settings is what SetSettings stored, nil before.
func (b *Book) Settings() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.data.Settings)
}

// SetSettings stores JSON that the book does not look into.
func (b *Book) SetSettings(json []byte) error {
	return b.change(func(d *document) error { d.Settings = slices.Clone(json); return nil })
}

// SafetyNumber is 60 digits that both sides of a pair of devices can read in person: in four lines of three groups. It is
// made of what both retained from their last call, so that it changes with each call; equal numbers prove that nobody
// was between them in any call since the first. Empty before there was one.
func (b *Book) SafetyNumber(contactID string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.data.Contacts, func(c Contact) bool { return c.ID == contactID })
	if i < 0 {
		return ""
	}
	device := b.data.Contacts[i].Device
	s, ok := b.data.Secrets[device]
	if !ok || len(s.RS1) == 0 {
		return ""
	}
	return safetyNumber(b.data.ZID, device, s.RS1)
}

func safetyNumber(ours, theirs string, rs1 zrtp.Secret) string {
	pair := []string{ours, theirs}
	slices.Sort(pair)
	var out strings.Builder
	for group := range 12 {
		h := sha256.New()
		fmt.Fprintf(h, "sotto safety number 1 %d %s %s ", group, pair[0], pair[1])
		h.Write(rs1)
		fmt.Fprintf(&out, "%05d", binary.BigEndian.Uint64(h.Sum(nil))%100000)
		switch {
		case group == 11:
		case group%3 == 2:
			out.WriteByte('\n')
		default:
			out.WriteByte(' ')
		}
	}
	return out.String()
}
