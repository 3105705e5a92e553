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
