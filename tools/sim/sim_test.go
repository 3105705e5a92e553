package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the simulator, built once for these tests.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sim")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "sim")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s\n", out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// simulate runs the program and returns what it printed and its exit status.
func simulate(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// TestMistakesAreToldInOneLine: exit status 2, one line that says what, nothing else.
func TestMistakesAreToldInOneLine(t *testing.T) {
	state := t.TempDir()
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	text := filepath.Join(state, "text.wav")
	os.WriteFile(text, []byte("this is no sound"), 0o600)
	script := filepath.Join(state, "script")
	os.WriteFile(script, []byte("press 1\npress banana\n"), 0o600)
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"unknown flag", "bananas", []string{"--state", state, "--bananas"}},
		{"no state folder", "--state", nil},
		{"missing microphone file", "nowhere.wav", []string{"--state", state, "--mic", "nowhere.wav"}},
		{"a text as sound", "text.wav", []string{"--state", state, "--mic", text}},
		{"speaker in no folder", "no folder", []string{"--state", state, "--speaker", "/nowhere/out.wav"}},
		{"port in use", taken.LocalAddr().String(), []string{"--state", state, "--sip", taken.LocalAddr().String()}},
		{"bad address", "--sip", []string{"--state", state, "--sip", "here"}},
		{"bad contact", "Name=sip", []string{"--state", state, "--contact", "bob"}},
		{"bad ptime", "--ptime", []string{"--state", state, "--ptime", "7"}},
		{"bad screen", "--screen", []string{"--state", state, "--screen", "1x1"}},
		{"bad script", "line 2", []string{"--state", state, "--script", script}},
		{"missing script", "nothing.txt", []string{"--state", state, "--script", "nothing.txt"}},
		{"state is a file", "text.wav", []string{"--state", text}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, line, status := simulate(t, "", c.args...)
			if status != 2 || strings.Count(line, "\n") != 1 || !strings.Contains(line, c.want) || out != "" {
				t.Errorf("status %d, stdout %q, stderr %q; want 2 and one line with %q", status, out, line, c.want)
			}
		})
	}
}

func TestScriptReadsTheScreenAndQuits(t *testing.T) {
	dir := t.TempDir()
	shot := filepath.Join(dir, "dial.png")
	out, errOut, status := simulate(t, "wait . 5s\ntype 112\nwait 112 3s\nscreen\nshot "+shot+"\nquit\n",
		"--name", "alice", "--sip", "127.0.0.1:0", "--state", filepath.Join(dir, "state"), "--script", "-")
	if status != 0 || !strings.Contains(out, `"event":"screen"`) || !strings.Contains(out, "112") {
		t.Fatalf("status %d\n%s%s", status, out, errOut)
	}
	if png, err := os.ReadFile(shot); err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("shot: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if !strings.HasPrefix(line, `{"t":1`) {
			t.Errorf("not an event with its time: %s", line)
		}
	}
}

func TestAWaitInVainIsStatusOne(t *testing.T) {
	_, errOut, status := simulate(t, "wait Unicorn 200ms\n", "--sip", "127.0.0.1:0", "--state", t.TempDir(), "--script", "-")
	if status != 1 || !strings.Contains(errOut, "Unicorn") {
		t.Errorf("status %d, %q", status, errOut)
	}
}
