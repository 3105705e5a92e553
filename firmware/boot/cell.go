package boot

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// inCell calls start on a thread that no_new_privs and Landlock bind for good, as they bind every process that is forked
// from it: start forks the child of that name. The thread does nothing else in its life and ends with start. The filter of
// system calls the child puts on by itself (seal), since it forbids becoming another program.
func inCell(name string, start func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: so the thread ends with this goroutine
		if err := enterCell(name); err != nil {
			done <- err
			return
		}
		done <- start()
	}()
	return <-done
}

// enterCell binds the calling thread.
func enterCell(name string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("boot: no_new_privs: %w", err)
	}
	places := []place{{"/", readRights}, {self, readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE}, {"/dev/null", nodeRights}}
	var ports []uint16
	switch name {
	case linkName:
		places = append(places, place{linkDir, writeRights})
	case phoneName:
		places = append(places, place{phoneDir, writeRights}, place{"/dev", nodeRights},
			place{"/sys/class/backlight", nodeRights &^ unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
			place{torDir + "/target", writeRights | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK})
		ports = []uint16{directPort}
	case keepName:
		places = append(places, place{keepDir, writeRights})
	case torName:
		places = torPlaces()
	case radioName:
		places = []place{{self, readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE}, {radioProgram, readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE},
			{radioProgram + ".conf", readRights}, {"/sys", readRights}, {"/proc", readRights}, {"/dev/null", nodeRights},
			{"/dev/urandom", readRights}, {radioDir, writeRights | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK}}
	default:
		return fmt.Errorf("boot: no child is called %q", name)
	}
	return confine(places, ports...)
}
