package boot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
	for _, want := range []int{slotB, slotA, slotB} {
		got, err := switchSlot(path)
		if err != nil || got != want {
			t.Fatalf("switched to %d, %v; want %d", got, err, want)
		}
		b, _ := os.ReadFile(path)
		if now, err := parseAutoboot(b); err != nil || now != want {
			t.Errorf("the file says %d, %v", now, err)
		}
	}
	if len(autoboot(slotA)) > sectorSize {
		t.Error("the file does not fit one sector")
	}
	for _, bad := range []string{"", "[all]\nboot_partition=7\n", "[tryboot]\nboot_partition=2\n", "boot_partition=2\n"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := switchSlot(path); !errors.Is(err, ErrAutoboot) {
			t.Errorf("%q: %v", bad, err)
		}
		if b, _ := os.ReadFile(path); string(b) != bad {
			t.Errorf("%q was overwritten", bad)
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
