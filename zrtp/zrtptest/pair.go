package zrtptest

import (
	"math/rand/v2"
	"slices"
	"time"

	"sotto/zrtp"
)

// End is one side of a Pair with everything that it said.
type End struct {
	Session *zrtp.Session
	Sent    [][]byte // packets, before the wire did anything to them
	Events  []zrtp.Event
	Errors  []error // of Handle
	Keys    *zrtp.KeysReady
	SAS     *zrtp.SASReady
	Secure  *zrtp.Secure
	Failed  *zrtp.ProtocolError
}

// Wire is what happens to packets on the way. Probabilities are 0..1.
type Wire struct {
	Delay                             time.Duration // one way
	Drop, Duplicate, Reorder, Corrupt float64
	Rand                              *rand.Rand
	// Tap sees each packet that A (from 0) or B (from 1) sends and returns what goes on instead. It may change p.
	Tap func(from int, p []byte) [][]byte
}

// Pair is two sessions and the wire between them.
type Pair struct {
	A, B *End
	Wire Wire
	Now  time.Time

	flying []flight
	order  int
}

type flight struct {
	at    time.Time
	order int
	to    int
	data  []byte
}

// NewPair makes both sessions. They are not started.
func NewPair(a, b *zrtp.Config) (*Pair, error) {
	p := &Pair{A: &End{}, B: &End{}, Now: Epoch, Wire: Wire{Delay: 5 * time.Millisecond}}
	var err error
	if p.A.Session, err = zrtp.NewSession(a, p.Now); err != nil {
		return nil, err
	}
	p.B.Session, err = zrtp.NewSession(b, p.Now)
	return p, err
}

// Join is a pair of sessions that exist, such as further streams.
func Join(a, b *zrtp.Session, now time.Time) *Pair {
	return &Pair{A: &End{Session: a}, B: &End{Session: b}, Now: now, Wire: Wire{Delay: 5 * time.Millisecond}}
}

// Start starts both sessions.
func (p *Pair) Start() *Pair {
	p.A.Session.Start(p.Now)
	p.B.Session.Start(p.Now)
	return p
}

// Inject delivers a packet to A (0) or B (1) at once.
func (p *Pair) Inject(to int, packet []byte) error {
	e := p.end(to)
	err := e.Session.Handle(packet, p.Now)
	if err != nil {
		e.Errors = append(e.Errors, err)
	}
	p.drain()
	return err
}

// Secure tells whether both sides are.
func (p *Pair) Secure() bool { return p.A.Secure != nil && p.B.Secure != nil }

// Settled tells whether both sides are secure or failed.
func (p *Pair) Settled() bool {
	return (p.A.Secure != nil || p.A.Failed != nil) && (p.B.Secure != nil || p.B.Failed != nil)
}

// Run lets time pass until done says so or limit is over, and tells which: true for done.
func (p *Pair) Run(limit time.Duration, done func() bool) bool {
	end := p.Now.Add(limit)
	for {
		p.drain()
		if done != nil && done() {
			return true
		}
		next := end
		if len(p.flying) > 0 && p.flying[0].at.Before(next) {
			next = p.flying[0].at
		}
		for _, e := range []*End{p.A, p.B} {
			if d := e.Session.Deadline(); !d.IsZero() && d.Before(next) {
				next = d
			}
		}
		if next.After(p.Now) {
			p.Now = next
		}
		if !p.Now.Before(end) {
			return false
		}
		p.deliver()
		p.A.Session.Tick(p.Now)
		p.B.Session.Tick(p.Now)
	}
}

// Drain collects what the sessions have to say, after calls made on them directly.
func (p *Pair) Drain() { p.drain() }

func (p *Pair) end(i int) *End {
	if i == 0 {
		return p.A
	}
	return p.B
}

func (p *Pair) deliver() {
	for len(p.flying) > 0 && !p.flying[0].at.After(p.Now) {
		f := p.flying[0]
		p.flying = p.flying[1:]
		e := p.end(f.to)
		if err := e.Session.Handle(f.data, p.Now); err != nil {
			e.Errors = append(e.Errors, err)
		}
		p.drain()
	}
}

func (p *Pair) drain() {
	for i := range 2 {
		e := p.end(i)
		e.collect()
		var buf [zrtp.MaxPacketSize]byte
		for {
			n, ok := e.Session.Outgoing(buf[:])
			if !ok {
				break
			}
			packet := slices.Clone(buf[:n])
			e.Sent = append(e.Sent, packet)
			p.transmit(i, slices.Clone(packet))
		}
	}
}

func (e *End) collect() {
	for {
		ev, ok := e.Session.NextEvent()
		if !ok {
			return
		}
		e.Events = append(e.Events, ev)
		switch ev := ev.(type) {
		case zrtp.KeysReady:
			e.Keys = &ev
		case zrtp.SASReady:
			e.SAS = &ev
		case zrtp.Secure:
			e.Secure = &ev
		case zrtp.Failed:
			e.Failed = ev.Err
		}
	}
}

func (p *Pair) transmit(from int, packet []byte) {
	packets := [][]byte{packet}
	if p.Wire.Tap != nil {
		packets = p.Wire.Tap(from, packet)
	}
	for _, packet := range packets {
		w := &p.Wire
		if w.chance(w.Drop) {
			continue
		}
		p.fly(from, packet)
		if w.chance(w.Duplicate) {
			p.fly(from, slices.Clone(packet))
		}
	}
}

func (p *Pair) fly(from int, packet []byte) {
	w := &p.Wire
	at := p.Now.Add(w.Delay)
	if w.chance(w.Reorder) {
		at = at.Add(time.Duration(w.Rand.Int64N(int64(100 * time.Millisecond))))
	}
	if w.chance(w.Corrupt) {
		packet[w.Rand.IntN(len(packet))] ^= 1 << w.Rand.IntN(8)
	}
	p.order++
	f := flight{at, p.order, 1 - from, packet}
	i, _ := slices.BinarySearchFunc(p.flying, f, func(a, b flight) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.order - b.order
	})
	p.flying = slices.Insert(p.flying, i, f)
}

func (w *Wire) chance(probability float64) bool {
	return probability > 0 && w.Rand.Float64() < probability
}
