package puppet

import "strings"

// groups are the symbols of the code's keys, in the order in which pressing again gives them.
var groups = map[string]string{"1": "1", "2": "abc", "3": "def3", "4": "ghi4", "5": "jk5", "6": "mno6", "7": "pqrs7", "8": "tu8", "9": "wxyz9"}

// TypeCode types symbols of the code as a finger does: again and again on a key, then a pause.
func (h *Handset) TypeCode(symbols string) {
	for _, symbol := range symbols {
		for key, group := range groups {
			for range strings.IndexRune(group, symbol) + 1 {
				h.Say("press " + key)
			}
		}
		h.Say("sleep 1200ms")
	}
}

// Halves are what the owner of a handset that is secure says of the code, and hears: the initiator says the first half.
func (e Event) Halves() (own, theirs string) {
	if e.Role == "initiator" {
		return e.SAS[:2], e.SAS[2:]
	}
	return e.SAS[2:], e.SAS[:2]
}
