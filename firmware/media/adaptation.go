package media

import "time"

// Implementation constants of the sender's answer to the peer's reports.
const (
	lowestBitrate = 16000
	bitrateStep   = 8000
	leastLoss     = 5                      // percent: some redundancy is always there for the first loss
	lossMemory    = 0.7                    // of the old value, when loss falls
	congestedRTT  = 150 * time.Millisecond // over the lowest: somewhere a queue fills
	calmFor       = 15 * time.Second       // before a step up
	betweenSteps  = 4 * time.Second
)

// adaptation turns reception reports into redundancy and steps of the bit rate. Between two steps every packet has one
// length (RFC 6562): neither follows what is said.
type adaptation struct {
	fixed   bool
	bitrate int // now, bit/s
	highest int
	loss    float64 // 0 to 1, rising at once and falling slowly
	lowRTT  time.Duration
	stepped time.Time
	calm    time.Time // since when the path is calm; zero when it is not
}

func (a *adaptation) init(c *Config) {
	a.fixed, a.bitrate, a.highest = c.Fixed, c.Bitrate, c.Bitrate
}

// report takes the part of our packets that was lost, and the round trip, 0 when unknown.
func (a *adaptation) report(s *sender, lost float64, rtt time.Duration, now time.Time) {
	a.loss = max(lost, lossMemory*a.loss+(1-lossMemory)*lost)
	s.loss.Store(max(leastLoss, int32(100*a.loss+0.5)))
	if a.fixed || rtt <= 0 {
		return
	}
	if a.lowRTT == 0 || rtt < a.lowRTT {
		a.lowRTT = rtt
	}
	// Loss alone is no sign of congestion on a radio path; a queue that fills is.
	if congested := rtt > a.lowRTT+congestedRTT; congested {
		a.calm = time.Time{}
		if now.Sub(a.stepped) > betweenSteps {
			a.step(s, max(a.bitrate-bitrateStep, min(lowestBitrate, a.highest)), now)
		}
		return
	}
	switch {
	case a.calm.IsZero():
		a.calm = now
	case now.Sub(a.calm) > calmFor:
		a.step(s, min(a.bitrate+bitrateStep, a.highest), now)
		a.calm = now
	}
}

func (a *adaptation) step(s *sender, bps int, now time.Time) {
	a.bitrate, a.stepped = bps, now
	s.bitrate.Store(int32(bps))
}
