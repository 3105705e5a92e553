package boot

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAutoboot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "autoboot.txt")
	if err := os.WriteFile(path, autoboot(slotA), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{slotB, slotB, slotA, slotB} {
		if err := setSlot(path, want); err != nil {
			t.Fatalf("to %d: %v", want, err)
		}
		b, _ := os.ReadFile(path)
		if now, err := parseAutoboot(b); err != nil || now != want {
			t.Errorf("the file says %d, %v; want %d", now, err, want)
		}
	}
	if len(autoboot(slotA)) > sectorSize {
		t.Error("the file does not fit one sector")
	}
	for _, bad := range []string{"", "[all]\nboot_partition=7\n", "[tryboot]\nboot_partition=2\n", "boot_partition=2\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := setSlot(path, slotB); !errors.Is(err, ErrAutoboot) {
			t.Errorf("%q: %v", bad, err)
		}
		if b, _ := os.ReadFile(path); string(b) != bad {
			t.Errorf("%q was overwritten", bad)
		}
	}
}

// TestWhereAmI goes through the life of an update: ordered by version 7, tried, and kept or not.
func TestWhereAmI(t *testing.T) {
	ordered := trial{slotB, 7}
	for _, c := range []struct {
		name        string
		start, told int
		trial       trial
		version     int64
		want        slots
	}{
		{"nothing is going on", slotA, 0, trial{}, 7, slots{slotA, slotA, false, false}},
		{"the trial, told by the version", slotA, 0, ordered, 8, slots{slotA, slotB, true, false}},
		{"the trial, told by the firmware", slotA, slotB, ordered, 8, slots{slotA, slotB, true, false}},
		{"the trial without memory", slotA, slotB, trial{}, 8, slots{slotA, slotB, true, false}},
		{"after the commit, before it was remembered", slotB, 0, ordered, 8, slots{slotB, slotB, false, false}},
		{"rolled back", slotA, 0, ordered, 7, slots{slotA, slotA, false, true}},
		{"rolled back, told by the firmware", slotA, slotA, ordered, 7, slots{slotA, slotA, false, true}},
		{"firmware that tells nonsense", slotA, 9, trial{}, 7, slots{slotA, slotA, false, false}},
		{"the other way round", slotB, 0, trial{slotA, 7}, 8, slots{slotB, slotA, true, false}},
	} {
		if got := whereAmI(c.start, c.told, c.trial, c.version); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := parseTrial(ordered.String()); got != ordered {
		t.Errorf("%v was read as %v", ordered, got)
	}
	for _, bad := range []string{"", "3", "3 7", "4 7\n", "3 7\nx", " 3 7\n", "03 7\n"} {
		if got := parseTrial(bad); got != (trial{}) {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

// TestKeeperMayLittle talks to PID 1 as a keeper that was taken over.
func TestKeeperMayLittle(t *testing.T) {
	for name, f := range map[string]*first{
		"not on trial": {slots: slots{start: slotA, running: slotA}},
		"on trial":     {slots: slots{start: slotA, running: slotB, trial: true}},
	} {
		ours, theirs := net.Pipe()
		l := &Loader{line: theirs, answers: bufio.NewReader(theirs), slot: f.slots.running - slotA, trial: f.slots.trial}
		reports := make(chan string)
		go func() { reports <- f.serve(ours) }()
		here, trial, _ := l.Running()
		if err := l.Commit(1 - here); !errors.Is(err, errRefused) {
			t.Errorf("%s: the slot that does not run became the one that starts: %v", name, err)
		}
		if err := l.TryOnce(here); !errors.Is(err, errRefused) {
			t.Errorf("%s: the running slot is to be tried: %v", name, err)
		}
		if trial {
			if err := l.TryOnce(1 - here); !errors.Is(err, errRefused) {
				t.Errorf("%s: an update on top of one that is on trial: %v", name, err)
			}
		} else if err := l.Commit(here); !errors.Is(err, errRefused) {
			t.Errorf("%s: a commit without a trial: %v", name, err)
		}
		if err := l.ask("reboot", "2"); !errors.Is(err, errRefused) {
			t.Errorf("%s: another wish: %v", name, err)
		}
		if err := l.Tell("two\nlines"); err != nil {
			t.Error(err)
		}
		_ = theirs.Close()
		if got := <-reports; got != "two lines" {
			t.Errorf("%s: the report is %q", name, got)
		}
	}
}

// card is a disk that keeps only what was synced, plus whichever later sectors the test says, when the power goes.
type card struct {
	synced  []byte
	pending []sector
	left    int // writes until the power goes; -1 is never
}

type sector struct {
	at   int64
	data []byte
}

var errPower = errors.New("power cut")

func (c *card) now() []byte {
	b := bytes.Clone(c.synced)
	for _, s := range c.pending {
		copy(b[s.at:], s.data)
	}
	return b
}

func (c *card) ReadAt(p []byte, at int64) (int, error) { return copy(p, c.now()[at:]), nil }

func (c *card) WriteAt(p []byte, at int64) (int, error) {
	for i := 0; i < len(p); i += sectorSize {
		if c.left == 0 {
			return i, errPower
		}
		c.left--
		c.pending = append(c.pending, sector{at + int64(i), bytes.Clone(p[i : i+sectorSize])})
	}
	return len(p), nil
}

func (c *card) Sync() error {
	if c.left == 0 {
		return errPower
	}
	c.synced, c.pending = c.now(), nil
	return nil
}

// cut is the card after the power went: of the writes since the last sync any may have arrived; mask says which.
func (c *card) cut(mask uint) *card {
	b := bytes.Clone(c.synced)
	for i, s := range c.pending {
		if mask>>(i%16)&1 == 1 {
			copy(b[s.at:], s.data)
		}
	}
	return &card{synced: b, left: -1}
}

func smallTemplate() (tpl, want []byte) {
	want = make([]byte, 8*blockSize)
	for i := range want[superAt : superAt+1024] {
		want[superAt+i] = byte(i) | 1
	}
	binary.LittleEndian.PutUint16(want[magicAt:], 0xef53)
	copy(want[3*blockSize:], "a bitmap")
	copy(want[7*blockSize:], "an inode table")
	tpl = binary.LittleEndian.AppendUint64([]byte("SOTTOTPL"), uint64(len(want)))
	for at := 0; at < len(want); at += blockSize {
		if b := want[at : at+blockSize]; !bytes.Equal(b, make([]byte, blockSize)) {
			tpl = append(binary.LittleEndian.AppendUint64(tpl, uint64(at)), b...)
		}
	}
	return tpl, want
}

// TestFirstStartSurvivesEveryCut cuts the power at every sector of the first start, with every pattern of what arrived,
// and starts again: the file system is whole, never half.
func TestFirstStartSurvivesEveryCut(t *testing.T) {
	tpl, want := smallTemplate()
	whole := &card{synced: make([]byte, len(want)), left: -1}
	if made, err := prepare(whole, int64(len(want)), tpl); err != nil || !made || !bytes.Equal(whole.synced, want) {
		t.Fatalf("without a cut: made %v, %v, whole %v", made, err, bytes.Equal(whole.synced, want))
	}
	cuts := 0
	for left := range 64 {
		c := &card{synced: make([]byte, len(want)), left: left}
		_, err := prepare(c, int64(len(want)), tpl)
		if err == nil {
			break
		}
		if !errors.Is(err, errPower) {
			t.Fatal(err)
		}
		for mask := range uint(1 << 16) {
			if mask%257 != 0 && mask%2039 != 0 { // all-or-nothing, and a few hundred patterns between
				continue
			}
			after := c.cut(mask)
			if _, err := prepare(after, int64(len(want)), tpl); err != nil {
				t.Fatalf("cut after %d sectors, pattern %#x: %v", left, mask, err)
			}
			if !bytes.Equal(after.now(), want) {
				t.Fatalf("cut after %d sectors, pattern %#x: half a file system passes for a whole one", left, mask)
			}
			cuts++
		}
	}
	if cuts < 2000 {
		t.Errorf("only %d cuts were tried", cuts)
	}
}

func TestPrepareLeavesOthersAlone(t *testing.T) {
	tpl, want := smallTemplate()
	foreign := bytes.Repeat([]byte{7}, len(want))
	c := &card{synced: bytes.Clone(foreign), left: -1}
	if _, err := prepare(c, int64(len(want)), tpl); !errors.Is(err, errDamaged) || !bytes.Equal(c.now(), foreign) {
		t.Errorf("a foreign partition: %v", err)
	}
	c = &card{synced: make([]byte, len(want)), left: -1}
	if _, err := prepare(c, int64(len(want)-1), tpl); !errors.Is(err, errTooSmall) || len(c.pending) != 0 {
		t.Errorf("a card that is too small: %v", err)
	}
	c = &card{synced: bytes.Clone(want), left: -1}
	if made, err := prepare(c, int64(len(want)), nil); made || err != nil {
		t.Errorf("a partition in use: made %v, %v", made, err)
	}
}

func FuzzTemplate(f *testing.F) {
	tpl, _ := smallTemplate()
	f.Add(tpl)
	f.Add([]byte("SOTTOTPL"))
	// What the fuzzer found: a size below zero wrapped round and let every place pass.
	f.Add(append(append([]byte("SOTTOTPL\x00\x00\x00\x00\x00\x00\x00\x80"), make([]byte, 8)...), make([]byte, blockSize)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		size, blocks, err := parseTemplate(b)
		for at, block := range blocks {
			if err == nil && (len(block) != blockSize || at < 0 || at+blockSize > size) {
				t.Fatalf("a block of %d octets at %d of %d", len(block), at, size)
			}
		}
	})
}

func TestCrashLoop(t *testing.T) {
	var p policy
	now := time.Unix(0, 0)
	var got []string
	for range 8 {
		v := p.died(now)
		got = append(got, fmt.Sprint(v.pause, v.fallBack))
		now = now.Add(v.pause + time.Second)
	}
	want := "[100ms false 400ms false 1.6s false 6.4s false 30s true 30s false 30s false 30s false]"
	if fmt.Sprint(got) != want {
		t.Errorf("a child that dies at once:\n %v, want\n %v", got, want)
	}
	p = policy{}
	for range 100 { // one death an hour is no loop
		if v := p.died(now); v.pause != firstPause || v.fallBack {
			t.Fatalf("an old death counts: %+v", v)
		}
		now = now.Add(time.Hour)
	}
	if startVerdict(startLimit-1) || !startVerdict(startLimit) {
		t.Error("the limit of unhealthy starts is off by one")
	}
}
