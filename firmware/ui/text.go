package ui

import (
	"strings"

	"sotto/firmware/call"
)

// Text is what the screen says, line by line: the state line first, the soft keys last, in brackets.
func Text(s call.Snapshot) string {
	sc := compose(&s)
	lines := []string{strings.TrimSpace(sc.bar.text + "  " + sc.bar.right)}
	for i := range sc.blocks {
		if l := sc.blocks[i].plain(); l != "" {
			lines = append(lines, l)
		}
	}
	if sc.left != "" || sc.right != "" {
		var keys []string
		for _, k := range []string{sc.left, sc.right} {
			if k != "" {
				keys = append(keys, "["+k+"]")
			}
		}
		lines = append(lines, strings.Join(keys, " "))
	}
	return strings.Join(lines, "\n")
}

// plain is a block without pixels.
func (b *block) plain() string {
	switch b.kind {
	case kindText, kindInput:
		return b.text
	case kindLines:
		return strings.Join(b.texts, "\n")
	case kindCode:
		var all []string
		for _, c := range cells(b.code, b.mode == "typing") {
			if c.text == "" {
				c.text = "_"
			}
			all = append(all, c.text)
		}
		return strings.Join(all, " ")
	case kindRows:
		var all []string
		for i, r := range b.rows {
			l := "  " + r.Text
			if i == b.at {
				l = "> " + r.Text
			}
			switch r.Mark {
			case call.MarkOn:
				l += ": on"
			case call.MarkOff:
				l += ": off"
			case call.MarkNumbers:
				l += ": numbers"
			case call.MarkFailed:
				l += ": failed"
			}
			if r.Detail != "" {
				l += "  " + r.Detail
			}
			all = append(all, l)
		}
		return strings.Join(all, "\n")
	}
	return ""
}
