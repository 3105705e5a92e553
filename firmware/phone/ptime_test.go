package phone

import (
	"testing"

	"sotto/net/signaling"
)

func TestPacketTime(t *testing.T) {
	for _, c := range []struct{ ours, wanted, most, want int }{
		{20, 20, 0, 20}, {10, 10, 0, 10}, {10, 20, 0, 20}, {20, 10, 0, 20}, {20, 40, 0, 40}, {40, 20, 60, 40},
		{40, 20, 20, 20}, {20, 120, 0, 60}, {60, 60, 50, 40}, {20, 30, 0, 20}, {20, 10, 10, 10},
	} {
		if got := packetTime(c.ours, signaling.Description{Ptime: c.wanted, MaxPtime: c.most}); got != c.want {
			t.Errorf("ours %d, peer %d of at most %d: %d, want %d", c.ours, c.wanted, c.most, got, c.want)
		}
	}
}

// RFC 7587, Section 6.1: who says how much it takes at most is not sent more.
func TestBitrate(t *testing.T) {
	for says, want := range map[int]int{0: 0, 20000: 20000, 510000: 0} {
		if got := bitrate(signaling.Description{Bitrate: says}); got != want {
			t.Errorf("peer takes %d: %d, want %d", says, got, want)
		}
	}
}
