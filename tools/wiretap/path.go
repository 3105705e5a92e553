package wiretap

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sotto/net/netem"
	"sotto/tools/wire"
)

// End is one handset as the path knows it.
type End struct {
	Name string
	Real netip.AddrPort // where it listens for SIP; its media has the same address
	Face netip.AddrPort // what the other handset takes for that; the port is the same
}

// Ends places two handsets on loopback addresses of their own, with these ports for SIP.
func Ends(names [2]string, ports [2]uint16) (ends [2]End) {
	for i := range ends {
		host := byte(i + 1)
		ends[i] = End{names[i], netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, 0, host}), ports[i]),
			netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 2, 0, host}), ports[i])}
	}
	return ends
}

// Weather is what the path does to every packet, in either direction.
type Weather struct {
	Loss   float64 // probability, 0 to 1
	Delay  time.Duration
	Jitter time.Duration // at most so much is added to Delay
}

// Path is the wire. Its methods may be called from any goroutine; one goroutine of its own owns the rest.
type Path struct {
	ends     [2]End
	links    [2]*netem.Link             // by sender
	faces    [2]map[uint16]*net.UDPConn // sockets on an end's Face, by port: they get what the other end sends it
	arrivals chan arrival
	orders   chan func()
	quit     chan struct{}
	wait     sync.WaitGroup

	weather Weather
	armed   bool // the next call is attacked
	thief   *thief
	call    passage
	notes   notebook
}

// passage is the call that goes over the path, or went last.
type passage struct {
	id     string
	over   bool
	attack *attack // nil when nobody is in the middle
	meter  wire.Meter
	sizes  map[int]int // of RTP packets: how many of each size
}

// arrival is a datagram as it came in.
type arrival struct {
	from int // end that sent it
	ports
	data []byte
}

// ports are the sender's and the receiver's UDP port; on either side of the path they are the same.
type ports struct{ src, dst uint16 }

func (f ports) back() ports { return ports{f.dst, f.src} }

// ErrClosed says that the path is not there any more.
var ErrClosed = errors.New("wiretap: path is closed")

// Open lays the wire. An error says which address is in use. Close ends it.
func Open(ends [2]End) (*Path, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("wiretap: %w", err)
	}
	seed := binary.LittleEndian.Uint64(b[:])
	p := &Path{ends: ends, arrivals: make(chan arrival, 256), orders: make(chan func()), quit: make(chan struct{}),
		call: passage{sizes: map[int]int{}}, notes: notebook{start: time.Now()}}
	var err error
	if p.thief, err = newThief(rand.Reader); err != nil {
		return nil, err
	}
	for i := range ends {
		p.links[i] = netem.New(netem.Config{}, seed+uint64(i))
		p.faces[i] = map[uint16]*net.UDPConn{}
	}
	for i, e := range ends {
		if err := p.open(i, e.Face.Port()); err != nil {
			p.closeFaces(true)
			p.wait.Wait()
			return nil, err
		}
	}
	p.wait.Add(1)
	go p.loop()
	return p, nil
}

// Close takes the wire away and waits.
func (p *Path) Close() {
	close(p.quit)
	p.wait.Wait()
}

// SetWeather changes what happens to packets from now on.
func (p *Path) SetWeather(w Weather) error {
	return p.do(func() {
		p.weather = w
		for _, l := range p.links {
			l.SetConfig(netem.Config{Loss: w.Loss, Delay: w.Delay, Jitter: w.Jitter})
		}
	})
}

// SetAttacker lets somebody into the middle of the calls that begin from now on, or keeps him out of them.
func (p *Path) SetAttacker(on bool) error { return p.do(func() { p.armed = on }) }

// Forget makes an attacker who has met nobody, as the handsets have when they are new.
func (p *Path) Forget() error {
	var err error
	closed := p.do(func() {
		var t *thief
		if t, err = newThief(rand.Reader); err != nil {
			return
		}
		p.thief = t
		if p.call.attack != nil {
			p.call.attack.close()
		}
		p.closeFaces(false)
		p.call = passage{sizes: map[int]int{}}
	})
	return errors.Join(closed, err)
}

// do lets the owner run f, and waits.
func (p *Path) do(f func()) error {
	done := make(chan struct{})
	select {
	case p.orders <- func() { f(); close(done) }:
		<-done
		return nil
	case <-p.quit:
		return ErrClosed
	}
}

// loop owns the path.
func (p *Path) loop() {
	defer p.wait.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := time.Now()
		p.deliver(now)
		if a := p.call.attack; a != nil {
			p.sendAll(a.tick(now), now)
		}
		timer.Reset(p.deadline(now).Sub(now))
		select {
		case <-p.quit:
			p.closeFaces(true)
			if p.call.attack != nil {
				p.call.attack.close()
			}
			return
		case a := <-p.arrivals:
			p.handle(a, time.Now())
		case f := <-p.orders:
			f()
		case <-timer.C:
		}
	}
}

// deadline is when something is due.
func (p *Path) deadline(now time.Time) time.Time {
	next := now.Add(time.Hour)
	for _, l := range p.links {
		if due, ok := l.Deadline(); ok && due.Before(next) {
			next = due
		}
	}
	if a := p.call.attack; a != nil {
		if due := a.deadline(); !due.IsZero() && due.Before(next) {
			next = due
		}
	}
	return next
}

// open makes a socket under an end's face; it exists already when the port is known.
func (p *Path) open(end int, port uint16) error {
	if port == 0 || p.faces[end][port] != nil {
		return nil
	}
	at := netip.AddrPortFrom(p.ends[end].Face.Addr(), port)
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return fmt.Errorf("wiretap: %w", err)
	}
	p.faces[end][port] = conn
	p.wait.Add(1)
	go p.read(conn, 1-end, port)
	return nil
}

// read passes on what an end sends to the other's face.
func (p *Path) read(conn *net.UDPConn, sender int, port uint16) {
	defer p.wait.Done()
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || from.Addr().Unmap() != p.ends[sender].Real.Addr() {
			continue // nobody else is on this wire
		}
		a := arrival{sender, ports{from.Port(), port}, append([]byte(nil), buf[:n]...)}
		select {
		case p.arrivals <- a:
		case <-p.quit:
			return
		}
	}
}

// closeFaces closes the sockets of media, and with all those of SIP.
func (p *Path) closeFaces(all bool) {
	for i, faces := range p.faces {
		for port, conn := range faces {
			if all || port != p.ends[i].Face.Port() {
				conn.Close()
				delete(faces, port)
			}
		}
	}
}

// handle takes a datagram from an end: SIP is read and rewritten, media goes on or to the attacker.
func (p *Path) handle(a arrival, now time.Time) {
	switch {
	case strings.HasPrefix(wire.Kind(a.data), "SIP "):
		p.signaling(&a, now)
		p.send(a.from, a.ports, a.data, now)
	case p.call.attack != nil:
		p.sendAll(p.call.attack.handle(a, now), now)
	default:
		p.thief.overhear(a.from, a.data)
		p.send(a.from, a.ports, a.data, now)
	}
}

// signaling follows a call by its SIP messages, and translates the addresses in them.
func (p *Path) signaling(a *arrival, now time.Time) {
	message := string(a.data)
	id := header(message, "Call-ID", "i")
	if strings.HasPrefix(message, "INVITE ") && id != "" && id != p.call.id {
		p.begin(id, now)
	}
	if id == p.call.id && (strings.HasPrefix(message, "BYE ") || strings.HasPrefix(message, "CANCEL ")) {
		p.call.over = true
	}
	me, other := p.ends[a.from], p.ends[1-a.from]
	message = strings.NewReplacer(me.Real.Addr().String(), me.Face.Addr().String(),
		other.Face.Addr().String(), other.Real.Addr().String()).Replace(message)
	if port := audioPort(message); port != 0 {
		// A port that somebody has taken on all addresses cannot be had; that call stays silent.
		_ = p.open(a.from, port)
		_ = p.open(a.from, port+1)
	}
	if p.call.attack != nil {
		message = withHash(message, p.call.attack.legs[1-a.from].session.HelloHash())
	}
	a.data = []byte(message)
}

// begin makes room for a new call.
func (p *Path) begin(id string, now time.Time) {
	if p.call.attack != nil {
		p.call.attack.close()
	}
	p.closeFaces(false)
	p.call = passage{id: id, sizes: map[int]int{}}
	if p.armed {
		// Without random numbers there is no attack: the call goes through.
		p.call.attack, _ = newAttack(p.thief, now)
	}
}

// outgoing is a packet that the attacker sends in an end's name.
type outgoing struct {
	from int
	ports
	data []byte
}

func (p *Path) sendAll(list []outgoing, now time.Time) {
	for _, o := range list {
		p.send(o.from, o.ports, o.data, now)
	}
}

// envelope is what travels over the link before a packet: its ports and when it left.
const envelope = 12

// send puts a packet on the wire, where the eavesdropper sees it.
func (p *Path) send(from int, f ports, data []byte, now time.Time) {
	me, other := p.ends[from], p.ends[1-from]
	d := wire.Datagram{Time: now, Src: netip.AddrPortFrom(me.Face.Addr(), f.src), Dst: netip.AddrPortFrom(other.Real.Addr(), f.dst),
		Payload: data}
	p.call.meter.Add(d)
	kind := wire.Kind(data)
	if kind == "RTP" && len(p.call.sizes) < 64 {
		p.call.sizes[len(data)]++
	}
	packet := make([]byte, envelope, envelope+len(data))
	binary.BigEndian.PutUint16(packet, f.src)
	binary.BigEndian.PutUint16(packet[2:], f.dst)
	binary.BigEndian.PutUint64(packet[4:], uint64(now.Sub(p.notes.start)))
	link := p.links[from]
	lost := link.Stats().Lost
	link.Send(append(packet, data...), now)
	p.notes.add(from, kind, data, link.Stats().Lost > lost, now)
}

// deliver hands over what has come to the end of the wire.
func (p *Path) deliver(now time.Time) {
	for from, link := range p.links {
		for {
			packet, ok := link.Receive(now)
			if !ok {
				break
			}
			src, dst := binary.BigEndian.Uint16(packet), binary.BigEndian.Uint16(packet[2:])
			p.notes.arrived(from, now.Sub(p.notes.start)-time.Duration(binary.BigEndian.Uint64(packet[4:])))
			if face := p.faces[from][src]; face != nil {
				// A receiver that is gone refuses; the sender learns it by silence, as on a real wire.
				_, _ = face.WriteToUDPAddrPort(packet[envelope:], netip.AddrPortFrom(p.ends[1-from].Real.Addr(), dst))
			}
		}
	}
}

// randomID fills a small value with randomness.
func randomID(r io.Reader, b []byte) error {
	if _, err := io.ReadFull(r, b); err != nil {
		return fmt.Errorf("wiretap: random source: %w", err)
	}
	return nil
}
