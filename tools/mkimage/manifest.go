package main

import (
	"bufio"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// manifest says what is on a card: every file, every Debian package that a file comes from, every Go module.
type manifest struct {
	Board    string    `json:"board"`
	Version  uint64    `json:"version"`
	Kernel   string    `json:"kernel"`
	Release  string    `json:"kernelRelease"`
	Epoch    int64     `json:"epoch"`
	Image    item      `json:"image"`
	Slot     item      `json:"slot"` // the system alone, as an update carries it
	Files    []item    `json:"files"`
	Packages []origin  `json:"packages"`
	Linked   []origin  `json:"linked,omitempty"` // C libraries in the binary that Tor brings, and Tor
	Modules  []origin  `json:"modules"`
	Tools    []version `json:"tools"`
}

type item struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256,omitempty"`
	Sum     string `json:"sum,omitempty"` // of a Go module, as in go.sum
}

type version struct{ Name, Version string }

func (m *manifest) add(name string, b []byte) {
	sum := sha256.Sum256(b)
	m.Files = append(m.Files, item{name, int64(len(b)), hex.EncodeToString(sum[:])})
}

// libraries reads the list that tools/libtor/build.sh left: a name and a version a line.
func (m *manifest) libraries(text string) {
	for line := range strings.Lines(text) {
		if name, number, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			m.Linked = append(m.Linked, origin{Name: name, Version: number})
		}
	}
}

// measure describes a file.
func measure(path string) (item, error) {
	f, err := os.Open(path)
	if err != nil {
		return item{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return item{filepath.Base(path), n, hex.EncodeToString(h.Sum(nil))}, err
}

// save writes the manifest beside the image.
func (m *manifest) save(image string, folders []string) error {
	var err error
	if m.Image, err = measure(image); err != nil {
		return err
	}
	if m.Slot, err = measure(strings.TrimSuffix(image, ".img") + ".slot"); err != nil {
		return err
	}
	release, err := os.ReadFile("build/cache/kernel-" + m.Kernel + "/version")
	if err != nil {
		return err
	}
	m.Release = strings.TrimSpace(string(release))
	for _, dir := range folders {
		if err := m.packages(filepath.Join(dir, "debs.txt")); err != nil {
			return err
		}
	}
	slices.SortFunc(m.Packages, func(a, b origin) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(m.Files, func(a, b item) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range [][]string{{"lz4", "--version"}, {"mkfs.vfat", "--help"}, {"mke2fs", "-V"}} {
		m.Tools = append(m.Tools, version{t[0], firstNumber(t)})
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(image+".json", append(b, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s  %s (%d files, %d packages)\n", m.Image.SHA256, image, len(m.Files), len(m.Packages))
	return nil
}

// packages reads the list that tools/sysroot/debs.sh left.
func (m *manifest) packages(list string) error {
	f, err := os.Open(list)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if w := strings.Fields(s.Text()); len(w) == 5 {
			m.Packages = append(m.Packages, origin{Name: w[0], Version: w[1], SHA256: w[4]})
		}
	}
	return s.Err()
}

// modules reads the Go modules, and the version of Go, out of the binary.
func (m *manifest) modules(binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	m.Modules = append(m.Modules, origin{Name: "go", Version: info.GoVersion})
	for _, d := range info.Deps {
		m.Modules = append(m.Modules, origin{Name: d.Path, Version: d.Version, Sum: d.Sum})
	}
	return nil
}

// firstNumber is the first word of a program's own description that has a digit and a dot.
func firstNumber(command []string) string {
	out, _ := exec.Command(command[0], command[1:]...).CombinedOutput() // --help may end with an error and still tell
	for _, w := range strings.Fields(string(out)) {
		if w = strings.Trim(w, "v,()"); strings.ContainsAny(w, "0123456789") && strings.Contains(w, ".") {
			return w
		}
	}
	return "unknown"
}
