package vault

import (
	"encoding/binary"
	"fmt"
	"time"
)

// backoff is the wait after a number of wrong PINs. There is no clock that a thief could not set: after a power cut the
// whole wait begins again.
var backoff = [...]time.Duration{0, 0, 0, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
	15 * time.Minute, time.Hour}

// WaitError says that no PIN is taken for a while.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string { return fmt.Sprintf("vault: no PIN is taken for %v", e.Wait) }

// tries counts wrong PINs on the medium.
type tries struct {
	pair  *Pair
	wrong uint32
	until time.Time // no PIN before; zero: not yet known since the start
	known bool
}

func openTries(d Disk, name string) (*tries, error) {
	pair, content, err := OpenPair(d, name)
	if err != nil {
		return nil, err
	}
	t := &tries{pair: pair}
	if len(content) == 4 {
		t.wrong = binary.BigEndian.Uint32(content)
	}
	return t, nil
}

// wait is how long no PIN is taken. The first question after a start begins the wait of the tries before it.
func (t *tries) wait(now time.Time) time.Duration {
	if !t.known {
		t.begin(now)
	}
	return max(t.until.Sub(now), 0)
}

// begin starts the wait that the number of wrong PINs asks for.
func (t *tries) begin(now time.Time) {
	t.until, t.known = now.Add(backoff[min(int(t.wrong), len(backoff)-1)]), true
}

// count counts a try, on the medium, before it is made.
func (t *tries) count() error {
	t.wrong++
	return t.save()
}

// forget begins again after a right PIN.
func (t *tries) forget() error {
	if t.wrong == 0 {
		return nil
	}
	t.wrong = 0
	return t.save()
}

func (t *tries) save() error { return t.pair.Save(binary.BigEndian.AppendUint32(nil, t.wrong)) }
