// Package puppet drives simulator processes from outside, as a person with ten fingers and two eyes would: script lines go
// in, events come out. It promises to wait for what a handset says, never for a guessed time, and to leave no process behind
// once Stop was called. It cannot see into a handset.
package puppet

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Event is a line of the simulator's standard output.
type Event struct {
	T      float64 `json:"t"`
	Kind   string  `json:"event"`
	SAS    string  `json:"sas"`
	KA     string  `json:"ka"`
	Hash   string  `json:"hash"`
	Cipher string  `json:"cipher"`
	Auth   string  `json:"auth"`
	Why    string  `json:"why"`
	Cause  string  `json:"cause"`
	Text   string  `json:"text"`
	Role   string  `json:"role"`

	Verified bool            `json:"verified"`
	Stats    json.RawMessage `json:"stats"`
}

// Handset is one simulator process and what it has said so far.
type Handset struct {
	Name    string
	Cmd     *exec.Cmd
	script  io.WriteCloser
	Speaker string // file that the loudspeaker writes

	mu      sync.Mutex
	events  []Event
	screens int           // were shown
	screen  string        // the last of them
	news    chan struct{} // one token when something came or the process ended
	over    bool
}

// Start runs the simulator with its script on standard input.
func Start(sim, out, name, sip, mic string, more ...string) (*Handset, error) {
	dir := filepath.Join(out, name)
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
		return nil, err
	}
	h := &Handset{Name: name, Speaker: filepath.Join(dir, "speaker.wav"), news: make(chan struct{}, 1)}
	args := append([]string{"--name", name, "--sip", sip, "--state", filepath.Join(dir, "state"),
		"--mic", mic, "--speaker", h.Speaker, "--script", "-"}, more...)
	h.Cmd = exec.Command(sim, args...)
	h.Cmd.Stderr = os.Stderr
	var err error
	if h.script, err = h.Cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := h.Cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.Cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; build it with: make sim", err)
	}
	go h.listen(stdout)
	return h, nil
}

// listen keeps the process's events.
func (h *Handset) listen(r io.Reader) {
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		var e Event
		if json.Unmarshal(sc.Bytes(), &e) == nil && e.Kind != "" {
			h.mu.Lock()
			h.events = append(h.events, e)
			if e.Kind == "screen" {
				h.screens, h.screen = h.screens+1, e.Text
			}
			h.mu.Unlock()
			h.wake()
		}
	}
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.wake()
}

// Said is everything that the handset has said since it began, or since Forget.
func (h *Handset) Said() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Event(nil), h.events...)
}

// Forget lets Await look only at what is said from now on.
func (h *Handset) Forget() {
	h.mu.Lock()
	h.events = nil
	h.mu.Unlock()
}

func (h *Handset) wake() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// Say sends script lines.
func (h *Handset) Say(lines ...string) {
	io.WriteString(h.script, strings.Join(lines, "\n")+"\n")
}

// Await returns the first event of one of the kinds, in the order of the handset's speaking.
func (h *Handset) Await(limit time.Duration, kinds ...string) (Event, error) {
	var found Event
	err := h.until(limit, strings.Join(kinds, " or "), func() bool {
		i := slices.IndexFunc(h.events, func(e Event) bool { return slices.Contains(kinds, e.Kind) })
		if i >= 0 {
			found = h.events[i]
		}
		return i >= 0
	})
	return found, err
}

// Screen asks for what the screen shows now.
func (h *Handset) Screen(limit time.Duration) (screen string, err error) {
	h.mu.Lock()
	before := h.screens
	h.mu.Unlock()
	h.Say("screen")
	err = h.until(limit, "screen", func() bool {
		screen = h.screen
		return h.screens > before
	})
	return screen, err
}

// between is the time from one look at the screen to the next.
const between = 50 * time.Millisecond

// Shows waits until an expression stands on the screen; ^ and $ mean its lines. In the error is what it showed last.
func (h *Handset) Shows(limit time.Duration, expr string) error {
	re := regexp.MustCompile("(?m)" + expr)
	for end := time.Now().Add(limit); ; time.Sleep(between) {
		screen, err := h.Screen(max(time.Until(end), time.Second))
		switch {
		case err != nil:
			return err
		case re.MatchString(screen):
			return nil
		case time.Now().After(end):
			return fmt.Errorf("puppet: %s: no %q on the screen within %v; it shows\n%s", h.Name, expr, limit, screen)
		}
	}
}

// until waits for what the handset says. found is called under the lock.
func (h *Handset) until(limit time.Duration, what string, found func() bool) error {
	for deadline := time.After(limit); ; {
		h.mu.Lock()
		yes, over := found(), h.over
		h.mu.Unlock()
		switch {
		case yes:
			return nil
		case over:
			return fmt.Errorf("puppet: %s's handset stopped before %s", h.Name, what)
		}
		select {
		case <-h.news:
		case <-deadline:
			return fmt.Errorf("puppet: %s: no %s within %v", h.Name, what, limit)
		}
	}
}

// Stop ends the script and waits for the process, not for ever.
func (h *Handset) Stop() error {
	h.Say("quit")
	h.script.Close()
	done := make(chan error, 1)
	go func() { done <- h.Cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		h.Cmd.Process.Signal(syscall.SIGKILL)
		return errors.New("puppet: " + h.Name + "'s handset did not stop")
	}
}

// FreePorts asks the kernel for UDP ports that nobody uses now.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer c.Close()
		ports = append(ports, c.LocalAddr().(*net.UDPAddr).Port)
	}
	return ports, nil
}
