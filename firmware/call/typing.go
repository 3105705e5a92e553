package call

import "strings"

// typing is a text under way on ten keys: a key pressed again within a second gives the next of its symbols.
type typing struct {
	text  []rune
	key   Key
	index int
	open  bool // the last symbol may still change
	upper bool // the next symbol is a capital, because # was pressed
	large bool // the last one is
	word  guess
}

// symbols of the keys 0 to 9 and *, in the order in which pressing again gives them.
type symbols [11]string

var (
	// z-base-32 has no 0, 2, l or v (RFC 6189, Section 5.1.6).
	codeSymbols = symbols{1: "1", 2: "abc", 3: "def3", 4: "ghi4", 5: "jk5", 6: "mno6", 7: "pqrs7", 8: "tu8", 9: "wxyz9"}
	wordSymbols = symbols{2: "abc", 3: "def", 4: "ghi", 5: "jkl", 6: "mno", 7: "pqrs", 8: "tuv", 9: "wxyz"}
	nameSymbols = symbols{" 0", ".-'1,&?!", "abc2äàâáç", "def3éèêë", "ghi4îï", "jkl5", "mno6öôóñ", "pqrs7ß", "tuv8üùûú",
		"wxyz9", "*+"}
	// A text is read by a person: it begins with a capital, and so does each sentence.
	textSymbols = symbols{" 0", ".,?!1-'&@:;()/\"", "abc2äàâáç", "def3éèêë", "ghi4îïí", "jkl5", "mno6öôóñ", "pqrs7ß", "tuv8üùûú",
		"wxyz9", "*+=#"}
	// An address takes a number as it is; letters come by pressing again.
	addressSymbols = symbols{"0+", "1.-_@", "2abc", "3def", "4ghi", "5jkl", "6mno", "7pqrs", "8tuv", "9wxyz", ".:@-_"}
	// A password is typed as it is: digits come last.
	passwordSymbols = symbols{"0 +", "1.-_@,!?:;/()&%$\"'*=<>#~^[]{}|\\", "abc2", "def3", "ghi4", "jkl5", "mno6", "pqrs7", "tuv8", "wxyz9", "*+"}
	hexSymbols      = symbols{"0", "1", "2abc", "3def", "4", "5", "6", "7", "8", "9", ""}
	addressDigits   = symbols{"0", "1/", "2abc", "3def", "4", "5", "6", "7", "8", "9", ".:/"}
	digitSymbols    = symbols{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", ""}
	numberSymbols   = symbols{"0+", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*#"}
)

// cased tells whether a table has capitals.
func (s *symbols) cased() bool {
	return s == &nameSymbols || s == &passwordSymbols || s == &textSymbols
}

// tap types a key and tells whether the last symbol may still change.
func (t *typing) tap(k Key, table *symbols, limit int) bool {
	if int(k) >= len(table) || table[k] == "" {
		t.open = false
		return false
	}
	of := []rune(table[k])
	if t.open && t.key == k {
		t.index = (t.index + 1) % len(of)
		t.text[len(t.text)-1] = t.cased(of[t.index])
		return true
	}
	if len(t.text) >= limit {
		return t.open
	}
	t.large, t.upper = t.capital(table), false
	t.text = append(t.text, t.cased(of[0]))
	t.key, t.index, t.open = k, 0, len(of) > 1
	return t.open
}

// capital tells whether the next symbol will be one: a name begins with a capital, and so does each of its words.
func (t *typing) capital(table *symbols) bool {
	n := len(t.text)
	if table == &textSymbols {
		return t.upper || n == 0 || n > 1 && t.text[n-1] == ' ' && strings.ContainsRune(".?!", t.text[n-2])
	}
	return t.upper || table == &nameSymbols && (n == 0 || t.text[n-1] == ' ')
}

func (t *typing) cased(r rune) rune {
	switch {
	case !t.large:
	case r >= 'a' && r <= 'z', r >= 'à' && r <= 'þ' && r != '÷':
		return r - 'a' + 'A'
	}
	return r
}

// erase takes the last symbol away; false: there is none.
func (t *typing) erase() bool {
	t.open = false
	t.endWord()
	if len(t.text) == 0 {
		return false
	}
	t.text[len(t.text)-1] = 0
	t.text = t.text[:len(t.text)-1]
	return true
}

// wipe forgets what was typed, in memory too: it may have been a PIN.
func (t *typing) wipe() {
	clear(t.text[:cap(t.text)])
	*t = typing{}
}

func (t *typing) String() string { return string(t.text) }
