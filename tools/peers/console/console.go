// Package console runs programs that people tell lines and that answer in text: linphonec, baresip, and whatever else a peer
// is made of.
//
// It promises to wait for words and never for a guessed time, to keep all that was said, and to leave no process behind once
// End was called. It never installs anything. It cannot tell an answer from an echo.
package console

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// patience is how long a program may take to end by itself, and then by an interrupt.
const patience = 2500 * time.Millisecond

// Console is a program that runs.
type Console struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	quit string // the line that ends it; empty: the end of its input does
	once sync.Once

	mu   sync.Mutex
	text []byte
	from int           // what came before is forgotten
	grew chan struct{} // one token when text has grown
}

// Start runs a command, which must not have standard streams of its own.
func Start(name string, cmd *exec.Cmd) (*Console, error) {
	c := &Console{name: name, cmd: cmd, grew: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = (*said)(c), (*said)(c)
	cmd.WaitDelay = patience // its children may have its output still
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("console: %w; run: make test-packages", err)
	}
	return c, nil
}

// said takes what the program writes.
type said Console

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	s.text = append(s.text, b...)
	s.mu.Unlock()
	select {
	case s.grew <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Say tells the program lines.
func (c *Console) Say(lines ...string) { io.WriteString(c.in, strings.Join(lines, "\n")+"\n") }

// All is what the program has said since it began.
func (c *Console) All() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

// Forget lets Await look only at what is said from now on.
func (c *Console) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = len(c.text)
}

// Await waits for an expression in what was said, and returns its groups. One goroutine at a time may wait.
func (c *Console) Await(limit time.Duration, expr string) (groups []string, err error) {
	re := regexp.MustCompile(expr)
	for deadline := time.After(limit); ; {
		c.mu.Lock()
		groups = re.FindStringSubmatch(string(c.text[c.from:]))
		c.mu.Unlock()
		if groups != nil {
			return groups, nil
		}
		select {
		case <-c.grew:
		case <-deadline:
			return nil, fmt.Errorf("console: %s said no %q within %v", c.name, expr, limit)
		}
	}
}

// Interrupt is what people send by Control-C: for programs that read no input.
func (c *Console) Interrupt() { c.cmd.Process.Signal(os.Interrupt) }

// End ends the program: by its own line and the end of its input, by an interrupt as people send, by force. It is safe to
// call it more than once.
func (c *Console) End() {
	c.once.Do(func() {
		if c.quit != "" {
			c.Say(c.quit)
		}
		c.in.Close()
		done := make(chan struct{})
		go func() { c.cmd.Wait(); close(done) }()
		for _, end := range []func(){c.Interrupt, func() { c.cmd.Process.Kill() }} {
			select {
			case <-done:
				return
			case <-time.After(patience):
				end()
			}
		}
		<-done
	})
}
