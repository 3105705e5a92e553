// Command mkimage makes the card of a board: a file that is written to an SD card as it is.
//
//	mkimage --board rpi4 --handset build/handset-arm64 [--kernel own|debian] [--out build/sotto-rpi4.img]
//
// It promises the same octets from the same inputs, in any folder and at any time, without root, loop devices or a
// network; everything that is on the card stands in the manifest beside it with size, SHA-256 and origin.
//
// It never puts a secret or anything unique on a card: what makes a telephone somebody's is made at its first start.
package main

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// machine is what differs between the boards.
type machine struct {
	tree    string // of the kernel; "" for a machine that brings its own
	radio   string // chip of its Wi-Fi and name of the board, as the driver calls them; "" without one
	overlay []string
	console string
}

var machines = map[string]machine{
	"rpi3":      {tree: "bcm2837-rpi-3-b", radio: "43430-sdio.raspberrypi,3-model-b", overlay: []string{"board/pi/dts/handset.dts", "board/rpi3/board.dts"}, console: "ttyS1,115200"},
	"rpi4":      {tree: "bcm2711-rpi-4-b", radio: "43455-sdio.raspberrypi,4-model-b", overlay: []string{"board/pi/dts/handset.dts", "board/rpi4/board.dts"}, console: "ttyS1,115200"},
	"rpizero2w": {tree: "bcm2837-rpi-zero-2-w", radio: "43430-sdio.raspberrypi,model-zero-2-w", overlay: []string{"board/pi/dts/handset.dts", "board/rpizero2w/board.dts"}, console: "ttyS1,115200"},
	"qemuvirt":  {console: "ttyAMA0"},
}

// inputs are the folders that other steps filled.
type inputs struct {
	board, handset, kernel, out string
	kernelDir, firmware, certs  string
	tor                         bool
	keys                        []string // files with the owner's public keys
	work                        string
	list                        manifest
}

func main() {
	var in inputs
	flag.StringVar(&in.board, "board", "", "rpi3, rpi4, rpizero2w or qemuvirt")
	flag.StringVar(&in.handset, "handset", "build/handset-arm64", "the static arm64 binary")
	flag.StringVar(&in.kernel, "kernel", "own", "own or debian")
	flag.StringVar(&in.out, "out", "", "the image; its manifest lies beside it")
	flag.StringVar(&in.firmware, "firmware", "build/cache/raspi-firmware", "unpacked raspi-firmware")
	flag.StringVar(&in.certs, "certs", "build/cache/ca-certificates", "unpacked ca-certificates")
	flag.Uint64Var(&in.list.Version, "version", 0, "of the system, as an update carries it: what handset.sh put into the binary")
	flag.BoolVar(&in.tor, "tor", true, "the binary has Tor linked in")
	keys := flag.String("keys", "", "files with the owner's public keys, which sign updates; none: no updates")
	flag.Parse()
	in.keys = strings.Fields(*keys)
	if err := in.run(); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func (in *inputs) run() (err error) {
	m, ok := machines[in.board]
	if !ok {
		return fmt.Errorf("no board is called %q; there are rpi3, rpi4, rpizero2w and qemuvirt", in.board)
	}
	if in.kernel != "own" && in.kernel != "debian" {
		return fmt.Errorf("no kernel is called %q; there are own and debian", in.kernel)
	}
	in.kernelDir = "build/cache/kernel-" + in.kernel
	if in.out == "" {
		in.out = fmt.Sprintf("build/sotto-%s.img", in.board)
	}
	if err := checkHandset(in.handset); err != nil {
		return err
	}
	in.list.Board, in.list.Kernel, in.list.Epoch = in.board, in.kernel, epoch
	if err := in.checkTor(); err != nil {
		return err
	}
	if in.work, err = os.MkdirTemp("", "mkimage"); err != nil {
		return err
	}
	defer os.RemoveAll(in.work)
	slot, err := in.slot(m)
	if err != nil {
		return err
	}
	selector, err := in.selector(m)
	if err != nil {
		return err
	}
	if err := in.write(selector, slot); err != nil {
		return err
	}
	if err := in.writeSlot(slot); err != nil {
		return err
	}
	if err := in.list.modules(in.handset); err != nil {
		return err
	}
	return in.list.save(in.out, in.packages())
}

// checkHandset refuses a binary that would not run as the first process of an arm64 board.
func checkHandset(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w (make handset ARCH=arm64)", err)
	}
	const machineArm64 = 183
	if len(b) < 64 || string(b[:4]) != "\x7fELF" || int(b[18])|int(b[19])<<8 != machineArm64 {
		return fmt.Errorf("%s is no arm64 program", path)
	}
	return nil
}

// checkTor sees that the binary and the wish agree, and lists what Tor brings that is no Debian package.
func (in *inputs) checkTor() error {
	info, err := buildinfo.ReadFile(in.handset)
	if err != nil {
		return err
	}
	linked := false
	for _, s := range info.Settings {
		linked = linked || s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), "tor")
	}
	if linked != in.tor {
		return fmt.Errorf("%s: Tor linked in: %v, wanted: %v (make handset ARCH=arm64 TOR=1)", in.handset, linked, in.tor)
	}
	if !linked {
		return nil
	}
	text, err := os.ReadFile("build/cache/libtor-arm64/versions.txt")
	if err != nil {
		return err
	}
	in.list.libraries(string(text))
	return nil
}

// slot is the file system that holds one whole system.
func (in *inputs) slot(m machine) (string, error) {
	kernel, err := os.ReadFile(filepath.Join(in.kernelDir, "Image"))
	if err != nil {
		return "", fmt.Errorf("%w (make kernel KERNEL=%s)", err, in.kernel)
	}
	initramfs, err := in.initramfs()
	if err != nil {
		return "", err
	}
	files := []file{
		{"cmdline.txt", fmt.Appendf(nil, "console=%s quiet loglevel=3 panic=5 ro init_on_free=0 %s\n", m.console, in.settings())},
		{"initramfs.img", initramfs},
		{"kernel8.img", kernel},
	}
	if m.tree != "" {
		tree, err := in.tree(m)
		if err != nil {
			return "", err
		}
		config, err := os.ReadFile(filepath.Join("board", in.board, "config.txt"))
		if err != nil {
			return "", err
		}
		files = append(files, file{"board.dtb", tree}, file{"config.txt", config})
		for _, name := range []string{"bootcode.bin", "fixup.dat", "fixup4.dat", "start.elf", "start4.elf"} {
			b, err := in.boot(name)
			if err != nil {
				return "", err
			}
			files = append(files, file{name, b})
		}
	}
	return in.fat("SLOT", slotSize, 0x50770002, files)
}

// settings are words of the command line that a person may change on the card.
func (in *inputs) settings() string {
	if in.board == "qemuvirt" {
		return ""
	}
	return "deferred_probe_timeout=1"
}

// selector is the first partition: what chooses the slot.
func (in *inputs) selector(m machine) (string, error) {
	files := []file{{"autoboot.txt", []byte("[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n")}}
	if m.tree != "" {
		b, err := in.boot("bootcode.bin")
		if err != nil {
			return "", err
		}
		files = append(files, file{"bootcode.bin", b})
	}
	return in.fat("SELECT", selectSize, 0x50770001, files)
}

// boot reads a file of the Raspberry Pi's firmware.
func (in *inputs) boot(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(in.firmware, "usr/lib/raspi-firmware", name))
	if err != nil {
		return nil, fmt.Errorf("%w (tools/sysroot/debs.sh trixie all %s raspi-firmware)", err, in.firmware)
	}
	return b, nil
}

// tree is the kernel's device tree with our overlays merged in.
func (in *inputs) tree(m machine) ([]byte, error) {
	args := []string{"-i", filepath.Join(in.kernelDir, m.tree+".dtb"), "-o", filepath.Join(in.work, "board.dtb")}
	for i, o := range m.overlay {
		bin := filepath.Join(in.work, fmt.Sprintf("%d.dtbo", i))
		if err := run("dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", bin, o); err != nil {
			return nil, err
		}
		args = append(args, bin)
	}
	if err := run("fdtoverlay", args...); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(in.work, "board.dtb"))
}

// packages are the Debian packages whose files are on the card.
func (in *inputs) packages() []string {
	p := []string{in.kernelDir, in.firmware, in.certs, "build/cache/sysroot-arm64", "build/cache/sysroot-wpa-arm64", chips}
	if in.tor {
		p = append(p, "build/cache/sysroot-tor-arm64")
	}
	return p
}

// run starts a program whose output only matters when it fails.
func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is missing (tools/setup/ensure.sh device-tree-compiler dosfstools mtools lz4 e2fsprogs)", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
