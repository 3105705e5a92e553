package phonebook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// A backup is the whole book, identity and retained secrets too, sealed by age under a passphrase. Whoever restores it is
// this telephone to all its peers: two telephones must not run from one backup, or peers will see keys that changed.

// ErrPassphrase says that a backup does not open.
var ErrPassphrase = errors.New("phonebook: wrong passphrase, or no backup of a telephone")

const (
	backupWork    = 16 // log2 of scrypt's cost: 64 MiB, which every board has
	maxBackupWork = 18 // what a hostile file may ask for
	maxBackup     = 64 << 20
)

// Backup writes the book. An empty passphrase is refused.
func (b *Book) Backup(w io.Writer, passphrase string) error {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	recipient.SetWorkFactor(backupWork)
	sealed, err := age.Encrypt(w, recipient)
	if err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	b.mu.Lock()
	kept := b.data
	b.mu.Unlock()
	kept.Messages = nil // a ratchet that is put back would use keys twice, and read what was to disappear
	content, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	defer clear(content)
	if _, err := sealed.Write(content); err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	return nil
}

// Restore replaces the book by a backup. The book is as it was when the backup does not open.
func (b *Book) Restore(r io.Reader, passphrase string) error {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	identity.SetMaxWorkFactor(maxBackupWork)
	sealed, err := age.Decrypt(r, identity)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	content, err := io.ReadAll(io.LimitReader(sealed, maxBackup))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	defer clear(content)
	var restored document
	if err := json.Unmarshal(content, &restored); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if _, err := parseZID(restored.ZID); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return b.change(func(d *document) error { restored.Messages = nil; *d = restored; return nil })
}
