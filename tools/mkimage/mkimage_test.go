package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTable(t *testing.T) {
	b := table()
	if b[510] != 0x55 || b[511] != 0xaa {
		t.Fatal("no boot signature")
	}
	end := uint32(firstStart / sector)
	for i := range 4 {
		e := b[446+16*i:]
		start, size := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		if start != end || size == 0 {
			t.Errorf("partition %d begins at %d, the one before ends at %d", i+1, start, end)
		}
		end = start + size
	}
	if end != cardSize/sector || cardSize&(cardSize-1) != 0 {
		t.Errorf("the partitions end at %d of %d sectors", end, cardSize/sector)
	}
}

// TestArchive lets cpio itself read what we wrote.
func TestArchive(t *testing.T) {
	var a archive
	a.dir("etc/ssl")
	a.add("etc/ssl/x", 0o100444, []byte("hello"), 0, 0)
	a.add("etc/link", 0o120777, []byte("/run/x"), 0, 0)
	cmd := exec.Command("cpio", "-itv", "--quiet")
	cmd.Stdin = bytes.NewReader(a.close())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"drwxr-xr-x", "-r--r--r--", " 5 ", "etc/ssl/x", "etc/link -> /run/x"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("cpio lists no %q:\n%s", want, out)
		}
	}
}

func TestWrongInputs(t *testing.T) {
	notARM := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(notARM, bytes.Repeat([]byte{0x7f, 'E', 'L', 'F'}, 40), 0o600); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old.img")
	if err := os.WriteFile(old, []byte("the image of yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, in := range map[string]inputs{
		"no board is called": {board: "toaster", kernel: "own"},
		"no kernel is":       {board: "rpi4", kernel: "minix"},
		"no arm64 program":   {board: "rpi4", kernel: "own", handset: notARM},
		"make handset":       {board: "rpi4", kernel: "own", handset: "nowhere"},
		"Tor linked in":      {board: "rpi4", kernel: "own", handset: armProgram(t), tor: true},
		"make kernel":        {board: "rpi4", kernel: "own", handset: armProgram(t)}, // the kernel lies elsewhere
	} {
		in.out = old
		err := in.run()
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want an error with %q, got %v", what, err)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %v", err)
		}
		if b, err := os.ReadFile(old); err != nil || string(b) != "the image of yesterday" {
			t.Errorf("%s: the old image was touched: %v", what, err)
		}
	}
}

// armProgram is a Go program for the boards, without Tor.
func armProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "program"), filepath.Join(dir, "main.go"))
	cmd.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "program")
}

// TestMissingProgram takes every program away.
func TestMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	in := inputs{work: t.TempDir()}
	_, err := in.fat("SLOT", mib, 1, nil)
	if err == nil || !strings.Contains(err.Error(), "mkfs.vfat is missing (tools/setup/ensure.sh") {
		t.Errorf("without mkfs.vfat: %v", err)
	}
}

// TestFlashRefuses gives flash.sh every card that it must not touch. The device is a node without a driver, so that even
// a flash.sh that refuses nothing could not write.
func TestFlashRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	img := write("card.img", "image")
	manifest := `{"image": {"name": "x", "sha256": "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"}}`
	manifest = strings.ReplaceAll(strings.ReplaceAll(manifest, ", ", ",\n"), "{", "{\n")
	dev := filepath.Join(dir, "card")
	if err := unix.Mknod(dev, unix.S_IFBLK|0o600, int(unix.Mkdev(4094, 9))); err != nil {
		t.Fatal(err)
	}
	base := map[string]string{"card.img.json": manifest, "sys/block/card/removable": "1", "sys/block/card/size": "9999",
		"sys/block/card/holders/.x": "", "mounts": "/dev/sda1 / ext4", "swaps": ""}
	for _, c := range []struct{ name, file, text, dev, want string }{
		{name: "a good card", want: ""},
		{name: "no device", dev: "-", want: "which card?"},
		{name: "not a device", dev: img, want: "no block device"},
		{name: "an image cut short", file: "card.img.json", text: strings.ReplaceAll(manifest, "6105", "6106"), want: "cut short"},
		{name: "a fixed disk", file: "sys/block/card/removable", text: "0", want: "not removable"},
		{name: "a mounted card", file: "mounts", text: "/dev/card1 /home/x vfat\n", want: "is mounted"},
		{name: "swap", file: "swaps", text: "/dev/card2 partition 1 0", want: "holds swap"},
		{name: "part of something", file: "sys/block/card/holders/dm-0", text: "", want: "in use by"},
		{name: "too small", file: "sys/block/card/size", text: "0", want: "needs"},
	} {
		for n, text := range base {
			write(n, text)
		}
		_ = os.Remove(filepath.Join(dir, "sys/block/card/holders/dm-0"))
		if c.file != "" {
			write(c.file, c.text)
		}
		target := dev
		if c.dev != "" {
			target = strings.TrimPrefix(c.dev, "-")
		}
		cmd := exec.Command("./flash.sh", img, target)
		cmd.Env = append(os.Environ(), "CHECK_ONLY=1", "SYS="+dir+"/sys", "MOUNTS="+dir+"/mounts", "SWAPS="+dir+"/swaps")
		out, err := cmd.CombinedOutput()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s was refused: %s", c.name, out)
		case c.want != "" && (err == nil || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), "nothing was written")):
			t.Errorf("%s: %v, %s", c.name, err, out)
		case strings.Count(strings.TrimSpace(string(out)), "\n") > 0:
			t.Errorf("%s: more than one line: %s", c.name, out)
		}
	}
}
