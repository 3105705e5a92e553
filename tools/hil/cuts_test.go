//go:build hil

package hil

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/firmware/phonebook"
)

// A power cut is QEMU killed: what the guest had written is on the card, what it had not is lost. A card that writes out of
// order, or half a sector, is simulated where the order matters (firmware/boot, firmware/vault, firmware/update).

// numberOf reads a number from the environment.
func numberOf(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCuts pulls the plug at random moments: of the first start, of any start, of writing what the owner did, of writing an
// update, and of keeping one. After each the card is looked at from outside and started again: it must reach its screen, and
// the owner's call log must be the one from before or the one that was being written. HIL_CUTS is how often (make cuts sets
// 200), HIL_SEED makes the same choices again. build/hil/cuts.csv has a line for each.
func TestCuts(t *testing.T) {
	cuts, seed := int(numberOf(t, "HIL_CUTS", 6)), numberOf(t, "HIL_SEED", uint64(time.Now().UnixNano()))
	o := ownerOf(t)
	tally := newTally(t)
	began := time.Now()
	t.Run("two at once", func(t *testing.T) {
		for w := range 2 {
			t.Run(strconv.Itoa(w), func(t *testing.T) {
				t.Parallel()
				b := &bench{t: t, owner: o, random: rand.New(rand.NewPCG(seed, uint64(w))), tally: tally}
				b.update, b.bootTime = o.stick(t, nextManifest(), o.next, 2), 5*time.Second
				for i := 0; tally.made() < cuts && !t.Failed(); i++ {
					t.Run(strconv.Itoa(i), b.round)
				}
				t.Run("at last", func(t *testing.T) { b.rises(t).off() })
			})
		}
	})
	note("## Power cuts\nSeed %d, %.0f minutes.\n\n%s\n", seed, time.Since(began).Minutes(), tally)
	note("Lines of the call log that were written under the cuts and found again: %d.\n\n", tally.lines)
	if tally.lines == 0 {
		t.Error("nothing was ever written: the cuts proved nothing")
	}
	if tally.n < cuts {
		t.Errorf("%d of %d cuts were made", tally.n, cuts)
	}
}

// tally counts where the cuts fell.
type tally struct {
	mu    sync.Mutex
	csv   *os.File
	n     int
	lines int // of call logs
	where map[string]int
	kinds map[string]int
}

func newTally(t *testing.T) *tally {
	t.Helper()
	f, err := os.Create(filepath.Join(reportDir, "cuts.csv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &tally{csv: f, where: map[string]int{}, kinds: map[string]int{}}
}

func (y *tally) made() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.n
}

func (y *tally) found(lines int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.lines += lines
}

func (y *tally) add(kind, where string, after time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.n++
	y.kinds[kind]++
	y.where[where]++
	w := csv.NewWriter(y.csv)
	_ = w.Write([]string{kind, fmt.Sprintf("%.2f", after.Seconds()), where}) // a line that is missing is missing from the count
	w.Flush()
}

// String is two tables.
func (y *tally) String() string {
	var b strings.Builder
	for _, m := range []map[string]int{y.kinds, y.where} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(&b, "| %s | %d |\n", k, m[k])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// bench is one of the two that work at once, with a card that lives through many cuts.
type bench struct {
	t        *testing.T
	owner    *owner
	random   *rand.Rand
	tally    *tally
	update   string // a stick
	card     *card
	dir      string
	calls    int // in the log when the card was last looked at
	presses  int // calls that were made since
	bootTime time.Duration
}

// round is a cut on the way up, a look from outside, a start that must succeed, and a cut while that one works.
func (b *bench) round(t *testing.T) {
	kind := "start"
	switch n := b.random.IntN(100); {
	case b.card == nil || n < 25:
		kind = "first start"
	case n < 60:
		kind = "update"
	case n < 65:
		kind = "keeping an update"
	}
	if kind == "first start" || kind == "keeping an update" { // a card of which nothing is known
		b.fresh(t)
	}
	b.cutOff(t, kind, b.begin(t, kind))
	m := b.rises(t)
	m.press("end", "end")
	for until := time.Now().Add(b.upTo(4 * time.Second)); time.Now().Before(until); {
		b.presses++
		m.press("5", "call", "end")
	}
	b.cutOff(t, "writing", m)
}

// cutOff takes the power away and looks at what is left.
func (b *bench) cutOff(t *testing.T, kind string, m *machine) {
	t.Helper()
	at, after := where(m), time.Since(m.started)
	m.off()
	b.tally.add(kind, at, after)
	b.readLog(t)
	if t.Failed() {
		t.Logf("%s, %.2f s after it was switched on, at %q:\n%s", kind, after.Seconds(), at, m.console())
	}
}

func (b *bench) upTo(most time.Duration) time.Duration {
	return time.Duration(b.random.Int64N(int64(most)))
}

// fresh takes a new card, in a folder that outlives the round.
func (b *bench) fresh(t *testing.T) {
	t.Helper()
	if b.dir == "" {
		b.dir = b.t.TempDir()
	}
	c, err := copyCard(b.owner.image, filepath.Join(b.dir, "card.img"), "qemuvirt")
	if err != nil {
		t.Fatal(err)
	}
	b.card, b.calls, b.presses = c, 0, 0
}

// begin brings a machine to the moment at which its power goes.
func (b *bench) begin(t *testing.T, kind string) *machine {
	t.Helper()
	s := setup{name: "cut", card: b.card}
	if strings.Contains(kind, "update") {
		s.extra = plugged(b.update)
	}
	m := start(t, s)
	switch kind {
	case "update":
		m.wait("an update is on", 120*time.Second)
		time.Sleep(b.upTo(max(3*time.Second, b.bootTime)))
	case "keeping an update":
		m.wait(tryLine, 120*time.Second)
		m.gone(60 * time.Second)
		m.off()
		b.card.tryboot = true
		m = start(t, s)
		m.wait("on trial", 120*time.Second)
		time.Sleep(28*time.Second + b.upTo(4*time.Second))
	default:
		time.Sleep(300*time.Millisecond + b.upTo(b.bootTime))
	}
	return m
}

var clock = regexp.MustCompile(`[0-9.]+`)

// where is the last line that the machine said, without its numbers.
func where(m *machine) string {
	last := "before the first line"
	for line := range strings.Lines(m.console()) {
		if _, text, ok := strings.Cut(line, "sotto "); ok {
			last = "after: " + strings.TrimSpace(clock.ReplaceAllString(text, ""))
		}
	}
	return last
}

// rises starts the card, which must reach its screen with its memory. (That PID 1 kills a telephone which an overloaded
// bench keeps from answering for ten seconds is as it should be.)
func (b *bench) rises(t *testing.T) *machine {
	t.Helper()
	m := start(t, setup{name: "look", card: b.card})
	m.wait("memory is there", 180*time.Second)
	for until := time.Now().Add(180 * time.Second); !near(bar(m.screen()), barPanel); time.Sleep(400 * time.Millisecond) { // a look costs the machine time
		if time.Now().After(until) {
			t.Fatalf("no screen after a power cut:\n%s", m.console())
		}
	}
	b.bootTime = (3*b.bootTime + time.Since(m.started)) / 4
	for _, bad := range []string{"nothing will be remembered", "panic", "phone ended: exit"} {
		if m.said(bad) {
			t.Errorf("after the cut: %q:\n%s", bad, m.console())
		}
	}
	return m
}

// readLog holds the owner's memory against what it may be. A card whose first start was cut may have none yet.
func (b *bench) readLog(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	part := filepath.Join(dir, "data")
	at, size, err := b.card.partition(4)
	if err != nil {
		t.Fatal(err)
	}
	run := func(fine int, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState.ExitCode() > fine {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		return string(out)
	}
	run(0, "dd", "if="+b.card.path, "of="+part, "bs=1M", "conv=sparse", fmt.Sprintf("skip=%d", at>>20), fmt.Sprintf("count=%d", size>>20))
	if head, err := os.ReadFile(part); err != nil || head[1024+56] != 0x53 || head[1024+57] != 0xef {
		if b.calls > 0 || err != nil {
			t.Errorf("the file system is gone: %v", err)
		}
		return
	}
	run(1, "e2fsck", "-f", "-y", part) // 1: the journal was played, as the kernel would have done
	run(0, "debugfs", "-R", "rdump /phone "+dir, part)
	if _, err := os.Stat(filepath.Join(dir, "phone")); os.IsNotExist(err) && b.calls == 0 {
		return
	}
	safe, err := phonebook.OpenSafe(filepath.Join(dir, "phone"))
	if err != nil {
		t.Errorf("the memory: %v", err)
		return
	}
	defer safe.Close()
	book, err := safe.Unlock("", time.Now())
	if err != nil {
		t.Errorf("the memory does not open: %v", err)
		return
	}
	if got := len(book.Calls()); got < b.calls || got > b.calls+b.presses {
		t.Errorf("%d calls in the log; there were %d, and %d were made", got, b.calls, b.presses)
	} else {
		b.tally.found(got - b.calls)
		b.calls, b.presses = got, 0
	}
	if aside := book.SetAside(); len(aside) > 0 {
		t.Errorf("parts of the memory could not be read: %v", aside)
	}
}
