package boot

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sotto/net/link"
)

// TestWifiText: what the telephone wishes is read as it was meant, and nothing else is read at all.
func TestWifiText(t *testing.T) {
	for _, n := range []link.Network{{}, {SSID: "home", Password: "the right one"}, {SSID: "open"}, {SSID: "\xff\x00 \n", Password: "12345678"}} {
		if got, err := parseWifi(wifiText(n)); err != nil || got != n {
			t.Errorf("%x became %x, %v", n.SSID, got.SSID, err)
		}
	}
	for _, text := range []string{" ", "6", "zz", "41 ", "41 31", "41 3132333435363738 ", "41 3132333435363738 41", "4A 3132333435363738", " 3132333435363738",
		strings.Repeat("41", 33), "41 " + strings.Repeat("41", 64), "41 0d41414141414141"} {
		if n, err := parseWifi(text); !errors.Is(err, errWish) {
			t.Errorf("%q is a network of %d bytes, %v", text, len(n.SSID), err)
		}
	}
}

func FuzzWifiText(f *testing.F) {
	f.Add("41 3132333435363738")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseWifi(text); err == nil && (wifiText(n) != text || n.SSID != "" && !n.Valid()) {
			t.Fatalf("%q was read", text)
		}
	})
}

// TestTheRadioIsOnWhileItIsWanted: for a network as long as that is wished, for a look a while.
func TestTheRadioIsOnWhileItIsWanted(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	r := radio{}
	if r.wanted(now) {
		t.Error("it is on by itself")
	}
	r.until = now.Add(onForLook)
	if !r.wanted(now) || r.wanted(now.Add(onForLook)) {
		t.Error("a look does not end")
	}
	r.join = true
	if !r.wanted(now.Add(24 * time.Hour)) {
		t.Error("the network is left alone")
	}
}

// TestASpareChildIsNoReasonToFallBack: a broken radio starts no other system.
func TestASpareChildIsNoReasonToFallBack(t *testing.T) {
	f := &first{}
	c := &child{name: radioName, spare: true}
	now := time.Unix(1_790_000_000, 0)
	for range crashLimit {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		c.pulse, c.cmd = r, ended(t)
		f.buried(c, now)
	}
	if len(f.notices) != 0 || c.due.Sub(now) != longPause {
		t.Errorf("%q, started again after %v", f.notices, c.due.Sub(now))
	}
	c.ended, c.cmd = true, ended(t)
	if c.pulse, _, _ = os.Pipe(); c.pulse == nil {
		t.Fatal("no pipe")
	}
	f.buried(c, now)
	if c.due != now || c.ended || len(c.policy.deaths) != crashLimit {
		t.Error("an end that was asked for counts as a death")
	}
}

// TestTheRadiosFilter lets one more family and one more call pass, and for nobody else.
func TestTheRadiosFilter(t *testing.T) {
	r := radioRules()
	has := func(list []uint32, n uint32) bool {
		for _, k := range list {
			if k == n {
				return true
			}
		}
		return false
	}
	if has(r.deadly, unix.SYS_EXECVE) || !has(r.allowed, unix.SYS_EXECVE) || !has(r.families, unix.AF_PACKET) {
		t.Error("the radio cannot become what it must")
	}
	if !has(usual.deadly, unix.SYS_EXECVE) || has(usual.allowed, unix.SYS_EXECVE) || has(usual.families, unix.AF_PACKET) || !has(r.deadly, unix.SYS_PTRACE) {
		t.Error("the others may what only the radio may")
	}
	if n := len(r.filter()); n > 4096 {
		t.Errorf("%d instructions; the kernel takes 4096", n)
	}
	if out, st := imprison(t, "radio", t.TempDir()); !st.Success() {
		t.Errorf("%v: %s", st, out)
	}
	if out, st := imprison(t, "radio-ptrace", t.TempDir()); st.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
		t.Errorf("%v: %s", st, out)
	}
}

// ended is a command that has run.
func ended(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd
}
