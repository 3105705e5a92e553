package call

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestEveryWordCanBeTyped walks through the lists: each language has one, each word has its keys, fits the octets of a text, and
// stands once.
func TestEveryWordCanBeTyped(t *testing.T) {
	for _, l := range Languages {
		list := commonWords()[l.Code]
		if len(list) < 300 {
			t.Errorf("%s: %d words", l.Code, len(list))
		}
		for i, word := range list {
			if slices.Contains(list[:i], word) {
				t.Errorf("%s: %q twice", l.Code, word)
			}
			for _, r := range word {
				key := slices.IndexFunc(textSymbols[Key2:Key9+1], func(s string) bool { return strings.ContainsRune(s, unicode.ToLower(r)) })
				if key < 0 || unicode.IsDigit(r) {
					t.Errorf("%s: %q: no key for %q", l.Code, word, r)
				}
			}
		}
	}
}

// TestOwnWordsComeFirst: words of contacts and of sent texts stand before the list's, and those that somebody sent us nowhere.
func TestOwnWordsComeFirst(t *testing.T) {
	m := New(Config{Contacts: []Contact{{Name: "Zoë Honecker"}}})
	keys := []Key{4, 6, 6, 3} // gone, home, good, hood, hone|cker
	if got := m.matches(keys); len(got) < 2 || !slices.Contains(got, "home") || slices.Contains(got, "hood") {
		t.Errorf("%q", got)
	}
	m.threads = []Thread{{Messages: []Message{{Text: "The hood. Hoof it", State: MessageDelivered}, {Text: "Gonf", State: MessageReceived}}}}
	got := m.matches(keys)
	if len(got) == 0 || got[0] != "hood" || got[1] != "hoof" || slices.Contains(got, "gonf") {
		t.Errorf("%q", got)
	}
	if i, j := slices.Index(got, "home"), slices.Index(got, "Hone"); i < 0 || j < i {
		t.Errorf("%q: a whole word comes before the beginning of a longer one", got)
	}
}
