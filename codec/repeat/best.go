package repeat

import (
	"math"
	"slices"
)

// What the parts of a Plan cost, in parts of the packets that stay lost: one in a hundred takes 0.004 from intelligibility
// (docs/OPUS15.md). A change costs too, for the delay moves with it, so that it must be worth longer, or shorter where it
// gives up what guarded.
const (
	distanceCost = 0.001 // of each packet that a copy comes later: delay
	longer       = 0.010
	shorter      = 0.020
	none         = 0.0015 // to give up a copy that follows at once
	farthest     = 16     // packets between a frame and its copy
)

// copiesCost is what the lower rates cost that make room for copies.
var copiesCost = [MaxCopies + 1]float64{0, 0.003, 0.015, 0.022}

// Best chooses the Plan that would hurt least on the path on which lost[i] tells that packet i did not come: what would
// stay lost, the lower rate that copies leave, and the delay of waiting for them. One outage, a run that no copy could have
// saved with what lies about it, does not count: it is an accident, and two are the way of a path. now is the plan in use; it stays unless another one is
// clearly better.
func Best(lost []bool, now Plan) Plan {
	if from, to := longestRun(lost); to-from > farthest {
		from, to = around(lost, from, to)
		lost = slices.Concat(lost[:from], lost[to:])
	}
	if !slices.Contains(lost, true) {
		return Plan{}
	}
	path := learn(lost)
	best, least := now, path.cost(now)
	try := func(p Plan) {
		margin := longer
		switch reach := now.Copies * now.Distance; {
		case p.Copies*p.Distance < reach && reach == 1:
			margin = none
		case p.Copies*p.Distance < reach:
			margin = shorter
		}
		if c := path.cost(p) + margin; c < least {
			best, least = p, c
		}
	}
	try(Plan{})
	for n := 1; n <= MaxCopies; n++ {
		try(Plan{n, 1})
	}
	for d := 2; d <= farthest; d++ {
		try(Plan{1, d}) // one copy behind the run; a second would come too late
	}
	return best
}

// gilbert is a path as E. N. Gilbert has it ("Capacity of a Burst-Noise Channel", 1960): the part of the packets that is
// lost, and by how much the next one is likelier lost after a loss than after none, 0 when chance alone decides.
type gilbert struct{ lost, lasting float64 }

// Of this implementation, for the first seconds, in which few packets tell much.
const (
	fewest   = 50   // packets: less than these tell as little
	doubt    = 2    // losses that chance decided, beside those seen
	chance   = 0.3  // what lasts less is chance
	runs     = 10   // losses in runs, beside those seen where it was not chance: the runs seen first are seldom the longest
	runsLast = 0.87 // part of those that another one follows
)

func learn(lost []bool) gilbert {
	var after, fell [2]float64 // packets after one that came and after one that did not; those of them that are lost
	for i := 1; i < len(lost); i++ {
		before := 0
		if lost[i-1] {
			before = 1
		}
		after[before]++
		if lost[i] {
			fell[before]++
		}
	}
	all := fell[0] + fell[1]
	if lost[0] {
		all++
	}
	g := gilbert{lost: all / max(float64(len(lost)), fewest)}
	begins := fell[0] / max(1, after[0])
	if (fell[1]+doubt*g.lost)/(after[1]+doubt)-begins >= chance {
		g.lasting = (fell[1]+runs*runsLast)/(after[1]+runs) - begins
	}
	return g
}

// cost of a plan on this path. A copy is lost too with less probability the farther it is from its frame.
func (g gilbert) cost(p Plan) float64 {
	again := g.lost + (1-g.lost)*math.Pow(g.lasting, float64(p.Distance))
	return g.lost*math.Pow(again, float64(p.Copies)) + copiesCost[p.Copies] + distanceCost*float64(p.Copies*p.Distance)
}

// around widens a run by all losses before and after that are less than a copy's way from it: a network that comes back does
// so by and by.
func around(lost []bool, from, to int) (int, int) {
	for i := from - 1; i >= max(0, from-farthest); i-- {
		if lost[i] {
			from = i
		}
	}
	for i := to; i < min(len(lost), to+farthest); i++ {
		if lost[i] {
			to = i + 1
		}
	}
	return from, to
}

// longestRun finds the losses from..to that are one run and the longest of all.
func longestRun(lost []bool) (from, to int) {
	for i := 0; i < len(lost); {
		n := 0
		for i+n < len(lost) && lost[i+n] {
			n++
		}
		if n > to-from {
			from, to = i, i+n
		}
		i += n + 1
	}
	return from, to
}
