package phone

import (
	"context"
	"time"

	"sotto/firmware/call"
	"sotto/net/clock"
)

// asked is how it stands with the time server.
type asked struct {
	server   string
	plain    bool
	running  bool
	failures int       // in a row
	due      time.Time // when it is asked next
}

// smallestStep is the error of the clock that nobody minds.
const smallestStep = 500 * time.Millisecond

// askClock asks the owner's time server when it is time to, and sets the clock.
func (p *phone) askClock() {
	c, s := &p.clock, &p.own.Setup
	if c.server != s.Clock || c.plain != s.NTP {
		*c = asked{server: s.Clock, plain: s.NTP, running: c.running}
	}
	if p.cfg.SetClock == nil || c.server == "" || p.line == nil || c.running || time.Now().Before(c.due) {
		return
	}
	c.running = true
	want := clock.Config{Server: c.server, Plain: c.plain, Floor: p.cfg.Floor}
	p.background(func(context.Context) func() {
		behind, err := clock.Ask(want)
		if err == nil && behind.Abs() > smallestStep {
			err = p.cfg.SetClock(time.Now().Add(behind))
		}
		return func() { p.toldTime(want, err) }
	})
}

// toldTime plans the next question.
func (p *phone) toldTime(of clock.Config, err error) {
	c := &p.clock
	c.running = false
	if c.server != of.Server || c.plain != of.Plain {
		return // another is asked now
	}
	c.failures++
	if err == nil {
		c.failures = 0
	} else {
		p.note(Note{Event: "alert", Why: err.Error()})
	}
	c.due = time.Now().Add(clock.Next(c.failures))
	p.handle(call.Tick{})
}
