package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be its own prisoner.
func TestMain(m *testing.M) {
	if what := os.Getenv("SOTTO_PRISONER"); what != "" {
		prisoner(what)
	}
	os.Exit(m.Run())
}

// prisoner enters the cell and tries what its name says; it exits with 0 when the attempt ended as it should.
func prisoner(what string) {
	die := func(format string, a ...any) { fmt.Printf(format+"\n", a...); os.Exit(1) }
	dir := os.Getenv("SOTTO_DIR")
	if what == "landlock" {
		runtime.LockOSThread()
		must(die, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		must(die, confine([]place{{dir + "/in", writeRights}, {dir + "/look", readRights}, {"/usr/bin/test", readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE}, {"/usr", readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE}}, 5060))
		tryFiles(die, dir)
		os.Exit(0)
	}
	if strings.HasPrefix(what, "radio") {
		must(die, sealRadio())
		if what == "radio-ptrace" {
			_ = syscall.PtraceAttach(os.Getppid())
		}
		if fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); err != nil && !errors.Is(err, unix.EPERM) {
			die("a packet socket: %v, %d", err, fd)
		}
		die("another program: %v", syscall.Exec("/bin/true", []string{"true"}, nil))
	}
	must(die, seal())
	switch what {
	case "work":
		tryWork(die, dir)
	case "exec":
		_ = syscall.Exec("/bin/true", []string{"true"}, nil)
	case "exec-thread":
		runtime.LockOSThread() // the goroutine below must run on another thread than the one that sealed
		done := make(chan struct{})
		go func() { _ = syscall.Exec("/bin/true", []string{"true"}, nil); close(done) }()
		<-done
	case "mount":
		_ = unix.Mount("none", dir, "tmpfs", 0, "")
	case "ptrace":
		_ = syscall.PtraceAttach(os.Getppid())
	}
	os.Exit(0)
}

func must(die func(string, ...any), err error) {
	if err != nil {
		die("%v", err)
	}
}

func tryFiles(die func(string, ...any), dir string) {
	must(die, os.WriteFile(dir+"/in/a", []byte("x"), 0o600))
	must(die, os.Rename(dir+"/in/a", dir+"/in/b"))
	if _, err := os.ReadFile(dir + "/look/f"); err != nil {
		die("reading where reading is allowed: %v", err)
	}
	for name, try := range map[string]func() error{
		"writing where only reading is allowed": func() error { return os.WriteFile(dir+"/look/f", nil, 0o600) },
		"reading outside":                       func() error { _, err := os.ReadFile(dir + "/out"); return err },
		"making a file outside":                 func() error { return os.WriteFile(dir+"/new", nil, 0o600) },
		"listening for TCP":                     listenTCP,
		"making a device":                       func() error { return unix.Mknod(dir+"/in/dev", unix.S_IFCHR|0o600, 0x103) },
	} {
		if err := try(); !errors.Is(err, fs.ErrPermission) {
			die("%s: %v", name, err)
		}
	}
	if out, err := exec.Command("/usr/bin/test", "-r", dir+"/out").CombinedOutput(); err == nil {
		die("a program started in the cell reads outside %s", out)
	}
}

// listenTCP insists on TCP proper: Landlock knows no MPTCP, which the filter refuses instead.
func listenTCP() error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	if l, err := lc.Listen(context.Background(), "tcp4", "127.0.0.7:5060"); err == nil { // the one that is allowed
		_ = l.Close()
	} else {
		return nil
	}
	_, err := lc.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	return err
}

// tryWork does what a telephone does all day.
func tryWork(die func(string, ...any), dir string) {
	must(die, os.WriteFile(dir+"/state", []byte("x"), 0o600))
	must(die, os.Rename(dir+"/state", dir+"/state2"))
	a, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(die, err)
	_, err = a.WriteTo([]byte("hi"), a.LocalAddr())
	must(die, err)
	_, _, err = a.ReadFrom(make([]byte, 4))
	must(die, err)
	_, err = net.Interfaces()
	must(die, err)
	for range 8 {
		go func() { runtime.LockOSThread(); select {} }()
	}
	runtime.GC()
	time.Sleep(10 * time.Millisecond)
	if _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); !errors.Is(err, unix.EAFNOSUPPORT) {
		die("a packet socket: %v", err)
	}
	if _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP); !errors.Is(err, unix.EPROTONOSUPPORT) {
		die("a multipath socket: %v", err)
	}
	if _, err := unix.MemfdCreate("x", 0); !errors.Is(err, unix.ENOSYS) {
		die("a call that is not listed: %v", err)
	}
}

func imprison(t *testing.T, what, dir string) (string, *os.ProcessState) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SOTTO_PRISONER="+what, "SOTTO_DIR="+dir)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState
}

func TestSealedProcessWorks(t *testing.T) {
	if out, st := imprison(t, "work", t.TempDir()); !st.Success() {
		t.Errorf("%v: %s", st, out)
	}
}

func TestSealedProcessDiesOfIntrusion(t *testing.T) {
	for _, what := range []string{"exec", "exec-thread", "mount", "ptrace"} {
		out, st := imprison(t, what, t.TempDir())
		if ws := st.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGSYS {
			t.Errorf("%s ended with %v: %s", what, st, out)
		}
	}
}

func TestConfinedProcess(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"in", "look"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"look/f", "out"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, st := imprison(t, "landlock", dir); !st.Success() {
		t.Errorf("%v: %s", st, strings.TrimSpace(out))
	}
}

func TestFilterIsWellFormed(t *testing.T) {
	p := usual.filter()
	if len(p) > 4096 {
		t.Fatalf("%d instructions; the kernel takes 4096", len(p))
	}
	for i, in := range p {
		if in.Code == unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K && (i+1+int(in.Jt) >= len(p) || i+1+int(in.Jf) >= len(p)) {
			t.Errorf("instruction %d jumps out of the program", i)
		}
	}
	if last := p[len(p)-1]; last.Code != unix.BPF_RET|unix.BPF_K || last.K != unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS) {
		t.Errorf("the program ends with %+v", last)
	}
}
