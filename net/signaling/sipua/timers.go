package sipua

import "time"

// From RFC 3261, Section 17 and Appendix A.
const (
	t1     = 500 * time.Millisecond // round-trip estimate
	t2     = 4 * time.Second        // greatest interval of retransmission
	t4     = 5 * time.Second        // life of a message in the network
	timerB = 64 * t1                // a transaction without answer is given up
)

// Of this implementation.
const (
	silence     = 10 * time.Second // an INVITE over UDP without any answer: nobody waits 32 s for a dead telephone
	ringLimit   = 3 * time.Minute  // RFC 3261, Section 16.6: proxies give up ringing after more than three minutes
	dialTimeout = 5 * time.Second  // of a TCP or TLS connection
	idleLimit   = 2 * time.Minute  // a connection that nobody needs is closed
)

// Of this implementation: what strangers may cost.
const (
	maxMessage      = 16 << 10 // bytes of one message
	maxCalls        = 8        // at once, ended ones that wait for their last message included
	maxRinging      = 3        // that ring here at once
	maxTransactions = 256      // of each kind at once
	maxConnections  = 32       // TCP and TLS
	maxPending      = 64       // events that the phone has not taken yet

	strangerRate  = 300 // datagrams a second from outside any dialog, all strangers together
	strangerBurst = 600
	streamRate    = 300 // messages a second of one connection, which waits and loses nothing
	streamBurst   = 300
	callRate      = 50 // messages a second within one dialog
	callBurst     = 100
	ringRate      = 2 // calls a second that may ring and are not answered
	ringBurst     = 10
)

// limiter is a token bucket.
type limiter struct {
	rate, burst float64 // tokens a second, tokens
	tokens      float64
	last        time.Time
}

func newLimiter(rate, burst float64) limiter { return limiter{rate: rate, burst: burst, tokens: burst} }

// allow takes a token if there is one.
func (l *limiter) allow(now time.Time) bool {
	if !l.last.IsZero() && now.After(l.last) {
		l.tokens = min(l.burst, l.tokens+now.Sub(l.last).Seconds()*l.rate)
	}
	l.last = now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

// refund gives a token back.
func (l *limiter) refund() { l.tokens = min(l.burst, l.tokens+1) }

// earliest is the sooner of two deadlines, of which the zero time is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due reports whether a deadline has come.
func due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }
