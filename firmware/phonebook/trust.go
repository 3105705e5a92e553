package phonebook

import (
	"slices"

	"sotto/zrtp"
)

// Trust belongs to a device, and a name to a device. Three attacks are told apart from a first call: a new device under a
// known name, a known device under another name (the friend in the middle), and a device that is known but whose
// retained secret is gone (a cloned ZID, or a cache that was lost). Each is an alarm, not merely "not verified".

// Judgement is what the book knows of the device at the other end of a call.
type Judgement struct {
	Name        string // of the contact that owns this device; empty: nobody's
	OtherDevice bool   // the contact that was called, or seems to call, owns another device
	OtherPerson bool   // this device belongs to another contact than the one that was called
	Checked     bool   // we compared the code with this device
	Lost        bool   // the device is a contact's, but what was retained of it is gone: as bad as a mismatch
	Broken      bool   // the code differed in an earlier call, and nobody has compared it since
}

// Judge looks a device up. Address is whom the call is with, as far as the network tells.
func (b *Book) Judge(address string, device zrtp.ZID) (j Judgement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := device.String()
	kept, had := b.data.Secrets[id]
	j.Checked, j.Broken = kept.Verified && !kept.Unproven, b.data.Broken[id]
	for _, c := range b.data.Contacts {
		if c.Device == id {
			j.Name, j.Lost = c.Name, !had
		}
	}
	if i := b.data.at(address); i >= 0 {
		c := b.data.Contacts[i]
		j.OtherDevice = c.Device != "" && c.Device != id
		j.OtherPerson = j.Name != "" && j.Name != c.Name
	}
	return j
}

// Met is told that a call without alarm became secure: a contact that has no device yet gets this one, if it is nobody
// else's. The first call is taken on trust, as in every telephone; the code tells whether that was right. A device that
// keeps nothing of the call, such as a locked telephone, cannot be known again, so no name is bound to it.
func (b *Book) Met(address string, device zrtp.ZID) error {
	id := device.String()
	free := func(d *document) int {
		if !d.keeps(id) || slices.ContainsFunc(d.Contacts, func(c Contact) bool { return c.Device == id }) {
			return -1
		}
		i := d.at(address)
		if i >= 0 && d.Contacts[i].Device != "" {
			return -1
		}
		return i
	}
	b.mu.Lock()
	found := free(&b.data) >= 0
	b.mu.Unlock()
	if !found {
		return nil
	}
	return b.change(func(d *document) error {
		if i := free(d); i >= 0 {
			d.Contacts[i].Device = id
		}
		return nil
	})
}

// Compared is told how comparing the code ended. When it was right, the contact owns this device from now on, instead of
// the one before. When it was wrong, the device gives alarm until it was right. The flag of RFC 6189, Section 7.1, is
// zrtp's own to store.
func (b *Book) Compared(address string, device zrtp.ZID, right bool) error {
	id := device.String()
	return b.change(func(d *document) error {
		if !right {
			if d.Broken == nil {
				d.Broken = map[string]bool{}
			}
			d.Broken[id] = true
			return nil
		}
		delete(d.Broken, id)
		// The friend in the middle stays the friend: a device that has a name keeps it.
		if slices.ContainsFunc(d.Contacts, func(c Contact) bool { return c.Device == id }) {
			return nil
		}
		if i := d.at(address); i >= 0 && d.keeps(id) {
			d.Contacts[i].Device = id
		}
		return nil
	})
}

// keeps tells whether a device will be known in the next call.
func (d *document) keeps(id string) bool { return len(d.Secrets[id].RS1) > 0 }

// Unverify takes back that the code was compared with a contact's device.
func (b *Book) Unverify(contactID string) error {
	return b.change(func(d *document) error {
		i := slices.IndexFunc(d.Contacts, func(c Contact) bool { return c.ID == contactID })
		if i < 0 {
			return ErrNoContact
		}
		if s, ok := d.Secrets[d.Contacts[i].Device]; ok {
			s.Verified = false
			d.Secrets[d.Contacts[i].Device] = s
		}
		return nil
	})
}

// TrustOf is what is known of a contact's device.
func (b *Book) TrustOf(c Contact) (called, checked, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.data.Secrets[c.Device]
	return ok && c.Device != "", s.Verified && !s.Unproven, b.data.Broken[c.Device]
}
