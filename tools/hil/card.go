//go:build hil

// Package hil is the bench: it starts the very image of a card in QEMU and looks at it from outside, as a person would:
// at the screen, with the keyboard, at the cable, with ear and mouth.
//
// It promises not to change the image: it starts what the card's own table and autoboot.txt say, with the card's own
// command line. What it adds stands in front (an initramfs part, words on the command line) and is said in the report.
// It cannot prove anything about real chips.
package hil

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// card is a copy of an image that one machine may write to.
type card struct {
	path    string
	board   string
	tryboot bool // the flag of the firmware: the next start is the one of [tryboot]
}

// copyCard copies an image, keeping its holes.
func copyCard(image, path, board string) (*card, error) {
	if out, err := exec.Command("cp", "--sparse=always", image, path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("hil: %w: %s", err, out)
	}
	return &card{path: path, board: board}, nil
}

// partition is the start and the size of partition n, in octets, out of the table of the first sector.
func (c *card) partition(n int) (start, size int64, err error) {
	f, err := os.Open(c.path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	b := make([]byte, 512)
	if _, err := io.ReadFull(f, b); err != nil {
		return 0, 0, err
	}
	e := b[446+16*(n-1):]
	return int64(binary.LittleEndian.Uint32(e[8:])) * 512, int64(binary.LittleEndian.Uint32(e[12:])) * 512, nil
}

// read takes a file out of a FAT partition, as the firmware of the board would.
func (c *card) read(partition int, name string) ([]byte, error) {
	start, _, err := c.partition(partition)
	if err != nil {
		return nil, err
	}
	return c.readAt(start, name)
}

// readAt takes a file out of the FAT that begins at an octet of the card.
func (c *card) readAt(start int64, name string) ([]byte, error) {
	cmd := exec.Command("mtype", "-i", fmt.Sprintf("%s@@%d", c.path, start), "::"+name)
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("hil: %s at %d: %w: %s", name, start, err, complaint.String())
	}
	return out, nil
}

// slot is the partition that autoboot.txt starts, read as the firmware of the board reads it: lines below [all] count
// always, those below [tryboot] when the flag is set, and the last one wins (Raspberry Pi documentation, "autoboot.txt").
func (c *card) slot() (int, error) {
	b, err := c.read(1, "autoboot.txt")
	if err != nil {
		return 0, err
	}
	if len(b) > 512 {
		return 0, fmt.Errorf("hil: autoboot.txt has %d octets, the firmware reads 512", len(b))
	}
	slot, counts := 0, true
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			counts = line == "[all]" || line == "[tryboot]" && c.tryboot
		}
		if v, ok := strings.CutPrefix(line, "boot_partition="); ok && counts {
			if slot, err = strconv.Atoi(v); err != nil {
				return 0, fmt.Errorf("hil: autoboot.txt: %w", err)
			}
		}
	}
	if slot == 0 {
		return 0, fmt.Errorf("hil: autoboot.txt %q names no partition", b)
	}
	return slot, nil
}

// kernelFiles puts what the firmware loads into dir: kernel, initramfs, tree; it returns the command line.
func (c *card) kernelFiles(dir string) (cmdline string, err error) {
	slot, err := c.slot()
	c.tryboot = false // it counts for one start
	if err != nil {
		return "", err
	}
	names := []string{"kernel8.img", "initramfs.img", "cmdline.txt"}
	if c.board != "qemuvirt" {
		names = append(names, "board.dtb")
	}
	for _, n := range names {
		b, err := c.read(slot, n)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, n), b, 0o600); err != nil {
			return "", err
		}
		if n == "cmdline.txt" {
			cmdline = strings.TrimSpace(string(b))
		}
	}
	if c.board != "qemuvirt" {
		return cmdline, firmwareTree(dir)
	}
	return cmdline, nil
}

// firmwareTree adds to the tree what the Pi's firmware would have added (qemu-pi3.dts says what).
func firmwareTree(dir string) error {
	overlay, tree := filepath.Join(dir, "qemu.dtbo"), filepath.Join(dir, "board.dtb")
	for _, c := range [][]string{
		{"dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", overlay, "qemu-pi3.dts"},
		{"fdtoverlay", "-i", tree, "-o", filepath.Join(dir, "qemu.dtb"), overlay},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("hil: %s: %w: %s", c[0], err, out)
		}
	}
	return nil
}
