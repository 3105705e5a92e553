package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

var errPower = errors.New("power cut")

// brittle is a disk whose power goes at step cut. A write takes a step for each byte (of a
// long one, for each 128th part) and one for its sync; a rename is a
// step, and stays undone until Sync when lazy is set.
type brittle struct {
	files map[string][]byte
	undo  []func()
	cut   int
	lazy  bool
	steps int
}

func (d *brittle) step() bool { d.steps++; return d.cut > 0 && d.steps >= d.cut }

func (d *brittle) ReadFile(name string) ([]byte, error) {
	b, ok := d.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(b), nil
}

func (d *brittle) WriteFile(name string, data []byte) error {
	sector := max(1, len(data)/128)
	for i := 0; i < len(data); i += sector {
		if d.step() {
			d.files[name] = bytes.Clone(data[:i])
			return errPower
		}
	}
	d.files[name] = bytes.Clone(data)
	if d.step() {
		return errPower
	}
	return nil
}

func (d *brittle) Rename(from, to string) error {
	if d.step() {
		return errPower
	}
	was, had := d.files[to]
	moved := d.files[from]
	d.files[to] = moved
	delete(d.files, from)
	if d.lazy {
		d.undo = append(d.undo, func() {
			d.files[from] = moved
			delete(d.files, to)
			if had {
				d.files[to] = was
			}
		})
	}
	return nil
}

func (d *brittle) Sync() error {
	if d.step() {
		return errPower
	}
	d.undo = nil
	return nil
}

// boot is the disk as it is found after the power is back.
func (d *brittle) boot() *brittle {
	for i := len(d.undo) - 1; i >= 0; i-- {
		d.undo[i]()
	}
	return &brittle{files: d.files}
}

// TestPowerCutAtEveryStep cuts the power at each step of three saves: what is read afterwards is what Save returned for,
// or what was being saved, and the telephone can save again.
func TestPowerCutAtEveryStep(t *testing.T) {
	contents := []string{"first", "the second generation", "3"}
	whole := &brittle{files: map[string][]byte{}}
	run := func(d *brittle) (saved, trying string) {
		p, _, err := OpenPair(d, "book")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range contents {
			if err := p.Save([]byte(c)); err != nil {
				return saved, c
			}
			saved = c
		}
		return saved, ""
	}
	run(whole)
	if whole.steps < 150 {
		t.Fatalf("only %d steps: the simulated disk does not see the writes", whole.steps)
	}
	for _, lazy := range []bool{false, true} {
		for cut := 1; cut <= whole.steps; cut++ {
			d := &brittle{files: map[string][]byte{}, cut: cut, lazy: lazy}
			saved, trying := run(d)
			p, got, err := OpenPair(d.boot(), "book")
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if string(got) != saved && string(got) != trying {
				t.Fatalf("cut at %d (lazy %v): read %q; saved was %q, being saved %q", cut, lazy, got, saved, trying)
			}
			if aside := p.SetAside(); len(aside) > 0 {
				t.Fatalf("cut at %d: %v torn under its final name", cut, aside)
			}
			if err := p.Save([]byte("after")); err != nil {
				t.Fatal(err)
			}
			if _, got, _ := OpenPair(p.disk, "book"); string(got) != "after" {
				t.Fatalf("cut at %d: after the next save %q is read", cut, got)
			}
		}
	}
}

// TestRottenFileIsSetAside flips each byte of the younger generation: the older is used and the broken file is kept.
func TestRottenFileIsSetAside(t *testing.T) {
	made := &brittle{files: map[string][]byte{}}
	p, _, _ := OpenPair(made, "book")
	for _, c := range []string{"old", "young"} {
		if err := p.Save([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	young := "book" + slots[p.young]
	for i := range made.files[young] {
		d := &brittle{files: map[string][]byte{}}
		for n, b := range made.files {
			d.files[n] = bytes.Clone(b)
		}
		d.files[young][i] ^= 1
		rotten := bytes.Clone(d.files[young])
		p, got, err := OpenPair(d, "book")
		if err != nil || string(got) != "old" {
			t.Fatalf("byte %d: %q, %v", i, got, err)
		}
		if aside := p.SetAside(); len(aside) != 1 || !bytes.Equal(d.files[aside[0]], rotten) {
			t.Fatalf("byte %d: the broken file is not kept: %v", i, aside)
		}
	}
}

// TestBrokenFilesPileUp sees that a second broken file does not overwrite the first.
func TestBrokenFilesPileUp(t *testing.T) {
	d := &brittle{files: map[string][]byte{}}
	for i := range 3 {
		d.files["book.a"] = fmt.Appendf(nil, "rubbish %d", i)
		if _, _, err := OpenPair(d, "book"); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"book.a.broken", "book.a.broken2", "book.a.broken3"} {
		if want := fmt.Sprintf("rubbish %d", i); string(d.files[name]) != want {
			t.Errorf("%s holds %q, want %q", name, d.files[name], want)
		}
	}
}

func TestFolderIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	f, err := OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(path); !errors.Is(err, ErrInUse) {
		t.Fatalf("opened twice: %v", err)
	}
	p, _, err := OpenPair(f, "book")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Save([]byte("content")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(path, "book.a"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	f.Close()
	f, err = OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, got, err := OpenPair(f, "book"); string(got) != "content" || err != nil {
		t.Fatalf("%q %v", got, err)
	}
}

func FuzzGeneration(f *testing.F) {
	f.Add(createGeneration(7, []byte("content")))
	f.Add([]byte(pairMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, content, ok := parseGeneration(b); ok && !bytes.Equal(createGeneration(n, content), b) {
			t.Fatalf("accepted %x, which is not what is written for it", b)
		}
	})
}
