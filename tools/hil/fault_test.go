//go:build hil

package hil

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestPowerCuts pulls the plug at random moments of starting, first start included, on one and the same card: it always
// starts again. HIL_CUTS is how often (make cuts sets 200); HIL_SEED makes a run again.
func TestPowerCuts(t *testing.T) {
	cuts, seed := 4, uint64(time.Now().UnixNano())
	if v := os.Getenv("HIL_CUTS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		cuts = n
	}
	if v := os.Getenv("HIL_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	note("## Power cuts\n%d cuts, seed %d.\n\n", cuts, seed)
	r := rand.New(rand.NewPCG(seed, 1))
	c := cardOf(t, "qemuvirt")
	for i := range cuts {
		if i%10 == 0 { // every tenth life begins with a first start
			c = cardOf(t, "qemuvirt")
		}
		m := start(t, setup{name: "cut", card: c})
		time.Sleep(time.Duration(500+r.IntN(6000)) * time.Millisecond)
		m.off()
		if i%5 != 4 && i != cuts-1 {
			continue // several cuts in a row, then a look
		}
		m = start(t, setup{name: "look", card: c, port: newHub(t).plug()})
		m.waitBar(barPanel, "the idle screen after a power cut", 120*time.Second)
		if m.said("nothing will be remembered") {
			t.Errorf("cut %d, seed %d: the data partition was lost:\n%s", i, seed, m.console())
		}
		m.off()
	}
}

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
