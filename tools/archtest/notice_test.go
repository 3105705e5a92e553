package archtest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// work is what `go list` tells of a package that the handset links.
type work struct{ module, dir, libraries string }

// linked are the packages of the handset of either architecture.
func linked(t *testing.T, tags string) (all []work) {
	t.Helper()
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.Command("go", "list", "-deps", "-tags="+tags, "-f",
			`{{with .Module}}{{.Path}}{{end}}|{{with .Module}}{{.Dir}}{{end}}|{{join .CgoPkgConfig " "}} {{join .CgoLDFLAGS " "}}`, "./firmware/handset")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=1", "GOFLAGS=")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.Split(strings.TrimSpace(line), "|")
			all = append(all, work{f[0], f[1], f[2]})
		}
	}
	return all
}

// libraries are the rows of NOTICE for what the linker is told.
var libraries = map[string]string{"opus": "libopus", "speexdsp": "libspeexdsp", "tor": "Tor", "event": "libevent",
	"ssl": "OpenSSL", "crypto": "OpenSSL", "z": "zlib", "seccomp": "libseccomp", "m": "GNU C Library",
	"pthread": "GNU C Library", "dl": "GNU C Library"}

// wants are the rows that NOTICE must have for packages, and the folder of a Go module's source where there is one.
func wants(t *testing.T, packages []work) map[string]string {
	t.Helper()
	rows := map[string]string{"Go standard library and runtime": "", "GNU C Library": "", "GCC runtime library": ""}
	for _, w := range packages {
		if w.module != "" && w.module != "sotto" {
			rows[version.ReplaceAllString(w.module, "")] = w.dir
		}
		for _, l := range strings.Fields(w.libraries) {
			if strings.HasPrefix(l, "-L") || strings.HasPrefix(l, "-W") || l == "-g" || strings.HasPrefix(l, "-O") {
				continue
			}
			row, known := libraries[strings.TrimPrefix(l, "-l")]
			if !known {
				t.Errorf("the handset links %s, and nobody says whose it is", l)
			}
			rows[row] = ""
		}
	}
	return rows
}

var (
	version = regexp.MustCompile(`/v[0-9]+$`)
	row     = regexp.MustCompile(`(?m)^\| (.+) \| (.+) \|$`)
	aside   = regexp.MustCompile(` [0-9.]+| \(.*\)`)
)

// noticed are the rows of a part of NOTICE: a work and its licence.
func noticed(part string) map[string]string {
	rows := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(part, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if name != "work" && name != "---" {
				name, _, _ = strings.Cut(aside.ReplaceAllString(name, ""), " (")
				rows[name] = m[2]
			}
		}
	}
	return rows
}

// licence is what the text in a module's folder is, as SPDX calls it.
func licence(t *testing.T, dir string) string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "LICENSE*"))
	if len(files) == 0 {
		files, _ = filepath.Glob(filepath.Join(dir, "COPYING*"))
	}
	if len(files) == 0 {
		return "none"
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToLower(strings.Join(strings.Fields(string(b)), " "))
	for _, k := range []struct{ words, name string }{
		{"gnu affero general", "AGPL"}, {"gnu lesser general", "LGPL"}, {"gnu general public", "GPL"},
		{"mozilla public license", "MPL-2.0"}, {"apache license version 2.0", "Apache-2.0"},
		{"permission is hereby granted, free of charge", "MIT"}, {"neither the name of", "BSD-3-Clause"},
		{"redistribution and use in source and binary forms", "BSD-2-Clause"},
	} {
		if strings.Contains(text, k.words) {
			return k.name
		}
	}
	return "unknown"
}

// TestNotice: NOTICE names each work that the handset links, with Tor and without, and no other; the licence of a Go module
// is that of the text in its source; nothing is under the GPL alone.
func TestNotice(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	always, withTor, found := strings.Cut(string(b), "Only with the build tag `tor`")
	withTor, beside, found2 := strings.Cut(withTor, "Beside the binary")
	if !found || !found2 {
		t.Fatal("NOTICE does not say what comes with Tor, and what beside the binary")
	}
	besides(t, noticed(beside))
	const tags = "nolibopusfile,netgo,osusergo"
	plain := wants(t, linked(t, tags))
	tor := wants(t, linked(t, tags+",tor"))
	maps.DeleteFunc(tor, func(name, _ string) bool { _, has := plain[name]; return has })
	compare(t, "always", plain, noticed(always))
	compare(t, "with Tor", tor, noticed(withTor))

	build, err := os.ReadFile(filepath.Join(root, "tools/libtor/build.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(build), "--disable-gpl") || strings.Contains(string(build), "--enable-gpl") {
		t.Error("Tor is built with its GPL parts")
	}
	m := regexp.MustCompile(`for lib in ([a-z ]+); do`).FindStringSubmatch(string(build))
	if m == nil {
		t.Fatal("build.sh does not say which libraries stand beside libtor.a")
	}
	for name := range strings.FieldsSeq(m[1]) {
		if _, has := tor[libraries[name]]; !has {
			t.Errorf("build.sh brings lib%s.a, which is not linked", name)
		}
	}
}

// besides holds what NOTICE says of the card image against what the scripts take from Debian for it.
func besides(t *testing.T, told map[string]string) {
	t.Helper()
	var scripts string
	for _, name := range []string{"tools/wpa/build.sh", "tools/mkimage/image.sh"} {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		scripts += string(b)
	}
	want := map[string]string{"wpa_supplicant": "source.sh wpa", "libnl": "libnl-3-dev", "firmware-brcm80211": "firmware-brcm80211"}
	for name, word := range want {
		if _, has := told[name]; !has || !strings.Contains(scripts, word) {
			t.Errorf("beside the binary: %s: in NOTICE %v, in the scripts %v", name, has, strings.Contains(scripts, word))
		}
	}
	for _, m := range regexp.MustCompile(`lib[a-z0-9-]+-dev`).FindAllString(scripts, -1) {
		if !strings.HasPrefix(m, "libnl-") && m != "libc6-dev" {
			t.Errorf("wpa_supplicant is linked with %s, and NOTICE does not say so", m)
		}
	}
	if len(told) != len(want) {
		t.Errorf("beside the binary NOTICE names %v", told)
	}
}

// compare holds the rows of a part of NOTICE against what is linked.
func compare(t *testing.T, part string, want, told map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		is, has := told[name]
		switch dir := want[name]; {
		case !has:
			t.Errorf("%s: %s is linked, and NOTICE does not say so", part, name)
		case dir != "" && licence(t, dir) != is:
			t.Errorf("%s: %s is under %s, NOTICE says %s", part, name, licence(t, dir), is)
		case strings.Contains(is, "GPL") && !strings.HasPrefix(is, "LGPL") && !strings.Contains(is, "Exception"):
			t.Errorf("%s: %s is under the GPL alone", part, name)
		}
	}
	for name := range told {
		if _, has := want[name]; !has {
			t.Errorf("%s: NOTICE names %s, which is not linked", part, name)
		}
	}
}
