//go:build hil

package hil

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"sotto/firmware/update"
)

// The bench is the board's boot loader: card.slot reads autoboot.txt as the Raspberry Pi's firmware does, and a machine
// that restarts with the words "0 tryboot" says so on its console, which stands for the flag that the firmware keeps.

const tryLine = `trying partition (\d): restart with tryboot`

// gone waits until the machine restarts or is switched off by itself.
func (m *machine) gone(patience time.Duration) {
	m.t.Helper()
	select {
	case <-m.done:
	case <-time.After(slow * patience):
		m.t.Fatalf("%s: did not restart in %v. Console:\n%s", m.setup.name, slow*patience, m.console())
	}
}

// slotIs checks which slot the card starts from.
func slotIs(t *testing.T, c *card, want int) {
	t.Helper()
	if got, err := c.slot(); err != nil || got != want {
		t.Fatalf("the card starts from partition %d, %v; want %d", got, err, want)
	}
}

// count is how many lines of the console say something.
func (m *machine) count(what string) int { return strings.Count(m.console(), what) }

func slotSum(t *testing.T, c *card, n int) (sum [32]byte) {
	t.Helper()
	at, size, err := c.partition(n)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(c.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, at, size)); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}

// TestUpdate goes the whole way of a good update: from a stick into the idle slot, tried once, kept.
func TestUpdate(t *testing.T) {
	o := ownerOf(t)
	c := o.card(t)
	stick := o.stick(t, nextManifest(), o.next, 2)
	note("## An update\n")
	m := start(t, setup{name: "old", card: c, extra: plugged(stick)})
	found := m.wait("an update is on /dev/vdb", 60*time.Second).at
	tried := m.wait(tryLine, 60*time.Second).at
	m.gone(20 * time.Second)
	note("From finding the stick to the restart: %.1f s for %d octets.\n\n", tried.Sub(found).Seconds(), len(o.next))
	slotIs(t, c, 2)
	m.off()

	c.tryboot = true
	m = start(t, setup{name: "trial", card: c, extra: plugged(stick)})
	m.wait("this system is on trial in partition 3", 60*time.Second)
	m.waitBar(barPanel, "a screen", 60*time.Second)
	kept := m.wait("The update to bench 2 stays", 90*time.Second)
	m.shot("the update stays")
	note("Kept %.1f s after the start.\n\n", kept.at.Sub(m.started).Seconds())
	slotIs(t, c, 3)
	m.off()

	m = start(t, setup{name: "new", card: c, extra: plugged(stick)})
	m.waitBar(barPanel, "a screen", 60*time.Second)
	m.wait("update: not newer than what runs", 30*time.Second) // the stick was left in
	m.wait(fmt.Sprintf(`this is slot B, %x, signed by "%s %s"`, sha256.Sum256(o.next), update.PublicKey{ID: o.id[0]},
		update.PublicKey{ID: o.id[1]}), 60*time.Second)
	if m.said("on trial") || m.said("did not start well") {
		t.Errorf("an update that stays is still talked about:\n%s", m.console())
	}
	saveLog(t, m)
}

// TestBadUpdate installs a system that panics: it is tried once, the earlier one runs again and says so, and never falls
// back to the one that is broken.
func TestBadUpdate(t *testing.T) {
	o := ownerOf(t)
	c := o.card(t)
	note("## An update that does not start\n")
	m := start(t, setup{name: "old", card: c, extra: plugged(o.stick(t, nextManifest(), broken(t, o.next), 2))})
	m.wait(tryLine, 60*time.Second)
	m.gone(20 * time.Second)
	c.tryboot = true
	m = start(t, setup{name: "trial", card: c})
	m.wait("Kernel panic", 60*time.Second)
	m.gone(30 * time.Second) // panic=5, and the flag is gone
	slotIs(t, c, 2)
	m = start(t, setup{name: "again", card: c})
	m.wait("The update to bench 2 did not start well: this is the earlier system", 60*time.Second)
	m.waitBar(barPanel, "a screen", 60*time.Second)
	m.shot("rolled back")
	saveLog(t, m)
	m.off()
	slotIs(t, c, 2)
}

// TestCrashLoop takes the screen away, without which the telephone cannot live: after five deaths the board falls
// back to the other slot, which says so.
func TestCrashLoop(t *testing.T) {
	c := ownerOf(t).card(t)
	note("## A crash loop\n")
	m := start(t, setup{name: "loop", card: c, words: "initcall_blacklist=virtio_gpu_driver_init"})
	m.wait("phone failed 5 times", 90*time.Second)
	m.wait("falling back to partition 3", 20*time.Second)
	m.gone(20 * time.Second)
	slotIs(t, c, 3)
	m = start(t, setup{name: "other", card: c})
	m.waitBar(barPanel, "a screen", 60*time.Second)
	m.shot("the other slot")
	slotIs(t, c, 3)
	saveLog(t, m)
}

// TestRefused offers what must not be installed, three sticks at once: each is refused with its reason, and no octet of the
// idle slot changes.
func TestRefused(t *testing.T) {
	o := ownerOf(t)
	c := o.card(t)
	before := slotSum(t, c, 3)
	older, other := nextManifest(), nextManifest()
	older.Version = versionNow - 1
	other.Board = "rpi4"
	forged := bytes.Clone(o.next)
	forged[len(forged)/2] ^= 1
	m := start(t, setup{name: "virt", card: c, extra: plugged(
		o.stick(t, nextManifest(), o.next, 1), o.stick(t, older, o.next, 2), o.stick(t, other, o.next, 2))})
	m.wait("update: not signed by the owner's keys", 60*time.Second)
	m.wait("update: not newer than what runs", 60*time.Second)
	m.wait("update: made for another board: rpi4", 60*time.Second)
	m.waitBar(barPanel, "a screen", 60*time.Second)
	m.off()
	if slotSum(t, c, 3) != before {
		t.Error("the idle slot was written to")
	}
	slotIs(t, c, 2)
	cut := nextManifest()
	cut.Size, cut.SHA256 = int64(len(o.next)), sha256.Sum256(o.next)
	m = start(t, setup{name: "virt", card: c, extra: plugged(o.stick(t, cut, o.next[:len(o.next)/2], 2), o.stick(t, cut, forged, 2))})
	m.wait("an update is on /dev/vdc", 60*time.Second)
	m.waitBar(barPanel, "a screen", 60*time.Second)
	time.Sleep(3 * time.Second)
	if n := m.count("update: the image is cut short or damaged"); n < 2 {
		t.Errorf("damage was told %d times:\n%s", n, m.console())
	}
	if m.said("tryboot") {
		t.Error("a damaged image is to be tried")
	}
	slotIs(t, c, 2)
	note("## Updates that are refused\nOne signature, an older version, another board, an image cut short, one with a wrong octet: none was tried.\n\n")
}
