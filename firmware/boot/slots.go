package boot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Slots of the card: partition 1 holds autoboot.txt, 2 and 3 a whole system each (Raspberry Pi documentation, "The
// autoboot.txt file"). The firmware reads the partition to start from that file; "tryboot" starts the other one once.
const (
	slotA = 2
	slotB = 3
)

// ErrAutoboot is returned for an autoboot.txt that does not name the two slots.
var ErrAutoboot = errors.New("boot: autoboot.txt does not name two slots")

// autoboot is the file for a card that starts from slot. Its length never depends on the slot, so that it can be changed
// by writing one sector in place, which a card does wholly or not at all.
func autoboot(slot int) []byte {
	return fmt.Appendf(nil, "[all]\ntryboot_a_b=1\nboot_partition=%d\n[tryboot]\nboot_partition=%d\n", slot, other(slot))
}

func other(slot int) int { return slotA + slotB - slot }

// parseAutoboot returns the slot that the card starts from.
func parseAutoboot(b []byte) (int, error) {
	section := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if v, ok := strings.CutPrefix(line, "boot_partition="); ok && section == "[all]" {
			if n, err := strconv.Atoi(v); err == nil && (n == slotA || n == slotB) {
				return n, nil
			}
		}
	}
	return 0, ErrAutoboot
}

// setSlot makes the card start from a slot, from now on.
func setSlot(path string, slot int) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if _, err := parseAutoboot(old); err != nil {
		return err
	}
	next := autoboot(slot)
	if len(next) != len(old) {
		return fmt.Errorf("%w: it has %d octets, ours has %d", ErrAutoboot, len(old), len(next))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_SYNC, 0)
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	_, err = f.WriteAt(next, 0)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, next) {
		return fmt.Errorf("boot: autoboot.txt was not written: %w", err)
	}
	return nil
}

// slots is where this system stands.
type slots struct {
	start   int // the slot that the card starts from; 0: nobody knows
	running int
	trial   bool // this start was for one time only
	failed  bool // an update was tried and is not what runs
}

// trial is what boot remembers of an update that is to be tried: where it is, and which version ordered it.
type trial struct {
	slot int
	from int64
}

// String is the form in which it is remembered; parseTrial reads it, and takes anything else for no trial.
func (t trial) String() string { return fmt.Sprintf("%d %d\n", t.slot, t.from) }

func parseTrial(s string) (t trial) {
	if _, err := fmt.Sscanf(s, "%d %d\n", &t.slot, &t.from); err != nil || (t.slot != slotA && t.slot != slotB) || t.String() != s {
		return trial{}
	}
	return t
}

// whereAmI tells which slot runs. start is the one that autoboot.txt names; told is what the firmware of the board said
// in the device tree, 0 when it says nothing. Then it is told from the version: an update never has the version of the
// system that ordered it.
func whereAmI(start, told int, t trial, version int64) slots {
	s := slots{start: start, running: start}
	switch {
	case told == slotA || told == slotB:
		s.running = told
	case t.slot != 0 && t.from != version:
		s.running = t.slot
	}
	s.trial = s.running != start
	s.failed = t.slot != 0 && t.slot != start && !s.trial
	return s
}
