package phonebook

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
)

// ErrOnion says that an onion address or a key is longer than one can be.
var ErrOnion = errors.New("phonebook: that is no onion address or key")

// maxOnion is how long an address or key as text may be, in octets.
const maxOnion = 64

// Onion is how a contact is reached over Tor, and may reach us: what net/onion reads and writes. The book does not look into
// it. It is sealed with the book.
type Onion struct {
	Address string `json:"address,omitempty"` // of the contact's service
	Key     Key    `json:"key,omitempty"`     // our secret half of the authorisation to reach it
	Client  string `json:"client,omitempty"`  // the public half of the authorisation with which the contact reaches us
}

// Key is a secret as text.
type Key string

// String hides the key.
func (Key) String() string { return "phonebook.Key" }

// GoString hides the key.
func (k Key) GoString() string { return k.String() }

// Format hides the key from every verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// SetOnion says how a contact is reached over Tor, or with the zero value that it is not, nor may reach us: it is revoked.
func (b *Book) SetOnion(contactID string, o Onion) error {
	if max(len(o.Address), len(o.Key), len(o.Client)) > maxOnion {
		return ErrOnion
	}
	return b.change(func(d *document) error {
		i := slices.IndexFunc(d.Contacts, func(c Contact) bool { return c.ID == contactID })
		if i < 0 {
			return ErrNoContact
		}
		d.Contacts[i].Onion = o
		return nil
	})
}

// SetRoute says how calls to a contact go: a word of the phone's, empty for what is usual.
func (b *Book) SetRoute(contactID, route string) error {
	return b.change(func(d *document) error {
		i := slices.IndexFunc(d.Contacts, func(c Contact) bool { return c.ID == contactID })
		if i < 0 {
			return ErrNoContact
		}
		d.Contacts[i].Route = printable(route, maxOnion)
		return nil
	})
}

// OnionSeed is the secret of our own onion service, made at the first call.
func (b *Book) OnionSeed() (seed [32]byte, err error) {
	b.mu.Lock()
	copy(seed[:], b.data.OnionSeed)
	made := len(b.data.OnionSeed) == len(seed)
	b.mu.Unlock()
	if made {
		return seed, nil
	}
	if _, err := rand.Read(seed[:]); err != nil {
		return seed, fmt.Errorf("phonebook: %w", err)
	}
	return seed, b.change(func(d *document) error {
		if len(d.OnionSeed) == len(seed) { // somebody was faster
			copy(seed[:], d.OnionSeed)
			return nil
		}
		d.OnionSeed = slices.Clone(seed[:])
		return nil
	})
}
