package media

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/codec"
	"sotto/codec/jitter"
	"sotto/codec/opus"
	"sotto/codec/repeat"
	"sotto/hal/haltest"
	"sotto/net/netem"
)

// lossyCall is one direction of a call in virtual time, and the reports that come back over as bad a way: encoder, copies,
// network, buffer, decoder and the adaptation that joins them, all of them a call's own.
type lossyCall struct {
	network netem.Config
	seed    uint64
	plans   int // changes of the plan
}

func (l *lossyCall) run(t *testing.T, source []int16) jitter.Stats {
	t.Helper()
	a, s := newAdaptation(t, true)
	enc, err := opus.NewEncoder(opus.DefaultEncoder())
	if err != nil {
		t.Fatal(err)
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	s.encoder = enc
	var in reception
	there, back := netem.New(l.network, l.seed), netem.New(l.network, l.seed+1000)
	random := rand.New(rand.NewPCG(l.seed, 2))
	player := jitter.NewPlayer(dec)
	begin := time.Unix(1_000_000, 0)
	pcm := make([]int16, jitter.MaxPull)
	queued, report := 0, begin.Add(lossInterval)
	packet, n := make([]byte, 6+maxPayload), codec.FrameSamples(codec.DefaultPtime)
	var copies [repeat.MaxCopies]repeat.Copy
	for at := 0; at+n <= len(source); at += n {
		seq := at / n
		now := begin.Add(time.Duration(seq) * 20 * time.Millisecond)
		s.adapt()
		k, err := enc.Encode(s.payload[:], source[at:at+n])
		if err != nil {
			t.Fatal(err)
		}
		k = s.packer.Pack(packet[6:], s.payload[:k])
		binary.BigEndian.PutUint16(packet, uint16(seq))
		binary.BigEndian.PutUint32(packet[2:], uint32(at))
		there.Send(packet[:6+k], now)
		for tick := range 4 {
			now := now.Add(time.Duration(5*tick)*time.Millisecond + 1300*time.Microsecond)
			for d, ok := there.Receive(now); ok; d, ok = there.Receive(now) {
				got, ts := binary.BigEndian.Uint16(d), binary.BigEndian.Uint32(d[2:])
				in.note(got, ts, now)
				payload, c := repeat.Unpack(&copies, d[6:])
				player.Put(got, ts, payload, now)
				for _, c := range copies[:c] {
					player.Repeat(got-uint16(c.Distance), ts-uint32(c.Distance*n), c.Payload, now)
				}
			}
			if queued = max(0, queued-jitter.Period); queued <= jitter.Period {
				queued += player.Pull(pcm, now)
			}
		}
		if now.After(report) {
			report = now.Add(time.Duration((0.5 + random.Float64()) * float64(lossInterval)))
			var buf [window]bool
			_, lost := in.missed(buf[:0])
			if back.Send([]byte{1}, now); back.Stats().Lost < back.Stats().Sent {
				if _, ok := back.Receive(now.Add(time.Second)); ok {
					before := a.plan
					if a.follow(s, lost); a.plan != before {
						l.plans++
					}
				}
			}
		}
	}
	return player.Stats()
}

func speech(t *testing.T) (all []int16) {
	t.Helper()
	for _, name := range []string{"alice", "bob"} {
		pcm, err := haltest.ReadWAV("../../tools/call/speech/" + name + ".wav")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pcm...)
	}
	return all
}

// On each path, from the first word on, hardly anything of what was lost must be made up, and the delay moves seldom.
func TestSpeechSurvivesLoss(t *testing.T) {
	source := speech(t)
	length := time.Duration(len(source)) * time.Second / codec.SampleRate
	for _, c := range []struct {
		name    string
		network netem.Config
		most    float64 // part of the speech that is made up
		plans   int     // a call
	}{
		{"5 %", netem.Config{Loss: 0.05}, 0.010, 2}, {"10 %", netem.Config{Loss: 0.10}, 0.020, 2}, {"20 %", netem.Config{Loss: 0.20}, 0.020, 2},
		{"40 %", netem.Config{Loss: 0.40}, 0.045, 2}, {"10 % in runs of 5", netem.Config{Burst: netem.Gilbert(0.10, 5)}, 0.025, 2},
	} {
		const seeds = 4
		made, plans := time.Duration(0), 0
		for seed := range uint64(seeds) {
			l := lossyCall{network: c.network, seed: seed + 1}
			stats := l.run(t, source)
			made += stats.Concealed
			plans += l.plans
			t.Logf("%s lost, seed %d: %v made up, longest hole %v, delay %v, %d plans", c.name, seed+1, stats.Concealed, stats.LongestHole, stats.Delay, l.plans)
		}
		if part := float64(made) / float64(seeds*length); part > c.most || plans > seeds*c.plans {
			t.Errorf("%s lost: %.3f of the speech is made up, at most %.3f; %d plans in %d calls", c.name, part, c.most, plans, seeds)
		}
	}
}
