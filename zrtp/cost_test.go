//go:build !race

package zrtp

import (
	"testing"
	"time"
)

// TestHandshakeCost: at most 1.3 times the bare public-key operations. Rounds are interleaved and the best of each counts,
// until it is shown or 8 seconds are over, so that a busy machine does not matter.
func TestHandshakeCost(t *testing.T) {
	for _, ka := range []KeyAgreement{KeyAgreementX255, KeyAgreementDH3k} {
		whole, ops, ratio := time.Hour, time.Hour, 0.0
		begin := time.Now()
		for n := 0; n < 50 || ratio > 1.25 && time.Since(begin) < 8*time.Second; n++ {
			start := time.Now()
			bare(t, ka)
			middle := time.Now()
			handshake(t, ka)
			ops, whole = min(ops, middle.Sub(start)), min(whole, time.Since(middle))
			ratio = float64(whole) / float64(ops)
		}
		t.Logf("%v: handshake %v, public-key operations %v, ratio %.2f", ka, whole, ops, ratio)
		if ratio > 1.3 {
			t.Errorf("%v: ratio %.2f", ka, ratio)
		}
	}
}
