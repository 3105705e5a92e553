//go:build tor && interop

package tornet

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// lanes runs this program's tests beside each other, each in a process, a network namespace and a Tor network of its own:
// none sees another's packets. Where -run says which, there is one lane.
func lanes() int {
	locks, err := os.MkdirTemp("", "tornet")
	if err != nil {
		fmt.Fprintln(os.Stderr, "tornet:", err)
		return 1
	}
	defer os.RemoveAll(locks)
	names := []string{"TestNear", "TestFar", "TestLife"}
	for _, a := range os.Args[1:] {
		if strings.HasPrefix(a, "-test.run") || strings.HasPrefix(a, "-test.list") {
			names = []string{""}
		}
	}
	codes := make([]int, len(names))
	var wait sync.WaitGroup
	var out sync.Mutex
	for i, name := range names {
		wait.Go(func() { codes[i] = lane(name, locks+"/lanes", &out) })
	}
	wait.Wait()
	for _, c := range codes {
		if c != 0 {
			return c
		}
	}
	return 0
}

// lane runs one test, or those that the command line names, in a namespace.
func lane(name, locks string, out *sync.Mutex) int {
	args := os.Args[1:]
	var said io.Writer = os.Stdout
	if name != "" {
		args = append([]string{"-test.run=^" + name + "$"}, args...)
		said = &prefixed{out: out, prefix: name[len("Test"):] + ": "}
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), inside+"="+locks)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			fmt.Fprintln(os.Stderr, "tornet: a network namespace needs root:", err)
			return 1
		}
		return max(1, cmd.ProcessState.ExitCode()) // -1 of who was killed
	}
	return 0
}

// prefixed writes whole lines of one lane to standard output, and says whose they are.
type prefixed struct {
	out    *sync.Mutex
	prefix string
	rest   []byte
}

func (p *prefixed) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		p.out.Lock()
		_, err := fmt.Printf("%s%s", p.prefix, p.rest[:i+1])
		p.out.Unlock()
		if err != nil {
			return 0, err
		}
		p.rest = p.rest[i+1:]
	}
}

// The lanes' locks: the ends of files' names, of which inside has the beginning.
const (
	turnLock = ".turn" // whose measuring it is
	gateLock = ".gate" // who waits for the next: nobody passes who waits
	busyLock = ".busy" // shared by those who are busy, and exclusive for those who want none to be
)

// lock holds one until done.
func lock(t *testing.T, name string, how int) (done func()) {
	t.Helper()
	f, err := os.OpenFile(os.Getenv(inside)+name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	done = sync.OnceFunc(func() { f.Close() })
	t.Cleanup(done)
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(f.Fd()), how)
	}
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// turn waits until no other lane measures sound or time. The next may when done was called.
func turn(t *testing.T) (done func()) { return lock(t, turnLock, syscall.LOCK_EX) }

// busy is for what would disturb those who need the machine alone, and waits for them.
func busy(t *testing.T) (done func()) {
	gate := lock(t, gateLock, syscall.LOCK_EX)
	defer gate()
	return lock(t, busyLock, syscall.LOCK_SH)
}

// alone is turn and waits until nobody is busy, too: speech all over Tor goes through fourteen programs, and each has to
// be in time.
func alone(t *testing.T) (done func()) {
	first := turn(t)
	gate := lock(t, gateLock, syscall.LOCK_EX)
	defer gate()
	second := lock(t, busyLock, syscall.LOCK_EX)
	return func() { second(); first() }
}
