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
	"sotto/tools/bench/stoi"
)

// lossyCall is one direction of a call in virtual time, and the reports that come back over as bad a way: encoder, copies,
// network, buffer, decoder and the adaptation that joins them, all of them a call's own.
type lossyCall struct {
	network netem.Config
	seed    uint64
	plans   int // changes of the plan
}

func (l *lossyCall) run(t *testing.T, source []int16) (score float64, stats jitter.Stats) {
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
	var played, pcm []int16
	pcm = make([]int16, jitter.MaxPull)
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
				m := player.Pull(pcm, now)
				queued += m
				played = append(played, pcm[:m]...)
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
	r, err := stoi.Measure(source, played)
	if err != nil {
		t.Fatal(err)
	}
	return r.Mean, player.Stats()
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

// On each path, over several seeds and from the first word on, speech stays intelligible.
func TestSpeechSurvivesLoss(t *testing.T) {
	source := speech(t)
	for _, c := range []struct {
		name    string
		network netem.Config
		least   float64
	}{
		{"5 %", netem.Config{Loss: 0.05}, 0.98}, {"10 %", netem.Config{Loss: 0.10}, 0.98}, {"20 %", netem.Config{Loss: 0.20}, 0.97},
		{"40 %", netem.Config{Loss: 0.40}, 0.93}, {"10 % in runs of 5", netem.Config{Burst: netem.Gilbert(0.10, 5)}, 0.94},
	} {
		const seeds = 2
		sum := 0.0
		for seed := range uint64(seeds) {
			l := lossyCall{network: c.network, seed: seed + 1}
			score, stats := l.run(t, source)
			t.Logf("%s lost, seed %d: STOI %.3f, longest hole %v, concealed %v, delay %v, %d plans", c.name, seed+1, score, stats.LongestHole, stats.Concealed, stats.Delay, l.plans)
			sum += score / seeds
		}
		if sum < c.least {
			t.Errorf("%s lost: STOI %.3f, want %.2f", c.name, sum, c.least)
		}
	}
}
