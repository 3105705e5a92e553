//go:build hil

package hil

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTor starts the image with the word that asks for Tor on its card: Tor runs in a cell of its own, as a user of its
// own, under its own filter of system calls, and lives.
func TestTor(t *testing.T) {
	m := start(t, setup{name: "virt", card: cardOf(t, "qemuvirt"), port: newHub(t).plug(), words: "sotto.tor=1", spy: true})
	m.waitBar(barPanel, "a screen", 90*time.Second)
	line := m.wait(`process .*name=tor-child`, 60*time.Second).text
	pid := regexp.MustCompile(`pid=\d+ `).FindString(line)
	for until := time.Now().Add(60 * time.Second); m.count(pid+"name=tor-child") < 4; time.Sleep(time.Second) {
		if time.Now().After(until) {
			t.Fatalf("Tor does not live:\n%s", m.console())
		}
	}
	note("## Tor\n```\n%s\n```\n", line)
	for _, want := range []string{"Uid=1002 ", "CapEff=0000000000000000", "NoNewPrivs=1", "Seccomp=2"} {
		if !strings.Contains(line, want) {
			t.Errorf("Tor has not %s: %s", want, line)
		}
	}
	if m.said("onion:") || m.said(`\[err\]`) {
		t.Errorf("Tor is not well:\n%s", m.console())
	}
	m.shot("with Tor")
	saveLog(t, m)
}
