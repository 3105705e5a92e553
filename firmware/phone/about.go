package phone

import (
	"context"

	"sotto/firmware/call"
)

// lookAtSystem waits for what is found out about the system on the card, as long as that takes.
func (p *phone) lookAtSystem() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-p.quit; cancel() }()
	var found call.Running
	p.cfg.About(ctx, &found)
	then := func() {
		p.running.Slot, p.running.Image, p.running.Signer = found.Slot, found.Image, found.Signer
		p.tellRunning()
	}
	select {
	case p.results <- then:
	case <-p.quit:
	}
}
