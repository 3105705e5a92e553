package phone

import (
	"time"

	"sotto/firmware/media"
)

// Note is something that the phone reports to whoever observes it: the simulator prints notes as JSON lines, the device
// has no observer. A note carries the code and the names of algorithms, never a key, an address or a number.
type Note struct {
	T         float64 `json:"t"` // Unix time in seconds
	Event     string  `json:"event"`
	Call      int     `json:"call,omitempty"`      // number of the call since start, from 1
	Direction string  `json:"direction,omitempty"` // of a call: in or out
	Name      string  `json:"name,omitempty"`
	SAS       string  `json:"sas,omitempty"`
	KA        string  `json:"ka,omitempty"`
	Hash      string  `json:"hash,omitempty"`
	Cipher    string  `json:"cipher,omitempty"`
	Auth      string  `json:"auth,omitempty"`
	Role      string  `json:"role,omitempty"` // initiator chose the algorithms
	Verified  *bool   `json:"verified,omitempty"`
	Why       string  `json:"why,omitempty"`
	Cause     string  `json:"cause,omitempty"`
	Text      string  `json:"text,omitempty"`
	Wall      float64 `json:"wall,omitempty"` // Unix time of the first sample
	Stats     any     `json:"stats,omitempty"`
}

// Stamp is a time as notes give it.
func Stamp(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// note reports n about the current call, once the screen shows what came of it: who reads a note and then the screen must
// not see yesterday's.
func (p *phone) note(n Note) {
	if p.cfg.Observe == nil {
		return
	}
	n.T = Stamp(now())
	if n.Call == 0 && n.Event != "screen" && n.Event != "ready" {
		if n.Call = p.calls; p.voice != nil {
			n.Call = p.voice.number
		}
	}
	p.notes = append(p.notes, n)
}

// callStats is what the simulator prints of a call at its end; times in milliseconds.
type callStats struct {
	Sent        uint32  `json:"sent"`
	Received    uint32  `json:"received"`
	Lost        uint32  `json:"lost"`
	LossPercent float64 `json:"loss_percent"`
	JitterMS    float64 `json:"jitter_ms"`
	RTTMS       float64 `json:"rtt_ms"`
	DelayMS     float64 `json:"delay_ms"`
	Bitrate     int     `json:"bitrate"`
	Played      uint64  `json:"played"`
	FEC         uint64  `json:"fec"`
	Late        uint64  `json:"late"`
	ConcealedMS float64 `json:"concealed_ms"`
	HoleMS      float64 `json:"longest_hole_ms"`
	Junk        uint64  `json:"junk"`
	Overruns    uint64  `json:"overruns"`
	Underruns   uint64  `json:"underruns"`
}

func statsNote(s media.Stats) callStats {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return callStats{Sent: s.Sent, Received: s.Received, Lost: s.Lost, LossPercent: s.LossPercent, JitterMS: ms(s.Jitter),
		RTTMS: ms(s.RTT), DelayMS: ms(s.Playout.Delay), Bitrate: s.Bitrate, Played: s.Playout.Played, FEC: s.Playout.FEC,
		Late: s.Playout.Late, ConcealedMS: ms(s.Playout.Concealed), HoleMS: ms(s.Playout.LongestHole), Junk: s.Junk,
		Overruns: s.Card.Overruns, Underruns: s.Card.Underruns}
}

// report hands the notes out.
func (p *phone) report() {
	for _, n := range p.notes {
		p.cfg.Observe(n)
	}
	p.notes = p.notes[:0]
}
