package repeat

import "slices"

// What the parts of a Plan cost, in parts of the packets that stay lost: one in a hundred takes 0.004 from intelligibility
// (docs/OPUS15.md). A change costs too, for the delay moves with it, so that it must be worth longer, or shorter where it
// gives up what guarded.
const (
	distanceCost = 0.0025 // of each packet that a copy comes later: delay
	longer       = 0.010
	shorter      = 0.020
	none         = 0.003 // to give up a copy that follows at once
	fewest       = 50    // packets: less than these tell as little
	proof        = 150   // packets that can tell runs from chance
	farthest     = 16    // packets between a frame and its copy
)

// copiesCost is what the lower rates cost that make room for copies.
var copiesCost = [MaxCopies + 1]float64{0, 0.003, 0.015, 0.022}

// Best chooses the Plan with which the fates of the last packets would have hurt least, lost[i] telling that packet i did
// not come: what would have stayed lost, the lower rate that copies leave, and the delay of waiting for them. The longest
// run does not count: one outage is an accident, two are the way of a path. now is the plan in use; it stays unless another
// one is clearly better.
func Best(lost []bool, now Plan) Plan {
	if !slices.Contains(lost, true) {
		return Plan{}
	}
	from, to := longestRun(lost)
	cost := func(p Plan) float64 {
		stay := 0
		for i, gone := range lost {
			if gone && (i < from || i >= to) && !saved(lost, i, p) {
				stay++
			}
		}
		return float64(stay)/float64(max(len(lost), fewest)) + copiesCost[p.Copies] + distanceCost*float64(p.Copies*p.Distance)
	}
	best, least := now, cost(now)
	try := func(p Plan) {
		margin := longer
		switch reach := now.Copies * now.Distance; {
		case p.Copies*p.Distance < reach && reach == 1:
			margin = none
		case p.Copies*p.Distance < reach:
			margin = shorter
		}
		if c := cost(p) + margin; c < least {
			best, least = p, c
		}
	}
	try(Plan{})
	for n := 1; n <= MaxCopies; n++ {
		try(Plan{n, 1})
	}
	for d := 2; d <= farthest && len(lost) >= proof; d++ {
		try(Plan{1, d}) // one copy behind the run; a second would come too late
	}
	if best.Distance > now.Distance {
		best.Distance = min(best.Distance*5/4, farthest) // few runs were seen yet, and the next one may be longer
	}
	return best
}

// saved tells whether a copy of packet i came. What was not sent yet will.
func saved(lost []bool, i int, p Plan) bool {
	for n := 1; n <= p.Copies; n++ {
		if at := i + n*p.Distance; at >= len(lost) || !lost[at] {
			return true
		}
	}
	return false
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
