package boot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
)

// TestWeigh: what is shown is what the manifest beside the image has, for a flashed card as for an installed update.
func TestWeigh(t *testing.T) {
	system := append(bytes.Repeat([]byte{1, 0, 2}, 50_000), make([]byte, 4096)...)
	copy(system[len(system)-600:], "the last file")
	system = system[:(len(bytes.TrimRight(system, "\x00"))+sectorSize-1)/sectorSize*sectorSize] // as mkimage cuts it
	sum := fmt.Sprintf("%x", sha256.Sum256(system))
	slot := append(bytes.Clone(system), make([]byte, 300_000/sectorSize*sectorSize)...)
	image, signer, err := weigh(bytes.NewReader(slot), installed{}, false)
	if err != nil || image != sum || signer != "" {
		t.Errorf("flashed: %s by %q, %v; the manifest has %s", image, signer, err, sum)
	}
	copy(slot[len(slot)-9*sectorSize:], "left over from a longer system")
	was, err := parseInstalled(fmt.Sprintf("%d %s 0123456789ABCDEF FEDCBA9876543210", len(system), sum))
	if err != nil {
		t.Fatal(err)
	}
	image, signer, err = weigh(bytes.NewReader(slot), was, true)
	if err != nil || image != sum || signer != "0123456789ABCDEF FEDCBA9876543210" {
		t.Errorf("installed: %s by %q, %v; the manifest has %s", image, signer, err, sum)
	}
	slot[1000] ^= 1
	if image, signer, err = weigh(bytes.NewReader(slot), was, true); err != nil || image == sum || signer != "" {
		t.Errorf("changed on the card: %s by %q, %v", image, signer, err)
	}
}

func TestParseInstalled(t *testing.T) {
	sum := fmt.Sprintf("%x", sha256.Sum256(nil))
	for _, bad := range []string{"", "5", "5 " + sum, "0 " + sum + " 0123456789ABCDEF", "-5 " + sum + " 0123456789ABCDEF", "5x " + sum + " 0123456789ABCDEF",
		"5 " + sum[2:] + " 0123456789ABCDEF", "5 " + sum + " me", "05 " + sum + " 0123456789ABCDEF"} {
		if in, err := parseInstalled(bad); !errors.Is(err, errInstalled) {
			t.Errorf("%q was read as %+v, %v", bad, in, err)
		}
	}
}
