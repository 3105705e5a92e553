package phonebook

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"sotto/firmware/vault"
	"sotto/zrtp"
)

// ErrUnreadable says that what the store holds is not a phone book.
var ErrUnreadable = errors.New("phonebook: the content is not a phone book")

// Store keeps one content whole: a vault.Pair in the clear, or the sealed vault.
type Store interface{ Save(content []byte) error }

// cacheFile is the file of a folder without a vault.
const cacheFile = "secrets"

// Book is everything that the telephone remembers: our own ZID, the retained secrets of every device that was ever talked
// to, contacts, calls and settings. It implements zrtp.SecretCache and may be used by several goroutines. What a method
// changed is on the medium when it returns; after an error the book is as it was before.
type Book struct {
	store Store
	aside []string
	close func() error

	mu   sync.Mutex
	data document
}

// document is what the store holds.
type document struct {
	ZID      string                          `json:"zid"`
	Secrets  map[string]zrtp.RetainedSecrets `json:"secrets"`
	Broken   map[string]bool                 `json:"broken,omitempty"` // devices whose code differed
	Contacts []Contact                       `json:"contacts,omitempty"`
	Calls    []Call                          `json:"calls,omitempty"`
	Blocked  []string                        `json:"blocked,omitempty"`
	Settings json.RawMessage                 `json:"settings,omitempty"` // the phone's, not looked into
	NextID   int                             `json:"next,omitempty"`

	OnionSeed []byte          `json:"onion,omitempty"`
	Messages  json.RawMessage `json:"messages,omitempty"` // of firmware/messages, not looked into
}

// OpenFileCache opens the book of a folder, in the clear, and makes folder and ZID at the first start. A file
// that cannot be read is set aside and the generation before it is used. Only one process can have the folder open.
func OpenFileCache(dir string) (*Book, error) {
	folder, err := vault.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	pair, content, err := vault.OpenPair(folder, cacheFile)
	if err != nil {
		folder.Close()
		return nil, err
	}
	c, err := newBook(pair, content)
	if err != nil {
		folder.Close()
		return nil, err
	}
	c.aside, c.close = pair.SetAside(), folder.Close
	return c, nil
}

// newBook reads content, or makes a new ZID and stores it when there is none.
func newBook(store Store, content []byte) (*Book, error) {
	c := &Book{store: store, close: func() error { return nil }}
	if content != nil {
		if err := json.Unmarshal(content, &c.data); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if _, err := parseZID(c.data.ZID); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		return c, nil
	}
	// "the ZID ... SHOULD be a randomly chosen 96-bit value, created at the time of installation" (RFC 6189, Section 4.9)
	var zid zrtp.ZID
	if _, err := rand.Read(zid[:]); err != nil {
		return nil, fmt.Errorf("phonebook: %w", err)
	}
	return c, c.change(func(d *document) error { d.ZID = zid.String(); return nil })
}

// ZID is ours, made once.
func (b *Book) ZID() zrtp.ZID {
	b.mu.Lock()
	defer b.mu.Unlock()
	zid, _ := parseZID(b.data.ZID) // checked when it was read
	return zid
}

// SetAside names files that could not be read and were kept under another name. The user should be told.
func (b *Book) SetAside() []string { return b.aside }

// Close gives the folder free.
func (b *Book) Close() error { return b.close() }

// Lookup finds what was retained of a device.
func (b *Book) Lookup(zid zrtp.ZID) (zrtp.RetainedSecrets, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.data.Secrets[zid.String()]
	return clone(s), ok
}

// Store keeps what one call leaves for the next.
func (b *Book) Store(zid zrtp.ZID, s zrtp.RetainedSecrets) error {
	return b.change(func(d *document) error {
		if d.Secrets == nil {
			d.Secrets = map[string]zrtp.RetainedSecrets{}
		}
		d.Secrets[zid.String()] = clone(s)
		return nil
	})
}

// change alters a copy of the document and keeps it when it is on the medium.
func (b *Book) change(f func(d *document) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.data
	d.Secrets, d.Broken = maps.Clone(d.Secrets), maps.Clone(d.Broken)
	d.Contacts, d.Calls, d.Blocked = slices.Clone(d.Contacts), slices.Clone(d.Calls), slices.Clone(d.Blocked)
	if err := f(&d); err != nil {
		return err
	}
	content, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	defer clear(content)
	if err := b.store.Save(content); err != nil {
		return err
	}
	b.data = d
	return nil
}

// clone keeps the session, which wipes what it is done with, away from what is kept here.
func clone(s zrtp.RetainedSecrets) zrtp.RetainedSecrets {
	s.RS1, s.RS2, s.PBX = bytes.Clone(s.RS1), bytes.Clone(s.RS2), bytes.Clone(s.PBX)
	return s
}

func parseZID(s string) (zid zrtp.ZID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(zid) {
		return zid, fmt.Errorf("phonebook: %q is no ZID", s)
	}
	return zrtp.ZID(b), nil
}
