package media

import (
	"encoding/binary"

	"sotto/codec"
)

// Telephone events (RFC 4733).
const (
	rtpPadding   = 0x20
	maxPadding   = 255  // RFC 3550, Section 5.1: the count is one octet
	eventLen     = 4    // octets of payload, Section 2.3
	eventEnd     = 0x80 // E bit
	eventVolume  = 10   // -10 dBm0
	lastEvent    = 15   // A to D come last of the keys
	eventRepeats = 3    // Section 2.5.1.4: the end "SHOULD be transmitted a total of three times"
	eventFor     = codec.SampleRate / 10
	eventPause   = codec.SampleRate / 20
)

// digits sends one key after the other in place of speech. Event packets are filled up with RTP padding to the length of
// speech packets, so that the wire does not show who presses keys; only speech packets of more than 259 octets of payload
// (three copies, or 60 ms at a high rate) are longer than what padding can reach.
type digits struct {
	pt      uint8 // 0: the peer knows no events
	queue   chan uint8
	active  bool
	event   uint8
	start   uint32 // timestamp
	length  int    // samples so far
	repeats int    // end packets still to send
	pause   int    // samples until the next one may begin
}

func (d *digits) init(c *Config) {
	d.pt = c.EventType
	d.queue = make(chan uint8, 32)
}

func (d *digits) press(event uint8) bool {
	if d.pt == 0 || event > lastEvent {
		return false
	}
	select {
	case d.queue <- event:
		return true
	default:
		return false
	}
}

// next turns the payload of a speech packet of n samples into an event while one lasts, and returns its new length; 0 when
// it stays speech.
func (d *digits) next(payload []byte, pt *uint8, ts *uint32, n int) int {
	if !d.active {
		if d.pause -= n; d.pause > 0 || len(payload) < eventLen+1 {
			return 0
		}
		select {
		case d.event = <-d.queue:
		default:
			return 0
		}
		d.active, d.start, d.length, d.repeats = true, *ts, 0, eventRepeats
	}
	first := d.length == 0
	flags := byte(eventVolume)
	if d.length+n >= eventFor {
		flags |= eventEnd
		if d.repeats == eventRepeats {
			d.length += n
		}
		if d.repeats--; d.repeats == 0 {
			d.active, d.pause = false, eventPause
		}
	} else {
		d.length += n
	}
	*pt, *ts = d.pt, d.start
	if first {
		*pt |= rtpMarker // Section 2.5.1.1: the first packet of an event
	}
	payload = payload[:min(len(payload), eventLen+maxPadding)]
	clear(payload)
	payload[0], payload[1] = d.event, flags
	binary.BigEndian.PutUint16(payload[2:], uint16(min(d.length, 0xffff)))
	payload[len(payload)-1] = byte(len(payload) - eventLen)
	return len(payload)
}

// heard finds the new key presses in the events that arrive: each is told once, whatever is repeated.
type heard struct {
	any  bool
	last uint32 // timestamp of the event told last
}

// event reads the payload of an event packet.
func (h *heard) event(ts uint32, payload []byte) (event uint8, fresh bool) {
	if len(payload) < eventLen || payload[0] > lastEvent {
		return 0, false
	}
	if h.any && int32(ts-h.last) <= 0 {
		return 0, false
	}
	h.any, h.last = true, ts
	return payload[0], true
}
