//go:build hil

package hil

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/firmware/update"
)

// put writes a file onto the first partition of the card, as an owner would with any computer.
func (c *card) put(t *testing.T, name, text string) {
	t.Helper()
	from, _, err := c.partition(1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mcopy", "-o", "-i", fmt.Sprintf("%s@@%d", c.path, from), path, "::"+name)
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// slotHash is what the manifest beside an image says of the system in it.
func slotHash(t *testing.T, image string) (hash, release string) {
	t.Helper()
	b, err := os.ReadFile(image + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Slot struct {
			SHA256 string `json:"sha256"`
		} `json:"slot"`
		Release string `json:"kernelRelease"`
	}
	if err := json.Unmarshal(b, &m); err != nil || len(m.Slot.SHA256) != 64 {
		t.Fatalf("%q, %v", m.Slot.SHA256, err)
	}
	return m.Slot.SHA256, m.Release
}

// TestSystem holds what the screen says of the system against the manifest that lies beside the image, with the owner's
// words and set-up file on the card: the file is shown, taken by a key, and not offered again.
func TestSystem(t *testing.T) {
	o := ownerOf(t)
	hash, release := slotHash(t, o.image)
	c := o.card(t)
	const text = "sotto-provision 1\nserial 1\nfor all\ncontact 2 sip:bob@10.0.0.2 Bob\nend\n"
	setUp := text
	for i := range o.keys {
		setUp += update.Sign(o.id[i], o.keys[i], []byte(text), "the bench")
	}
	c.put(t, "sotto.setup", setUp)
	c.put(t, "sotto.txt", "# the bench\nsotto.address=10.0.0.77/24 sotto.router=10.0.0.1\n")
	note("## What runs, and a set-up file\n")
	h := newHub(t)
	m := start(t, setup{name: "virt", card: c, port: h.plug()})
	m.wait("a set-up file is on the card", 60*time.Second)
	said := m.wait("this is slot A, "+hash+", signed by", 90*time.Second)
	t.Log(said.text)
	m.waitBar(barPanel, "a screen", 60*time.Second)
	m.press("end") // the guide of the first start
	m.waitTop(top("setup"), "the set-up file", 20*time.Second)
	m.shot("the set-up file")
	if !hasRow(m.screen(), call.Row{Text: update.PublicKey{ID: o.id[0]}.String()}, false) {
		t.Error("the screen does not say who signed the set-up file")
	}
	m.moves("softL")
	m.shot("taken")
	m.moves("softL")
	m.moves("softL")
	m.choose("about")
	m.shot("about")
	missing := map[string]call.Row{"board": {Label: "about.board", Detail: "qemuvirt"}, "slot": {Label: "about.slot", Detail: "A"},
		"kernel": {Label: "about.kernel", Detail: release}}
	for i := range 4 {
		missing[fmt.Sprint("hash ", i)] = call.Row{Text: hash[16*i : 16*i+16]}
	}
	for range 15 {
		img := m.screen()
		for name, r := range missing {
			if hasRow(img, r, false) || hasRow(img, r, true) {
				delete(missing, name)
			}
		}
		m.moves("down")
	}
	m.shot("the end of about")
	for _, f := range h.seen() {
		if f[12] == 8 && f[13] == 0 && f[23] == 17 && f[35] == 68 {
			t.Error("DHCP is asked for an address, though the owner gave one")
		}
	}
	if len(missing) > 0 {
		t.Errorf("the screen does not show what the manifest says: %v", missing)
	}
	saveLog(t, m)
	time.Sleep(7 * time.Second) // ext4 writes back every five seconds
	m.off()

	m = start(t, setup{name: "again", card: c, port: newHub(t).plug()})
	m.wait("a set-up file is on the card", 60*time.Second)
	m.rest(120 * time.Second)
	m.moves("softL")
	m.choose("contacts")
	if img := m.screen(); !hasRow(img, call.Row{Text: "Bob", Detail: "2", Mark: call.MarkTrust}, true) {
		m.shot("contacts")
		t.Error("Bob is not in the phone book")
	}
	if strings.Contains(m.console(), "boot:") {
		t.Errorf("something is wrong:\n%s", m.console())
	}
	m.shot("contacts")
}
