package ui

import (
	"slices"

	"sotto/firmware/call"
)

func diallingScreen(sc *screen, s *call.Snapshot, w vocabulary) {
	sc.bar = bar{text: w.of("bar.dial"), sign: signPhone, right: clock(s)}
	sc.add(space(), block{text: s.Input.Text, style: styleHero, lines: 2})
	through(sc, s, w)
	sc.add(space())
	if len(s.Rows) > 0 {
		rows := slices.Clone(s.Rows)
		for i := range rows {
			rows[i].Text = clean(rows[i].Text)
		}
		sc.add(block{kind: kindRows, rows: rows, at: s.Selected, lines: 2})
		return
	}
	if s.Through != "" {
		sc.add(small(w.of("dial.account"), 2))
	}
	sc.add(small(w.of("dial.hint"), 3))
}

// through says which account the number goes through, in one line: where contacts were found, there is room for no more.
func through(sc *screen, s *call.Snapshot, w vocabulary) {
	if s.Through == "" {
		return
	}
	via := block{text: w.with("dial.through", s.Through), style: styleSmall, role: roleMuted, theirs: true}
	if !s.Missing {
		sc.add(via)
		return
	}
	via.role, via.sign = roleWarn, signCross
	sc.add(via, block{text: w.of("net.account"), style: styleSmall, role: roleWarn, minor: 1})
}
