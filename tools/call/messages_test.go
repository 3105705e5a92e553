package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
)

// writeText goes to a contact's texts, types "Hi" and sends it.
func writeText(h *puppet.Handset) {
	h.Say("press end", "sleep 300ms", "press softL", "press down", "press down", "press ok", "press up", "press ok", "press ok",
		"press 4", "press 4", "sleep 1200ms", "press 4", "press 4", "press 4", "press softL")
}

// TestTextsAfterACall: a call makes the keys, and a text goes there and its receipt back; one to a handset that is off waits
// and arrives when that is back.
func TestTextsAfterACall(t *testing.T) {
	ports, err := puppet.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	start := func(name string, i, peer int, other string) *puppet.Handset {
		h, err := puppet.Start(sim, out, name, at(i), "speech/alice.wav", "--contact", other+"=sip:"+strings.ToLower(other)+"@"+at(peer))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Stop() })
		must(t, h, "ready")
		return h
	}
	alice, bob := start("Alice", 0, 1, "Bob"), start("Bob", 1, 0, "Alice")
	alice.Say("hold 2")
	must(t, bob, "ringing")
	bob.Say("press call")
	must(t, alice, "secure")
	must(t, bob, "secure")
	alice.Say("sleep 1s", "press end")
	must(t, alice, "ended")
	must(t, bob, "ended")
	alice.Forget()
	bob.Forget()
	writeText(alice)
	must(t, bob, "message")
	must(t, alice, "delivered")
	bob.Say("press end", "sleep 300ms", "press softL", "press down", "press down", "press ok", "press ok", "wait Hi 5s", "screen")
	if e := lastScreen(t, bob, "Hi"); !strings.Contains(e, "Alice") {
		t.Errorf("Bob's screen:\n%s", e)
	}
	// Bob is off, and comes back with the same memory.
	bob.Stop()
	alice.Forget()
	writeText(alice)
	time.Sleep(2 * time.Second)
	for _, e := range alice.Said() {
		if e.Kind == "delivered" {
			t.Fatal("delivered to a handset that is off")
		}
	}
	bob = start("Bob", 1, 0, "Alice")
	if _, err := bob.Await(90*time.Second, "message"); err != nil { // the second or third try
		t.Fatal(err)
	}
	must(t, alice, "delivered")
	// Nothing of it is in the clear in either memory.
	filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if b, err := os.ReadFile(path); err == nil && !d.IsDir() && strings.Contains(path, "state") && bytes.Contains(b, []byte(`"text"`)) {
			t.Errorf("%s holds texts in the clear", filepath.Base(path))
		}
		return nil
	})
}

// lastScreen waits for a screen that shows something.
func lastScreen(t *testing.T, h *puppet.Handset, what string) string {
	t.Helper()
	for limit := time.Now().Add(15 * time.Second); time.Now().Before(limit); time.Sleep(100 * time.Millisecond) {
		said := h.Said()
		for i := len(said) - 1; i >= 0; i-- {
			if said[i].Kind == "screen" && strings.Contains(said[i].Text, what) {
				return said[i].Text
			}
		}
	}
	t.Fatalf("%s never shows %q", h.Name, what)
	return ""
}
