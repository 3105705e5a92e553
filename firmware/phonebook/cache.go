package phonebook

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"sotto/firmware/vault"
	"sotto/zrtp"
)

// ErrUnreadable says that what the store holds is not a phone book.
var ErrUnreadable = errors.New("phonebook: the content is not a phone book")

// Store keeps one content whole: a vault.Pair in the clear, or the sealed vault.
type Store interface{ Save(content []byte) error }

// cacheFile is the file of retained secrets in a folder without a vault.
const cacheFile = "secrets"

// Cache holds our own ZID and the retained secrets of every device that was ever talked to. It implements
// zrtp.SecretCache and may be used by several goroutines.
type Cache struct {
	store Store
	aside []string
	close func() error

	mu   sync.Mutex
	data cacheData
}

// cacheData is what the store holds.
type cacheData struct {
	ZID     string                          `json:"zid"`
	Secrets map[string]zrtp.RetainedSecrets `json:"secrets"`
}

// OpenFileCache opens the retained secrets in a folder, in the clear, and makes folder and ZID at the first start. A file
// that cannot be read is set aside and the generation before it is used. Only one process can have the folder open.
func OpenFileCache(dir string) (*Cache, error) {
	folder, err := vault.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	pair, content, err := vault.OpenPair(folder, cacheFile)
	if err != nil {
		folder.Close()
		return nil, err
	}
	c, err := newCache(pair, content)
	if err != nil {
		folder.Close()
		return nil, err
	}
	c.aside, c.close = pair.SetAside(), folder.Close
	return c, nil
}

// newCache reads content, or makes a new ZID and stores it when there is none.
func newCache(store Store, content []byte) (*Cache, error) {
	c := &Cache{store: store, close: func() error { return nil }}
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
	c.data.ZID = zid.String()
	return c, c.save()
}

// ZID is ours, made once.
func (c *Cache) ZID() zrtp.ZID {
	zid, _ := parseZID(c.data.ZID) // checked when it was read
	return zid
}

// SetAside names files that could not be read and were kept under another name. The user should be told.
func (c *Cache) SetAside() []string { return c.aside }

// Close gives the folder free.
func (c *Cache) Close() error { return c.close() }

// Lookup finds what was retained of a device.
func (c *Cache) Lookup(zid zrtp.ZID) (zrtp.RetainedSecrets, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.data.Secrets[zid.String()]
	return clone(s), ok
}

// Store keeps what one call leaves for the next. It is on the medium when Store returns; after an error the cache holds
// what it held before.
func (c *Cache) Store(zid zrtp.ZID, s zrtp.RetainedSecrets) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data.Secrets == nil {
		c.data.Secrets = map[string]zrtp.RetainedSecrets{}
	}
	old, had := c.data.Secrets[zid.String()]
	c.data.Secrets[zid.String()] = clone(s)
	err := c.save()
	switch {
	case err == nil:
	case had:
		c.data.Secrets[zid.String()] = old
	default:
		delete(c.data.Secrets, zid.String())
	}
	return err
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

func (c *Cache) save() error {
	content, err := json.Marshal(c.data)
	if err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	return c.store.Save(content)
}
