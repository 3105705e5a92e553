package media

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"sotto/codec"
	"sotto/codec/repeat"
	"sotto/codec/ring"
)

// Implementation constants.
const (
	speechSlots  = 128 // packets between the receive and the playout loop
	controlSlots = 32  // datagrams between the receive and the control loop; what does not fit is sent again by ZRTP
)

// speechPacket is an authentic Opus payload.
type speechPacket struct {
	seq      uint16
	ts       uint32
	arrival  time.Time
	repeated bool // a copy that a later packet carried
	n        int
	payload  [codec.MaxPayload]byte
}

// datagram is a packet for the control loop.
type datagram struct {
	arrival time.Time
	n       int
	data    [maxDatagram]byte
}

// mailbox joins a receive loop and the control loop.
type mailbox struct {
	*ring.Ring[datagram]
	ready chan struct{}
}

func newMailbox() mailbox {
	return mailbox{ring.New[datagram](controlSlots), make(chan struct{}, 1)}
}

// post copies a datagram; a full box loses it.
func (m *mailbox) post(data []byte, now time.Time) {
	d := m.Reserve()
	if d == nil {
		return
	}
	d.arrival, d.n = now, copy(d.data[:], data)
	m.Commit()
	wake(m.ready)
}

// receiver is the loop that the wire paces.
type receiver struct {
	wire, rtcpWire Transport
	realtime       bool
	pt, eventPT    uint8
	speech         *ring.Ring[speechPacket]
	zrtp, rtcp     mailbox                   // from the port of RTP
	rtcp2          mailbox                   // from the port of RTCP
	keys           atomic.Pointer[Protector] // nil until keys are agreed
	source         atomic.Uint32             // of the newest authentic speech
	reception      reception
	born           time.Time
	spoke          atomic.Int64 // when something came that can be heard, in nanoseconds since born; 0 before the first
	heard          heard
	digits         chan uint8
	junk           atomic.Uint64 // datagrams that were nothing, or not authentic
	overflow       atomic.Uint64 // authentic speech that nobody took in time
	header         rtp.Packet
	copies         [repeat.MaxCopies]repeat.Copy
	plain          [maxDatagram]byte
}

func newReceiver(c *Config, speech *ring.Ring[speechPacket]) *receiver {
	return &receiver{wire: c.RTP, rtcpWire: c.RTCP, realtime: c.Realtime, pt: c.PayloadType, eventPT: c.EventType, speech: speech,
		born: time.Now(), zrtp: newMailbox(), rtcp: newMailbox(), rtcp2: newMailbox(), digits: make(chan uint8, 32)}
}

func (r *receiver) loop(done <-chan struct{}, broken chan<- error) {
	if w, ok := r.wire.(Waiter); ok {
		defer realtime(r.realtime && w.WaitsInKernel(), wirePriority)()
	}
	buf := make([]byte, maxDatagram)
	for {
		n, err := r.wire.ReadPacket(buf)
		if err != nil {
			if !closed(done) {
				broken <- err
			}
			return
		}
		r.take(buf[:n], time.Now())
	}
}

// loopRTCP reads the port of RTCP where it has one of its own.
func (r *receiver) loopRTCP(done <-chan struct{}) {
	if r.rtcpWire == nil {
		return
	}
	buf := make([]byte, maxDatagram)
	for !closed(done) {
		n, err := r.rtcpWire.ReadPacket(buf)
		if err != nil {
			return // speech goes on without reports
		}
		if kindOf(buf[:n]) == kindRTCP {
			r.rtcp2.post(buf[:n], time.Now())
		}
	}
}

// kind is what the first octets say of a datagram.
type kind uint8

const (
	kindOther kind = iota
	kindZRTP
	kindRTP
	kindRTCP
)

// kindOf tells apart what shares a media port (RFC 7983, Section 7; RFC 5761, Section 4; RFC 6189, Section 5).
func kindOf(b []byte) kind {
	switch {
	case len(b) >= 16 && b[0]>>4 == 1 && string(b[4:8]) == "ZRTP":
		return kindZRTP
	case len(b) < 8 || b[0]>>6 != 2:
		return kindOther
	case b[1] >= 192 && b[1] <= 223:
		return kindRTCP
	case len(b) >= rtpHeaderLen:
		return kindRTP
	}
	return kindOther
}

// take sends a datagram to the loop that it belongs to.
func (r *receiver) take(b []byte, now time.Time) {
	switch kindOf(b) {
	case kindZRTP:
		r.zrtp.post(b, now)
	case kindRTCP:
		r.rtcp.post(b, now)
	case kindRTP:
		r.speak(b, now)
	default:
		r.junk.Add(1)
	}
}

// speak takes an RTP packet. Without keys, or without a right authentication tag, it is never heard.
func (r *receiver) speak(b []byte, now time.Time) {
	keys := r.keys.Load()
	if keys == nil {
		r.junk.Add(1)
		return
	}
	plain, err := (*keys).UnprotectRTP(r.plain[:0], b)
	if err != nil {
		r.junk.Add(1)
		return
	}
	p := &r.header
	if err := p.Unmarshal(plain); err != nil {
		r.junk.Add(1)
		return
	}
	r.source.Store(p.SSRC)
	if first := r.reception.note(p.SequenceNumber, p.Timestamp, now); first {
		wake(r.zrtp.ready) // the control loop tells the session
	}
	switch {
	case r.eventPT != 0 && p.PayloadType == r.eventPT:
		r.spoke.Store(int64(now.Sub(r.born)))
		if event, fresh := r.heard.event(p.Timestamp, p.Payload); fresh {
			select {
			case r.digits <- event:
			default:
			}
		}
	case p.PayloadType == r.pt || p.PayloadType >= dynamic:
		r.spoke.Store(int64(now.Sub(r.born)))
		r.hear(p, now)
	}
}

// dynamic is the first payload type that has no fixed meaning (RFC 3551, Section 6). There is no codec here but Opus, and the packet
// is the peer's: whatever number either side has for Opus (RFC 3264, Section 5.1), and whatever a server wrote into their
// descriptions, this is speech.
const dynamic = 96

// hear queues the payload of a packet and the earlier ones that it repeats.
func (r *receiver) hear(p *rtp.Packet, now time.Time) {
	payload, n := repeat.Unpack(&r.copies, p.Payload)
	r.enqueue(p.SequenceNumber, p.Timestamp, payload, now, false)
	samples := codec.PayloadSamples(payload)
	for _, c := range r.copies[:n] {
		r.enqueue(p.SequenceNumber-uint16(c.Distance), p.Timestamp-uint32(c.Distance*samples), c.Payload, now, true)
	}
}

func (r *receiver) enqueue(seq uint16, ts uint32, payload []byte, now time.Time, repeated bool) {
	s := r.speech.Reserve()
	if s == nil || len(payload) > len(s.payload) {
		r.overflow.Add(1)
		return
	}
	s.seq, s.ts, s.arrival, s.repeated = seq, ts, now, repeated
	s.n = copy(s.payload[:], payload)
	r.speech.Commit()
}
