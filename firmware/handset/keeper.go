package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"sotto/firmware/boot"
	"sotto/firmware/update"
	"sotto/firmware/vault"
)

// runKeeper installs an update, or notes what became of the last one.
func runKeeper(k boot.Keeping) error {
	folder, err := vault.OpenFolder(k.State)
	if err != nil {
		return fmt.Errorf("handset: %w", err)
	}
	defer folder.Close()
	pair, content, err := vault.OpenPair(folder, "update")
	if err != nil {
		return fmt.Errorf("handset: %w", err)
	}
	u, err := update.NewUpdater(owners(k.Board, k.Keys), k.Loader, pair, content, k.Version)
	if err != nil {
		return err
	}
	if k.Bundle != nil {
		return install(u, k)
	}
	outcome, name, err := u.Started()
	switch {
	case err != nil:
		return err
	case outcome == update.Committed:
		return k.Loader.Tell("The update to " + name + " stays")
	case outcome == update.RolledBack:
		return k.Loader.Tell("The update to " + name + " did not start well: this is the earlier system")
	}
	return nil
}

// owners wants two signatures as soon as there are two keys.
func owners(board string, keys []string) update.Policy {
	p := update.Policy{Board: board}
	for _, text := range keys {
		if key, err := update.ParsePublicKey(text); err == nil {
			p.Keys = append(p.Keys, key)
		}
	}
	p.Need = max(1, min(2, len(p.Keys)))
	return p
}

// install tells the screen why a bundle is refused; a stick that was left in after its update is nothing to tell.
func install(u *update.Updater, k boot.Keeping) error {
	here, _, err := k.Loader.Running()
	if err != nil {
		return err
	}
	var slots [2]update.Slot
	size, err := k.Idle.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("handset: %w", err)
	}
	slots[1-here] = slot{k.Idle, size}
	m, err := u.Install(bufio.NewReaderSize(k.Bundle, 64<<10), slots, nil)
	if err != nil && !errors.Is(err, update.ErrOlder) {
		err = errors.Join(err, k.Loader.Tell(err.Error()))
	}
	if err == nil {
		err = k.Loader.Installed(m.Size, m.SHA256, m.SignedBy)
	}
	return err
}

// slot is a block device as firmware/update wants it.
type slot struct {
	*os.File
	size int64
}

// Size is that of the device in octets.
func (s slot) Size() int64 { return s.size }
