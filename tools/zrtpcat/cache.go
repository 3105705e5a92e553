package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sotto/zrtp"
)

// fileCache is a zrtp.SecretCache in one JSON file, in clear: for tests only.
type fileCache struct {
	path    string
	ZID     string
	Entries map[string]zrtp.RetainedSecrets
}

// openCache reads path, or begins a new cache with a fresh ZID. An empty path is a cache that is not written.
func openCache(path string) (*fileCache, zrtp.ZID, error) {
	c := &fileCache{path: path, Entries: map[string]zrtp.RetainedSecrets{}}
	var z zrtp.ZID
	if _, err := rand.Read(z[:]); err != nil {
		return nil, z, err
	}
	if path == "" {
		return c, z, nil
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.ZID = z.String()
		return c, z, c.write()
	case err != nil:
		return nil, z, err
	}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, z, fmt.Errorf("%s: %w", path, err)
	}
	b, err := hex.DecodeString(c.ZID)
	if err != nil || len(b) != len(z) || c.Entries == nil {
		return nil, z, fmt.Errorf("%s: not a cache", path)
	}
	return c, zrtp.ZID(b), nil
}

// Lookup implements zrtp.SecretCache.
func (c *fileCache) Lookup(z zrtp.ZID) (zrtp.RetainedSecrets, bool) {
	r, ok := c.Entries[z.String()]
	return r, ok
}

// Store implements zrtp.SecretCache. The session wipes what it gives, so it is copied.
func (c *fileCache) Store(z zrtp.ZID, r zrtp.RetainedSecrets) error {
	r.RS1 = append(zrtp.Secret(nil), r.RS1...)
	r.RS2 = append(zrtp.Secret(nil), r.RS2...)
	r.PBX = append(zrtp.Secret(nil), r.PBX...)
	c.Entries[z.String()] = r
	if c.path == "" {
		return nil
	}
	return c.write()
}

func (c *fileCache) write() error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(c.path+".new", c.path)
}
