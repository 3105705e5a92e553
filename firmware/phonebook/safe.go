package phonebook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sotto/firmware/vault"
)

// vaultFile is the sealed file of a folder.
const vaultFile = "vault"

// unlockTime is how long an unlock may take on this machine; the parameters of Argon2id are chosen for it.
const unlockTime = 700 * time.Millisecond

// Safe is a folder with a sealed book. One goroutine owns it; the Book that it gives may be used by several.
type Safe struct {
	path   string
	folder *vault.Folder
	vault  *vault.Vault
	params func() vault.Params
}

// OpenSafe opens the folder, and makes it and an empty book without PIN at the first start. A book in the clear from
// OpenFileCache is taken over and its file wiped. Without a PIN the book is open at once; Unlock with "" gives it.
func OpenSafe(path string) (*Safe, error) {
	return openSafe(path, func() vault.Params { return vault.Calibrate(unlockTime, vault.Measure) })
}

func openSafe(path string, params func() vault.Params) (*Safe, error) {
	folder, err := vault.OpenFolder(path)
	if err != nil {
		return nil, err
	}
	s := &Safe{path: path, folder: folder, params: params}
	if err := s.open(); err != nil {
		folder.Close()
		return nil, err
	}
	return s, nil
}

func (s *Safe) open() error {
	device, err := vault.DeviceSecret(s.folder)
	if err != nil {
		return err
	}
	if s.vault, err = vault.Open(s.folder, vaultFile, device); err != nil {
		return err
	}
	if !s.vault.Exists() {
		_, inClear, err := vault.OpenPair(s.folder, cacheFile)
		if err != nil {
			return err
		}
		if err := s.vault.Create("", vault.Cheapest, inClear); err != nil {
			return err
		}
	}
	return s.wipeClear()
}

// wipeClear overwrites and removes a book in the clear, once the sealed one is on the medium.
func (s *Safe) wipeClear() error {
	files, err := filepath.Glob(filepath.Join(s.path, cacheFile+".?"))
	if err != nil {
		return fmt.Errorf("phonebook: %w", err)
	}
	if len(files) == 0 {
		return nil
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return fmt.Errorf("phonebook: %w", err)
		}
		if err := s.folder.WriteFile(filepath.Base(f), make([]byte, info.Size())); err != nil {
			return err
		}
		if err := os.Remove(f); err != nil {
			return fmt.Errorf("phonebook: %w", err)
		}
	}
	return s.folder.Sync()
}

// HasPIN tells whether Unlock wants one.
func (s *Safe) HasPIN() bool { return s.vault.HasPIN() }

// Unlock opens the book. It fails with *vault.WaitError, vault.ErrWrongPIN, vault.ErrDamaged or ErrUnreadable. It takes
// as long as a guess is meant to take: not for a loop that must not stop.
func (s *Safe) Unlock(pin string, now time.Time) (*Book, error) {
	content, err := s.vault.Unlock(pin, now)
	if err != nil {
		return nil, err
	}
	defer clear(content)
	if len(content) == 0 {
		content = nil
	}
	b, err := newBook(s.vault, content)
	if err != nil {
		s.vault.Lock()
		return nil, err
	}
	b.aside = s.vault.SetAside()
	return b, nil
}

// Lock wipes the key and what the book holds of secrets. The book is of no use afterwards: what it stores fails.
func (s *Safe) Lock(b *Book) {
	s.vault.Lock()
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, kept := range b.data.Secrets {
		kept.RS1.Wipe()
		kept.RS2.Wipe()
		kept.PBX.Wipe()
	}
	b.data = document{}
}

// ChangePIN seals the book under another PIN; an empty one takes the PIN away.
// The cost of a guess is measured on this machine first, so this takes a few seconds.
func (s *Safe) ChangePIN(old, new string) error {
	p := vault.Cheapest // without a PIN nothing is stretched
	if new != "" {
		p = s.params()
	}
	return s.vault.ChangePIN(old, new, p)
}

// SetDuress makes a PIN that erases everything. Warn the user.
func (s *Safe) SetDuress(pin, duress string) error { return s.vault.SetDuress(pin, duress) }

// SetEraseAfter has everything erased after that many wrong PINs; 0 is never. Warn the user.
func (s *Safe) SetEraseAfter(pin string, wrong uint8) error {
	return s.vault.SetEraseAfter(pin, wrong)
}

// Tries is what to tell after Unlock failed: how long to wait, and how many tries are left (negative: any number).
func (s *Safe) Tries(err error, now time.Time) (wait time.Duration, left int) {
	if we := (*vault.WaitError)(nil); errors.As(err, &we) {
		return we.Wait, s.vault.Left()
	}
	return s.vault.Wait(now), s.vault.Left()
}

// Close gives the folder free.
func (s *Safe) Close() error {
	s.vault.Lock()
	return s.folder.Close()
}
