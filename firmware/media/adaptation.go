package media

import (
	"time"

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
)

// adaptation turns reception reports into redundancy and steps of the bit rate. Between two steps every packet has one
// length (RFC 6562): neither follows what is said.
type adaptation struct {
	fixed   bool
	bitrate int // that the path bears, bit/s
	highest int
	long    bool        // packets of several frames, of which no copies can be made (codec/repeat)
	ours    bool        // the peer understands copies
	told    bool        // and said which of our packets came
	plan    repeat.Plan // of copies
	foreign bool        // the peer does not understand copies and gets the encoder's redundancy
	loss    float64     // 0 to 1, rising at once and falling slowly
	lowRTT  time.Duration
	stepped time.Time
	calm    time.Time // since when the path is calm; zero when it is not
}

func (a *adaptation) init(c *Config) {
	a.fixed, a.bitrate, a.highest = c.Fixed, c.Bitrate, c.Bitrate
	a.long = c.Ptime > codec.DefaultPtime
}

// follow takes which of the last packets were lost.
func (a *adaptation) follow(s *sender, lost []bool) {
	if a.ours && !a.fixed {
		a.plan = repeat.Best(lost, a.plan)
		a.apply(s)
	}
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
	a.foreign = !a.ours && (a.loss >= foreignFrom || a.foreign && a.loss >= foreignFrom/2)
	a.apply(s)
}

// apply gives the sender its orders. Copies do the work of the encoder's redundancy, and better.
func (a *adaptation) apply(s *sender) {
	bitrate, percent := min(a.bitrate, repeat.Bitrates[a.plan.Copies]), 0
	if a.foreign {
		bitrate, percent = min(bitrate, foreignBitrate), min(max(int(100*a.loss+0.5), 1), foreignLoss)
	}
	s.bitrate.Store(int32(bitrate))
	s.loss.Store(int32(percent))
	s.setPlan(a.plan)
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
