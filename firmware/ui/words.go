package ui

import (
	"embed"
	"strings"
	"sync"
	"time"
	"unicode"

	"sotto/firmware/call"
)

// The words of every language lie in lang/CODE.txt, a line each: the label, an equals sign, the text. {} stands for what
// is put in.

//go:embed lang/*.txt
var langFiles embed.FS

// vocabulary is the words of one language.
type vocabulary map[call.Label]string

var vocabularies = sync.OnceValue(func() map[string]vocabulary {
	all := map[string]vocabulary{}
	for _, l := range call.Languages {
		b, err := langFiles.ReadFile("lang/" + l.Code + ".txt")
		if err != nil {
			continue // the tests ask for every language
		}
		v := vocabulary{}
		for line := range strings.Lines(string(b)) {
			if label, text, ok := strings.Cut(line, "="); ok {
				v[call.Label(strings.TrimSpace(label))] = strings.TrimSpace(text)
			}
		}
		all[l.Code] = v
	}
	return all
})

// words is the vocabulary of a language, English where there is none.
func words(code string) vocabulary {
	if v := vocabularies()[code]; v != nil {
		return v
	}
	return vocabularies()["en"]
}

// of is the text of a label. A label without words shows itself, so that nothing is silently empty.
func (v vocabulary) of(l call.Label) string {
	if l == "" {
		return ""
	}
	if s, ok := v[l]; ok {
		return s
	}
	return string(l)
}

// maybe is the text of a label that not every cause has.
func (v vocabulary) maybe(l call.Label) string { return v[l] }

// maxArg is how much of a name goes into a sentence of ours, in runes: it must leave room for the sentence.
const maxArg = 20

// with puts arg in, which may be somebody's name.
func (v vocabulary) with(l call.Label, arg string) string {
	if r := []rune(clean(arg)); len(r) > maxArg {
		arg = string(r[:maxArg-1]) + "…"
	} else {
		arg = string(r)
	}
	return strings.ReplaceAll(v.of(l), "{}", arg)
}

// maxForeign is how much of a stranger's text is looked at, in bytes: more than any line holds.
const maxForeign = 160

// clean takes out of a stranger's text what is no picture: line ends, marks of direction, bytes that are no text.
func clean(s string) string {
	s = s[:min(len(s), maxForeign)]
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// date is the day as people of that language write it, without the year.
func (v vocabulary) date(t time.Time) string {
	days, months := strings.Fields(v.of("days")), strings.Fields(v.of("months"))
	if len(days) != 7 || len(months) != 12 {
		return t.Format("2006-01-02")
	}
	day := strings.NewReplacer("{w}", days[t.Weekday()], "{d}", t.Format("2"), "{m}", months[t.Month()-1])
	return day.Replace(v.of("date"))
}
