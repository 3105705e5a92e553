package zrtp

// queueSize is more than any one call can queue between two drains; a full queue drops the oldest, which is resent if
// it mattered.
const queueSize = 16

// queue is the messages waiting for Outgoing. It refers to messages and never changes them.
type queue struct {
	m       [queueSize][]byte
	head, n int
}

func (q *queue) push(m []byte) {
	if q.n == queueSize {
		q.pop()
	}
	q.m[(q.head+q.n)%queueSize] = m
	q.n++
}

func (q *queue) peek() ([]byte, bool) { return q.m[q.head], q.n > 0 }

func (q *queue) pop() {
	q.m[q.head] = nil
	q.head = (q.head + 1) % queueSize
	q.n--
}
