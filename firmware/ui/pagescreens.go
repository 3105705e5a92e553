package ui

import (
	"strings"

	"sotto/firmware/call"
)

func listingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: pageTitle(s, w), right: clock(s)}
	if len(s.Rows) == 0 {
		sc.add(space())
		sc.notice(s, w, roleMuted)
		sc.add(space())
		return
	}
	rows := make([]call.Row, len(s.Rows))
	for i, r := range s.Rows {
		r.Text, r.Detail = clean(r.Text), clean(r.Detail)
		if r.Label != "" {
			r.Text = w.of(r.Label)
		}
		if r.State != "" {
			r.Detail = strings.TrimSpace(r.Detail + " " + w.of(r.State))
		}
		rows[i] = r
	}
	sc.add(block{kind: kindRows, rows: rows, at: s.Selected})
	sc.notice(s, w, roleWarn)
}

func pageTitle(s *call.Snapshot, w vocabulary) string {
	if s.TitleText != "" {
		return clean(s.TitleText)
	}
	return w.of(s.Title)
}

func readingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: pageTitle(s, w), right: clock(s)}
	if s.Notice != "" {
		sc.add(space(), block{text: w.with(s.Notice, s.NoticeArg), style: styleBody, lines: 5}, space())
		return
	}
	if s.QR != "" {
		sc.add(block{kind: kindQR, text: s.QR, minor: 1})
	}
	lines := make([]string, len(s.Lines))
	for i, l := range s.Lines {
		lines[i] = clean(l)
	}
	sc.add(block{kind: kindLines, texts: lines, at: s.Selected})
}

func enteringScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: pageTitle(s, w), right: s.Input.Mode}
	text := s.Input.Text
	if s.Input.Secret {
		text = strings.Repeat("•", len(text))
	}
	sc.add(space(), block{kind: kindInput, text: text, style: styleTitle, theirs: true}, space())
	sc.notice(s, w, roleWarn)
}

func closedScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: w.of("bar.locked"), sign: signLock, right: clock(s)}
	sc.add(space(), block{kind: kindSign, sign: signLock, role: roleMuted, minor: 1}, space())
	if !sc.notice(s, w, roleText) {
		sc.add(body(w.of("locked")))
	}
}
