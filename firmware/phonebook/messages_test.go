package phonebook

import (
	"bytes"
	"testing"
)

// TestMessagesAreKeptAndNotBackedUp: a ratchet that came back from a backup would use its keys again.
func TestMessagesAreKeptAndNotBackedUp(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenFileCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Messages() != nil {
		t.Error("messages in a new book")
	}
	content := []byte(`{"threads":{"a":{}}}`)
	if err := b.SetMessages(content); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := b.Backup(&backup, "pass"); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if b, err = OpenFileCache(dir); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if !bytes.Equal(b.Messages(), content) {
		t.Errorf("kept %q", b.Messages())
	}
	if err := b.Restore(&backup, "pass"); err != nil {
		t.Fatal(err)
	}
	if b.Messages() != nil {
		t.Error("messages came back from a backup")
	}
}
