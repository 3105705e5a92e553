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

// switchSlot makes the card start from the slot that it does not start from now, and returns it.
func switchSlot(path string) (int, error) {
	old, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("boot: %w", err)
	}
	slot, err := parseAutoboot(old)
	if err != nil {
		return 0, err
	}
	next := autoboot(other(slot))
	if len(next) != len(old) {
		return 0, fmt.Errorf("%w: it has %d octets, ours has %d", ErrAutoboot, len(old), len(next))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_SYNC, 0)
	if err != nil {
		return 0, fmt.Errorf("boot: %w", err)
	}
	_, err = f.WriteAt(next, 0)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return 0, fmt.Errorf("boot: %w", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, next) {
		return 0, fmt.Errorf("boot: autoboot.txt was not written: %w", err)
	}
	return other(slot), nil
}
