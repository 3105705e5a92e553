package phonebook

import (
	"encoding/json"
	"slices"
)

// Messages is what SetMessages stored, nil before. It is sealed with the book, and not in a backup of it.
func (b *Book) Messages() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.data.Messages)
}

// SetMessages stores JSON that the book does not look into.
func (b *Book) SetMessages(content []byte) error {
	return b.change(func(d *document) error { d.Messages = json.RawMessage(slices.Clone(content)); return nil })
}
