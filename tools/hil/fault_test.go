//go:build hil

package hil

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// TestDamage starts with a data partition full of noise, with one cut short, and in 1970: it always starts, says what is
// wrong, and leaves what it does not understand as it is.
func TestDamage(t *testing.T) {
	noise := cardOf(t, "qemuvirt")
	start4, _, err := noise.partition(4)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(noise.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	junk := bytes.Repeat([]byte("noise"), 1<<18)
	if _, err := f.WriteAt(junk, start4); err != nil {
		t.Fatal(err)
	}
	small := cardOf(t, "qemuvirt")
	if err := os.Truncate(small.path, start4+1<<20); err != nil {
		t.Fatal(err)
	}
	note("## Damage\n")
	for _, c := range []struct {
		name, complaint string
		card            *card
		extra           []string
	}{
		{"noise", "holds something that is not ours", noise, nil},
		{"small", "smaller than its file system", small, nil},
		{"1970", "", cardOf(t, "qemuvirt"), []string{"-rtc", "base=1970-01-01T00:00:10"}},
	} {
		m := start(t, setup{name: c.name, card: c.card, extra: c.extra, port: newHub(t).plug()})
		m.waitBar(barPanel, "the idle screen", 120*time.Second)
		m.shot(c.name)
		if c.complaint != "" {
			m.wait(c.complaint, time.Second)
		}
		m.off()
	}
	after := make([]byte, len(junk))
	if _, err := f.ReadAt(after, start4); err != nil || !bytes.Equal(after, junk) {
		t.Errorf("a partition that is not ours was overwritten: %v", err)
	}
}
