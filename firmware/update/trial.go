package update

import (
	"encoding/json"
	"fmt"
	"io"
)

// Loader is what the board's boot loader offers: two slots, one of which it starts by itself, and a start of the other
// for one time only. On a Raspberry Pi that is autoboot.txt and tryboot.
type Loader interface {
	// Running tells which slot runs, and whether it is on trial.
	Running() (slot int, trial bool, err error)
	// TryOnce makes the next start one of that slot; the start after it is again what it was.
	TryOnce(slot int) error
	// Commit makes that slot the one that starts, from now on.
	Commit(slot int) error
}

// Store keeps a few bytes whole: a vault.Pair.
type Store interface{ Save(content []byte) error }

// record is what must be remembered from one start to the next.
type record struct {
	Newest  uint64 `json:"newest"`            // highest version that ran well
	Pending uint64 `json:"pending,omitempty"` // version that is to be tried; 0: none
	Name    string `json:"name,omitempty"`
}

// Updater brings a telephone from one image to the next. One goroutine owns it.
type Updater struct {
	policy  Policy
	loader  Loader
	store   Store
	running uint64 // version of this program
	rec     record
}

// NewUpdater reads what was remembered; content is what the store holds, nil at the first start. running is the version
// of the image that runs now.
func NewUpdater(p Policy, l Loader, s Store, content []byte, running uint64) (*Updater, error) {
	u := &Updater{policy: p, loader: l, store: s, running: running}
	if content != nil {
		if err := json.Unmarshal(content, &u.rec); err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
	}
	return u, nil
}

func (u *Updater) save() error {
	b, err := json.Marshal(u.rec)
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return u.store.Save(b)
}

// Newest is the version that an update must exceed.
func (u *Updater) Newest() uint64 { return max(u.rec.Newest, u.running) }

// Install checks a bundle, writes its image into the idle slot, given by slots, and has it started once. The caller then
// starts the machine again.
func (u *Updater) Install(r io.Reader, slots [2]Slot, progress func(done int64)) (Manifest, error) {
	m, err := ReadManifest(r, u.policy, u.Newest())
	if err != nil {
		return m, err
	}
	here, trial, err := u.loader.Running()
	if err != nil {
		return m, fmt.Errorf("update: %w", err)
	}
	if trial { // the other slot is the one that is known to run
		return m, ErrOnTrial
	}
	idle := 1 - here
	if err := Write(r, m, slots[idle], progress); err != nil {
		return m, err
	}
	u.rec.Pending, u.rec.Name = m.Version, m.Name
	if err := u.save(); err != nil {
		return m, err
	}
	if err := u.loader.TryOnce(idle); err != nil {
		return m, fmt.Errorf("update: %w", err)
	}
	return m, nil
}

// ErrOnTrial says that the image that runs has not yet shown that it is good.
var ErrOnTrial = fmt.Errorf("update: the last update is still on trial")

// Outcome is what became of an update.
type Outcome uint8

// The outcomes.
const (
	NoUpdate   Outcome = iota
	Committed          // the new image started well and stays
	RolledBack         // it did not: the old one runs again
)

// Started is called once the telephone is up and has tested itself. An image on trial stays from now on. It returns what
// there is to tell.
func (u *Updater) Started() (Outcome, string, error) {
	here, trial, err := u.loader.Running()
	if err != nil {
		return NoUpdate, "", fmt.Errorf("update: %w", err)
	}
	name, outcome := u.rec.Name, NoUpdate
	switch {
	case trial:
		if err := u.loader.Commit(here); err != nil {
			return NoUpdate, "", fmt.Errorf("update: %w", err)
		}
		outcome = Committed
	case u.rec.Pending != 0 && u.rec.Pending == u.running:
		outcome = Committed // the power went between commit and remembering
	case u.rec.Pending != 0:
		outcome = RolledBack
	case u.running <= u.rec.Newest:
		return NoUpdate, "", nil
	}
	u.rec = record{Newest: max(u.rec.Newest, u.running)}
	return outcome, name, u.save()
}
