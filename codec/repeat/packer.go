package repeat

import "sotto/codec"

// Plan says which earlier payloads a packet carries: Copies of them, the first Distance packets ago and each further one
// as many packets more as Distance, at least one. The zero Plan repeats nothing.
type Plan struct{ Copies, Distance int }

// Packer remembers the payloads of a stream and packs them by a plan.
type Packer struct {
	plan    Plan
	past    [MaxDistance + 1][codec.MaxPayload]byte
	lengths [MaxDistance + 1]int
	sent    int
}

// SetPlan changes the plan from the next packet on, held within what Pack can do.
func (p *Packer) SetPlan(plan Plan) {
	plan.Copies = min(max(plan.Copies, 0), MaxCopies)
	plan.Distance = min(max(plan.Distance, 1), MaxDistance/max(1, plan.Copies))
	p.plan = plan
}

// Plan is the plan in use.
func (p *Packer) Plan() Plan { return p.plan }

// Pack writes payload and what the plan repeats into dst and returns the length. A payload that cannot be packed goes
// out alone.
func (p *Packer) Pack(dst, payload []byte) int {
	var copies [MaxCopies]Copy
	n := 0
	for i := 1; i <= p.plan.Copies; i++ {
		if d := i * p.plan.Distance; d <= p.sent {
			slot := (p.sent - d) % len(p.past)
			copies[n] = Copy{d, p.past[slot][:p.lengths[slot]]}
			n++
		}
	}
	size, err := Pack(dst, payload, copies[:n], p.plan.Copies)
	if err != nil {
		size = copy(dst, payload)
	}
	slot := p.sent % len(p.past)
	p.lengths[slot] = copy(p.past[slot][:], payload)
	p.sent++
	return size
}
