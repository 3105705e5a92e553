package boot

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Implementation constants of the loop of PID 1.
const (
	beat        = time.Second
	silentFor   = 10 * time.Second // a phone that says nothing so long hangs
	screenFirst = 3 * time.Second  // at most the network waits so long for the first screen: a person looks at that
	heartbeatF  = 3                // file descriptor of the child's end
)

// child is a process that must always be there.
type child struct {
	name   string
	user   uint32
	groups []uint32
	caps   []uintptr
	policy policy
	cmd    *exec.Cmd
	born   time.Time
	due    time.Time // when it is started next; zero while it runs
	pulse  *os.File  // the end at which its heartbeat arrives
	heard  time.Time
	beats  chan struct{}
	spare  bool // the telephone can do without: its death is no reason to fall back
	ended  bool // it was told to end
}

// supervise is the rest of PID 1's life.
func (f *first) supervise() {
	link := &child{name: linkName, user: linkUser, groups: []uint32{radioUser}, caps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE}}
	phone := &child{name: phoneName, user: phoneUser, groups: []uint32{torUser}}
	radio := &child{name: radioName, user: radioUser, caps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}, spare: true}
	began, walled, screen := time.Now(), false, false
	f.writeNotices()
	died := make(chan *child)
	tick := time.NewTicker(beat)
	giveDevices()
	for {
		now := time.Now()
		if phone.cmd == nil && !now.Before(phone.due) {
			f.start(phone, died)
		}
		ready := walled && (screen || now.Sub(began) > screenFirst)
		if link.cmd == nil && ready && !now.Before(link.due) {
			if link.born.IsZero() {
				go loadRest()
			}
			f.start(link, died)
		}
		select {
		case c := <-died:
			f.buried(c, time.Now())
		case err := <-f.walled:
			walled = true
			if f.tell(err); err != nil {
				f.writeNotices()
				phone.restart()
			}
		case <-phone.beats:
			phone.heard = time.Now()
			if !screen {
				screen = true
				say("screen is there")
			}
		case <-tick.C:
			giveDevices()
			f.check(phone, time.Now())
			if walled {
				f.tend(radio, died, now)
			}
			if f.lookForUpdate() {
				phone.restart()
			}
			f.kick()
		}
	}
}

// restart ends a child, to be started anew: the telephone reads the notices when it starts.
func (c *child) restart() {
	if c.cmd != nil {
		_ = c.cmd.Process.Kill() // gone already is as good
	}
}

// kick tells the watchdog that PID 1 lives.
func (f *first) kick() {
	if f.dog == nil {
		return
	}
	if err := f.dog.Kick(); err != nil {
		say("%v", err)
	}
}

// start forks the child in its cell.
func (f *first) start(c *child, died chan<- *child) {
	r, w, err := os.Pipe()
	if err != nil {
		say("%s: %v", c.name, err)
		c.due = time.Now().Add(longPause)
		return
	}
	extra := []*os.File{w}
	if c.name == phoneName {
		end, err := f.wishLine()
		if err != nil {
			say("%s: %v", c.name, err) // it starts, and can wish nothing
		} else {
			extra = append(extra, end)
		}
	}
	c.cmd = &exec.Cmd{Path: self, Args: []string{c.name}, Env: []string{"BOARD=" + f.board.Name},
		Stderr: os.Stderr, ExtraFiles: extra, Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: c.user, Gid: c.user, Groups: c.groups},
			AmbientCaps: c.caps, Setsid: true,
		}}
	err = inCell(c.name, c.cmd.Start)
	for _, end := range extra {
		_ = end.Close()
	}
	if err != nil {
		say("%s: %v", c.name, err)
		_ = r.Close()
		c.cmd, c.due = nil, time.Now().Add(longPause)
		return
	}
	c.pulse, c.born, c.heard = r, time.Now(), time.Now()
	c.beats = make(chan struct{}, 1)
	go listen(r, c.beats)
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); died <- c }(c.cmd)
}

// wishLine makes the line by which the telephone says what it wishes, and returns its end.
func (f *first) wishLine() (*os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "phone"), os.NewFile(uintptr(fds[1]), "boot")
	line, err := net.FileConn(ours)
	if err = errors.Join(err, ours.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("boot: %w", err), theirs.Close())
	}
	go grants{f.cfg.Built, f.data, &f.radio}.heed(line)
	return theirs, nil
}

// listen passes heartbeats on until the child is gone.
func listen(r *os.File, beats chan<- struct{}) {
	b := make([]byte, 64)
	for {
		if _, err := r.Read(b); err != nil {
			return
		}
		select {
		case beats <- struct{}{}:
		default:
		}
	}
}

// check kills a phone that hangs and calls one healthy that lives.
func (f *first) check(c *child, now time.Time) {
	if c.cmd == nil {
		return
	}
	if now.Sub(c.heard) > silentFor {
		say("%s hangs", c.name)
		_ = c.cmd.Process.Kill()
		c.heard = now
	}
	if f.starts > 0 && now.Sub(c.born) > healthyAt {
		f.starts = 0
		f.healthy()
	}
}

// healthy clears what the next start would hold against this slot.
func (f *first) healthy() {
	if !f.data {
		return
	}
	if f.slots.trial {
		f.passed()
	}
	if err := errors.Join(remember("starts", "0"), os.RemoveAll(filepath.Join(bootDir, "notice"))); err != nil {
		say("%v", err)
	}
}

// buried decides what follows a death.
func (f *first) buried(c *child, now time.Time) {
	say("%s ended: %v", c.name, c.cmd.ProcessState)
	_ = c.pulse.Close()
	c.cmd = nil
	if c.ended {
		c.ended, c.due = false, now
		return
	}
	v := c.policy.died(now)
	c.due = now.Add(v.pause)
	if v.fallBack && !c.spare || (c.name == phoneName && startVerdict(f.starts)) {
		f.fallBack(fmt.Sprintf("the telephone's %s failed %d times", c.name, len(c.policy.deaths)))
		f.starts = 0
	}
}

// fallBack starts the other slot, if the board has one, and leaves a notice for its screen.
func (f *first) fallBack(why string) {
	say("%s", why)
	f.notices = append(f.notices, why)
	f.writeNotices()
	if f.slots.trial { // the card starts from the other slot anyhow, which then tells what happened
		say("the update failed its trial: restarting with the earlier system")
		f.restart()
		return
	}
	if f.slots.start == 0 {
		return
	}
	slot := other(f.slots.start)
	if recall("bad") == strconv.Itoa(slot) {
		say("the system in partition %d is no better", slot)
		return
	}
	if err := f.onSelect(func(path string) error { return setSlot(path, slot) }); err != nil {
		say("no other slot: %v", err)
		return
	}
	if f.data {
		text := fmt.Sprintf("This is the earlier system: %s", why)
		if err := errors.Join(remember("notice", text), remember("starts", "0")); err != nil {
			say("%v", err)
		}
	}
	say("falling back to partition %d", slot)
	f.restart()
}

func (f *first) restart() {
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		say("%v", err)
	}
}

// writeNotices leaves what the screen should say where the phone finds it.
func (f *first) writeNotices() {
	text := strings.Join(f.notices, "\n")
	if err := os.WriteFile(noticeFile, []byte(text), 0o644); err != nil {
		say("%v", err)
	}
}

const noticeFile = runDir + "/notices"
