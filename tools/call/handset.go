package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// event is a line of the simulator's standard output.
type event struct {
	T      float64 `json:"t"`
	Event  string  `json:"event"`
	SAS    string  `json:"sas"`
	KA     string  `json:"ka"`
	Hash   string  `json:"hash"`
	Cipher string  `json:"cipher"`
	Auth   string  `json:"auth"`
	Why    string  `json:"why"`
	Cause  string  `json:"cause"`
	Text   string  `json:"text"`
	Role   string  `json:"role"`

	Verified bool `json:"verified"`
}

// handset is one simulator process and what it has said so far.
type handset struct {
	name    string
	cmd     *exec.Cmd
	script  io.WriteCloser
	speaker string // file that the loudspeaker writes

	mu     sync.Mutex
	events []event
	news   chan struct{} // one token when events has grown or the process ended
	over   bool
}

// start runs the simulator with its script on standard input.
func start(sim, out, name, sip, mic string, more ...string) (*handset, error) {
	dir := filepath.Join(out, name)
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
		return nil, err
	}
	h := &handset{name: name, speaker: filepath.Join(dir, "speaker.wav"), news: make(chan struct{}, 1)}
	args := append([]string{"--name", name, "--sip", sip, "--state", filepath.Join(dir, "state"),
		"--mic", mic, "--speaker", h.speaker, "--script", "-"}, more...)
	h.cmd = exec.Command(sim, args...)
	h.cmd.Stderr = os.Stderr
	var err error
	if h.script, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; build it with: make sim", err)
	}
	go h.listen(stdout)
	return h, nil
}

// listen keeps the process's events.
func (h *handset) listen(r io.Reader) {
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) == nil && e.Event != "" {
			h.mu.Lock()
			h.events = append(h.events, e)
			h.mu.Unlock()
			h.wake()
		}
	}
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.wake()
}

// forget lets await look only at what is said from now on.
func (h *handset) forget() {
	h.mu.Lock()
	h.events = nil
	h.mu.Unlock()
}

func (h *handset) wake() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// say sends script lines.
func (h *handset) say(lines ...string) {
	io.WriteString(h.script, strings.Join(lines, "\n")+"\n")
}

// await returns the first event of one of the kinds, in the order of the handset's speaking.
func (h *handset) await(limit time.Duration, kinds ...string) (event, error) {
	deadline := time.After(limit)
	for {
		h.mu.Lock()
		for _, e := range h.events {
			for _, k := range kinds {
				if e.Event == k {
					h.mu.Unlock()
					return e, nil
				}
			}
		}
		over := h.over
		h.mu.Unlock()
		if over {
			return event{}, fmt.Errorf("%s's handset stopped before %s", h.name, strings.Join(kinds, " or "))
		}
		select {
		case <-h.news:
		case <-deadline:
			return event{}, fmt.Errorf("%s: no %s within %v", h.name, strings.Join(kinds, " or "), limit)
		}
	}
}

// stop ends the script and waits for the process, not for ever.
func (h *handset) stop() error {
	h.say("quit")
	h.script.Close()
	done := make(chan error, 1)
	go func() { done <- h.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		h.cmd.Process.Signal(syscall.SIGKILL)
		return errors.New(h.name + "'s handset did not stop")
	}
}
