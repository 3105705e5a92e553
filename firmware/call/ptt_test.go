package call

import (
	"testing"
	"time"
)

// TestPushToTalk is offered when the way is long, and then opens the microphone only while the key is down.
func TestPushToTalk(t *testing.T) {
	m := New(Config{Name: "me"})
	now := time.Unix(0, 0)
	open := false
	do := func(events ...Event) {
		for _, ev := range events {
			now = now.Add(50 * time.Millisecond)
			for _, a := range m.Handle(nil, ev, now) {
				if a, ok := a.(Mute); ok {
					open = !a.On
				}
			}
		}
	}
	offered := func() bool {
		do(Press{KeyOK})
		defer do(Press{KeySoftRight})
		for _, r := range m.Snapshot().Rows {
			if r.Label == "ptt" {
				return true
			}
		}
		return false
	}
	do(Tick{}, IncomingCall{From: Party{"Bob", "sip:bob@192.0.2.1"}}, Press{KeyCall}, Answered{}, Secure{SAS: "ybnd", Verified: true},
		Stats{RTT: 300 * time.Millisecond, Delay: 100 * time.Millisecond})
	if !open || offered() || m.Snapshot().Call.Alert != "" {
		t.Fatalf("at 250 ms: open %v, alert %q", open, m.Snapshot().Call.Alert)
	}
	do(Stats{RTT: 500 * time.Millisecond, Delay: 200 * time.Millisecond})
	if !offered() || m.Snapshot().Call.Alert != lateAlert {
		t.Fatalf("at 450 ms it is not offered; alert %q", m.Snapshot().Call.Alert)
	}
	m.changePTT()
	do(Tick{})
	if open || m.Snapshot().Call.Alert != "" {
		t.Fatalf("chosen: open %v, alert %q", open, m.Snapshot().Call.Alert)
	}
	for range 2 {
		if do(Press{KeyLeft}); !open {
			t.Fatal("the key is down, and the microphone is not open")
		}
		if do(Hold{KeyLeft}); !open {
			t.Fatal("held, and the microphone is not open")
		}
		if do(Release{KeyLeft}); open {
			t.Fatal("the key is up, and the microphone is open")
		}
	}
	m.changePTT()
	if do(Tick{}); !open {
		t.Fatal("ended, and the microphone is not open")
	}
}
