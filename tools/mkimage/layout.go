package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is the time of everything on the card: the time of no build in particular.
const epoch = 1700000000

const (
	mib        = 1 << 20
	sector     = 512
	firstStart = 4 * mib
	selectSize = 16 * mib
	slotSize   = 64 * mib
	cardSize   = 256 * mib // a power of two, as QEMU's card reader wants it
	slotAStart = firstStart + selectSize
	slotBStart = slotAStart + slotSize
	dataStart  = slotBStart + slotSize
	dataSize   = cardSize - dataStart
)

// Types of partitions in the table of the first sector.
const (
	typeFAT  = 0x0c
	typeData = 0xda // "non-FS data": nobody else mounts or offers to format it
)

type file struct {
	name string
	data []byte
}

// fat makes a FAT file system of a size with files in the order of their names, and returns its path.
func (in *inputs) fat(label string, size int64, serial uint32, files []file) (string, error) {
	img := filepath.Join(in.work, label)
	f, err := os.Create(img)
	if err != nil {
		return "", err
	}
	if err := f.Truncate(size); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	if err := run("mkfs.vfat", "--invariant", "-i", fmt.Sprintf("%08x", serial), "-n", label, img); err != nil {
		return "", err
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	os.Setenv("MTOOLS_SKIP_CHECK", "1")
	os.Setenv("TZ", "UTC")
	sum := int64(0)
	for _, x := range files {
		sum += int64(len(x.data))
		path := filepath.Join(in.work, x.name)
		if err := os.WriteFile(path, x.data, 0o600); err != nil {
			return "", err
		}
		when := time.Unix(epoch, 0)
		if err := os.Chtimes(path, when, when); err != nil {
			return "", err
		}
		if err := run("mcopy", "-m", "-i", img, path, "::"+x.name); err != nil {
			return "", fmt.Errorf("%w: %s holds %d MiB, its files have %d", err, label, size/mib, sum/mib)
		}
		in.list.add(strings.ToLower(label)+"/"+x.name, x.data)
	}
	return img, nil
}

// table is the first sector of the card.
func table() []byte {
	b := make([]byte, sector)
	binary.LittleEndian.PutUint32(b[440:], 0x50770000)
	for i, p := range []struct {
		start, size int64
		kind        byte
	}{{firstStart, selectSize, typeFAT}, {slotAStart, slotSize, typeFAT}, {slotBStart, slotSize, typeFAT},
		{dataStart, dataSize, typeData}} {
		e := b[446+16*i:]
		e[4] = p.kind
		copy(e[1:4], []byte{0xfe, 0xff, 0xff}) // the old geometry cannot say it
		copy(e[5:8], []byte{0xfe, 0xff, 0xff})
		binary.LittleEndian.PutUint32(e[8:], uint32(p.start/sector))
		binary.LittleEndian.PutUint32(e[12:], uint32(p.size/sector))
	}
	b[510], b[511] = 0x55, 0xaa
	return b
}

// write puts the card together. It is a new file until it is whole: an image cut short never has the right name.
func (in *inputs) write(selector, slot string) error {
	if err := os.MkdirAll(filepath.Dir(in.out), 0o755); err != nil {
		return err
	}
	f, err := os.Create(in.out + ".new")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(cardSize); err != nil {
		return err
	}
	if _, err := f.WriteAt(table(), 0); err != nil {
		return err
	}
	for _, p := range []struct {
		at   int64
		path string
	}{{firstStart, selector}, {slotAStart, slot}, {slotBStart, slot}} {
		if err := place(f, p.at, p.path); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(in.out+".new", in.out)
}

// writeSlot leaves the system of one slot beside the image, without the empty end: what an update carries.
func (in *inputs) writeSlot(slot string) error {
	b, err := os.ReadFile(slot)
	if err != nil {
		return err
	}
	end := len(bytes.TrimRight(b, "\x00"))
	path := strings.TrimSuffix(in.out, ".img") + ".slot"
	if err := os.WriteFile(path+".new", b[:(end+sector-1)/sector*sector], 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// place copies a file to its place, leaving holes where it is zero.
func place(f *os.File, at int64, path string) error {
	src, err := os.Open(path)
	if err != nil {
		return err
	}
	defer src.Close()
	b := make([]byte, 64<<10)
	zero := make([]byte, len(b))
	for {
		n, err := io.ReadFull(src, b)
		if n > 0 && string(b[:n]) != string(zero[:n]) {
			if _, err := f.WriteAt(b[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
