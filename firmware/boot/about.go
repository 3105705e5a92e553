package boot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// About is what PID 1 found out about the system that runs, to be compared with what its owner signed. A system that is
// not the owner's can say anything here; it cannot make another telephone, or the card in a reader, say the same.
type About struct {
	Slot   string // "A" or "B"; empty where the card has no halves
	Image  string // SHA-256 of the system in it, in hexadecimal, as the manifest beside an image has it
	Signer string // IDs of the keys that signed it when it was installed; empty: it was flashed, or is not what was installed
}

const (
	aboutFile  = runDir + "/about"
	aboutAfter = 4 * time.Second // the card is busy with the start before
	noteOf     = "installed-"    // what is remembered of a slot
)

// installed is what the keeper says of a system that it wrote.
type installed struct {
	size  int64
	image string
	by    string
}

// parseInstalled reads "SIZE SHA256 KEY...", the one form in which the keeper says it.
func parseInstalled(s string) (in installed, err error) {
	w := strings.Fields(s)
	if len(w) < 3 {
		return in, errInstalled
	}
	if _, err := fmt.Sscanf(w[0], "%d", &in.size); err != nil || in.size <= 0 || fmt.Sprint(in.size) != w[0] {
		return in, errInstalled
	}
	if sum, err := hex.DecodeString(w[1]); err != nil || len(sum) != sha256.Size {
		return in, errInstalled
	}
	for _, id := range w[2:] {
		if b, err := hex.DecodeString(id); err != nil || len(b) != 8 {
			return in, errInstalled
		}
	}
	in.image, in.by = w[1], strings.Join(w[2:], " ")
	return in, nil
}

var errInstalled = errors.New("boot: that does not say what was installed")

// slotName is how people know a slot.
func slotName(slot int) string { return string(rune('A' + slot - slotA)) }

// measure looks at the slot that runs, some time after the start, and leaves what it found for the telephone.
func (f *first) measure() {
	if f.slots.running == 0 {
		return
	}
	slot := f.slots.running
	time.Sleep(aboutAfter)
	dev, err := os.Open(f.slotDevice(slot))
	if err != nil {
		say("%v", err)
		return
	}
	defer dev.Close()
	was, err := parseInstalled(recall(noteOf + fmt.Sprint(slot)))
	a := About{Slot: slotName(slot)}
	if a.Image, a.Signer, err = weigh(dev, was, err == nil); err != nil {
		say("%v", err)
		return
	}
	say("this is slot %s, %s, signed by %q", a.Slot, a.Image, a.Signer)
	b, err := json.Marshal(a)
	if err == nil {
		err = replace(aboutFile, b)
	}
	if err != nil {
		say("%v", err)
	}
}

// weigh hashes a system. One that was installed has the length that the keeper knew; one that was flashed ends with the
// last sector that is not empty, as in the file that make image leaves.
func weigh(dev io.ReaderAt, was installed, known bool) (image, signer string, err error) {
	const part = 64 << 10
	h := sha256.New()
	if known {
		if _, err := io.Copy(h, io.NewSectionReader(dev, 0, was.size)); err != nil {
			return "", "", fmt.Errorf("boot: %w", err)
		}
		if image = hex.EncodeToString(h.Sum(nil)); image == was.image {
			return image, was.by, nil
		}
		h.Reset() // the card was flashed again, or changed
	}
	b, zero, held := make([]byte, part), make([]byte, sectorSize), 0
	for at := int64(0); ; at += part {
		n, err := dev.ReadAt(b, at)
		for s := 0; s+sectorSize <= n; s += sectorSize {
			if bytes.Equal(b[s:s+sectorSize], zero) {
				held++ // counts only if something follows
				continue
			}
			for ; held > 0; held-- {
				h.Write(zero)
			}
			h.Write(b[s : s+sectorSize])
		}
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), "", nil
		}
		if err != nil {
			return "", "", fmt.Errorf("boot: %w", err)
		}
	}
}

// about waits for what PID 1 found out. It is empty when ctx is done before.
func about(ctx context.Context) (a About) {
	for tick := time.NewTicker(time.Second); ; {
		if b, err := os.ReadFile(aboutFile); err == nil && json.Unmarshal(b, &a) == nil {
			return a
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return About{}
		}
	}
}

// kernel is the release that runs; empty when it does not say.
func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
