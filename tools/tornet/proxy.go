package tornet

import (
	"net"
	"sync"
	"time"
)

// proxy is a TCP proxy that holds back each octet for a time, in both directions: a longer cable, for a kernel that has no
// netem.
type proxy struct {
	net.Listener
	delay  time.Duration
	target string
	mu     sync.Mutex
	conns  map[net.Conn]bool
}

func newProxy(delay time.Duration, target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{Listener: l, delay: delay, target: target, conns: map[net.Conn]bool{}}
	go p.serve()
	return p, nil
}

func (p *proxy) port() int { return p.Addr().(*net.TCPAddr).Port }

func (p *proxy) serve() {
	for {
		c, err := p.Accept()
		if err != nil {
			return
		}
		go p.join(c)
	}
}

// join carries one connection.
func (p *proxy) join(c net.Conn) {
	time.Sleep(2 * p.delay) // the handshake of TCP
	d, err := net.Dial("tcp", p.target)
	if err != nil {
		c.Close()
		return
	}
	p.mu.Lock()
	p.conns[c], p.conns[d] = true, true
	p.mu.Unlock()
	var wait sync.WaitGroup
	wait.Go(func() { p.carry(d, c) })
	wait.Go(func() { p.carry(c, d) })
	wait.Wait()
	p.mu.Lock()
	delete(p.conns, c)
	delete(p.conns, d)
	p.mu.Unlock()
}

// chunk is what was read and when it may go on.
type chunk struct {
	due  time.Time
	data []byte
}

// carry moves octets one way until either end closes.
func (p *proxy) carry(to, from net.Conn) {
	queue := make(chan chunk, 4096)
	go func() {
		defer close(queue)
		for {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			if n > 0 {
				queue <- chunk{time.Now().Add(p.delay), b[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	broken := false
	for c := range queue {
		time.Sleep(time.Until(c.due))
		if !broken {
			_, err := to.Write(c.data)
			broken = err != nil
		}
		if broken {
			from.Close() // and drain what was read
		}
	}
	to.Close()
	from.Close()
}

func (p *proxy) close() {
	p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}
