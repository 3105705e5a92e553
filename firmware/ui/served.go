package ui

import "sotto/firmware/call"

// toServerScreen is a call whose keys the servers have: grey, without lock, shield or code, and with what it is as the first line.
func toServerScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	v := &s.Call
	sc.bar = bar{text: w.of("bar.server"), sign: signNoLock, role: roleMuted} // the words need the whole line
	defer func() {
		time := small(call.Clock(v.Elapsed), 2)
		if v.Speaker {
			time.sign = signLoud
		}
		sc.add(time)
		if s.Second {
			sc.add(small(w.with("other.held", shownName(&s.Other)), 1))
		}
	}()
	sc.add(space())
	sc.peer(v, roleMuted)
	sc.add(space())
	switch {
	case sc.notice(s, w, roleText):
	case v.Held:
		sc.add(block{text: w.of("bar.held"), style: styleBody, role: roleBusy, sign: signPause})
	case v.HeldThere:
		sc.add(block{text: w.of("held.there"), style: styleBody, role: roleBusy, lines: 2, sign: signPause})
	case v.Alert != "":
		why := w.maybe(call.Label("alert." + v.Alert))
		if why == "" {
			why = w.of("alert")
		}
		sc.add(block{text: why, style: styleBody, role: roleWarn, lines: 2, sign: signWarn})
	case v.Muted:
		sc.add(block{text: w.of("muted"), style: styleBody, role: roleWarn, sign: signNoMic})
	default:
		sc.add(body(w.of("server.hint")).in(roleText))
	}
}
