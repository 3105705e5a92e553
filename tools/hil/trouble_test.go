//go:build hil

package hil

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNoSound starts a handset whose sound card is gone. It says so, and a call is made and ended all the same, with
// silence going out at the pace of speech.
func TestNoSound(t *testing.T) {
	h := newHub(t)
	note("## Without a sound card\n")
	alice := start(t, setup{name: "alice", card: cardOf(t, "qemuvirt"), port: h.plug(), words: "sotto.direct=1"})
	bob := start(t, setup{name: "bob", card: cardOf(t, "qemuvirt"), port: h.plug(), sound: "bob", words: "sotto.direct=1"})
	alice.rest(120 * time.Second)
	bob.rest(120 * time.Second)
	if !alice.about("board: no sound") { // and "card" in the row below
		t.Error("a missing sound card is not told")
	}
	alice.shot("it says so")
	alice.press("end")
	alice.rest(10 * time.Second)
	connect(alice, bob)
	rate := 0.0
	for range 3 { // an emulator that got no processor for a while is late, and the next seconds are as they should be
		before, began := h.speaks(alice.setup.port), time.Now()
		time.Sleep(3 * time.Second)
		rate = float64(h.speaks(alice.setup.port)-before) / time.Since(began).Seconds()
		note("\nPackets of silence a second: %.0f. ", rate)
		if rate >= 40 && rate <= 60 {
			break
		}
	}
	if rate < 40 || rate > 60 {
		t.Errorf("without a card there are %.0f packets a second, want 50", rate)
	}
	alice.shot("a call without ears")
	alice.press("end")
	alice.waitBar(barPanel, "the end of the call", 20*time.Second)
	bob.waitBar(barPanel, "the end of the call", 20*time.Second)
	saveLog(t, alice)
}

// edit takes the data partition out of a card that is not in use, has its file system repaired, and puts it back as f
// left it.
func (c *card) edit(t *testing.T, f func(path string)) {
	t.Helper()
	from, size, err := c.partition(4)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := make([]byte, size)
	path := filepath.Join(t.TempDir(), "data")
	if _, err := file.ReadAt(b, from); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("e2fsck", "-p", path).CombinedOutput(); err != nil && !strings.Contains(string(out), "recovering journal") {
		t.Fatalf("e2fsck: %v: %s", err, out) // after a power cut it has the journal to play
	}
	f(path)
	if b, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(b, from); err != nil {
		t.Fatal(err)
	}
}

// tool runs a program of e2fsprogs.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", args, err, out)
	}
	return string(out)
}

// free is how many blocks a file system has left.
func free(t *testing.T, path string) int {
	t.Helper()
	m := regexp.MustCompile(`Free blocks: +(\d+)`).FindStringSubmatch(tool(t, "dumpe2fs", "-h", path))
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// lived is a card that has been in use: it was started, came to rest, and was switched off.
func lived(t *testing.T) *card {
	t.Helper()
	c := cardOf(t, "qemuvirt")
	m := start(t, setup{name: "before", card: c, port: newHub(t).plug()})
	m.rest(120 * time.Second)
	time.Sleep(7 * time.Second) // ext4 writes back every five seconds
	m.off()
	return c
}

// TestFullData starts with a data partition on which not one block is free: it comes to rest, and remembers what it knew.
func TestFullData(t *testing.T) {
	note("## A full data partition\n")
	c := lived(t)
	c.edit(t, func(path string) {
		filler := filepath.Join(t.TempDir(), "filler")
		for i := 0; free(t, path) > 0; i++ {
			n := free(t, path)
			if n > 16 {
				n -= 16 // a long file needs blocks that say where it lies
			}
			if err := os.WriteFile(filler, bytes.Repeat([]byte{1}, n*4096), 0o600); err != nil {
				t.Fatal(err)
			}
			tool(t, "debugfs", "-w", "-R", fmt.Sprintf("write %s filler%d", filler, i), path)
			if i > 40 {
				t.Fatalf("%d blocks stay free", free(t, path))
			}
		}
	})
	m := start(t, setup{name: "full", card: c, port: newHub(t).plug()})
	m.rest(120 * time.Second)
	m.shot("at rest")
	if !m.said("memory is there") || m.said("nothing will be remembered") {
		t.Error("a full partition is not opened any more")
	}
	saveLog(t, m)
}

// TestCorruptData overwrites parts of a used data partition: the tables of the file system, or both generations of the
// vault. It comes to rest all the same.
func TestCorruptData(t *testing.T) {
	note("## A corrupt data partition\n")
	used := lived(t)
	noise := bytes.Repeat([]byte{0xa5, 0x3c, 0x77}, 1<<16)
	for _, c := range []struct {
		name   string
		damage func(path string)
	}{
		{"tables", func(path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(noise, 4096); err != nil { // group descriptors, bitmaps, inodes
				t.Fatal(err)
			}
		}},
		{"vault", func(path string) {
			file := filepath.Join(t.TempDir(), "noise")
			if err := os.WriteFile(file, noise[:4367], 0o600); err != nil {
				t.Fatal(err)
			}
			for _, n := range []string{"vault.a", "vault.b"} {
				tool(t, "debugfs", "-w", "-R", "rm /phone/"+n, path)
				tool(t, "debugfs", "-w", "-R", "write "+file+" /phone/"+n, path)
				tool(t, "debugfs", "-w", "-R", "sif /phone/"+n+" uid 1000", path)
			}
		}},
	} {
		copied, err := copyCard(used.path, filepath.Join(t.TempDir(), "card.img"), "qemuvirt")
		if err != nil {
			t.Fatal(err)
		}
		copied.edit(t, c.damage)
		m := start(t, setup{name: c.name, card: copied, port: newHub(t).plug()})
		m.waitBar(barPanel, "a screen with "+c.name+" damaged", 60*time.Second)
		m.shot(c.name + " damaged")
		saveLog(t, m)
		m.off()
	}
}
