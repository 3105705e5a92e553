package matrix

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"sotto/hal"
)

var start = time.Unix(1000, 0)

// TestDebounceExhaustively tries every sequence of 18 samples of one key against the rule in words: the level changes
// with the fourth sample in a row that differs from it, and with nothing else.
func TestDebounceExhaustively(t *testing.T) {
	const length = 18
	for seq := range uint32(1 << length) {
		s := scanner{}
		down, streak := false, 0
		for i := range length {
			closed := seq>>i&1 == 1
			var want []change
			if closed == down {
				streak = 0
			} else if streak++; streak == settle {
				streak, down = 0, closed
				want = []change{{0, hal.Pressed}}
				if !closed {
					want = []change{{0, hal.Released}}
				}
			}
			got := s.step(nil, seq>>i&1, start)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("sequence %0*b, sample %d: %v, want %v", length, seq, i, got, want)
			}
		}
	}
}

// TestKeysDoNotDisturbEachOther tries every pair of 8-sample sequences on two direct keys: each key says what it says
// alone.
func TestKeysDoNotDisturbEachOther(t *testing.T) {
	alone := func(seq uint32) string {
		s, out := scanner{}, ""
		for i := range 8 {
			for _, c := range s.step(nil, seq>>i&1, start) {
				out += fmt.Sprint(i, c.action, " ")
			}
		}
		return out
	}
	for pair := range uint32(1 << 16) {
		a, b := pair&0xff, pair>>8
		s := scanner{}
		var said [2]string
		for i := range 8 {
			for _, c := range s.step(nil, a>>i&1|b>>i&1<<1, start) {
				said[c.key] += fmt.Sprint(i, c.action, " ")
			}
		}
		if said[0] != alone(a) || said[1] != alone(b) {
			t.Fatalf("keys %08b and %08b said %q, alone %q and %q", a, b, said, alone(a), alone(b))
		}
	}
}

// TestEveryStateOfASmallMatrix runs every set of closed contacts of a 3x3 matrix: what is told pressed is closed, and a
// set that could hold a ghost presses nothing.
func TestEveryStateOfASmallMatrix(t *testing.T) {
	for closed := range uint32(1 << 9) {
		s := scanner{rows: 3, cols: 3}
		var told uint32
		for range settle {
			for _, c := range s.step(nil, closed, start) {
				told |= 1 << c.key
			}
		}
		want := closed
		if rectangle(closed) {
			want = 0
		}
		if told != want {
			t.Errorf("contacts %09b pressed %09b, want %09b", closed, told, want)
		}
		for range settle { // whatever was pressed must be released by opening all
			s.step(nil, 0, start)
		}
		if !s.quiet() {
			t.Errorf("contacts %09b: a key hangs", closed)
		}
	}
}

func rectangle(m uint32) bool {
	at := func(r, c int) bool { return m>>(r*3+c)&1 == 1 }
	for _, r := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
		for _, c := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
			if at(r[0], c[0]) && at(r[0], c[1]) && at(r[1], c[0]) && at(r[1], c[1]) {
				return true
			}
		}
	}
	return false
}

func TestHold(t *testing.T) {
	s := scanner{}
	var told []string
	for ms := 0; ms < 1200; ms += 5 {
		now := start.Add(time.Duration(ms) * time.Millisecond)
		sample := uint32(1)
		if ms >= 1000 {
			sample = 0
		}
		for _, c := range s.step(nil, sample, now) {
			told = append(told, fmt.Sprintf("%d@%d", c.action, ms))
		}
	}
	if got := strings.Join(told, " "); got != "0@15 1@815 2@1015" {
		t.Errorf("a key down for one second told %s", got)
	}
}

// wire is a pin of a simulated matrix: a column reads low when a closed contact joins it to a row that is driven low.
type wire struct {
	gpio.PinIO
	name   string
	driven bool
	read   func() gpio.Level
	fail   error
}

func (w *wire) In(gpio.Pull, gpio.Edge) error { w.driven = false; return w.fail }
func (w *wire) Out(l gpio.Level) error        { w.driven = l == gpio.Low; return w.fail }
func (w *wire) Read() gpio.Level              { return w.read() }
func (w *wire) String() string                { return w.name }

func simulate() (*Keypad, map[[2]int]bool, *bool, error) {
	closed, hook := map[[2]int]bool{}, false
	var c Config
	rows := make([]*wire, 2)
	for r := range rows {
		rows[r] = &wire{name: fmt.Sprint("ROW", r)}
		c.Rows = append(c.Rows, rows[r])
	}
	for col := range 2 {
		c.Cols = append(c.Cols, &wire{name: fmt.Sprint("COL", col), read: func() gpio.Level {
			for r := range rows {
				if rows[r].driven && closed[[2]int{r, col}] {
					return gpio.Low
				}
			}
			return gpio.High
		}})
	}
	c.Layout = [][]hal.Key{{hal.KeyDigit1, hal.KeyDigit2}, {hal.KeyCall, hal.KeyEnd}}
	c.Direct = []Direct{{Key: hal.KeyHook, Pin: &wire{name: "HOOK", read: func() gpio.Level { return gpio.Level(!hook) }}}}
	k, err := New(c)
	return k, closed, &hook, err
}

func TestKeypadOverPins(t *testing.T) {
	k, closed, hook, err := simulate()
	if err != nil {
		t.Fatal(err)
	}
	clock, waits := start, []time.Duration{}
	k.now = func() time.Time { return clock }
	k.wait = func(ctx context.Context, d time.Duration) error {
		clock = clock.Add(d)
		waits = append(waits, d)
		return ctx.Err()
	}
	next := func() string {
		ev, err := k.NextKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(ev.Key, " ", ev.Action)
	}
	closed[[2]int{1, 0}] = true
	if got := next(); got != "call 0" {
		t.Errorf("row 1, column 0 is %s", got)
	}
	if waits[0] != idleEvery || waits[1] != scanEvery {
		t.Errorf("paces of an idle and a busy keypad: %v", waits[:2])
	}
	*hook = true
	if got := next(); got != "hook 0" {
		t.Errorf("the hook switch is %s", got)
	}
	delete(closed, [2]int{1, 0})
	if got := next(); got != "call 2" {
		t.Errorf("letting go is %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.NextKey(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait ends with %v", err)
	}
}

func TestErrorsNameThePin(t *testing.T) {
	k, _, _, err := simulate()
	if err != nil {
		t.Fatal(err)
	}
	k.cfg.Rows[1].(*wire).fail = errors.New("burnt")
	if _, err := k.NextKey(t.Context()); err == nil || !strings.Contains(err.Error(), "ROW1") {
		t.Errorf("a burnt row is told as %v", err)
	}
	if _, err := New(Config{Rows: k.cfg.Rows, Cols: k.cfg.Cols, Layout: k.cfg.Layout[:1]}); err == nil {
		t.Error("a layout with a row too few was accepted")
	}
}
