package messages

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// medium is a store that fails, or loses power after a write, when it is told to.
type medium struct {
	content []byte
	fail    bool
	lose    bool // the write comes through, and nobody hears of it
}

var errMedium = errors.New("medium")

func (m *medium) Save(content []byte) error {
	if m.fail {
		return errMedium
	}
	m.content = bytes.Clone(content)
	if m.lose {
		return errMedium
	}
	return nil
}

// end is one handset.
type end struct {
	t    testing.TB
	box  *Box
	disk *medium
	name string
}

func newEnd(t testing.TB, name string) *end {
	e := &end{t: t, disk: &medium{}, name: name}
	e.boot()
	return e
}

// boot opens what is on the medium, as after a power cut.
func (e *end) boot() {
	e.t.Helper()
	e.disk.fail, e.disk.lose = false, false
	b, err := Open(e.disk, e.disk.content, e.name, rand.Reader)
	if err != nil {
		e.t.Fatal(err)
	}
	e.box = b
}

// call is a call after which both have a key.
func call(a, b *end, now time.Time) {
	seed := make([]byte, 32)
	rand.Read(seed)
	must(a.t, a.box.Seed(b.name, seed, true, now))
	must(a.t, b.box.Seed(a.name, seed, false, now))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// post carries what is due from one to the other and tells the outcome.
func post(from, to *end, now time.Time) (n int) {
	from.t.Helper()
	due, err := from.box.Due(now)
	must(from.t, err)
	for _, p := range due {
		outcome := Accepted
		if _, err := to.box.Take(p.Body, now); err != nil {
			outcome = Unknown
		}
		must(from.t, from.box.Sent(p.Device, p.ID, outcome, now))
	}
	return len(due)
}

func settle(a, b *end, now time.Time) {
	for post(a, b, now)+post(b, a, now) > 0 {
	}
}

func (e *end) texts() string {
	var s []string
	for _, t := range e.box.Threads() {
		for _, m := range t.Messages {
			s = append(s, m.Text+":"+[]string{"waiting", "taken", "delivered", "failed", "received"}[m.State]+m.Cause)
		}
	}
	return strings.Join(s, " ")
}

func (e *end) has(want string) {
	e.t.Helper()
	if got := e.texts(); got != want {
		e.t.Fatalf("%s has %q, want %q", e.name, got, want)
	}
}

func two(t testing.TB) (a, b *end) {
	a, b = newEnd(t, "aa"), newEnd(t, "bb")
	call(a, b, start)
	return a, b
}

func TestThereAndBack(t *testing.T) {
	a, b := two(t)
	must(t, a.box.Write("bb", "hello", start))
	must(t, b.box.Write("aa", "grüße", start))
	settle(a, b, start)
	a.has("hello:delivered grüße:received")
	b.has("grüße:delivered hello:received")
	if !a.box.Deadline().IsZero() && a.box.Deadline().Before(start.Add(oldSession)) {
		t.Error("something is left to do")
	}
}

func TestNoKeyNoText(t *testing.T) {
	a := newEnd(t, "aa")
	if err := a.box.Write("bb", "hello", start); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	a, _ = two(t)
	for _, bad := range []string{"", strings.Repeat("x", MaxText+1), "\xff"} {
		if err := a.box.Write("bb", bad, start); !errors.Is(err, ErrTooLong) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	must(t, a.box.Cut("bb"))
	if err := a.box.Write("bb", "hello", start); !errors.Is(err, ErrNoKey) {
		t.Error("written under keys that were cut:", err)
	}
}

// TestOffline sends to nobody, with longer and longer pauses and always the same packet, until the peer is back.
func TestOffline(t *testing.T) {
	a, b := two(t)
	must(t, a.box.Write("bb", "hello", start))
	now, tries := start, 0
	var first []byte
	for now.Before(start.Add(5 * time.Hour)) {
		due, err := a.box.Due(now)
		must(t, err)
		for _, p := range due {
			tries++
			if first == nil {
				first = p.Body
			}
			if !bytes.Equal(first, p.Body) {
				t.Fatal("sealed twice")
			}
			must(t, a.box.Sent(p.Device, p.ID, Later, now))
		}
		now = now.Add(10 * time.Second)
	}
	if tries < 8 || tries > 25 {
		t.Errorf("%d tries in five hours", tries)
	}
	must(t, a.box.Wake("bb", now))
	settle(a, b, now)
	a.has("hello:delivered")
	must(t, a.box.Write("bb", "late", now))
	_, err := a.box.Due(now.Add(maxWait))
	must(t, err)
	a.has("hello:delivered late:failed" + CauseExpired)
}

// TestLostReceipt loses each answer once: the text comes twice and is shown once.
func TestLostReceipt(t *testing.T) {
	a, b := two(t)
	must(t, a.box.Write("bb", "hello", start))
	for range 2 {
		must(t, a.box.Wake("bb", start))
		due, err := a.box.Due(start)
		must(t, err)
		for _, p := range due {
			_, err := b.box.Take(p.Body, start)
			must(t, err)
			must(t, a.box.Sent(p.Device, p.ID, Accepted, start))
		}
		lost, err := b.box.Due(start) // the receipt, which the wire loses though it was taken
		must(t, err)
		for _, p := range lost {
			must(t, b.box.Sent(p.Device, p.ID, Accepted, start))
		}
		if len(lost) != 1 {
			t.Fatalf("%d receipts", len(lost))
		}
	}
	a.has("hello:taken")
	must(t, a.box.Wake("bb", start))
	settle(a, b, start)
	a.has("hello:delivered")
	b.has("hello:received")
}

func TestNoReceiptEver(t *testing.T) {
	a, _ := two(t)
	must(t, a.box.Write("bb", "hello", start))
	for now := start; now.Before(start.Add(3 * time.Hour)); now = now.Add(time.Minute) {
		due, err := a.box.Due(now)
		must(t, err)
		for _, p := range due {
			must(t, a.box.Sent(p.Device, p.ID, Accepted, now))
		}
	}
	a.has("hello:failed" + CauseSilent)
}

// TestNewCall reseeds while a text is under way, and again when only one end kept the new keys.
func TestNewCall(t *testing.T) {
	a, b := two(t)
	must(t, a.box.Write("bb", "one", start))
	due, err := a.box.Due(start)
	must(t, err)
	call(a, b, start)
	_, err = b.box.Take(due[0].Body, start) // under the keys of the call before
	must(t, err)
	settle(a, b, start.Add(afterCall)) // and sealed anew
	a.has("one:delivered")
	b.has("one:received")
	seed := make([]byte, 32)
	must(t, a.box.Seed("bb", seed, true, start)) // B lost power before it kept them
	must(t, a.box.Write("bb", "two", start))
	settle(a, b, start)
	a.has("one:delivered two:delivered")
	b.has("one:received two:received")
	must(t, b.box.Cut("aa"))
	must(t, a.box.Write("bb", "three", start))
	settle(a, b, start)
	a.has("one:delivered two:delivered three:failed" + CauseNoKey)
	call(b, a, start)
	settle(a, b, start.Add(afterCall))
	a.has("one:delivered two:delivered three:delivered")
}

func TestForgedWritesNothing(t *testing.T) {
	a, b := two(t)
	must(t, a.box.Write("bb", "hello", start))
	due, err := a.box.Due(start)
	must(t, err)
	b.disk.fail = true // a write would be an error of the medium
	for i := range due[0].Body {
		forged := bytes.Clone(due[0].Body)
		forged[i] ^= 1
		if _, err := b.box.Take(forged, start); !errors.Is(err, ErrForeign) {
			t.Fatalf("octet %d: %v", i, err)
		}
	}
	if _, err := b.box.Take(due[0].Body, start); !errors.Is(err, errMedium) {
		t.Error("shown before it was kept:", err)
	}
	b.disk.fail = false
	_, err = b.box.Take(due[0].Body, start)
	must(t, err)
	b.has("hello:received")
}

// TestPowerCut cuts the power at each write of a conversation, before it and after it: everything arrives once, in the end,
// and no two packets are of one key.
func TestPowerCut(t *testing.T) {
	for cut := range 24 {
		for _, after := range []bool{false, true} {
			a, b := two(t)
			writes := 0
			hit := func(e *end, f func() error) {
				writes++
				if writes-1 == cut {
					e.disk.fail, e.disk.lose = !after, after
				}
				if err := f(); err != nil {
					if !errors.Is(err, errMedium) {
						t.Fatal(err)
					}
					e.boot()
				}
			}
			hit(a, func() error { return a.box.Write("bb", "one", start) })
			now := start
			for range 12 {
				for _, way := range [][2]*end{{a, b}, {b, a}} {
					from, to := way[0], way[1]
					var due []Packet
					hit(from, func() (err error) { due, err = from.box.Due(now); return err })
					for _, p := range due {
						took := Later
						hit(to, func() error {
							_, err := to.box.Take(p.Body, now)
							if err == nil {
								took = Accepted
							}
							return err
						})
						hit(from, func() error { return from.box.Sent(p.Device, p.ID, took, now) })
					}
				}
				now = now.Add(lastRetry)
			}
			if got := a.texts(); got != "one:delivered" && !(cut == 0 && !after && got == "") {
				t.Fatalf("cut %d, after %v: A has %q, B has %q", cut, after, got, b.texts())
			}
			if got := b.texts(); got != "one:received" && !(cut == 0 && !after) {
				t.Fatalf("cut %d, after %v: B has %q", cut, after, got)
			}
		}
	}
}

func TestDisappears(t *testing.T) {
	a, b := two(t)
	must(t, a.box.SetVanish("bb", 60))
	must(t, a.box.Write("bb", "soon gone", start))
	settle(a, b, start)
	later := start.Add(time.Hour)
	must(t, b.box.Read("aa", later))
	_, err := a.box.Due(start.Add(61 * time.Second))
	must(t, err)
	a.has("")
	_, err = b.box.Due(later.Add(59 * time.Second))
	must(t, err)
	b.has("soon gone:received")
	_, err = b.box.Due(later.Add(60 * time.Second))
	must(t, err)
	b.has("")
	if bytes.Contains(b.disk.content, []byte("soon gone")) || bytes.Contains(a.disk.content, []byte("soon gone")) {
		t.Error("still on the medium")
	}
}

func TestBounded(t *testing.T) {
	a, b := two(t)
	for i := range maxWaiting {
		must(t, a.box.Write("bb", fmt.Sprint(i), start))
	}
	if err := a.box.Write("bb", "more", start); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	for i := range 2 * maxMessages {
		settle(a, b, start.Add(time.Minute))
		must(t, a.box.Write("bb", strings.Repeat("x", MaxText), start.Add(time.Duration(i))))
	}
	for _, e := range []*end{a, b} {
		if n := len(e.box.Threads()[0].Messages); n != maxMessages {
			t.Errorf("%d messages kept", n)
		}
		if n := len(e.disk.content); n > 250000 {
			t.Errorf("%d octets kept", n)
		}
	}
	for i := range 2 * maxThreads {
		a.box.Seed(fmt.Sprint(i), make([]byte, 32), true, start)
	}
	if n := len(a.box.Threads()); n != maxThreads {
		t.Errorf("%d threads", n)
	}
	if len(a.box.Threads()[0].Messages) == 0 {
		t.Error("a thread with texts was dropped for an empty one")
	}
}

// TestLengths counts the lengths that the wire sees.
func TestLengths(t *testing.T) {
	a, b := two(t)
	sizes := map[int]int{}
	for n := 1; n <= MaxText; n += 9 {
		must(t, a.box.Write("bb", strings.Repeat("x", n), start))
		due, err := a.box.Due(start)
		must(t, err)
		for _, p := range due {
			sizes[len(p.Body)]++
			b.box.Take(p.Body, start)
			must(t, a.box.Sent(p.Device, p.ID, Denied, start))
		}
	}
	if len(sizes) != len(steps) {
		t.Errorf("lengths on the wire: %v", sizes)
	}
	for n := range sizes {
		if n > 1300 {
			t.Errorf("%d octets are too long for a MESSAGE (RFC 3428, Section 8)", n)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, bad := range []string{"", "x", "[]", `{"threads":{"a":null}}`} {
		if _, err := Open(&medium{}, []byte(bad), "aa", rand.Reader); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestClosed(t *testing.T) {
	a, _ := two(t)
	a.box.Close()
	if len(a.box.Threads()) != 0 || a.box.Write("bb", "x", start) == nil {
		t.Error("open after Close")
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(frame{kind: frameText, text: "hello", vanish: 60}.marshal())
	f.Add(frame{kind: frameReceipt}.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFrame(b)
		if err != nil {
			return
		}
		again, err := parseFrame(got.marshal())
		if err != nil || again != got {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

func FuzzTake(f *testing.F) {
	a, b := two(f)
	must(f, a.box.Write("bb", "hello", start))
	due, err := a.box.Due(start)
	must(f, err)
	f.Add(due[0].Body)
	f.Fuzz(func(t *testing.T, packet []byte) {
		e := &end{t: t, disk: &medium{content: bytes.Clone(b.disk.content), fail: false}, name: "bb"}
		e.boot()
		_, err := e.box.Take(packet, start)
		if (err == nil) != bytes.Equal(packet, due[0].Body) {
			t.Fatalf("%v", err)
		}
	})
}
