package wiretap

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"sotto/tools/wire"
)

// Packet is one line of the eavesdropper's notebook.
type Packet struct {
	N    int     `json:"n"`    // from 1, since the wire was laid
	T    float64 `json:"t"`    // seconds since then
	From int     `json:"from"` // end that it came from, or seemed to
	Kind string  `json:"kind"` // as wire.Kind says
	Size int     `json:"size"` // octets of the datagram
	Head string  `json:"head"` // the first octets in hexadecimal
	Lost bool    `json:"lost"` // it did not arrive
}

// Of the notebook.
const (
	notedPackets = 4096
	notedHead    = 16               // octets of a packet that are shown
	lossWindow   = 10 * time.Second // that loss is measured over
)

// notebook keeps the newest packets and measures the wire.
type notebook struct {
	start  time.Time
	list   [notedPackets]Packet
	n      int
	delay  [2]float64 // milliseconds by sender, running mean
	jitter [2]float64 // mean deviation from it
}

func (b *notebook) add(from int, kind string, data []byte, lost bool, now time.Time) {
	b.n++
	b.list[b.n%notedPackets] = Packet{N: b.n, T: now.Sub(b.start).Seconds(), From: from, Kind: kind, Size: len(data),
		Head: hex.EncodeToString(data[:min(len(data), notedHead)]), Lost: lost}
}

// arrived measures how long a packet was under way. The gain is that of RFC 3550, Section 6.4.1.
func (b *notebook) arrived(from int, took time.Duration) {
	const gain = 1.0 / 16
	ms := float64(took.Microseconds()) / 1000
	off := ms - b.delay[from]
	b.delay[from] += gain * off
	b.jitter[from] += gain * (max(off, -off) - b.jitter[from])
}

// since gives the packets after number n, the newest at most.
func (b *notebook) since(n, most int) []Packet {
	first := max(n+1, b.n-most+1, b.n-notedPackets+1, 1)
	out := []Packet{}
	for i := first; i <= b.n; i++ {
		out = append(out, b.list[i%notedPackets])
	}
	return out
}

// loss counts an end's packets of the last seconds.
func (b *notebook) loss(from int, now time.Time) (sent, lost int) {
	oldest := (now.Sub(b.start) - lossWindow).Seconds()
	for i := b.n; i > max(0, b.n-notedPackets); i-- {
		p := &b.list[i%notedPackets]
		if p.T < oldest {
			break
		}
		if p.From == from {
			sent++
			if p.Lost {
				lost++
			}
		}
	}
	return sent, lost
}

// Measure is what was measured of one direction.
type Measure struct {
	Sent   int     `json:"sent"`  // packets of the last ten seconds
	Lost   int     `json:"lost"`  // of these
	Delay  float64 `json:"delay"` // milliseconds
	Jitter float64 `json:"jitter"`
}

// View is what can be seen of the wire.
type View struct {
	Armed    bool         `json:"armed"`    // the next call will be attacked
	Attacked bool         `json:"attacked"` // this call is, or the last one was
	Calling  bool         `json:"calling"`  // a call has begun and not ended
	Speech   wire.Reading `json:"speech"`   // to the eavesdropper
	Sizes    []int        `json:"sizes"`    // of RTP packets in this call, all that occurred
	Measures [2]Measure   `json:"measures"` // by sender
	Thief    *Loot        `json:"thief"`    // nil without an attack
	Packets  []Packet     `json:"packets"`
}

// Loot is what the attacker has of a call.
type Loot struct {
	Codes  [2]string    `json:"codes"`  // of his two calls
	Speech wire.Reading `json:"speech"` // the eavesdropper's judge, after decryption
	Heard  [2]Heard     `json:"heard"`  // by who speaks
}

// mostPackets is how many packets one View tells.
const mostPackets = 400

// View looks at the wire, and tells the packets after number n.
func (p *Path) View(n int) (v View, err error) {
	err = p.do(func() {
		now := time.Now()
		c := &p.call
		v = View{Armed: p.armed, Attacked: c.attack != nil, Calling: c.id != "" && !c.over, Speech: c.meter.Read(),
			Sizes: slices.AppendSeq([]int{}, maps.Keys(c.sizes)), Packets: p.notes.since(n, mostPackets)}
		slices.Sort(v.Sizes)
		for i := range v.Measures {
			m := &v.Measures[i]
			m.Sent, m.Lost = p.notes.loss(i, now)
			m.Delay, m.Jitter = p.notes.delay[i], p.notes.jitter[i]
		}
		if a := c.attack; a != nil {
			v.Thief = &Loot{Speech: a.ear.meter.Read()}
			for i := range a.legs {
				v.Thief.Codes[i] = a.legs[i].sas.SAS
				v.Thief.Heard[i] = a.ear.voices[i].heard(now)
			}
		}
	})
	return v, err
}
