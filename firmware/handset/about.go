package main

import (
	"context"
	"time"

	"sotto/firmware/boot"
	"sotto/firmware/call"
)

// day is that of the image.
func day() string { return when().UTC().Format(time.DateOnly) }

// aboutOf completes what the screen tells of the system, once PID 1 has looked at the card.
func aboutOf(env boot.Environment) func(context.Context, *call.Running) {
	return func(ctx context.Context, r *call.Running) {
		a := env.About(ctx)
		r.Slot, r.Image, r.Signer = a.Slot, a.Image, a.Signer
	}
}

// setLink gives the cable the address that the owner set; the accounts are nobody's business but the telephone's.
func setLink(env boot.Environment) func(call.Setup) error {
	return func(s call.Setup) error {
		if !s.Static {
			return env.SetLink("", "", "")
		}
		return env.SetLink(s.Address, s.Router, s.DNS)
	}
}
