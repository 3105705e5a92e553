package call

import (
	"embed"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Whole words on ten keys: each key is pressed once, and what the keys may mean is looked up. First among the owner's own
// words, those of contacts' names and of texts that were sent, then in a small list for each language that we wrote. Nothing is
// learned or kept beside the texts themselves: a word that is deleted with its text is forgotten.

//go:embed words/*.txt
var wordFiles embed.FS

// ownTexts is how many sent texts are looked at for each key: the newest.
const ownTexts = 64

// guess is a word under way.
type guess struct {
	start   int   // where it begins in the text
	keys    []Key // 2 to 9
	choices []string
	at      int
	upper   bool
}

// commonWords of a language, the most frequent first.
var commonWords = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for _, l := range Languages {
		b, _ := wordFiles.ReadFile("words/" + l.Code + ".txt") // the tests ask for every language
		all[l.Code] = strings.Fields(string(b))
	}
	return all
})

// predicts tells whether whole words can be typed with a table.
func (s *symbols) predicts() bool { return s == &nameSymbols || s == &textSymbols }

// typeWord takes a key where whole words are typed; false: the key types a symbol, as elsewhere.
func (m *Machine) typeWord(k Key, p *page) bool {
	t := &m.typed
	under := len(t.word.keys) > 0
	switch {
	case !m.settings.Words || !p.table.predicts():
		return false
	case under && k == KeyHash:
		t.word.upper = !t.word.upper
	case under && k == KeyStar:
		t.word.at = (t.word.at + 1) % len(t.word.choices)
	case k >= Key2 && k <= Key9:
		if len(t.text) >= p.limit {
			return true
		}
		if !under {
			t.word = guess{start: len(t.text), upper: t.capital(p.table)}
			t.upper, t.open = false, false
		}
		t.word.keys = append(t.word.keys, k)
		m.guess(p.table)
	default:
		t.endWord()
		return false
	}
	t.showWord()
	return true
}

// guess looks for what the keys of the word may mean. Where nobody knows such a word, what stood there goes on letter by letter.
func (m *Machine) guess(table *symbols) {
	t := &m.typed
	w := &t.word
	w.at = 0
	if w.choices = m.matches(w.keys); len(w.choices) > 0 {
		return
	}
	stem := t.text[w.start:]
	stem = stem[:min(len(stem), len(w.keys)-1)]
	of := []rune(table[w.keys[len(w.keys)-1]])
	w.choices = []string{strings.ToLower(string(stem)) + string(of[0])}
}

// matches are the words of those keys, then the beginnings of longer ones; without double ones.
func (m *Machine) matches(keys []Key) (found []string) {
	var begun []string
	look := func(word string) {
		switch n, ok := fits(word, keys); {
		case !ok:
		case n == len(word):
			found = append(found, word)
		default:
			begun = append(begun, word[:n])
		}
	}
	for _, c := range m.contacts {
		for _, word := range strings.FieldsFunc(c.Name, notLetter) {
			look(word)
		}
	}
	m.ownWords(look)
	for _, word := range commonWords()[m.settings.Language] {
		look(word)
	}
	var unique []string
	for _, word := range append(found, begun...) {
		if !slices.ContainsFunc(unique, func(u string) bool { return strings.EqualFold(u, word) }) {
			unique = append(unique, word)
		}
	}
	return unique
}

// ownWords gives the words of texts that were sent, those of the newest first.
func (m *Machine) ownWords(look func(string)) {
	for _, thread := range m.threads {
		n := 0
		for _, text := range slices.Backward(thread.Messages) {
			if text.State == MessageReceived {
				continue // somebody else's words
			}
			if n++; n > ownTexts/len(m.threads)+1 {
				break
			}
			for _, sentence := range strings.FieldsFunc(text.Text, func(r rune) bool { return strings.ContainsRune(".?!\n", r) }) {
				for i, word := range strings.FieldsFunc(sentence, notLetter) {
					if i == 0 && word != "I" { // the capital is the sentence's
						word = strings.ToLower(word)
					}
					look(word)
				}
			}
		}
	}
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

// fits tells how many octets of a word the keys are; false: the word does not begin with them.
func fits(word string, keys []Key) (n int, ok bool) {
	i := 0
	for at, r := range word {
		if i == len(keys) {
			return at, true
		}
		if !strings.ContainsRune(textSymbols[keys[i]], unicode.ToLower(r)) {
			return 0, false
		}
		i++
	}
	return len(word), i == len(keys)
}

// showWord puts the chosen word into the text.
func (t *typing) showWord() {
	w := &t.word
	word := []rune(w.choices[w.at])
	if w.upper {
		word[0] = unicode.ToUpper(word[0])
	}
	t.text = append(t.text[:w.start], word...)
}

// endWord leaves the word as it stands.
func (t *typing) endWord() { t.word = guess{} }

// eraseKey takes the last key of the word under way back; false: there is none.
func (m *Machine) eraseKey() bool {
	t := &m.typed
	w := &t.word
	if len(w.keys) == 0 || m.state() != Entering {
		return false
	}
	w.keys = w.keys[:len(w.keys)-1]
	if len(w.keys) == 0 {
		clear(t.text[w.start:])
		t.text = t.text[:w.start]
		t.endWord()
		return true
	}
	m.guess(m.top().table)
	t.showWord()
	return true
}

// changeWords goes from letters to whole words or back, on a long press of #. The press before it asked for a capital.
func (m *Machine) changeWords() {
	p := m.top()
	if !p.table.predicts() {
		return
	}
	m.typeEntry(KeyHash) // takes the capital back
	m.typed.endWord()
	m.settings.Words = !m.settings.Words
	m.save()
	m.say(pick(m.settings.Words, "words.on", "words.off"), "")
}
