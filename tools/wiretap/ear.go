package wiretap

import (
	"math"
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"sotto/codec"
	"sotto/codec/opus"
	"sotto/net/signaling"
	"sotto/tools/wire"
)

// waveFrames is how many packets of speech the attacker's picture of it shows.
const waveFrames = 150

// ear is how the attacker listens: it decodes what he decrypted. It is proof and not a claim: the figures come from the
// sound itself.
type ear struct {
	meter  wire.Meter // the eavesdropper's own judge, over the decrypted packets
	voices [2]voice   // by who speaks
}

// voice is one end's speech as the attacker hears it.
type voice struct {
	decoder *opus.Decoder
	peaks   [waveFrames]int16
	power   [waveFrames]float64 // mean square
	frames  int
	last    time.Time
}

func newEar() (*ear, error) {
	e := &ear{}
	e.meter.Confirmed() // he decrypted them: the keys are agreed
	for i := range e.voices {
		var err error
		if e.voices[i].decoder, err = opus.NewDecoder(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// hear takes a decrypted RTP packet.
func (e *ear) hear(from int, packet []byte, now time.Time) {
	e.meter.Add(wire.Datagram{Time: now, Src: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(from)), Payload: packet})
	var p rtp.Packet
	if p.Unmarshal(packet) != nil || p.PayloadType != signaling.OpusType {
		return
	}
	n := codec.PayloadSamples(p.Payload)
	pcm := make([]int16, n)
	v := &e.voices[from]
	if n == 0 || v.decoder.Decode(pcm, p.Payload) != nil {
		return
	}
	var peak, sum float64
	for _, s := range pcm {
		x := math.Abs(float64(s))
		peak, sum = max(peak, x), sum+x*x
	}
	at := v.frames % waveFrames
	v.peaks[at], v.power[at] = int16(min(peak, math.MaxInt16)), sum/float64(n)
	v.frames++
	v.last = now
}

// Heard is what the attacker hears of one end.
type Heard struct {
	Level  int   `json:"level"`  // dB below full scale over the last fifth of a second, floorLevel for silence
	Wave   []int `json:"wave"`   // peaks of the newest packets, oldest first, in hundredths of full scale
	Frames int   `json:"frames"` // packets of speech so far
}

// levelFrames is how many packets the level is taken over.
const levelFrames = 10

// floorLevel is what silence is called: 16 bits tell no less.
const floorLevel = -90

func (v *voice) heard(now time.Time) Heard {
	h := Heard{Level: floorLevel, Frames: v.frames, Wave: []int{}}
	var sum float64
	n := min(v.frames, waveFrames)
	for i := v.frames - n; i < v.frames; i++ {
		h.Wave = append(h.Wave, int(v.peaks[i%waveFrames])*100/math.MaxInt16)
		if i >= v.frames-levelFrames {
			sum += v.power[i%waveFrames]
		}
	}
	if sum > 0 && now.Sub(v.last) < time.Second/2 {
		h.Level = max(floorLevel, int(10*math.Log10(sum/float64(min(n, levelFrames))/(math.MaxInt16*math.MaxInt16))))
	}
	return h
}
