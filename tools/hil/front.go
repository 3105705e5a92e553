//go:build hil

package hil

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// front is what the bench puts in front of an initramfs, as an archive of its own: the kernel unpacks one after the other.
// Behind it there is no place, since LZ4 as the kernel knows it has no end.
type front struct {
	archive strings.Builder
	inode   int
	has     map[string]bool
}

func (f *front) add(name string, mode int, data []byte) {
	f.inode++
	pad := func() { f.archive.WriteString(strings.Repeat("\x00", (4-f.archive.Len()%4)%4)) }
	fmt.Fprintf(&f.archive, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 900+f.inode, mode, 0, 0, 1, 0, len(data), 0,
		0, 0, 0, len(name)+1, 0, name)
	pad()
	f.archive.Write(data)
	pad()
}

func (f *front) program(name, path string) error {
	b, err := os.ReadFile(path)
	f.add(name, 0o100555, b)
	return err
}

// before puts it in front of an initramfs.
func (f *front) before(initrd string) error {
	image, err := os.ReadFile(initrd)
	if err != nil {
		return err
	}
	f.add("TRAILER!!!", 0, nil)
	return os.WriteFile(initrd, append([]byte(f.archive.String()), image...), 0o600)
}

// debian adds a program of an unpacked Debian tree, and the libraries that it needs, flat in one folder.
func (f *front) debian(tree, folder, name, path string) error {
	if f.has == nil {
		f.has = map[string]bool{}
	}
	if f.has[name] {
		return nil
	}
	f.has[name] = true
	if err := f.program(folder+"/"+name, path); err != nil {
		return err
	}
	e, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer e.Close()
	needs, err := e.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, lib := range needs {
		found := ""
		for _, d := range []string{"lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu"} {
			if p := filepath.Join(tree, d, lib); found == "" && exists(p) {
				found = p
			}
		}
		if found == "" {
			return fmt.Errorf("hil: %s needs %s, which is not in %s", name, lib, tree)
		}
		if err := f.debian(tree, folder, lib, found); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
