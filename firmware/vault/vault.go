package vault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"
)

// deviceFile holds the device secret, which is mixed into every key. It lies beside the vault in the simulator and on the
// board's own storage in the handset.
const deviceFile = "device"

// DeviceSecret reads the device secret of a folder, or makes it at the first start.
func DeviceSecret(d Disk) ([]byte, error) {
	pair, secret, err := OpenPair(d, deviceFile)
	if err != nil {
		return nil, err
	}
	if len(secret) == keySize {
		return secret, nil
	}
	secret = make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return secret, pair.Save(secret)
}

// Vault is one sealed content. It may be used by several goroutines.
type Vault struct {
	mu     sync.Mutex
	device []byte
	pair   *Pair
	tries  *tries
	head   header
	body   []byte  // sealed; nil: there is no vault yet
	key    *memory // data key; nil: locked
}

// Open finds the vault of that name. It is locked, or not yet there: Exists tells.
func Open(d Disk, name string, device []byte) (*Vault, error) {
	v := &Vault{device: bytes.Clone(device)}
	pair, file, err := OpenPair(d, name)
	if err != nil {
		return nil, err
	}
	v.pair = pair
	if v.tries, err = openTries(d, name+"-tries"); err != nil {
		return nil, err
	}
	if file != nil {
		if v.head, v.body, err = parseSealed(file); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// Exists tells whether there is anything to unlock.
func (v *Vault) Exists() bool { return v.body != nil }

// HasPIN tells whether unlocking wants a PIN. Without one the vault is sealed under the device secret alone.
func (v *Vault) HasPIN() bool { return v.head.pin }

// SetAside names files that could not be read and were kept under another name.
func (v *Vault) SetAside() []string { return v.pair.SetAside() }

// Create makes a new vault, open, with content. An empty PIN is none.
func (v *Vault) Create(pin string, p Params, content []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.body != nil {
		return fmt.Errorf("vault: %w", fs.ErrExist)
	}
	return v.create(pin, p, 0, content)
}

func (v *Vault) create(pin string, p Params, eraseAfter uint8, content []byte) error {
	h, err := newHeader(p)
	if err != nil {
		return err
	}
	key := newMemory(keySize)
	if _, err := rand.Read(key.bytes); err != nil {
		key.free()
		return fmt.Errorf("vault: %w", err)
	}
	h.pin, h.eraseAfter = pin != "", eraseAfter
	kek := h.derive(pin, v.device)
	defer kek.free()
	if err := h.put(0, kek, key.bytes); err != nil {
		key.free()
		return err
	}
	old := v.key
	v.key = key
	if err := v.write(h, content); err != nil {
		v.key = old
		key.free()
		return err
	}
	old.free()
	return nil
}

// write seals content under the open key and saves it with the header.
func (v *Vault) write(h *header, content []byte) error {
	file, err := h.seal(v.key, content)
	if err != nil {
		return err
	}
	if err := v.pair.Save(file); err != nil {
		return err
	}
	v.head, v.body = *h, file[headerSize:]
	return nil
}

// Save seals new content. When it returns nil it is on the medium.
func (v *Vault) Save(content []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.key == nil {
		return ErrLocked
	}
	h := v.head
	return v.write(&h, content)
}

// Lock wipes the key. Nothing is destroyed.
func (v *Vault) Lock() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.key.free()
	v.key = nil
}

// Unlock opens the vault and returns its content, which the caller wipes. It fails with *WaitError while too many wrong
// PINs are being waited for, with ErrWrongPIN, or with ErrDamaged. With the duress PIN, or after the last try where that
// was asked for, everything is erased first and the vault opens empty: content is nil.
func (v *Vault) Unlock(pin string, now time.Time) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.body == nil {
		return nil, fmt.Errorf("vault: %w", fs.ErrNotExist)
	}
	if wait := v.tries.wait(now); wait > 0 {
		return nil, &WaitError{wait}
	}
	if v.head.pin { // without a PIN there is nothing to guess, and a full medium must not keep us out
		if err := v.tries.count(); err != nil { // before the PIN is looked at
			return nil, err
		}
	}
	kek := v.head.derive(pin, v.device)
	defer kek.free()
	if key := v.head.take(0, kek); key != nil {
		content, err := v.head.open(key, v.body)
		if err != nil {
			key.free()
			return nil, err
		}
		v.key.free()
		v.key = key
		return content, v.tries.forget()
	}
	if mark := v.head.take(1, kek); mark != nil {
		mark.free()
		return nil, v.erase(pin)
	}
	v.tries.begin(now)
	if n := v.head.eraseAfter; n > 0 && v.tries.wrong >= uint32(n) {
		if err := v.erase(""); err != nil {
			return nil, err
		}
		v.key.free()
		v.key = nil
	}
	return nil, ErrWrongPIN
}

// erase makes an empty vault in place of this one, in both generations, so that the old data key is nowhere any more.
func (v *Vault) erase(pin string) error {
	for range slots {
		if err := v.create(pin, v.head.params, v.head.eraseAfter, nil); err != nil {
			return err
		}
	}
	return v.tries.forget()
}

// ChangePIN seals the data key under another PIN; an empty one takes the PIN away. The vault stays as it is when the old
// PIN is wrong. A duress PIN must be set again.
func (v *Vault) ChangePIN(old, new string, p Params) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	content, err := v.confirm(old)
	if err != nil {
		return err
	}
	defer clear(content)
	// A new data key too: who knew the old PIN and has an old copy of the file must learn nothing of what comes. Twice, so
	// that no generation opens with the old PIN.
	for range slots {
		if err := v.create(new, p, v.head.eraseAfter, content); err != nil {
			return err
		}
	}
	return nil
}

// confirm checks the PIN of an open vault and reads its content. Wrong PINs count here as well.
func (v *Vault) confirm(pin string) ([]byte, error) {
	if v.key == nil {
		return nil, ErrLocked
	}
	if err := v.tries.count(); err != nil {
		return nil, err
	}
	kek := v.head.derive(pin, v.device)
	defer kek.free()
	key := v.head.take(0, kek)
	if key == nil {
		return nil, ErrWrongPIN
	}
	defer key.free()
	content, err := v.head.open(key, v.body)
	if err != nil {
		return nil, err
	}
	return content, v.tries.forget()
}

// SetDuress makes a PIN that erases everything and opens an empty telephone; an empty one takes it away. It wants the real
// PIN, and it may destroy what the owner wanted to keep: the user must have been warned.
func (v *Vault) SetDuress(pin, duress string) error {
	if duress != "" && duress == pin {
		return errors.New("vault: the duress PIN must differ from the PIN")
	}
	return v.alter(pin, func(h *header) error {
		if _, err := rand.Read(h.place[1][:]); err != nil {
			return fmt.Errorf("vault: %w", err)
		}
		if duress == "" {
			return nil
		}
		kek := h.derive(duress, v.device)
		defer kek.free()
		return h.put(1, kek, make([]byte, keySize))
	})
}

// SetEraseAfter has everything erased after that many wrong PINs; 0 is never. It wants the PIN, and the user must have been
// warned: children play with telephones.
func (v *Vault) SetEraseAfter(pin string, wrong uint8) error {
	return v.alter(pin, func(h *header) error { h.eraseAfter = wrong; return nil })
}

// alter changes the header of an open vault.
func (v *Vault) alter(pin string, f func(h *header) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	content, err := v.confirm(pin)
	if err != nil {
		return err
	}
	defer clear(content)
	h := v.head
	if err := f(&h); err != nil {
		return err
	}
	return v.write(&h, content)
}

// Left is how many wrong PINs there may still be before everything is erased; negative: any number.
func (v *Vault) Left() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.head.eraseAfter == 0 {
		return -1
	}
	return max(int(v.head.eraseAfter)-int(v.tries.wrong), 0)
}

// Wait is how long no PIN is taken.
func (v *Vault) Wait(now time.Time) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tries.wait(now)
}
