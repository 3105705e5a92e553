package ratchet_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sotto/zrtp/ratchet"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// pair is two ends that agreed on a seed.
func pair(t testing.TB) (a, b *ratchet.Ratchet) {
	t.Helper()
	seed := make([]byte, ratchet.SeedSize)
	rand.Read(seed)
	return begin(t, seed, "A and B", true), begin(t, seed, "A and B", false)
}

func begin(t testing.TB, seed []byte, context string, initiator bool) *ratchet.Ratchet {
	t.Helper()
	r, err := ratchet.New(seed, []byte(context), initiator, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func seal(t testing.TB, r *ratchet.Ratchet, text string) []byte {
	t.Helper()
	p, err := r.Seal([]byte(text), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reads(t testing.TB, r *ratchet.Ratchet, packet []byte, want string) {
	t.Helper()
	got, err := r.Open(packet, rand.Reader, start)
	if err != nil || string(got) != want {
		t.Fatalf("read %q, %v; sent %q", got, err, want)
	}
}

func refuses(t testing.TB, r *ratchet.Ratchet, packet []byte) {
	t.Helper()
	before := snapshot(t, r)
	if got, err := r.Open(packet, rand.Reader, start); err == nil {
		t.Fatalf("took %q", got)
	}
	if !bytes.Equal(before, snapshot(t, r)) {
		t.Fatal("what was refused moved the state")
	}
}

func snapshot(t testing.TB, r *ratchet.Ratchet) []byte {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func copyOf(t testing.TB, r *ratchet.Ratchet) *ratchet.Ratchet {
	t.Helper()
	c, err := ratchet.Unmarshal(snapshot(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBothBeginAtOnce(t *testing.T) {
	a, b := pair(t)
	fromA, fromB := seal(t, a, "hello"), seal(t, b, "hallo")
	reads(t, b, fromA, "hello")
	reads(t, a, fromB, "hallo")
	reads(t, b, seal(t, a, "and?"), "and?")
	reads(t, a, seal(t, b, "well"), "well")
}

func TestSwappedAndLost(t *testing.T) {
	a, b := pair(t)
	var sent [][]byte
	for i := range 10 {
		sent = append(sent, seal(t, a, fmt.Sprint(i)))
	}
	for _, i := range []int{9, 0, 5, 4, 8, 1} { // 2, 3, 6, 7 are late
		reads(t, b, sent[i], fmt.Sprint(i))
	}
	reads(t, a, seal(t, b, "turn"), "turn")
	reads(t, b, seal(t, a, "next chain"), "next chain")
	for _, i := range []int{7, 2, 3, 6} { // out of a chain that is over
		reads(t, b, sent[i], fmt.Sprint(i))
	}
	for i := range sent {
		refuses(t, b, sent[i])
	}
}

// TestEachBit flips every bit of a packet, of the chain in use and of one that is skipped to.
func TestEachBit(t *testing.T) {
	a, b := pair(t)
	reads(t, b, seal(t, a, "first"), "first")
	reads(t, a, seal(t, b, "answer"), "answer")
	for _, text := range []string{"one", "two"} {
		packet := seal(t, a, text)
		for bit := range 8 * len(packet) {
			forged := bytes.Clone(packet)
			forged[bit/8] ^= 1 << (bit % 8)
			refuses(t, b, forged)
		}
		for n := range packet {
			refuses(t, b, packet[:n])
		}
		refuses(t, b, append(bytes.Clone(packet), 0))
		reads(t, b, packet, text)
		refuses(t, b, packet)
	}
}

func TestStrangers(t *testing.T) {
	a, b := pair(t)
	c, _ := pair(t)
	refuses(t, b, seal(t, c, "I am A"))
	refuses(t, a, seal(t, a, "mirror")) // one's own packets come back
	seed := make([]byte, ratchet.SeedSize)
	other := begin(t, seed, "A and C", true)
	refuses(t, begin(t, seed, "A and B", false), seal(t, other, "another pair of devices"))
	if _, err := ratchet.New(seed[1:], nil, true, rand.Reader); !errors.Is(err, ratchet.ErrSeed) {
		t.Error("a short seed was taken")
	}
}

// TestForwardSecrecy hands the state to a thief after the messages were read: it opens none of them.
func TestForwardSecrecy(t *testing.T) {
	a, b := pair(t)
	var seen [][]byte
	for i := range 20 {
		p := seal(t, a, fmt.Sprint(i))
		reads(t, b, p, fmt.Sprint(i))
		seen = append(seen, p)
		if i%3 == 0 {
			reads(t, a, seal(t, b, "x"), "x")
		}
	}
	thief := copyOf(t, b)
	for _, p := range seen {
		refuses(t, thief, p)
	}
	sender := copyOf(t, a) // neither does the sender's
	for _, p := range seen {
		refuses(t, sender, p)
	}
}

// TestHealing lets a thief with a copy of one end read on, until each end has made a key that the thief has not.
func TestHealing(t *testing.T) {
	a, b := pair(t)
	reads(t, b, seal(t, a, "before"), "before")
	reads(t, a, seal(t, b, "before"), "before")
	thief := copyOf(t, b)
	p := seal(t, a, "stolen")
	reads(t, thief, p, "stolen")
	reads(t, b, p, "stolen")
	reads(t, a, seal(t, b, "fresh key of B"), "fresh key of B")
	p = seal(t, a, "healed")
	refuses(t, thief, p)
	reads(t, b, p, "healed")
}

func TestTenThousand(t *testing.T) {
	a, b := pair(t)
	for i := range 10000 {
		from, to := a, b
		if i/7%2 == 1 {
			from, to = b, a
		}
		p := seal(t, from, "message")
		if i%11 == 0 {
			continue // lost
		}
		got, err := to.Open(p, rand.Reader, start.Add(time.Duration(i)*time.Hour))
		if err != nil || string(got) != "message" {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if n := len(snapshot(t, a)); n > 40000 {
		t.Errorf("the state grew to %d octets", n)
	}
}

// TestBounds counts what is kept for late messages.
func TestBounds(t *testing.T) {
	a, b := pair(t)
	first := seal(t, a, "first")
	for range ratchet.MaxSkipped - 1 {
		seal(t, a, "lost")
	}
	far := copyOf(t, a)
	seal(t, far, "one too many")
	if _, err := b.Open(seal(t, far, "too far"), rand.Reader, start); !errors.Is(err, ratchet.ErrSkipped) {
		t.Errorf("skipped too much: %v", err)
	}
	reads(t, b, seal(t, a, "last"), "last")
	late := copyOf(t, b)
	if _, err := late.Open(first, rand.Reader, start.Add(ratchet.MaxAge+time.Second)); err == nil {
		t.Error("the key of a late message is older than it may become")
	}
	reads(t, b, first, "first")
	seal(t, a, "lost")
	if n := strings.Count(string(snapshot(t, b)), `"t":`); n > ratchet.MaxSkipped {
		t.Errorf("%d keys kept", n)
	}
}

// TestOldCopy puts an old state back, as a damaged file would: the same number is sealed twice, and not under the same key.
func TestOldCopy(t *testing.T) {
	a, b := pair(t)
	old := copyOf(t, a)
	p, q := seal(t, a, strings.Repeat("a", 64)), seal(t, old, strings.Repeat("b", 64))
	x := make([]byte, 64)
	for i := range x {
		x[i] = p[68+i] ^ q[68+i]
	}
	if bytes.Equal(x, bytes.Repeat([]byte{'a' ^ 'b'}, 64)) {
		t.Error("one key stream for two messages")
	}
	reads(t, b, q, strings.Repeat("b", 64))
}

func TestNothingInClear(t *testing.T) {
	a, b := pair(t)
	p, q := seal(t, a, "same"), seal(t, a, "same")
	equal := 0
	for i := range p {
		if p[i] == q[i] {
			equal++
		}
	}
	if equal > 8 {
		t.Errorf("%d of %d octets are equal in two packets", equal, len(p))
	}
	if s := fmt.Sprintf("%v %+v %#v", a, a, b); s != "ratchet.Ratchet ratchet.Ratchet ratchet.Ratchet" {
		t.Errorf("a state shows itself: %s", s)
	}
}

func FuzzOpen(f *testing.F) {
	a, b := pair(f)
	state := snapshot(f, b)
	f.Add(seal(f, a, "text"))
	f.Add([]byte{})
	f.Add(make([]byte, ratchet.Overhead))
	good := seal(f, a, "good")
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := ratchet.Unmarshal(state)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Open(packet, rand.Reader, start); err != nil && !bytes.Equal(snapshot(t, r), state) {
			t.Fatal("what was refused moved the state")
		}
		if !bytes.Equal(packet, good) {
			reads(t, r, good, "good")
		}
	})
}

func FuzzUnmarshal(f *testing.F) {
	_, b := pair(f)
	f.Add(snapshot(f, b))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, state []byte) {
		r, err := ratchet.Unmarshal(state)
		if err != nil {
			return
		}
		r.Open(make([]byte, 200), rand.Reader, start)
		if _, err := r.Seal([]byte("x"), rand.Reader); err != nil && r == nil {
			t.Fatal(err)
		}
	})
}
