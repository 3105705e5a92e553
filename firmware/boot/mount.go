package boot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sotto/net/firewall"
)

const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// mountKernel mounts the kernel's own file systems.
func mountKernel() error {
	for _, m := range []struct {
		kind, at, data string
		flags          uintptr
	}{
		{"devtmpfs", "/dev", "", unix.MS_NOSUID | unix.MS_NOEXEC},
		{"proc", "/proc", "hidepid=2", quiet},
		{"sysfs", "/sys", "", quiet},
		{"tmpfs", "/run", "mode=755,size=1m", quiet},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
		if err := unix.Mount(m.kind, m.at, m.kind, m.flags, m.data); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("boot: mounting %s: %w", m.at, err)
		}
	}
	return nil
}

// loadModules loads what the list names, in order: with our own kernel there is no list and nothing to load.
func loadModules(list string) error {
	b, err := os.ReadFile(list)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	var bad []string
	for line := range strings.Lines(string(b)) {
		path, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path == "" {
			continue
		}
		if err := loadModule(path, args); err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENODEV) {
			bad = append(bad, filepath.Base(path))
		}
	}
	say("%s loaded", filepath.Base(list))
	if bad != nil {
		return fmt.Errorf("boot: modules that did not load: %s", strings.Join(bad, " "))
	}
	return nil
}

// loadRest loads what a telephone can start without, and then lets the kernel load nothing more.
func loadRest() {
	if err := loadModules("/modules.then"); err != nil {
		say("%v", err)
	}
	err := os.WriteFile("/proc/sys/kernel/modules_disabled", []byte("1"), 0)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without modules has no such file
		say("boot: %v", err)
	}
}

func loadModule(path, args string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if strings.HasSuffix(path, ".xz") || strings.HasSuffix(path, ".zst") {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	return unix.FinitModule(int(f.Fd()), args, flags)
}

// harden sets what the kernel leaves to us.
func harden() error {
	var errs []error
	// The voice loops run at a real-time priority, in locked memory.
	for what, most := range map[int]uint64{unix.RLIMIT_RTPRIO: 50, unix.RLIMIT_MEMLOCK: 128 << 20, unix.RLIMIT_CORE: 0} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			errs = append(errs, fmt.Errorf("boot: limit %d: %w", what, err))
		}
	}
	for path, v := range map[string]string{
		"kernel/kptr_restrict": "2", "kernel/dmesg_restrict": "1", "kernel/yama/ptrace_scope": "3",
		"kernel/panic": "5", "kernel/panic_on_oops": "1",
		"net/ipv4/conf/all/accept_redirects": "0", "net/ipv4/conf/all/send_redirects": "0",
		"net/ipv4/conf/all/accept_source_route": "0", "net/ipv4/icmp_echo_ignore_all": "1",
		// IPv6 addresses made from the hardware address would tell who we are wherever we go; until they are made otherwise
		// there is none.
		"net/ipv6/conf/all/disable_ipv6": "1", "net/ipv6/conf/default/disable_ipv6": "1",
	} {
		err := os.WriteFile("/proc/sys/"+path, []byte(v), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("boot: %w", err))
		}
	}
	return errors.Join(errs...)
}

// policyOf is the firewall for the options: by default nothing comes in that we did not ask for.
func policyOf(o map[string]string) firewall.Policy {
	p := firewall.Policy{DHCP: true}
	if o["direct"] == "1" {
		p.Direct = directPort
	}
	return p
}

// directPort is SIP's port (RFC 3261, Section 18.1.1).
const directPort = 5060

// mountData brings the data partition up, making its file system at the first start. Without it the telephone works and
// forgets.
func (f *first) mountData() {
	if f.board.Data == "" {
		return
	}
	if err := f.openData(); err != nil {
		f.tell(fmt.Errorf("%w: nothing will be remembered", err))
		return
	}
	f.data = true
	f.countStart()
}

func (f *first) openData() error {
	dev, err := waitFor(f.board.Data, 3*time.Second)
	if err != nil {
		return err
	}
	err = makeData(dev)
	if err = errors.Join(err, dev.Close()); err != nil { // closed before it is mounted: the kernel insists
		return err
	}
	if err := unix.Mount(f.board.Data, dataDir, "ext4", quiet|unix.MS_NOATIME, "data=ordered,errors=remount-ro"); err != nil {
		return fmt.Errorf("boot: the data partition cannot be read: %w", err)
	}
	return nil
}

// makeData makes the file system of the first start.
func makeData(dev *os.File) error {
	size, err := dev.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	tpl, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	made, err := prepare(dev, size, tpl)
	if made && err == nil {
		say("first start: the data partition was made")
	}
	return err
}

// waitFor opens a device that may take a moment to appear.
func waitFor(path string, patience time.Duration) (*os.File, error) {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			return f, nil
		}
		if time.Since(began) > patience {
			return nil, fmt.Errorf("boot: no data partition: %w", err)
		}
	}
}

// folder is one that a process owns.
type folder struct {
	path        string
	user, group int
	mode        os.FileMode
}

var folders = []folder{
	{runDir, 0, 0, 0o755}, {linkDir, linkUser, linkUser, 0o755}, {bootDir, 0, 0, 0o700},
	{phoneDir, phoneUser, phoneUser, 0o700}, {keepDir, keepUser, keepUser, 0o700},
	{radioDir, radioUser, radioUser, 0o750},
}

// prepareFolders makes the folders that processes own. Without a data partition they are in memory.
func prepareFolders(onCard bool) error {
	if !onCard {
		if err := unix.Mount("tmpfs", dataDir, "tmpfs", quiet, "mode=755,size=32m"); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
	}
	for _, d := range append(folders, torFolders...) {
		if err := os.MkdirAll(d.path, 0o700); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
		if err := errors.Join(os.Chown(d.path, d.user, d.group), os.Chmod(d.path, d.mode)); err != nil {
			return fmt.Errorf("boot: %w", err)
		}
	}
	return nil
}

// giveDevices hands the nodes of the telephone's parts to its user. It is called again and again, since sound cards and
// keyboards come and go.
func giveDevices() {
	for _, pattern := range []string{"/dev/snd/*", "/dev/input/event*", "/dev/fb0", "/dev/gpiochip*", "/dev/i2c-*",
		"/dev/spidev*", "/sys/class/backlight/*/brightness"} {
		paths, _ := filepath.Glob(pattern) // the patterns are good
		for _, p := range paths {
			var st unix.Stat_t
			if unix.Stat(p, &st) == nil && st.Uid != phoneUser && st.Mode&unix.S_IFMT != unix.S_IFDIR {
				_ = os.Chown(p, phoneUser, phoneUser) // gone again between the look and the touch
			}
		}
	}
}

// remember writes a small file on the data partition, whole or not at all.
func remember(name, text string) error {
	path := filepath.Join(bootDir, name)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// recall reads what remember wrote; an unreadable file is an empty one.
func recall(name string) string {
	b, err := os.ReadFile(filepath.Join(bootDir, name))
	if err != nil {
		return ""
	}
	return string(b)
}

// countStart notes that this slot was started and has yet to prove itself, and takes over what the last start had to say.
func (f *first) countStart() {
	n, _ := strconv.Atoi(recall("starts")) // an empty count is zero
	f.starts = n + 1
	if err := os.MkdirAll(bootDir, 0o700); err != nil {
		say("%v", err)
	}
	count := strconv.Itoa(f.starts)
	go func() { // the card takes a tenth of a second
		if err := remember("starts", count); err != nil {
			say("%v", err)
		}
	}()
	if text := recall("notice"); text != "" {
		f.notices = append(f.notices, text)
	}
}
