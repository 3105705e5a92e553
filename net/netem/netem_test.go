package netem

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

const interval = 20 * time.Millisecond

// arrival is one packet as it came out.
type arrival struct {
	n     uint32
	after time.Duration // since it was sent
	size  int
}

// run sends n numbered packets of 40 bytes, one each interval, and collects what comes out.
func run(l *Link, n int) (out []arrival) {
	drain := func(now time.Time) {
		for {
			p, ok := l.Receive(now)
			if !ok {
				return
			}
			k := binary.BigEndian.Uint32(p)
			out = append(out, arrival{k, now.Sub(start) - time.Duration(k)*interval, len(p)})
		}
	}
	advance := func(until time.Time) {
		for {
			due, ok := l.Deadline()
			if !ok || due.After(until) {
				return
			}
			drain(due)
		}
	}
	p := make([]byte, 40)
	for i := range n {
		now := start.Add(time.Duration(i) * interval)
		advance(now)
		binary.BigEndian.PutUint32(p, uint32(i))
		l.Send(p, now)
	}
	advance(start.Add(time.Hour * 24 * 365))
	return out
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: got %.4f, want %.4f", what, got, want)
	}
}

func TestPerfectWire(t *testing.T) {
	for i, a := range run(New(Config{}, 1), 1000) {
		if a.n != uint32(i) || a.after != 0 || a.size != 40 {
			t.Fatalf("packet %d came out as %+v", i, a)
		}
	}
}

func TestLoss(t *testing.T) {
	l := New(Config{Loss: 0.1}, 2)
	out := run(l, 100_000)
	near(t, "loss", 1-float64(len(out))/100_000, 0.1, 0.005)
	if s := l.Stats(); s.Sent != 100_000 || s.Lost+s.Delivered != s.Sent || s.Delivered != len(out) {
		t.Errorf("counted %+v", s)
	}
}

func TestBursts(t *testing.T) {
	out := run(New(Config{Burst: Gilbert(0.05, 4)}, 3), 200_000)
	near(t, "loss", 1-float64(len(out))/200_000, 0.05, 0.005)
	bursts, lost := 0, 0
	for i := 1; i < len(out); i++ {
		if gap := int(out[i].n - out[i-1].n - 1); gap > 0 {
			bursts++
			lost += gap
		}
	}
	near(t, "mean burst", float64(lost)/float64(bursts), 4, 0.2)
}

func TestDelayAndJitter(t *testing.T) {
	out := run(New(Config{Delay: 50 * time.Millisecond, Jitter: 30 * time.Millisecond}, 4), 10_000)
	if len(out) != 10_000 {
		t.Fatalf("%d packets came", len(out))
	}
	var sum time.Duration
	for i, a := range out {
		if a.n != uint32(i) {
			t.Fatal("jitter changed the order")
		}
		if a.after < 50*time.Millisecond || a.after > 80*time.Millisecond {
			t.Fatalf("packet %d took %v", i, a.after)
		}
		sum += a.after
	}
	near(t, "mean delay in ms", float64(sum.Milliseconds())/10_000, 66, 2) // over 65: who waits for others comes later
}

func TestReorder(t *testing.T) {
	l := New(Config{Delay: 50 * time.Millisecond, Reorder: 0.05}, 5)
	out := run(l, 10_000)
	early, seen := 0, map[uint32]bool{}
	for i := 1; i < len(out); i++ {
		if out[i].n < out[i-1].n {
			early++
		}
		seen[out[i].n] = true
	}
	near(t, "part out of order", float64(early)/10_000, 0.05, 0.01)
	if len(out) != 10_000 || l.Stats().Reordered == 0 {
		t.Errorf("%d packets came, counted %+v", len(out), l.Stats())
	}
}

func TestDuplicate(t *testing.T) {
	out := run(New(Config{Duplicate: 0.1}, 6), 10_000)
	near(t, "packets per packet", float64(len(out))/10_000, 1.1, 0.01)
}

func TestCorruption(t *testing.T) {
	l := New(Config{Corruption: 1}, 7)
	in := []byte("twenty bytes of data")
	for range 100 {
		l.Send(in, start)
		out, ok := l.Receive(start)
		if !ok {
			t.Fatal("lost")
		}
		flipped := 0
		for i := range out {
			for b := out[i] ^ in[i]; b != 0; b &= b - 1 {
				flipped++
			}
		}
		if flipped != 1 || string(in) != "twenty bytes of data" {
			t.Fatalf("%d bits flipped, the sender's packet is %q", flipped, in)
		}
	}
	l.Send(nil, start) // nothing to flip
	if out, ok := l.Receive(start); !ok || len(out) != 0 {
		t.Errorf("an empty packet came out as %v, %v", out, ok)
	}
}

// A duplicate is a packet of its own: whoever writes into one must not change the other.
func TestDuplicatesDoNotShareMemory(t *testing.T) {
	l := New(Config{Duplicate: 1}, 8)
	l.Send([]byte{1}, start)
	a, _ := l.Receive(start)
	a[0] = 99
	if b, ok := l.Receive(start); !ok || b[0] != 1 {
		t.Errorf("the duplicate is %v", b)
	}
}

func TestSetConfig(t *testing.T) {
	l := New(Config{}, 9)
	l.SetConfig(Config{Loss: 1})
	l.Send([]byte{1}, start)
	if _, ok := l.Deadline(); ok {
		t.Error("the packet is on its way")
	}
}

// Tests elsewhere rely on their seeds: what a seed does must not change unnoticed.
func TestSeed(t *testing.T) {
	c := Config{Loss: 0.02, Burst: Gilbert(0.02, 3), Delay: 30 * time.Millisecond, Jitter: 40 * time.Millisecond,
		Reorder: 0.02, Duplicate: 0.01, Corruption: 0.001}
	digest := func(seed uint64) string {
		h := sha256.New()
		for _, a := range run(New(c, seed), 5000) {
			binary.Write(h, binary.BigEndian, a.n)
			binary.Write(h, binary.BigEndian, int64(a.after))
		}
		return hex.EncodeToString(h.Sum(nil)[:8])
	}
	if again := digest(1); again != digest(1) || again == digest(2) {
		t.Error("the seed does not decide")
	}
	if got := digest(1); got != wantDigest {
		t.Errorf("seed 1 gives %s, want %s", got, wantDigest)
	}
}

const wantDigest = "c0d48fd17234c560"
