package boot

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights of landlock(7), by what a folder is for.
const (
	readRights  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	nodeRights  = readRights | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	writeRights = readRights | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER
	fileRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	allRights = 1<<16 - 1 // everything up to IOCTL_DEV, ABI 5 (Linux 6.10)
	needABI   = 5

	ruleNetPort = 2 // LANDLOCK_RULE_NET_PORT
)

// place is a path below which a process has rights.
type place struct {
	path   string
	rights uint64
}

// confine puts the calling thread, and every program that it becomes, under Landlock: only the places, and no TCP port but
// those. The thread must have no_new_privs.
func confine(places []place, ports ...uint16) error {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("boot: landlock: %w", errno)
	}
	if abi < needABI {
		return fmt.Errorf("boot: landlock: the kernel has version %d, needed is %d", abi, needABI)
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: allRights, Handled_access_net: unix.LANDLOCK_ACCESS_NET_BIND_TCP}
	// The kernel takes the structure's first two words; newer fields stay out.
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), 16, 0)
	if errno != 0 {
		return fmt.Errorf("boot: landlock: %w", errno)
	}
	defer unix.Close(int(fd))
	for _, p := range places {
		if err := allow(int(fd), p); err != nil {
			return err
		}
	}
	for _, p := range ports {
		rule := struct{ rights, port uint64 }{unix.LANDLOCK_ACCESS_NET_BIND_TCP, uint64(p)}
		_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, ruleNetPort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("boot: landlock: port %d: %w", p, errno)
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("boot: landlock: %w", errno)
	}
	return nil
}

// allow adds one place; a place that does not exist on this board is nothing to protect.
func allow(ruleset int, p place) error {
	dir, err := unix.Open(p.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("boot: landlock: %s: %w", p.path, err)
	}
	defer unix.Close(dir)
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return fmt.Errorf("boot: landlock: %s: %w", p.path, err)
	}
	rights := p.rights
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights // the kernel refuses a folder's rights on a file
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(dir)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("boot: landlock: %s: %w", p.path, errno)
	}
	return nil
}
