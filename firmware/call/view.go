package call

import (
	"slices"
	"time"
)

// Snapshot is what the screen shows now.
func (m *Machine) Snapshot() Snapshot {
	left, right := m.softKeys()
	s := Snapshot{State: m.state(), Left: left.label, Right: right.label, Own: m.own, Now: m.now, Network: m.network,
		Battery: m.battery, Missed: m.missed, Notice: m.notice.label, NoticeArg: m.notice.arg, Selected: -1,
		Backlight: m.light, Settings: m.settings}
	s.Mailbox = m.mailbox
	s.Trouble = m.running.Trouble != m.troubleRead
	if s.Second = m.other != nil; s.Second {
		s.Other = m.other.view(m.now, m.settings.Volume)
	}
	if m.call != nil {
		s.Call = m.call.view(m.now, m.settings.Volume)
		s.Lamp = !m.call.since.IsZero() && m.call.alarm == NoAlarm && (m.call.state == Talking || m.call.state == Verifying)
	}
	switch s.State {
	case Waiting:
		s.Call, s.Other = s.Other, s.Call
	case Idle: // until they are read
		if n := m.unread(); n > 0 && s.Notice == "" {
			s.Notice, s.NoticeArg = "message.unread", missedCount(n)
		}
	case Dialling:
		s.Input = Input{Text: shownDigits(m.typed.String())}
		for _, c := range m.found() {
			s.Rows = append(s.Rows, Row{Text: c.Name, Trust: c.Trust, Mark: MarkTrust})
		}
		s.Selected = m.chosen
		if m.choosesAccount() {
			a := m.through()
			s.Through, s.Missing = m.shownThrough(a), slices.Contains(m.network.Missing, a.name())
		}
	case Listing, Reading, Entering:
		m.top().show(&s, &m.typed, m.settings.Words)
	}
	return s
}

// show puts the page on the snapshot. A copy of the rows keeps the snapshot a value.
func (p *page) show(s *Snapshot, t *typing, words bool) {
	s.Title, s.TitleText = p.title, p.text
	s.Rows, s.Selected = append([]Row(nil), p.list...), p.selected
	s.Lines = append([]string(nil), p.lines...)
	s.QR = p.qr
	if p.state == Reading {
		s.Selected = p.first
	}
	if s.Notice == "" || p.state == Reading && p.hint != "" { // a question is never hidden
		s.Notice, s.NoticeArg = p.hint, p.hintArg
	}
	if p.state != Entering {
		return
	}
	s.Input = Input{Text: t.String(), Pending: t.open || len(t.word.keys) > 0, Secret: p.secret}
	if p.secret { // only the number of symbols leaves
		s.Input.Text = string(make([]byte, len(t.text)))
	}
	if p.table.cased() {
		s.Input.Mode = "abc"
		if len(t.word.keys) > 0 && t.word.upper || len(t.word.keys) == 0 && (t.capital(p.table) || t.open && t.large) {
			s.Input.Mode = "Abc"
		}
		if words && p.table.predicts() {
			s.Input.Mode += "*" // the key for the next word
		}
	}
}

// view is the call as it is shown.
func (c *current) view(now time.Time, volume int) View {
	v := View{Peer: c.peer, Claimed: c.claimed, Outgoing: c.outgoing, Ringing: c.ringing, Connecting: c.connecting, ServerOnly: c.serverOnly, Elapsed: c.talked,
		Held: c.held, HeldThere: c.heldThere,
		Trust: c.trust, Plus: c.trust == Verified && c.keys.Authentic, Alarm: c.alarm, Alert: c.alert,
		Disclosure: c.keys.Disclosure, Code: c.code(), Muted: c.muted, Speaker: c.speaker, Volume: volume, Cause: c.cause}
	if c.alarm == OtherPerson {
		v.AlarmName = c.keys.Name
	}
	if c.keys.SAS != "" || c.trust == ServerOnly {
		v.Algorithms = c.keys.algorithms()
	}
	if c.state != Ended && !c.since.IsZero() {
		v.Elapsed = now.Sub(c.since)
	}
	if c.lost && c.state != Ended {
		v.Alert = networkLost
	}
	v.Quality = quality(c.stats.Lost)
	return v
}

// quality is bars for the share of frames that had to be concealed: at 5 percent people begin to complain, at 20 they
// do not understand.
func quality(lost float64) int {
	switch {
	case lost < 0.01:
		return 4
	case lost < 0.05:
		return 3
	case lost < 0.10:
		return 2
	case lost < 0.20:
		return 1
	}
	return 0
}
