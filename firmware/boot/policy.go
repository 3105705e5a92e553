package boot

import "time"

// Implementation constants of the patience with a child that dies.
const (
	crashLimit  = 5                // deaths within crashWindow make a crash loop
	crashWindow = 2 * time.Minute  //
	healthyAt   = 30 * time.Second // a phone that lives this long has started
	startLimit  = 4                // starts in a row that never became healthy make a bad slot
	firstPause  = 100 * time.Millisecond
	longPause   = 30 * time.Second
)

// verdict is what follows a death.
type verdict struct {
	pause    time.Duration // before the child is started again
	fallBack bool          // try the other slot first
}

// policy decides about one child. It is pure: time comes in.
type policy struct {
	deaths []time.Time // within crashWindow
	tried  bool        // falling back was asked for already; doing so twice would swing between two bad slots
}

// died takes in one death.
func (p *policy) died(now time.Time) verdict {
	kept := p.deaths[:0]
	for _, d := range p.deaths {
		if now.Sub(d) < crashWindow {
			kept = append(kept, d)
		}
	}
	p.deaths = append(kept, now)
	n := len(p.deaths)
	if n >= crashLimit {
		v := verdict{pause: longPause, fallBack: !p.tried}
		p.tried = true
		return v
	}
	return verdict{pause: firstPause << (2 * (n - 1))}
}

// startVerdict tells whether a slot that was started so often without becoming healthy deserves another try. The count
// is on the data partition, so it survives a board that resets before it can say why.
func startVerdict(starts int) (fallBack bool) { return starts >= startLimit }
