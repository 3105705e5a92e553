package boot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PID 1's half of an update. The keeper, a process without rights, checks the bundle and writes the slot; what only root
// can do it asks for, a line each: which slot is to be tried, which is to stay, and what the screen should say.

const (
	bundleHead = "SOTTOUP1" // of firmware/update
	lookFor    = 30 * time.Second
	bootloader = "/proc/device-tree/chosen/bootloader/partition"
)

// findSlot finds out which slot runs, from autoboot.txt as it was at the start, and tells when an update was tried in vain.
func (f *first) findSlot(autoboot []byte) {
	if f.board.Select == "" || !f.data {
		return
	}
	start, err := parseAutoboot(autoboot)
	if err != nil {
		f.tell(err)
		return
	}
	told := 0
	if b, err := os.ReadFile(bootloader); err == nil && len(b) == 4 {
		told = int(binary.BigEndian.Uint32(b))
	}
	t := parseTrial(recall("trial"))
	f.slots = whereAmI(start, told, t, f.cfg.Built.Unix())
	switch {
	case f.slots.trial:
		say("this system is on trial in partition %d", f.slots.running)
	case f.slots.failed:
		say("the update in partition %d did not start well", t.slot)
		f.tell(remember("bad", strconv.Itoa(t.slot)))
		f.settle()
		f.forget("trial")
	case t.slot != 0: // the power went between the commit and forgetting
		f.settle()
		f.forget("trial")
	}
}

// settle lets the keeper note what became of an update, and takes over what it has to say.
func (f *first) settle() {
	report, err := f.keep(nil)
	f.tell(err)
	if report != "" {
		say("%s", report)
		f.notices = append(f.notices, report)
	}
}

func (f *first) forget(name string) {
	if err := os.RemoveAll(filepath.Join(bootDir, name)); err != nil {
		say("%v", err)
	}
}

// passed makes a system on trial the one that stays.
func (f *first) passed() {
	f.settle()
	f.forget("trial")
	f.forget("bad")
	f.slots.trial = false
}

// lookForUpdate tries the bundles on sticks that were not seen before; one that is taken restarts the board.
func (f *first) lookForUpdate() (told bool) {
	if f.slots.start == 0 || f.slots.trial || time.Since(f.born) > lookFor {
		return false
	}
	own := strings.TrimRight(f.board.Select, "0123456789")
	disks, _ := filepath.Glob("/dev/[sv]d*") // the pattern is good
	for _, d := range disks {
		if f.offered[d] || strings.HasPrefix(d, own) {
			continue
		}
		f.offered[d] = true
		bundle, err := os.Open(d)
		if err != nil {
			continue
		}
		if head := make([]byte, len(bundleHead)); readAt(bundle, head) && string(head) == bundleHead {
			say("an update is on %s", d)
			told = f.install(bundle) || told
		}
		if b := setUpOn(bundle); b != nil {
			say("a set-up file is on %s", d)
			if err := offer(b); err != nil {
				say("%v", err)
			}
		}
		_ = bundle.Close()
	}
	return told
}

func readAt(f *os.File, b []byte) bool {
	n, err := f.ReadAt(b, 0)
	return err == nil && n == len(b)
}

// install gives a bundle to the keeper. It returns whether the screen has something new to say.
func (f *first) install(bundle *os.File) bool {
	report, err := f.keep(bundle)
	if err != nil {
		say("%v", err)
	}
	if t := parseTrial(recall("trial")); err == nil && t.slot != 0 {
		tryOnce(t.slot)
	}
	if report == "" {
		return false
	}
	say("%s", report)
	f.notices = append(f.notices, report)
	f.writeNotices()
	return true
}

// tryOnce starts the board again, for one time from the other slot. The kernel passes the words to the firmware (on a
// Raspberry Pi; board/kernel/tryboot.c).
func tryOnce(slot int) {
	say("trying partition %d: restart with tryboot", slot)
	unix.Sync()
	words := []byte("0 tryboot\x00")
	_, _, errno := unix.Syscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2,
		unix.LINUX_REBOOT_CMD_RESTART2, uintptr(unsafe.Pointer(&words[0])), 0, 0)
	say("restart: %v", errno)
}

// slotDevice is the block device of a slot.
func (f *first) slotDevice(slot int) string {
	return strings.TrimSuffix(f.board.Select, "1") + strconv.Itoa(slot)
}

// keep runs the keeper to its end. bundle is what it shall install, nil to tell it that this start went as it went.
func (f *first) keep(bundle *os.File) (report string, err error) {
	idle, err := os.OpenFile(f.slotDevice(other(f.slots.running)), os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("boot: %w", err)
	}
	defer idle.Close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("boot: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "keeper"), os.NewFile(uintptr(fds[1]), "boot")
	line, err := net.FileConn(ours)
	err = errors.Join(err, ours.Close())
	if err != nil {
		return "", fmt.Errorf("boot: %w", err)
	}
	defer line.Close()
	extra := []*os.File{theirs, idle}
	if bundle != nil {
		extra = append(extra, bundle)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{keepName}, Dir: "/", Stderr: os.Stderr, ExtraFiles: extra,
		Env: []string{"BOARD=" + f.board.Name, fmt.Sprintf("RUNNING=%d", f.slots.running), fmt.Sprintf("TRIAL=%v", f.slots.trial),
			fmt.Sprintf("BUNDLE=%v", bundle != nil)},
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: keepUser, Gid: keepUser}, Setsid: true}}
	err = inCell(keepName, cmd.Start)
	_ = theirs.Close()
	if err != nil {
		return "", fmt.Errorf("boot: %w", err)
	}
	report = f.serve(line)
	if err := cmd.Wait(); err != nil {
		return report, fmt.Errorf("boot: the keeper: %w", err)
	}
	return report, nil
}

// serve answers the keeper's wishes until it is gone, and keeps the watchdog quiet meanwhile.
func (f *first) serve(line net.Conn) (report string) {
	wishes := make(chan string)
	go func() {
		defer close(wishes)
		for s := bufio.NewScanner(line); s.Scan(); {
			wishes <- s.Text()
		}
	}()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case w, ok := <-wishes:
			if !ok {
				return report
			}
			verb, rest, _ := strings.Cut(w, " ")
			answer := "ok"
			if verb == "say" {
				report = rest
			} else if err := f.grant(verb, rest); err != nil {
				answer = err.Error()
			}
			if _, err := fmt.Fprintf(line, "%s\n", answer); err != nil {
				say("%v", err)
			}
		case <-tick.C:
			f.kick()
		}
	}
}

// grant does what the keeper may ask for: to try the slot that it wrote, or to keep the one that runs on trial.
func (f *first) grant(verb, rest string) error {
	if verb == "installed" && !f.slots.trial {
		if _, err := parseInstalled(rest); err != nil {
			return err
		}
		return remember(noteOf+strconv.Itoa(other(f.slots.running)), rest)
	}
	slot, err := strconv.Atoi(rest)
	switch {
	case err != nil:
	case verb == "try" && slot == other(f.slots.running) && !f.slots.trial:
		return errors.Join(remember("starts", "0"), remember("trial", trial{slot, f.cfg.Built.Unix()}.String()))
	case verb == "commit" && slot == f.slots.running && f.slots.trial:
		say("partition %d stays", slot)
		return f.onSelect(func(path string) error { return setSlot(path, slot) })
	}
	return fmt.Errorf("boot: the keeper may not %s %s", verb, rest)
}

// onSelect gives autoboot.txt to who will write it.
func (f *first) onSelect(do func(path string) error) error {
	return mounted(f.board.Select, unix.MS_SYNCHRONOUS, do)
}

// mounted mounts the partition with autoboot.txt just as long as do takes, which gets the path of that file.
func mounted(dev string, flags uintptr, do func(path string) error) error {
	if err := os.MkdirAll(selectDir, 0o700); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if err := unix.Mount(dev, selectDir, "vfat", quiet|flags, ""); err != nil {
		return fmt.Errorf("boot: %s: %w", dev, err)
	}
	return errors.Join(do(filepath.Join(selectDir, "autoboot.txt")), unix.Unmount(selectDir, 0))
}

// keys are the owner's, of the image; without any there is no update.
func keys() []string {
	paths, _ := filepath.Glob(filepath.Join(keyDir, "*.pub")) // the pattern is good
	slices.Sort(paths)
	var texts []string
	for _, p := range paths {
		if b, err := os.ReadFile(p); err == nil {
			texts = append(texts, string(b))
		}
	}
	return texts
}
