//go:build browser

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// TestTwoPeopleUseThePage plays a whole call by mouse and keyboard in a real browser and leaves a picture of it.
func TestTwoPeopleUseThePage(t *testing.T) {
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	root := "../.."
	cmd := exec.Command(filepath.Join(root, "build/demo"), "--sim", filepath.Join(root, "build/sim"), "--http", addr,
		"--speech", filepath.Join(root, "tools/call/speech"), "--state", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; run: make demo-test", err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	time.Sleep(time.Second)

	b := openBrowser(t)
	b.do("Page.navigate", map[string]any{"url": "http://" + addr + "/"})
	b.await("Alice", `(?i)alice|ready|menu`, 20*time.Second)
	b.await("Bob", `(?i)bob|ready|menu`, 20*time.Second)

	b.mouse("Alice", "2", time.Second) // a long press on 2 is speed dial
	b.await("Alice", `(?i)calling|ringing`, 10*time.Second)
	b.await("Bob", `(?i)incoming|calling|answer`, 10*time.Second)
	b.mouse("Bob", "call", 50*time.Millisecond)
	code := regexp.MustCompile(`(?i)secure`)
	for _, who := range []string{"Alice", "Bob"} {
		if s := b.await(who, `(?i)secure`, 15*time.Second); !code.MatchString(s) {
			t.Errorf("%s: %s", who, s)
		}
	}
	time.Sleep(300 * time.Millisecond)
	b.shot(filepath.Join(root, "build", "demo.png"))
	b.key("Escape") // the keyboard goes to Bob, whom the mouse touched last
	b.await("Alice", `(?i)ended|hung up`, 10*time.Second)
}
