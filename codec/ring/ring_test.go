package ring

import (
	"runtime"
	"testing"
)

type frame struct {
	n   int
	pcm [960]int16
}

func TestOrderAcrossGoroutines(t *testing.T) {
	const items = 100_000
	r := New[frame](8)
	go func() {
		for i := 0; i < items; {
			p := r.Reserve()
			if p == nil {
				runtime.Gosched()
				continue
			}
			p.n, p.pcm[959] = i, int16(i)
			r.Commit()
			i++
		}
	}()
	for want := 0; want < items; {
		p := r.Peek()
		if p == nil {
			runtime.Gosched()
			continue
		}
		if p.n != want || p.pcm[959] != int16(want) {
			t.Fatalf("item %d came as %d, %d", want, p.n, p.pcm[959])
		}
		r.Release()
		want++
	}
	if r.Peek() != nil {
		t.Fatal("an item that nobody put")
	}
}

func TestFullAndEmpty(t *testing.T) {
	r := New[int](3) // four slots
	if r.Peek() != nil {
		t.Fatal("a new ring is not empty")
	}
	for i := range 4 {
		p := r.Reserve()
		if p == nil {
			t.Fatalf("full after %d items", i)
		}
		*p = i
		r.Commit()
	}
	if r.Len() != 4 {
		t.Fatalf("%d items wait, want 4", r.Len())
	}
	if r.Reserve() != nil {
		t.Fatal("a fifth item fits into four slots")
	}
	if p := r.Peek(); p == nil || *p != 0 {
		t.Fatal("the oldest item is not the first")
	}
	if r.Reserve() != nil {
		t.Fatal("Peek alone made room")
	}
	r.Release()
	if r.Reserve() == nil {
		t.Fatal("Release made no room")
	}
}

func TestNoAllocation(t *testing.T) {
	r := New[frame](4)
	if n := testing.AllocsPerRun(1000, func() {
		r.Reserve().n = 1
		r.Commit()
		r.Peek()
		r.Release()
	}); n != 0 {
		t.Fatalf("%v allocations an item", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	r := New[frame](8)
	for b.Loop() {
		r.Reserve().n++
		r.Commit()
		r.Peek()
		r.Release()
	}
}
