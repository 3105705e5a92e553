// Package peers drives telephones without a head: our simulator, linphonec and baresip, two of a kind in two namespaces,
// with WAV files as ear and mouth.
//
// It promises the same steps for each, and stamps of the wall clock from outside where a program gives none itself. It
// never installs anything.
package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrMissing is returned for a program that is not installed.
var ErrMissing = errors.New("peers: not installed")

// Party is one telephone of a call. Namespace is empty on the host itself.
type Party struct {
	Namespace, Address string
	Folder             string // for its state and recordings, made by Start
	Mic                string // WAV file, 48 kHz mono
}

// Heard is what came of a call at one end.
type Heard struct {
	Recording    string
	MicStart     float64 // Unix time at which position 0 of the microphone's file was heard
	SpeakerStart float64 // Unix time of position 0 of the recording
	Secure       float64 // Unix time from which on it was heard: before, nothing said leaves a telephone of ours; 0 for others
	Hole         float64 // ms, the longest run that was made up; 0 for others
	CPU          time.Duration
	MemoryKB     int64         // peak
	Handshake    time.Duration // answer to secure, 0 when not measured
	Process      int           // its number while it runs
}

// Pair is two telephones of a kind that can call each other.
type Pair interface {
	// Start runs both; the first is the caller.
	Start(a, b Party) error
	// Call lets the first call the second and waits until the call is secure.
	Call() error
	// Processes are the numbers of the two.
	Processes() [2]int
	// Stop hangs up, ends both, and tells what they heard.
	Stop() ([2]Heard, error)
}

// Command is a program in the party's namespace.
func (p Party) Command(name string, args ...string) *exec.Cmd {
	if p.Namespace != "" {
		args = append([]string{"netns", "exec", p.Namespace, name}, args...)
		name = "ip"
	}
	return exec.Command(name, args...)
}

func (p Party) path(name string) string { return filepath.Join(p.Folder, name) }

// fresh empties the party's folder.
func (p Party) fresh() error {
	if err := os.RemoveAll(p.Folder); err != nil {
		return err
	}
	return os.MkdirAll(p.Folder, 0o700)
}

func need(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%w: %s", ErrMissing, program)
	}
	return nil
}

// peak is the most memory that a running program has had, in kB. What wait(2) tells includes the parent's, whose memory a
// child has until it becomes its program.
func peak(pid int) int64 { return status(pid, "VmHWM:") }

// status is a number of /proc/PID/status.
func status(pid int, name string) (n int64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), name)
	fmt.Sscan(rest, &n)
	return n
}
