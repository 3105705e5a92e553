package media

import (
	"time"

	"github.com/pion/rtcp"

	"sotto/codec"
	"sotto/codec/repeat"
)

// Implementation constants of the sender's answer to the peer's reports.
const (
	lowestBitrate  = 16000
	bitrateStep    = 8000
	foreignLoss    = 10                     // percent: beyond it, libopus' redundancy takes more than it gives
	foreignBitrate = 64000                  // for a peer that lives on libopus' redundancy, at most
	foreignFrom    = 0.01                   // part lost from which on a stranger gets redundancy, until it is half of that
	lossMemory     = 0.7                    // of the old value, when loss falls
	congestedRTT   = 150 * time.Millisecond // over the lowest: somewhere a queue fills
	calmFor        = 15 * time.Second       // before a step up
	betweenSteps   = 4 * time.Second
	densityOfBurst = 0.5 // from which on packets are lost in runs
)

// copiesFrom is the part lost from which on that many copies are sent; they are taken back at half of it.
var copiesFrom = [repeat.MaxCopies + 1]float64{0, 0.008, 0.14, 0.30}

// adaptation turns reception reports into redundancy and steps of the bit rate. Between two steps every packet has one
// length (RFC 6562): neither follows what is said.
type adaptation struct {
	fixed    bool
	bitrate  int // that the path bears, bit/s
	highest  int
	long     bool    // packets of several frames, of which no copies can be made (codec/repeat)
	ours     bool    // the peer understands copies
	foreign  bool    // it does not, and gets the encoder's redundancy
	loss     float64 // 0 to 1, rising at once and falling slowly
	run      float64 // packets that are lost in one run
	copies   int
	lowRTT   time.Duration
	stepped  time.Time
	calm     time.Time // since when the path is calm; zero when it is not
	distance int
}

func (a *adaptation) init(c *Config) {
	a.fixed, a.bitrate, a.highest, a.run, a.distance = c.Fixed, c.Bitrate, c.Bitrate, 1, 1
	a.long = c.Ptime > codec.DefaultPtime
}

// recognise learns from a source description whether the peer understands copies.
func (a *adaptation) recognise(p *rtcp.SourceDescription) {
	for _, c := range p.Chunks {
		for _, i := range c.Items {
			if i.Type == rtcp.SDESTool && i.Text == tool {
				a.ours = !a.long
			}
		}
	}
}

// bursts takes the density of losses within bursts and the length of a burst in packets, both 0 when there was none.
func (a *adaptation) bursts(density, length float64) {
	run := 1.0
	if density >= densityOfBurst {
		run = length
	}
	a.run = min(max(run, lossMemory*a.run+(1-lossMemory)*run), repeat.MaxDistance)
}

// report takes the part of our packets that was lost, and the round trip, 0 when unknown.
func (a *adaptation) report(s *sender, lost float64, rtt time.Duration, now time.Time) {
	a.loss = max(lost, lossMemory*a.loss+(1-lossMemory)*lost)
	if a.fixed {
		return
	}
	if rtt > 0 {
		a.congestion(rtt, now)
	}
	a.copies = a.wanted()
	bitrate, percent := min(a.bitrate, repeat.Bitrates[a.copies]), 0 // copies do the work of the encoder's redundancy, and better
	a.foreign = !a.ours && (a.loss >= foreignFrom || a.foreign && a.loss >= foreignFrom/2)
	if a.foreign {
		bitrate, percent = min(bitrate, foreignBitrate), min(max(int(100*a.loss+0.5), 1), foreignLoss)
	}
	s.bitrate.Store(int32(bitrate))
	s.loss.Store(int32(percent))
	if d := int(a.run + 0.5); d == 1 || d > a.distance || d < a.distance/2 {
		a.distance = min(d+d/6, repeat.MaxDistance)
	}
	s.setPlan(repeat.Plan{Copies: a.copies, Distance: a.distance})
}

// wanted is how many copies the losses are worth.
func (a *adaptation) wanted() int {
	if !a.ours {
		return 0
	}
	n := a.copies
	for n < repeat.MaxCopies && a.loss >= copiesFrom[n+1] {
		n++
	}
	for n > 0 && a.loss < copiesFrom[n]/2 {
		n--
	}
	if a.run > 2 {
		n = min(n, 1) // one copy behind the run; a second would come too late
	}
	return n
}

// congestion steps the rate down where a queue fills. Loss alone is no sign of that on a radio path.
func (a *adaptation) congestion(rtt time.Duration, now time.Time) {
	if a.lowRTT == 0 || rtt < a.lowRTT {
		a.lowRTT = rtt
	}
	if rtt > a.lowRTT+congestedRTT {
		a.calm = time.Time{}
		if now.Sub(a.stepped) > betweenSteps {
			lower := min(a.bitrate-bitrateStep, codec.NarrowBitrate) // the first step is the one that helps
			a.bitrate, a.stepped = max(lower, min(lowestBitrate, a.highest)), now
		}
		return
	}
	switch {
	case a.calm.IsZero():
		a.calm = now
	case now.Sub(a.calm) > calmFor && a.bitrate < a.highest:
		a.bitrate, a.stepped, a.calm = min(a.bitrate+bitrateStep, a.highest), now, now
	}
}
