package main

import (
	"encoding/binary"
	"time"

	"sotto/codec"
	"sotto/codec/jitter"
	"sotto/codec/opus"
	"sotto/codec/repeat"
	"sotto/net/netem"
	"sotto/tools/bench/stoi"
)

// A virtual call is one direction of voice in virtual time: encoder, bad network, jitter buffer, decoder. A minute of it
// takes a second, and the same seed gives the same sound.
type virtual struct {
	name      string
	ptime     int
	bitrate   int
	plan      repeat.Plan
	loss      int // percent that the encoder is told
	network   netem.Config
	seed      uint64
	unordered bool                                 // jitter lets packets overtake each other
	drift     float64                              // parts per million by which the sender's card is fast
	change    func(l *netem.Link, t time.Duration) // called before each packet
	stall     [2]time.Duration                     // the receiving process stands still from .. to
}

// heard is what came out of a virtual call.
type heard struct {
	STOI   float64
	Lags   []float64 // seconds, by piece of four seconds, mouth to ear
	Stats  jitter.Stats
	Delays []float64 // milliseconds over the fastest packet, one for each frame period
	PCM    []int16
	Bytes  int // of one payload
}

const pullEvery = 5 * time.Millisecond

func (v virtual) run(source []int16) (h heard, err error) {
	config := opus.DefaultEncoder()
	config.Bitrate, config.Loss = v.bitrate, v.loss
	enc, err := opus.NewEncoder(config)
	if err != nil {
		return h, err
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		return h, err
	}
	var packer repeat.Packer
	packer.SetPlan(v.plan)
	player := jitter.NewPlayer(dec)
	links := []*netem.Link{netem.New(v.network, v.seed)}
	for i := 1; v.unordered && i < 16; i++ {
		links = append(links, netem.New(v.network, v.seed+uint64(i)))
	}
	begin := time.Unix(1_000_000, 0)
	n := codec.FrameSamples(v.ptime)
	frameTime := time.Duration(float64(v.ptime) * float64(time.Millisecond) / (1 + v.drift/1e6))
	total := time.Duration(len(source)) * time.Second / codec.SampleRate
	packet := make([]byte, 6+codec.MaxPayload)
	pcm, queued := make([]int16, jitter.MaxPull), 0
	sent := 0
	for t := 1300 * time.Microsecond; t < total; t += pullEvery { // the two cards do not tick together
		for due := time.Duration(sent+1) * frameTime; due <= t && (sent+1)*n <= len(source); due = time.Duration(sent+1) * frameTime {
			link := links[sent%len(links)]
			if v.change != nil {
				v.change(link, due)
			}
			k, err := enc.Encode(packet[6:], source[sent*n:(sent+1)*n])
			if err != nil {
				return h, err
			}
			k = packer.Pack(packet[6:], append([]byte(nil), packet[6:6+k]...))
			h.Bytes = k
			binary.BigEndian.PutUint16(packet, uint16(sent))
			binary.BigEndian.PutUint32(packet[2:], uint32(sent*n))
			deliver(links, player, begin.Add(due))
			link.Send(packet[:6+k], begin.Add(due))
			sent++
		}
		queued = max(0, queued-jitter.Period)
		if t >= v.stall[0] && t < v.stall[1] {
			h.PCM = append(h.PCM, make([]int16, jitter.Period)...)
			continue
		}
		now := begin.Add(t)
		if v.stall[1] > 0 && t >= v.stall[1] && t-pullEvery < v.stall[1] {
			deliverStamped(links, player, now, now) // what waited in the socket is read now
		}
		deliver(links, player, now)
		if queued <= jitter.Period {
			n := player.Pull(pcm, now)
			queued += n
			h.PCM = append(h.PCM, pcm[:n]...)
		}
		h.Delays = append(h.Delays, float64(player.Stats().Delay)/1e6)
	}
	h.Stats = player.Stats()
	r, err := stoi.Measure(source, h.PCM)
	h.STOI, h.Lags = r.Mean, r.Lags
	return h, err
}

// deliver hands over what has come by the time until, each packet with its time.
func deliver(links []*netem.Link, p *jitter.Player, until time.Time) {
	deliverStamped(links, p, until, time.Time{})
}

// deliverStamped says of each packet that it came at the time stamp, unless that is zero.
func deliverStamped(links []*netem.Link, p *jitter.Player, until, stamp time.Time) {
	for {
		var next *netem.Link
		var first time.Time
		for _, l := range links {
			if due, ok := l.Deadline(); ok && !due.After(until) && (next == nil || due.Before(first)) {
				next, first = l, due
			}
		}
		if next == nil {
			return
		}
		arrival := first
		if !stamp.IsZero() {
			arrival = stamp
		}
		if data, ok := next.Receive(first); ok {
			hear(p, binary.BigEndian.Uint16(data), binary.BigEndian.Uint32(data[2:]), data[6:], arrival)
		}
	}
}

// hear gives a packet and what it repeats to the player.
func hear(p *jitter.Player, seq uint16, ts uint32, packet []byte, arrival time.Time) {
	var copies [repeat.MaxCopies]repeat.Copy
	payload, n := repeat.Unpack(&copies, packet)
	samples := codec.PayloadSamples(payload)
	p.Put(seq, ts, payload, arrival)
	for _, c := range copies[:n] {
		p.Repeat(seq-uint16(c.Distance), ts-uint32(c.Distance*samples), c.Payload, arrival)
	}
}
