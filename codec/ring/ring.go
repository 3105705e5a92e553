// Package ring joins two loops of the voice path without a lock.
//
// It promises that one producer and one consumer never wait for each other, that slots are allocated once, and that
// items come out in the order in which they went in. It never blocks and never drops by itself: a full ring says so, and
// the producer decides. It cannot serve two producers or two consumers.
package ring

import "sync/atomic"

// cacheLine keeps the two indices on different lines of the cache, in bytes.
const cacheLine = 64

// Ring is a queue of a fixed number of slots for one producer goroutine and one consumer goroutine.
//
//	producer: p := r.Reserve(); fill *p; r.Commit()
//	consumer: p := r.Peek();    use *p;  r.Release()
type Ring[T any] struct {
	slots []T
	mask  uint64

	_    [cacheLine]byte
	head atomic.Uint64 // next slot to fill; written by the producer
	tail uint64        // what the producer last saw of done
	_    [cacheLine - 16]byte
	done atomic.Uint64 // next slot to use; written by the consumer
	seen uint64        // what the consumer last saw of head
	_    [cacheLine - 16]byte
}

// New returns a ring of at least n slots (the next power of two).
func New[T any](n int) *Ring[T] {
	size := 1
	for size < n {
		size *= 2
	}
	return &Ring[T]{slots: make([]T, size), mask: uint64(size - 1)}
}

// Reserve is the slot that the producer may fill, nil when the ring is full. The slot keeps what it held before.
func (r *Ring[T]) Reserve() *T {
	h := r.head.Load()
	if h-r.tail == uint64(len(r.slots)) {
		r.tail = r.done.Load()
		if h-r.tail == uint64(len(r.slots)) {
			return nil
		}
	}
	return &r.slots[h&r.mask]
}

// Commit hands the slot of the last Reserve to the consumer.
func (r *Ring[T]) Commit() { r.head.Store(r.head.Load() + 1) }

// Peek is the oldest slot, nil when the ring is empty. It stays the consumer's until Release.
func (r *Ring[T]) Peek() *T {
	d := r.done.Load()
	if d == r.seen {
		r.seen = r.head.Load()
		if d == r.seen {
			return nil
		}
	}
	return &r.slots[d&r.mask]
}

// Len is how many slots wait for the consumer, who alone may ask.
func (r *Ring[T]) Len() int { return int(r.head.Load() - r.done.Load()) }

// Release gives the slot of the last Peek back to the producer.
func (r *Ring[T]) Release() { r.done.Store(r.done.Load() + 1) }
