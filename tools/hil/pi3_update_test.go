//go:build hil

package hil

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/firmware/update"
)

// TestPi3Update takes an update from a USB stick on a Raspberry Pi 3 as far as QEMU has one: to the restart, at which the
// kernel must ask the firmware, by the mailbox, to try the other slot. QEMU's firmware does not know the wish and says so
// in its log, with the number of the wish.
func TestPi3Update(t *testing.T) {
	o := ownerOf(t)
	dir := filepath.Dir(o.image)
	image := filepath.Join(dir, "pi3.img")
	if err := inRoot(nil, "build/mkimage", "--board", "rpi3", "--kernel", o.kernel, "--handset", filepath.Join(dir, "now-arm64"),
		"--keys", o.files, "--out", image); err != nil {
		t.Fatal(err)
	}
	c, err := copyCard(image, filepath.Join(t.TempDir(), "card.img"), "rpi3")
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	stick := o.stick(t, update.Manifest{Board: "rpi3", Version: versionNext, Name: "bench 2"}, content, 2)
	unknown := filepath.Join(t.TempDir(), "unknown.log")
	m := start(t, setup{name: "pi3", card: c, extra: []string{"-drive", "if=none,id=stick,format=raw,readonly=on,file=" + stick,
		"-device", "usb-storage,drive=stick", "-d", "unimp,guest_errors", "-D", unknown}})
	m.wait("an update is on /dev/sda", 120*time.Second)
	m.wait(tryLine, 60*time.Second)
	m.wait(`Restarting system with command '0 tryboot'`, 30*time.Second) // QEMU has no watchdog that would restart it
	b, err := os.ReadFile(unknown)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.ToLower(string(b)), "0x00038064") {
		t.Errorf("the firmware was not asked to try the other slot; it was asked:\n%s", b[:min(len(b), 4000)])
	}
	at, _, err := c.partition(3)
	if err != nil {
		t.Fatal(err)
	}
	written := make([]byte, len(content))
	f, err := os.Open(c.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(written, at); err != nil || !bytes.Equal(written, content) {
		t.Errorf("the idle slot does not hold the update: %v", err)
	}
	slotIs(t, c, 2)
	note("## An update on a Raspberry Pi 3\nFrom a USB stick into the idle slot; the kernel asked the firmware to try it once (tag 0x00038064).\n\n")
}
