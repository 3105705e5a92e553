package boot

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Keeping is what the keeper finds around it: the slot that does not run, and no more of the card.
type Keeping struct {
	Board   string
	Version uint64   // of the system that runs
	Idle    *os.File // the slot that does not run
	Bundle  *os.File // what to install; nil: this start is over, see what became of the last update
	State   string   // its folder
	Keys    []string // the owner's, as files
	Loader  *Loader
}

// Descriptors that PID 1 gives to the keeper.
const (
	keeperLine   = 3
	keeperIdle   = 4
	keeperBundle = 5
)

// Loader is the keeper's line to PID 1, which alone can choose what starts: the Loader of firmware/update. Slot 0 is
// partition 2 of the card, slot 1 is partition 3.
type Loader struct {
	line    net.Conn
	answers *bufio.Reader
	slot    int
	trial   bool
}

// Running tells which slot runs, and whether it was started for one time only.
func (l *Loader) Running() (slot int, trial bool, err error) { return l.slot, l.trial, nil }

// TryOnce makes the next start one of that slot, for one time.
func (l *Loader) TryOnce(slot int) error { return l.ask("try", strconv.Itoa(slot+slotA)) }

// Commit makes that slot the one that starts.
func (l *Loader) Commit(slot int) error { return l.ask("commit", strconv.Itoa(slot+slotA)) }

// Installed says what was written into the slot that does not run: its size in octets, its SHA-256, and the IDs of the
// owner's keys that signed it.
func (l *Loader) Installed(size int64, image [sha256.Size]byte, signers string) error {
	return l.ask("installed", fmt.Sprintf("%d %x %s", size, image, signers))
}

// Tell gives the screen a line to show.
func (l *Loader) Tell(text string) error {
	return l.ask("say", strings.ReplaceAll(text, "\n", " "))
}

var errRefused = errors.New("boot: refused")

// ask sends a wish and waits for the answer.
func (l *Loader) ask(verb, what string) error {
	if _, err := fmt.Fprintf(l.line, "%s %s\n", verb, what); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	answer, err := l.answers.ReadString('\n')
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if answer = strings.TrimSpace(answer); answer != "ok" {
		return fmt.Errorf("%w: %s", errRefused, answer)
	}
	return nil
}

// runKeeper is the keeper's process.
func runKeeper(c Config) error {
	for _, fd := range []int{keeperLine, keeperIdle, keeperBundle} {
		unix.CloseOnExec(fd) // one that is not there is none to close
	}
	if err := seal(); err != nil {
		return err
	}
	line, err := net.FileConn(os.NewFile(keeperLine, "boot"))
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	running, err := strconv.Atoi(os.Getenv("RUNNING"))
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	k := Keeping{Board: os.Getenv("BOARD"), Version: uint64(c.Built.Unix()), Idle: os.NewFile(keeperIdle, "idle slot"),
		State: keepDir, Keys: keys(),
		Loader: &Loader{line, bufio.NewReader(line), running - slotA, os.Getenv("TRIAL") == "true"}}
	if os.Getenv("BUNDLE") == "true" {
		k.Bundle = os.NewFile(keeperBundle, "bundle")
	}
	return c.Keep(k)
}
