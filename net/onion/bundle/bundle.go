package bundle

import (
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Of this implementation.
const (
	maxStreams   = 4
	queueLen     = 12               // packets that wait for one stream; more would be too old to be of use
	inLen        = 32               // packets that wait for ReadPacket
	writeTimeout = 10 * time.Second // for a stream that takes nothing any more
	lingerLimit  = 50 * time.Millisecond
)

// Bundle is a datagram transport over streams. Its methods may be called from any goroutine.
type Bundle struct {
	streams atomic.Pointer[[]*stream] // replaced, never changed
	in      chan *packet
	free    chan *packet
	quit    chan struct{}
	wait    sync.WaitGroup

	mu     sync.Mutex // of what follows
	closed bool
	window *window
	gone   Stats // of streams that are no more
	lost   func(alive int)
}

// packet is a buffer that goes round.
type packet struct {
	data [frameHeader + MaxPacket]byte
	n    int
}

// stream is one of the bundle's.
type stream struct {
	conn  net.Conn
	out   chan *packet
	stats counters

	waiting atomic.Int64 // packets that are not written
	once    sync.Once
	quit    chan struct{}
}

// counters are a stream's, counted by its goroutines.
type counters struct {
	first, copies, dropped atomic.Uint64
	lag                    atomic.Int64 // nanoseconds, smoothed
}

// Stats count what became of packets on one stream.
type Stats struct {
	First   uint64        // came here before any other stream had it
	Copies  uint64        // had come already
	Dropped uint64        // were not sent: the stream took nothing
	Lag     time.Duration // by which copies came behind the first, smoothed over some 16
}

// New makes a bundle of streams. More may come and some may go; a bundle without any waits. lost is called, if not nil,
// whenever a stream has ended, with how many are left: whoever dials may bring another. It must not call Close.
func New(lost func(alive int), streams ...net.Conn) *Bundle {
	b := &Bundle{in: make(chan *packet, inLen), free: make(chan *packet, inLen+maxStreams*queueLen+maxStreams),
		quit: make(chan struct{}), window: newWindow(), lost: lost}
	b.streams.Store(new([]*stream))
	for _, c := range streams {
		b.Add(c)
	}
	return b
}

// Add brings a stream. The bundle closes it; it does so at once when it has enough, or is closed. False tells that.
func (b *Bundle) Add(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := *b.streams.Load()
	if b.closed || len(old) >= maxStreams {
		c.Close()
		return false
	}
	s := &stream{conn: c, out: make(chan *packet, queueLen), quit: make(chan struct{})}
	list := append(slices.Clone(old), s)
	b.streams.Store(&list)
	b.wait.Go(func() { b.write(s) })
	b.wait.Go(func() { b.read(s) })
	return true
}

// Streams tells how many streams are open.
func (b *Bundle) Streams() int { return len(*b.streams.Load()) }

// Stats are those of the open streams, the oldest first, and then the sum of those that are gone.
func (b *Bundle) Stats() []Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Stats
	for _, s := range *b.streams.Load() {
		all = append(all, s.stats.read())
	}
	return append(all, b.gone)
}

func (c *counters) read() Stats {
	return Stats{c.first.Load(), c.copies.Load(), c.dropped.Load(), time.Duration(c.lag.Load())}
}

// ReadPacket waits for the next packet; a longer one than dst is cut. ErrClosed ends reading, and nothing else does.
func (b *Bundle) ReadPacket(dst []byte) (int, error) {
	select {
	case p := <-b.in:
		n := copy(dst, p.data[:p.n])
		b.put(p)
		return n, nil
	case <-b.quit:
		return 0, ErrClosed
	}
}

// WritePacket hands a packet to every stream. Errors: ErrTooLong, ErrNoStream, ErrClosed. Where a stream is slow the
// oldest packet that waits is dropped.
func (b *Bundle) WritePacket(data []byte) error {
	if len(data) > MaxPacket {
		return ErrTooLong
	}
	select {
	case <-b.quit:
		return ErrClosed
	default:
	}
	streams := *b.streams.Load()
	if len(streams) == 0 {
		return ErrNoStream
	}
	for _, s := range streams {
		p := b.get()
		frame, _ := AppendFrame(p.data[:0], data)
		p.n = len(frame)
		s.waiting.Add(1)
		for queued := false; !queued; {
			select {
			case s.out <- p:
				queued = true
			default:
				select {
				case old := <-s.out:
					s.stats.dropped.Add(1)
					s.waiting.Add(-1)
					b.put(old)
				default:
				}
			}
		}
	}
	return nil
}

func (b *Bundle) get() *packet {
	select {
	case p := <-b.free:
		return p
	default:
		return new(packet)
	}
}

func (b *Bundle) put(p *packet) {
	select {
	case b.free <- p:
	default:
	}
}

// write sends what waits, all that there is in one piece: Tor fills its cells better.
func (b *Bundle) write(s *stream) {
	defer b.remove(s)
	defer s.waiting.Store(0)
	count := int64(0)
	buf := make([]byte, 0, queueLen*(frameHeader+MaxPacket))
	for {
		select {
		case p := <-s.out:
			count = 1
			buf = append(buf[:0], p.data[:p.n]...)
			b.put(p)
		case <-s.quit:
			return
		}
		for more := true; more && len(buf) <= cap(buf)-frameHeader-MaxPacket; {
			select {
			case p := <-s.out:
				buf = append(buf, p.data[:p.n]...)
				b.put(p)
				count++
			default:
				more = false
			}
		}
		s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := s.conn.Write(buf); err != nil {
			return
		}
		s.waiting.Add(-count)
	}
}

// read takes packets from one stream until it ends.
func (b *Bundle) read(s *stream) {
	defer b.remove(s)
	var split Splitter
	buf := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; ; {
			var data []byte
			if data, rest, err = split.Next(rest); err != nil {
				return
			}
			if data == nil {
				break
			}
			b.arrived(s, data, time.Now())
		}
	}
}

// arrived hands on the first copy of a packet. Nobody who reads means that speech is lost, as with a socket's buffer.
func (b *Bundle) arrived(s *stream, data []byte, now time.Time) {
	b.mu.Lock()
	fresh, lag := b.window.take(data, now)
	b.mu.Unlock()
	if !fresh {
		s.stats.copies.Add(1)
		s.stats.lag.Add((int64(lag) - s.stats.lag.Load()) / 16)
		return
	}
	s.stats.first.Add(1)
	p := b.get()
	p.n = copy(p.data[:], data)
	select {
	case b.in <- p:
	default:
		b.put(p)
	}
}

// remove takes a stream out of the bundle.
func (b *Bundle) remove(s *stream) {
	s.once.Do(func() {
		close(s.quit)
		s.conn.Close()
		b.mu.Lock()
		list := slices.DeleteFunc(slices.Clone(*b.streams.Load()), func(o *stream) bool { return o == s })
		b.streams.Store(&list)
		last := s.stats.read()
		b.gone.First += last.First
		b.gone.Copies += last.Copies
		b.gone.Dropped += last.Dropped
		closed := b.closed
		b.mu.Unlock()
		if b.lost != nil && !closed {
			b.lost(len(list))
		}
	})
}

// linger gives the last packets, as a goodbye, time to go where a stream takes them.
func (b *Bundle) linger() {
	waiting := func() bool {
		return slices.ContainsFunc(*b.streams.Load(), func(s *stream) bool { return s.waiting.Load() > 0 })
	}
	for end := time.Now().Add(lingerLimit); waiting() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// Close closes all streams and waits for their goroutines. What still waits after a twentieth of a second is lost.
func (b *Bundle) Close() error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.quit)
	}
	b.mu.Unlock()
	b.linger()
	for _, s := range *b.streams.Load() {
		b.remove(s)
	}
	b.wait.Wait()
	return nil
}

var _ io.Closer = (*Bundle)(nil)
