package bundle

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// cut reads all packets of a stream that comes in pieces of the given length.
func cut(t *testing.T, stream []byte, piece int) (packets [][]byte, err error) {
	t.Helper()
	var s Splitter
	for len(stream) > 0 {
		n := min(piece, len(stream))
		rest := stream[:n]
		stream = stream[n:]
		for {
			var p []byte
			if p, rest, err = s.Next(rest); err != nil {
				return packets, err
			}
			if p == nil {
				break
			}
			packets = append(packets, bytes.Clone(p))
		}
	}
	return packets, nil
}

func TestFrames(t *testing.T) {
	want := [][]byte{[]byte("a"), bytes.Repeat([]byte{7}, MaxPacket), []byte("hello"), {0}}
	var stream []byte
	for _, p := range want {
		var err error
		if stream, err = AppendFrame(stream, p); err != nil {
			t.Fatal(err)
		}
		stream = append(stream, 0, 0) // a null packet says nothing
	}
	for _, piece := range []int{1, 2, 3, 7, 1000, len(stream)} {
		got, err := cut(t, stream, piece)
		if err != nil || len(got) != len(want) {
			t.Fatalf("pieces of %d: %d packets, %v", piece, len(got), err)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("pieces of %d: packet %d is %d octets, want %d", piece, i, len(got[i]), len(want[i]))
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	if _, err := AppendFrame(nil, make([]byte, MaxPacket+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long packet was framed: %v", err)
	}
	for _, piece := range []int{1, 2, 100} {
		got, err := cut(t, append([]byte{0, 1, 'a', 0xff, 0xff}, make([]byte, 100)...), piece)
		if !errors.Is(err, ErrTooLong) || len(got) != 1 {
			t.Errorf("pieces of %d: %d packets, %v", piece, len(got), err)
		}
	}
}

// FuzzSplitter: whatever comes, in whatever pieces, the packets are those of the octets, and bounded.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0, 0, 2, 'b', 'c'}, 1)
	f.Add([]byte{0xff, 0xff, 1, 2, 3}, 2)
	f.Add([]byte{10, 0, 1}, 3)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		whole, errWhole := cut(t, stream, max(1, len(stream)))
		parts, errParts := cut(t, stream, max(1, piece))
		if !errors.Is(errParts, errWhole) || len(whole) != len(parts) {
			t.Fatalf("at once %d packets, %v; in pieces %d, %v", len(whole), errWhole, len(parts), errParts)
		}
		var again []byte
		for i := range whole {
			if !bytes.Equal(whole[i], parts[i]) || len(whole[i]) == 0 || len(whole[i]) > MaxPacket {
				t.Fatalf("packet %d differs", i)
			}
			again, _ = AppendFrame(again, whole[i])
		}
		if len(again) > len(stream) {
			t.Fatalf("%d octets became %d", len(stream), len(again))
		}
	})
}

func TestWindow(t *testing.T) {
	w := newWindow()
	now := time.Unix(1000, 0)
	packet := func(i int) []byte { return []byte{1, byte(i >> 16), byte(i >> 8), byte(i)} }
	for i := range 3 * windowLen {
		if fresh, _ := w.take(packet(i), now); !fresh {
			t.Fatalf("packet %d was taken for a copy", i)
		}
		if i >= windowLen-1 {
			if fresh, lag := w.take(packet(i-windowLen+1), now.Add(time.Second)); fresh || lag != time.Second {
				t.Fatalf("a copy of packet %d was taken, lag %v", i-windowLen+1, lag)
			}
		}
	}
	if len(w.at) != windowLen {
		t.Errorf("%d packets are remembered, want %d", len(w.at), windowLen)
	}
	if fresh, _ := w.take(packet(0), now); !fresh {
		t.Error("the window never forgets")
	}
}

func TestAllocations(t *testing.T) {
	w := newWindow()
	var s Splitter
	var frame []byte
	n := 0
	now := time.Unix(1000, 0)
	if a := testing.AllocsPerRun(5000, func() {
		n++
		frame, _ = AppendFrame(frame[:0], []byte{byte(n), byte(n >> 8)})
		p, _, err := s.Next(frame)
		if fresh, _ := w.take(p, now); err != nil || !fresh {
			t.Fatal("lost")
		}
	}); a != 0 {
		t.Errorf("%v allocations a packet", a)
	}
}
