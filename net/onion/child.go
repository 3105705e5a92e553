package onion

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// childName is argv[0] of the process that becomes Tor.
const childName = "tor-child"

// exitNoTor is the child's exit code when it could not become Tor: EX_UNAVAILABLE of sysexits.h. Tor's own are small.
const exitNoTor = 69

// self is this program's file, whatever became of its name.
const self = "/proc/self/exe"

// Exec starts this binary again as Tor. It is what Config.Launch does by default; user is Config.User.
func Exec(user uint32) func(torrc string, log io.Writer) (*Child, error) {
	return func(torrc string, log io.Writer) (*Child, error) {
		ours, theirs, err := socketpair()
		if err != nil {
			return nil, fmt.Errorf("onion: %w", err)
		}
		cmd := exec.Command(self)
		// Descriptor 3 is the first of ExtraFiles. Tor ends when the other end of it is closed, by us or by our death.
		cmd.Args = []string{childName, "-f", "-", "--__OwningControllerFD", "3", "--hush"}
		cmd.Env = []string{"GOMAXPROCS=1", "HOME=/nonexistent"}
		cmd.Dir = "/"
		cmd.Stdin, cmd.Stdout = strings.NewReader(torrc), log
		cmd.ExtraFiles = []*os.File{theirs}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's ^C is not for Tor
		if user != 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user}
		}
		err = cmd.Start()
		theirs.Close()
		if err != nil {
			ours.Close()
			return nil, fmt.Errorf("onion: starting Tor: %w", err)
		}
		return &Child{Control: ours, Interrupt: cmd.Process.Kill, Wait: cmd.Wait}, nil
	}
}

func socketpair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	ours, err := connOf(fds[0])
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// connOf takes over a descriptor.
func connOf(fd int) (net.Conn, error) {
	file := os.NewFile(uintptr(fd), "control")
	defer file.Close()
	return net.FileConn(file)
}
