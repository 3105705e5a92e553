package media

import (
	"time"

	"sotto/codec/jitter"
	"sotto/hal"
)

// Stats is what is known of a call. Percentages are 0 to 100.
type Stats struct {
	Sent, Received uint32        // packets of speech
	Lost           uint32        // packets of the peer that never came
	LossPercent    float64       // of the last report interval, as we hear the peer
	PeerLoss       float64       // the same as the peer hears us
	Jitter         time.Duration // of the peer's packets (RFC 3550)
	RTT            time.Duration // 0 before the peer's first report
	PeerDelay      time.Duration // of the peer's jitter buffer; 0 when it does not tell
	Bitrate        int           // of our speech, bit/s, without copies
	Copies         int           // earlier payloads that each of our packets repeats
	Junk           uint64        // datagrams that were nothing or not authentic
	Overflow       uint64        // authentic speech that nobody took in time
	Playout        jitter.Stats
	Card           hal.Xruns
}
