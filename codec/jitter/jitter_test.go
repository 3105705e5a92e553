package jitter

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sotto/net/netem"
)

const ms = time.Millisecond

// The golden curves: what each network does to delay and concealment, to the millisecond. UPDATE=1 writes them anew.
func TestGoldenCurves(t *testing.T) {
	traces := []struct {
		name string
		trace
	}{
		{"clean", trace{}},
		{"loss 5 %", trace{network: netem.Config{Loss: .05}}},
		{"loss 5 % with redundancy", trace{network: netem.Config{Loss: .05}, fec: true}},
		{"loss 20 % with redundancy", trace{network: netem.Config{Loss: .20}, fec: true}},
		{"loss 10 % in bursts of 5", trace{network: netem.Config{Burst: netem.Gilbert(.10, 5)}}},
		{"jitter 10 ms", trace{network: netem.Config{Jitter: 10 * ms}}},
		{"jitter 30 ms", trace{network: netem.Config{Jitter: 30 * ms}}},
		{"jitter 60 ms", trace{network: netem.Config{Jitter: 60 * ms}}},
		{"jitter 100 ms", trace{network: netem.Config{Jitter: 100 * ms}}},
		{"jitter 90 ms, overtaking", trace{network: netem.Config{Jitter: 90 * ms}, overtake: true, fec: true}},
		{"reordering 5 %", trace{network: netem.Config{Delay: 30 * ms, Reorder: .05}}},
		{"duplication 10 %", trace{network: netem.Config{Duplicate: .10, Jitter: 5 * ms}}},
		{"drift +300 ppm", trace{drift: 300}},
		{"drift -300 ppm", trace{drift: -300}},
	}
	var b strings.Builder
	for _, x := range traces {
		x.seconds, x.seed = 60, 7
		c := x.run()
		fmt.Fprintf(&b, "%-26s delay at 2 s %3d, 10 s %3d, 30 s %3d, 58 s %3d ms; made up %5d ms, longest %3d ms; late %d, fec %d, doubled %d\n",
			x.name, c.at(1.5, 2.5)/ms, c.at(9, 11)/ms, c.at(28, 32)/ms, c.at(56, 59)/ms,
			c.Concealed/ms, c.LongestHole/ms, c.Late, c.FEC, c.Duplicate)
	}
	const file = "testdata/curves.txt"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range got {
		if i >= len(old) || got[i] != old[i] {
			t.Errorf("the curve has changed:\n%s\n%s", got[i], old[min(i, len(old)-1)])
		}
	}
}

func TestPathStep(t *testing.T) {
	c := trace{seconds: 40, change: func(l *netem.Link, at time.Duration) {
		d := 20 * ms
		if at >= 15*time.Second && at < 25*time.Second {
			d = 170 * ms
		}
		l.SetConfig(netem.Config{Delay: d})
	}}.run()
	before, after := c.at(10, 14), c.at(28, 30)
	if after > before+10*ms {
		t.Errorf("3 s after a step of 150 ms has ended the delay is %v, before it was %v", after, before)
	}
	if c.LongestHole > 170*ms {
		t.Errorf("the step of 150 ms made a hole of %v", c.LongestHole)
	}
}

func TestProcessStall(t *testing.T) {
	c := trace{seconds: 25, stall: [2]time.Duration{15 * time.Second, 15500 * ms}}.run()
	// Pulls are missing while the process stands still: 0.5 s of the curve.
	before, after := c.at(10, 14), c.at(16.5, 18)
	if after > before+10*ms || after < before-10*ms {
		t.Errorf("2 s after a stall the delay is %v, before it was %v", after, before)
	}
	if c.Stalls != 1 || c.Concealed > 40*ms {
		t.Errorf("%d stalls, %v made up beyond the stall itself", c.Stalls, c.Concealed)
	}
}

// A pause of the sender, with timestamps that go on, is silence and no loss.
func TestSenderPause(t *testing.T) {
	c := trace{seconds: 12, senderOff: [2]time.Duration{5 * time.Second, 8 * time.Second}}.run()
	if d := c.at(10, 11); d > 25*ms {
		t.Errorf("after a pause of 3 s the delay is %v", d)
	}
	if c.Concealed > 1100*ms {
		t.Errorf("%v were made up in a pause: nothing comes, so it is silence after a second", c.Concealed)
	}
}

// An hour under jitter, loss and drift: no growth of the delay.
func TestOneHour(t *testing.T) {
	c := trace{seconds: 3600, network: netem.Config{Jitter: 30 * ms, Loss: .03}, drift: 100}.run()
	early, late := c.at(60, 120), c.at(3480, 3590)
	if late > early+10*ms {
		t.Errorf("the delay grew from %v to %v", early, late)
	}
	if share := float64(c.Concealed) / float64(time.Hour); share > 0.035 {
		t.Errorf("%.1f %% made up at 3 %% loss", share*100)
	}
}

// Sequence numbers and timestamps turn over in the middle of a call.
func TestWrapAround(t *testing.T) {
	plain, wrap := trace{seconds: 20}.run(), trace{seconds: 20, beginSeq: 65500, beginTS: 1<<32 - 960*300}.run()
	if plain.Stats != wrap.Stats {
		t.Errorf("turning over changes the call:\n%+v\n%+v", plain.Stats, wrap.Stats)
	}
}

// A sender that begins a new count is followed, not waited for.
func TestNewTimestamps(t *testing.T) {
	p := NewPlayer(frameDecoder{})
	now, pcm := time.Unix(0, 0), make([]int16, MaxPull)
	heard := int16(0)
	for i := range 400 {
		ts := uint32(i * 960)
		if i >= 200 {
			ts += 1 << 30
		}
		p.Put(uint16(i), ts, payload(i, false), now)
		p.Pull(pcm, now.Add(ms))
		heard = max(heard, pcm[500])
		now = now.Add(20 * ms)
	}
	if heard < 390+100 {
		t.Errorf("after the jump nothing newer than frame %d was heard", heard-100)
	}
	if s := p.Stats(); s.Restarts != 1 {
		t.Errorf("%d restarts", s.Restarts)
	}
}

// Copies in later packets fill what is lost, and the delay becomes long enough for them before the first loss.
func TestRepeats(t *testing.T) {
	p := NewPlayer(frameDecoder{})
	card := card{player: p}
	now := time.Unix(0, 0)
	lost := func(i int) bool { return i >= 100 && i%40 >= 35 } // five in a row
	for i := range 3000 {
		if !lost(i) {
			p.Put(uint16(i), uint32(i*960), payload(i, false), now)
			if i >= 6 {
				p.Repeat(uint16(i-6), uint32((i-6)*960), payload(i-6, false), now)
			}
		}
		for range 4 {
			card.tick(now.Add(ms))
			now = now.Add(5 * ms)
		}
	}
	s := p.Stats()
	if s.Repeated < 200 || s.Delay < 120*ms || s.Delay > 140*ms {
		t.Errorf("%d frames came from copies, delay %v", s.Repeated, s.Delay)
	}
	if s.Concealed > 0 {
		t.Errorf("%v were made up although everything came twice", s.Concealed)
	}
}

func TestRefusedAndFull(t *testing.T) {
	b := New()
	now := time.Unix(0, 0)
	b.Put(1, 960, nil, now)
	b.Put(1, 960, []byte{0x7b}, now)
	if s := b.Stats(); s.Refused != 2 {
		t.Errorf("%d payloads refused, want 2", s.Refused)
	}
	for i := range 1000 {
		b.Put(uint16(i), uint32(i*960), payload(i, false), now)
	}
	if len(b.order) != maxPackets {
		t.Errorf("%d packets kept", len(b.order))
	}
}

func TestNoAllocation(t *testing.T) {
	p := NewPlayer(frameDecoder{})
	card := card{player: p}
	now, i := time.Unix(0, 0), 0
	data := payload(1, true)
	step := func() {
		if i%7 != 3 {
			p.Put(uint16(i), uint32(i*960), data, now)
		}
		i++
		for range 4 {
			card.tick(now)
			now = now.Add(5 * ms)
		}
	}
	for range 500 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Fatalf("%v allocations a frame", n)
	}
}

// FuzzBuffer puts arbitrary packets at arbitrary times: whatever a peer sends, sound comes out at the pace of the card.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 0, 20, 1, 1, 0, 20, 0xff, 0, 3, 5, 2, 0x80, 0, 0})
	f.Add([]byte("the quick brown fox jumps over the lazy dog, again and again"))
	f.Fuzz(func(t *testing.T, script []byte) {
		p := NewPlayer(frameDecoder{})
		now, pcm := time.Unix(0, 0), make([]int16, MaxPull)
		seq, ts := uint16(0), uint32(0)
		for len(script) >= 4 {
			seq += uint16(int8(script[0]))
			ts += uint32(int32(int8(script[1]))) << (script[2] & 31)
			toc := []byte{script[2], 1, 0, script[3], 0}
			if script[3]&1 == 0 {
				p.Put(seq, ts, toc, now)
			} else {
				p.Repeat(seq, ts, toc, now)
			}
			for range script[3] >> 5 {
				if n := p.Pull(pcm, now); n < Period || n%Period != 0 {
					t.Fatalf("a pull of %d samples", n)
				}
				now = now.Add(5 * ms)
			}
			now = now.Add(time.Duration(script[3]&0x1e) * ms)
			script = script[4:]
		}
		if n := len(p.buffer.order) + len(p.buffer.free); n != maxPackets {
			t.Fatalf("%d slots, want %d", n, maxPackets)
		}
		if p.to-p.from > maxPiece {
			t.Fatalf("%d samples between decoder and speaker", p.to-p.from)
		}
	})
}

// Who knows how restless a way is need not learn it by gaps; and who was wrong has the short delay within seconds.
func TestExpectedJitter(t *testing.T) {
	restless := trace{seconds: 12, seed: 3, network: netem.Config{Jitter: 60 * ms}}
	unknown := restless.run()
	restless.expect = 100 * ms
	known := restless.run()
	t.Logf("jitter of 60 ms, made up %v when nobody knew, %v when it was expected", unknown.Concealed, known.Concealed)
	if known.Concealed > 40*ms || known.Concealed*3 > unknown.Concealed {
		t.Errorf("made up %v, without knowing %v", known.Concealed, unknown.Concealed)
	}
	calm := trace{seconds: 30, seed: 3, expect: 100 * ms}.run()
	if begin, end := calm.at(.5, 1), calm.at(15, 30); begin < 80*ms || end > 20*ms || calm.Concealed > 0 {
		t.Errorf("of a calm way the delay begins with %v and ends with %v; made up %v", begin, end, calm.Concealed)
	}
}

// A hole has two edges: what is made up after the last packet of a call is its end, and no fault of the way.
func TestEndIsNoHole(t *testing.T) {
	gap := trace{seconds: 4, senderOff: [2]time.Duration{2 * time.Second, 2200 * ms}, seed: 1}.run()
	end := trace{seconds: 4, senderOff: [2]time.Duration{3800 * ms, 5 * time.Second}, seed: 1}.run()
	if gap.LongestHole < 150*ms || end.LongestHole > 0 || end.Concealed < 150*ms {
		t.Errorf("a gap of 200 ms is a hole of %v; an end of 200 ms one of %v, with %v made up", gap.LongestHole, end.LongestHole, end.Concealed)
	}
}
