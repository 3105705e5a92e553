package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sotto/firmware/update"
)

// initramfs is the root file system, in memory from the first to the last moment: our binary, the authorities that TLS
// believes, the template of the data partition, what drives the radio, and with Debian's kernel its modules.
func (in *inputs) initramfs() ([]byte, error) {
	handset, err := os.ReadFile(in.handset)
	if err != nil {
		return nil, err
	}
	authorities, err := in.authorities()
	if err != nil {
		return nil, err
	}
	template, err := in.template()
	if err != nil {
		return nil, err
	}
	var a archive
	for _, d := range []string{"data", "dev", "etc/ssl/certs", "lib/sotto", "proc", "run", "sys"} {
		a.dir(d)
	}
	a.node("dev/console", 0o600, 5, 1) // the kernel opens it before anything is mounted
	a.node("dev/null", 0o666, 1, 3)
	contents := []file{
		{"init", handset}, {"etc/ssl/certs/ca-certificates.crt", authorities}, {"lib/sotto/data.tpl", template},
	}
	for i, path := range in.keys {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if _, err := update.ParsePublicKey(string(b)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		contents = append(contents, file{fmt.Sprintf("lib/sotto/keys/%d.pub", i), b})
	}
	modules, err := in.modules()
	if err != nil {
		return nil, err
	}
	radio, err := in.radio()
	if err != nil {
		return nil, err
	}
	for _, x := range slices.Concat(contents, radio, modules) {
		mode := uint32(0o444)
		if x.name == "init" || x.name == supplicant {
			mode = 0o555
		}
		a.add(x.name, 0o100000|mode, x.data, 0, 0)
		in.list.add("root/"+x.name, x.data)
	}
	a.add("etc/resolv.conf", 0o120777, []byte("/run/link/resolver"), 0, 0)
	return in.compress(a.close())
}

// compress packs with LZ4, in the format of the kernel (it calls it legacy): the archive gets larger by a quarter than with
// zstd, and a Pi's processor unpacks it in a fraction of the time, in which nobody sees anything.
func (in *inputs) compress(b []byte) ([]byte, error) {
	raw, packed := filepath.Join(in.work, "initramfs.cpio"), filepath.Join(in.work, "initramfs.lz4")
	if err := os.WriteFile(raw, b, 0o600); err != nil {
		return nil, err
	}
	if err := run("lz4", "-q", "-f", "-l", "-9", raw, packed); err != nil {
		return nil, err
	}
	return os.ReadFile(packed)
}

// modules are those of Debian's kernel for the board, with the lists that boot loads; our own kernel has none.
func (in *inputs) modules() (files []file, err error) {
	kind := "pi"
	if in.board == "qemuvirt" {
		kind = in.board
	}
	for _, when := range []string{"first", "chips", "wall", "then"} {
		list, err := os.ReadFile(filepath.Join(in.kernelDir, "modules."+kind+"."+when))
		if os.IsNotExist(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		files = append(files, file{"modules." + when, list})
		for line := range strings.Lines(string(list)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			name = strings.TrimPrefix(name, "/")
			if slices.ContainsFunc(files, func(f file) bool { return f.name == name }) {
				continue // two lists need it
			}
			b, err := os.ReadFile(filepath.Join(in.kernelDir, "modules", path.Base(name)))
			if err != nil {
				return nil, err
			}
			files = append(files, file{name, b})
		}
	}
	return files, nil
}

// authorities is one file of all certificates, as Go looks for it.
func (in *inputs) authorities() ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(in.certs, "usr/share/ca-certificates/mozilla/*.crt"))
	if err != nil || len(paths) < 50 {
		return nil, fmt.Errorf("no certificates in %s (tools/sysroot/debs.sh bookworm all %s ca-certificates)", in.certs, in.certs)
	}
	slices.Sort(paths)
	var all bytes.Buffer
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		all.Write(b)
	}
	return all.Bytes(), nil
}

// template is an empty ext4 of the data partition's size, as the blocks that are not zero (firmware/boot reads it).
func (in *inputs) template() ([]byte, error) {
	img := filepath.Join(in.work, "data.img")
	f, err := os.Create(img)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(dataSize); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	os.Setenv("E2FSPROGS_FAKE_TIME", fmt.Sprint(epoch))
	os.Setenv("MKE2FS_CONFIG", "/dev/null") // Debian's defaults may change under us
	const id = "50770004-0000-4000-8000-000000000004"
	err = run("mke2fs", "-q", "-F", "-b", "4096", "-I", "256", "-i", "65536", "-m", "0", "-J", "size=4", "-U", id,
		"-O", "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,metadata_csum",
		"-E", "hash_seed="+id+",root_owner=0:0,nodiscard,lazy_itable_init=0,lazy_journal_init=0", img)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(img)
	if err != nil {
		return nil, err
	}
	const block = 4096
	zero := make([]byte, block)
	tpl := binary.LittleEndian.AppendUint64([]byte("SOTTOTPL"), uint64(len(b)))
	for at := 0; at < len(b); at += block {
		if !bytes.Equal(b[at:at+block], zero) {
			tpl = append(binary.LittleEndian.AppendUint64(tpl, uint64(at)), b[at:at+block]...)
		}
	}
	return tpl, nil
}

// archive is a cpio of the "newc" kind (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	buf   bytes.Buffer
	inode uint32
	seen  map[string]bool
}

// dir adds a folder and those above it.
func (a *archive) dir(name string) {
	if name == "." || a.seen[name] {
		return
	}
	a.dir(path.Dir(name))
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	a.seen[name] = true
	a.add(name, 0o040755, nil, 0, 0)
}

func (a *archive) node(name string, mode, major, minor uint32) {
	a.add(name, 0o020000|mode, nil, major, minor)
}

func (a *archive) add(name string, mode uint32, data []byte, major, minor uint32) {
	if d := path.Dir(name); mode&0o170000 != 0o040000 {
		a.dir(d)
	}
	a.inode++
	links := uint32(1)
	fmt.Fprintf(&a.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", a.inode, mode, 0, 0, links,
		uint32(epoch), len(data), 0, 0, major, minor, len(name)+1, 0, name)
	a.pad()
	a.buf.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}

func (a *archive) close() []byte {
	a.inode = 0
	fmt.Fprintf(&a.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
		len("TRAILER!!!")+1, 0, "TRAILER!!!")
	a.pad()
	return a.buf.Bytes()
}
