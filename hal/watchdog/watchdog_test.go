package watchdog

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sotto/hal"
)

var _ hal.Watchdog = (*Watchdog)(nil)

func TestNoWatchdog(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "watchdog"), time.Minute); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a board without a watchdog: %v", err)
	}
	// A file that is not a watchdog must not pass for one: a board that is believed to restart, but does not, is worse
	// than one that is known not to.
	if _, err := Open("/dev/null", time.Minute); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("/dev/null passes for a watchdog: %v", err)
	}
}

func TestStopSaysFarewell(t *testing.T) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	w := &Watchdog{fd: p[1], timeout: 15 * time.Second}
	if err := w.Stop(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	if n, err := unix.Read(p[0], b); err != nil || string(b[:n]) != farewell {
		t.Errorf("the device heard %q, %v", b[:n], err)
	}
	if w.Timeout() != 15*time.Second {
		t.Error("the timeout is not what was granted")
	}
}
