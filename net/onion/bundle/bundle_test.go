package bundle

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// pair is two bundles over n streams.
func pair(t *testing.T, n int, lost func(int)) (a, b *Bundle, ends []net.Conn) {
	t.Helper()
	a, b = New(lost), New(nil)
	for range n {
		x, y := net.Pipe()
		if !a.Add(x) || !b.Add(y) {
			t.Fatal("a stream was refused")
		}
		ends = append(ends, x, y)
	}
	return a, b, ends
}

func number(i int) []byte { return binary.BigEndian.AppendUint32([]byte("speech"), uint32(i)) }

// receive reads the next packet's number.
func receive(t *testing.T, b *Bundle) int {
	t.Helper()
	buf := make([]byte, MaxPacket)
	n, err := b.ReadPacket(buf)
	if err != nil || n != 10 {
		t.Fatalf("%d octets, %v", n, err)
	}
	return int(binary.BigEndian.Uint32(buf[6:]))
}

// TestOnce: each packet arrives once, in order, over however many streams.
func TestOnce(t *testing.T) {
	for _, streams := range []int{1, 2, 4} {
		synctest.Test(t, func(t *testing.T) {
			a, b, _ := pair(t, streams, nil)
			for i := range 200 {
				if err := a.WritePacket(number(i)); err != nil {
					t.Fatal(err)
				}
				if got := receive(t, b); got != i {
					t.Fatalf("packet %d came as %d", i, got)
				}
				synctest.Wait()
			}
			var first, copies uint64
			for _, s := range b.Stats() {
				first += s.First
				copies += s.Copies
			}
			if first != 200 || copies != uint64(200*(streams-1)) {
				t.Errorf("%d streams: %d first, %d copies", streams, first, copies)
			}
			a.Close()
			b.Close()
		})
	}
}

// TestStreamLost: speech goes on over what is left, and over what comes.
func TestStreamLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left []int
		a, b, ends := pair(t, 2, func(n int) { left = append(left, n) })
		say := func(i int) {
			t.Helper()
			if err := a.WritePacket(number(i)); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, b); got != i {
				t.Fatalf("packet %d came as %d", i, got)
			}
		}
		say(1)
		ends[1].Close()
		synctest.Wait()
		say(2)
		ends[2].Close()
		synctest.Wait()
		if err := a.WritePacket(number(3)); !errors.Is(err, ErrNoStream) {
			t.Errorf("without a stream: %v", err)
		}
		if len(left) != 2 || left[0] != 1 || left[1] != 0 {
			t.Errorf("told of %v streams left", left)
		}
		x, y := net.Pipe()
		a.Add(x)
		b.Add(y)
		say(4)
		a.Close()
		if _, err := a.ReadPacket(make([]byte, 10)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := a.WritePacket(number(5)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if x, _ := net.Pipe(); a.Add(x) {
			t.Error("a closed bundle took a stream")
		}
		b.Close()
	})
}

// TestSlowStream: a stream that takes nothing holds up nobody, and what waits for it is the newest.
func TestSlowStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(nil), New(nil)
		x, y := net.Pipe()
		slow, stuck := net.Pipe() // nobody reads yet
		a.Add(x)
		b.Add(y)
		a.Add(slow)
		const all = 100
		for i := range all {
			if err := a.WritePacket(number(i)); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, b); got != i {
				t.Fatalf("packet %d came as %d", i, got)
			}
			synctest.Wait()
		}
		if s := a.Stats()[1]; s.Dropped != all-1-queueLen {
			t.Errorf("%d packets dropped, want %d", s.Dropped, all-1-queueLen)
		}
		c := New(nil, stuck)
		if got := receive(t, c); got != 0 {
			t.Errorf("first comes %d, which was being written", got)
		}
		if got := receive(t, c); got != all-queueLen {
			t.Errorf("then comes %d, want the oldest of the newest, %d", got, all-queueLen)
		}
		a.Close()
		b.Close()
		c.Close()
	})
}

// TestHostileStream: nonsense ends its stream and no other.
func TestHostileStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(nil)
		for range maxStreams {
			_, y := net.Pipe()
			b.Add(y)
		}
		if _, y := net.Pipe(); b.Add(y) {
			t.Errorf("a bundle took %d streams", maxStreams+1)
		}
		b.Close()

		a, b, _ := pair(t, 1, nil)
		x, y := net.Pipe()
		b.Add(y)
		x.Write([]byte{0xff, 0xff, 1, 2, 3})
		synctest.Wait()
		if n := b.Streams(); n != 1 {
			t.Fatalf("%d streams after nonsense on one of two", n)
		}
		a.WritePacket(number(9))
		if got := receive(t, b); got != 9 {
			t.Fatalf("packet 9 came as %d", got)
		}
		// Nobody reads: the rest is lost, and memory with it bounded.
		for i := range 10 * inLen {
			a.WritePacket(number(i))
			synctest.Wait()
		}
		if n := len(b.in); n != inLen {
			t.Errorf("%d packets wait, want %d", n, inLen)
		}
		a.Close()
		b.Close()
	})
}

func TestGate(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	g := NewGate(l)
	token, err := NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := NewToken(rand.Reader)
	b := g.Expect(token)
	dial := func(t *testing.T, say []byte) net.Conn {
		t.Helper()
		c, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(say); err != nil {
			t.Fatal(err)
		}
		return c
	}
	refused := func(what string, say []byte) {
		t.Helper()
		c := dial(t, say)
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, new(net.Error)) && err.(net.Error).Timeout() {
			t.Errorf("%s: the stream was kept (%v)", what, err)
		}
	}
	frame := func(b []byte) []byte { f, _ := AppendFrame(nil, b); return f }
	refused("the token of no call", frame(other[:]))
	refused("half a token and a long frame", []byte{1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17})
	if b.Streams() != 0 {
		t.Fatal("a stranger joined")
	}
	a := New(nil)
	for range 2 {
		c := dial(t, nil)
		if err := Join(c, token); err != nil {
			t.Fatal(err)
		}
		a.Add(c)
	}
	if err := a.WritePacket(number(1)); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, b); got != 1 {
		t.Fatalf("packet 1 came as %d", got)
	}
	b.Close()
	refused("a call that is over", frame(token[:]))
	silent := dial(t, nil)
	defer silent.Close()
	closed := make(chan error, 1)
	go func() { closed <- g.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Close waits for a stream without token")
	}
	a.Close()
}

// TestGoodbye: what was written just before Close comes over.
func TestGoodbye(t *testing.T) {
	for range 100 {
		near, far := net.Pipe()
		a, b := New(nil, near), New(nil, far)
		if err := a.WritePacket([]byte("goodbye")); err != nil {
			t.Fatal(err)
		}
		a.Close()
		buf := make([]byte, MaxPacket)
		done := make(chan string, 1)
		go func() { n, _ := b.ReadPacket(buf); done <- string(buf[:n]) }()
		select {
		case got := <-done:
			if got != "goodbye" {
				t.Fatalf("%q came", got)
			}
		case <-time.After(2 * time.Second):
			t.Fatal("nothing came")
		}
		b.Close()
	}
}
