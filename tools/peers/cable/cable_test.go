//go:build interop

package cable

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
)

const (
	sim    = "../../../build/sim"
	speech = "../../call/speech/alice.wav"
)

// end is one end of the cable.
type end struct{ ns, dev, addr, keys string }

var ends = [2]end{
	{"sotto-cable-a", "scablea", "169.254.7.1", "169*254*7*1"},
	{"sotto-cable-b", "scableb", "169.254.7.2", "169*254*7*2"},
}

func run(t *testing.T, line string) {
	t.Helper()
	args := strings.Fields(line)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// plug lays the cable.
func plug(t *testing.T) {
	t.Helper()
	down := func() {
		for _, e := range ends {
			exec.Command("ip", "netns", "del", e.ns).Run()
		}
	}
	down()
	t.Cleanup(down)
	for _, e := range ends {
		run(t, "ip netns add "+e.ns)
	}
	run(t, fmt.Sprintf("ip link add %s netns %s type veth peer name %s netns %s", ends[0].dev, ends[0].ns, ends[1].dev, ends[1].ns))
	for _, e := range ends {
		run(t, fmt.Sprintf("ip -n %s addr add %s/16 dev %s", e.ns, e.addr, e.dev))
		run(t, fmt.Sprintf("ip -n %s link set %s up", e.ns, e.dev))
	}
}

// handset starts the telephone of one end. It knows nobody.
func handset(t *testing.T, e end, name string) *puppet.Handset {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "sim")
	text := fmt.Sprintf("#!/bin/sh\nexec ip netns exec %s %s \"$@\"\n", e.ns, filepath.Join(wd, sim))
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := puppet.Start(script, t.TempDir(), name, e.addr+":5060", filepath.Join(wd, speech), "--mic-loop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop() })
	must(t, h, "ready")
	return h
}

func must(t *testing.T, h *puppet.Handset, kinds ...string) puppet.Event {
	t.Helper()
	e, err := h.Await(30*time.Second, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// screen waits until pattern stands on it.
func screen(t *testing.T, h *puppet.Handset, pattern string) {
	t.Helper()
	if err := h.Shows(10*time.Second, pattern); err != nil {
		t.Fatal(err)
	}
}

func press(h *puppet.Handset, keys string) {
	for _, k := range keys {
		h.Say("press " + string(k))
	}
}

// dial calls by the address that the other screen shows, and gives what each side knows of the keys.
func dial(t *testing.T, caller, called *puppet.Handset, keys string) (a, b puppet.Event) {
	t.Helper()
	for _, h := range []*puppet.Handset{caller, called} {
		h.Forget()
		h.Say("press end", "sleep 300ms", "press end", "sleep 300ms")
	}
	screen(t, caller, "^Ready")
	caller.Forget() // its own end of the call before
	press(caller, keys)
	caller.Say("press call")
	must(t, called, "ringing")
	called.Say("press call")
	return must(t, caller, "secure"), must(t, called, "secure")
}

// TestPairByCable: two telephones that know nothing of each other are joined by a cable. One dials the address, both type the other's
// half of the code once, and from then on every call is verified by both, whoever calls.
func TestPairByCable(t *testing.T) {
	plug(t)
	alice, bob := handset(t, ends[0], "Alice"), handset(t, ends[1], "Bob")
	a, b := dial(t, alice, bob, ends[1].keys)
	if a.SAS != b.SAS || len(a.SAS) != 4 || a.Verified || b.Verified {
		t.Fatalf("the first call: %+v, %+v", a, b)
	}
	own, theirs := a.Halves()
	alice.Say("press softL")
	bob.Say("press softL")
	alice.TypeCode(theirs)
	bob.TypeCode(own)
	for _, h := range []*puppet.Handset{alice, bob} {
		screen(t, h, "^SECURE ")
	}
	alice.Say("press end")
	must(t, bob, "ended")
	for i, caller := range []*puppet.Handset{bob, alice} {
		called := []*puppet.Handset{alice, bob}[i]
		a, b := dial(t, caller, called, ends[i].keys)
		if !a.Verified || !b.Verified {
			t.Errorf("call %d after the pairing: %+v, %+v", i+1, a, b)
		}
		for _, h := range []*puppet.Handset{caller, called} {
			screen(t, h, "Verified by both")
		}
		caller.Say("press end")
		must(t, called, "ended")
	}
}
