package repeat

import (
	"math/rand/v2"
	"testing"
)

// lossesOf is the fate of n packets, of which the part p is lost in runs of that length on average.
func lossesOf(n int, p, run float64, seed uint64) []bool {
	random := rand.New(rand.NewPCG(seed, 1))
	lost := make([]bool, n)
	bad := false
	for i := range lost {
		if run <= 1 {
			lost[i] = random.Float64() < p
			continue
		}
		if bad {
			bad = random.Float64() >= 1/run
		} else {
			bad = random.Float64() < p/(1-p)/run
		}
		lost[i] = bad
	}
	return lost
}

func TestBestFollowsTheLosses(t *testing.T) {
	for _, c := range []struct {
		p, run                      float64
		copies, mostCopies          int
		leastDistance, mostDistance int
	}{
		{0, 1, 0, 0, 0, 1}, {0.002, 1, 0, 0, 0, 1}, {0.05, 1, 1, 1, 1, 1}, {0.20, 1, 2, 3, 1, 1}, {0.40, 1, 3, 3, 1, 1},
		{0.10, 5, 1, 1, 3, 16}, {0.10, 2, 1, 1, 4, 9},
	} {
		right := 0
		for seed := range uint64(100) {
			p := Best(lossesOf(500, c.p, c.run, seed), Plan{})
			if p.Copies >= c.copies && p.Copies <= c.mostCopies && p.Distance >= c.leastDistance && p.Distance <= c.mostDistance {
				right++
			}
		}
		if right < 90 {
			t.Errorf("%.1f %% lost in runs of %.0f: the plan expected in %d of 100 seeds only", c.p*100, c.run, right)
		}
	}
}

func TestBestForgivesOneOutage(t *testing.T) {
	lost := make([]bool, 500)
	for i := range 30 {
		lost[100+i] = true
	}
	for i := range 14 { // it goes and comes back by and by
		lost[86+i], lost[131+i] = i%5 > 0, i%5 > 0
	}
	if p := Best(lost, Plan{}); p != (Plan{}) {
		t.Errorf("after one outage %+v", p)
	}
	for i := range 12 {
		lost[200+i], lost[300+i], lost[400+i] = true, true, true
	}
	if p := Best(lost, Plan{}); p.Copies != 1 || p.Distance < 8 {
		t.Errorf("after four %+v", p)
	}
}

func TestBestKeepsWhatIsNearlyAsGood(t *testing.T) {
	changes, now := 0, Plan{}
	for seed := range uint64(200) {
		if p := Best(lossesOf(500, 0.05, 1, seed), now); p != now {
			changes++
			now = p
		}
	}
	if changes > 8 || now.Copies != 1 {
		t.Errorf("on one path the plan changed %d times in 200 reports, at last to %+v", changes, now)
	}
	if p := Best(make([]bool, 500), now); p != (Plan{}) {
		t.Errorf("when nothing is lost any more: %+v", p)
	}
	if p := Best(nil, Plan{2, 1}); p != (Plan{}) {
		t.Errorf("when nothing is known: %+v", p)
	}
}
