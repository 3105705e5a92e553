package zrtp

import "time"

// Schedules (RFC 6189, Section 6).
const (
	t1        = 50 * time.Millisecond   // first Hello interval
	t1Cap     = 200 * time.Millisecond  // "doubles after every retransmission, capping at 200 ms"
	t1Resends = 20                      // "retransmitted 20 times before giving up": 3.75 s
	t1Extend  = 12 * time.Second        // "at least 12 seconds" once the peer is known to speak ZRTP
	t2        = 150 * time.Millisecond  // first interval of the other messages
	t2Cap     = 1200 * time.Millisecond // "capping at 1200 ms"
	t2Resends = 10                      // "retransmitted 10 times before giving up": 9.45 s
	patience  = 10 * time.Second        // of a responder whose initiator fell silent
	maxRTT    = 5 * time.Second         // beyond this a hint is nonsense

	helloStale = 10 * time.Millisecond // an older Hello may have missed a peer who is only just up
)

// resend is a message in flight: "All message retransmissions MUST be identical to the initial message", so the message
// is kept and never made again.
type resend struct {
	message  []byte
	next     time.Time // zero: not running
	started  time.Time
	interval time.Duration
	limit    time.Duration // cap of interval
	left     int           // resends
	until    time.Time     // Hello: keep on until then
}

func (r *resend) running() bool { return !r.next.IsZero() }
func (r *resend) stop()         { r.next = time.Time{} }

func (r *resend) start(interval, limit time.Duration, left int, now time.Time) {
	r.interval, r.limit, r.left = interval, max(limit, interval), left
	r.started, r.next = now, now.Add(interval)
}

// "The initial value for the T1 or T2 retransmission timer should be increased to be no less than the round-trip time
// provided by the communications channel."
func (r *resend) startHello(rtt time.Duration, now time.Time) {
	r.start(max(t1, rtt), t1Cap, t1Resends, now)
	r.until = now
}

func (r *resend) startMessage(m []byte, rtt time.Duration, now time.Time) {
	r.message = m
	r.start(max(t2, rtt), t2Cap, t2Resends, now)
}

// extend stretches the Hello schedule to 12 s: the peer is known to speak ZRTP.
func (r *resend) extend() {
	if r.running() {
		r.until = r.started.Add(t1Extend)
	}
}

// hasten resends Hello soon: the peer's first Hello came, and no HelloACK, so ours was probably too early for it.
func (r *resend) hasten(now time.Time) {
	soon := r.next.Add(helloStale - r.interval)
	if soon.Before(now) {
		soon = now
	}
	if r.running() && soon.Before(r.next) {
		r.next = soon
	}
}

// due tells whether to resend now; exhausted that the schedule is over.
func (r *resend) due(now time.Time) (again, exhausted bool) {
	if !r.running() || now.Before(r.next) {
		return false, false
	}
	if last := r.next.Add(-r.interval); r.left == 0 && !last.Before(r.until) {
		r.stop()
		return false, true
	}
	r.left = max(r.left-1, 0)
	r.interval = min(2*r.interval, r.limit)
	// From the planned time, so that a late Tick does not stretch the schedule; but never a burst after a long sleep.
	if r.next = r.next.Add(r.interval); !r.next.After(now) {
		r.next = now.Add(r.interval)
	}
	return true, false
}

// flight sends m and resends it until it is answered.
func (s *Session) flight(m []byte, now time.Time) {
	s.repeat.startMessage(m, s.rtt, now)
	s.send(m)
}

// answered stops the resends. How long the answer took bounds the round trip from above; the next timer starts there, so
// that a long path (Tor) costs no needless resends and a lossy one little delay.
func (s *Session) answered(now time.Time) {
	if s.repeat.running() {
		s.rtt = max(s.cfg.RTT, min(now.Sub(s.repeat.started), t2Cap))
	}
	s.repeat.stop()
}

// Deadline is when Tick is due next; the zero time when nothing is pending.
func (s *Session) Deadline() time.Time {
	d := s.quiet
	for _, t := range [...]time.Time{s.hello.next, s.repeat.next, s.waitsForCall()} {
		if !t.IsZero() && (d.IsZero() || t.Before(d)) {
			d = t
		}
	}
	return d
}

// Tick runs the timers that are due at now.
func (s *Session) Tick(now time.Time) {
	if again, exhausted := s.hello.due(now); again {
		s.send(s.hello.message)
	} else if exhausted {
		s.helloExhausted(now)
	}
	if again, exhausted := s.repeat.due(now); again {
		s.send(s.repeat.message)
	} else if exhausted {
		s.flightExhausted(now)
	}
	if !s.quiet.IsZero() && !now.Before(s.quiet) {
		s.peerSilent(now)
	}
	if !s.waitsForCall().IsZero() {
		s.tryCommit(now)
	}
}
