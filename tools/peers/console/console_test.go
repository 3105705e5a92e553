package console

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *Console {
	t.Helper()
	c, err := Start("sh", exec.Command("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.End)
	return c
}

func TestLinesGoInAndWordsComeOut(t *testing.T) {
	c := shell(t, "while read line; do echo heard $line >&2; done")
	c.Say("one", "two")
	if got, err := c.Await(5*time.Second, `heard (t\w+)`); err != nil || got[1] != "two" {
		t.Fatalf("%q, %v", got, err)
	}
	c.Forget()
	if _, err := c.Await(20*time.Millisecond, "two"); err == nil {
		t.Error("what is forgotten was found")
	}
	c.Say("three")
	if _, err := c.Await(5*time.Second, "three"); err != nil {
		t.Error(err)
	}
	if all := c.All(); !strings.HasPrefix(all, "heard one\nheard two\n") {
		t.Errorf("all that was said: %q", all)
	}
}

func TestEndEndsWhoDoesNotListen(t *testing.T) {
	for name, script := range map[string]string{"input": "read line", "interrupt": "exec sleep 60", "force": "trap '' INT; while :; do sleep 0.1; done"} {
		c := shell(t, script+"; echo over")
		c.End()
		c.End()
		if c.cmd.ProcessState == nil {
			t.Errorf("%s: it runs", name)
		}
	}
}

func TestAProgramThatIsNotThereIsSaid(t *testing.T) {
	if _, err := Start("x", exec.Command("/nowhere/x")); err == nil || !strings.Contains(err.Error(), "make test-packages") {
		t.Errorf("%v", err)
	}
}
