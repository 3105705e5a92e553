package phonebook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// vCards (RFC 6350; 3.0 and 2.1 are read as far as they agree): the name, one address, and our key of speed dial. Devices
// and trust are never in them: who sends a card must not be able to say whose device is whose.

// ErrCard says that a text is no vCard, or too long a one.
var ErrCard = errors.New("phonebook: that is no vCard")

const maxCards = 1 << 20 // bytes

// FormatCards writes contacts as vCards.
func FormatCards(contacts []Contact) string {
	var b strings.Builder
	for _, c := range contacts {
		fmt.Fprintf(&b, "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:%s\r\n", escapeCard(c.Name))
		switch {
		case isSIP(c.Address):
			fmt.Fprintf(&b, "IMPP:%s\r\n", escapeCard(c.Address))
		case c.Address != "":
			fmt.Fprintf(&b, "TEL:%s\r\n", escapeCard(c.Address))
		}
		if c.Speed > 0 {
			fmt.Fprintf(&b, "X-SOTTO-SPEED:%d\r\n", c.Speed)
		}
		b.WriteString("END:VCARD\r\n")
	}
	return b.String()
}

func escapeCard(s string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ";", `\;`, "\n", `\n`).Replace(s)
}

func unescapeCard(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == 'n' || s[i] == 'N' {
				b.WriteByte(' ')
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ParseCards reads vCards from anywhere. Cards without a name or an address are left out.
func ParseCards(text string) ([]Contact, error) {
	if len(text) > maxCards || !strings.Contains(strings.ToUpper(text), "BEGIN:VCARD") {
		return nil, ErrCard
	}
	// "a long line ... folding: CRLF immediately followed by a single white space character" (RFC 6350, Section 3.2)
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\n ", ""), "\n\t", "")
	var all []Contact
	var card Contact
	inside := false
	for line := range strings.SplitSeq(text, "\n") {
		property, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		property, _, _ = strings.Cut(strings.ToUpper(property), ";")
		if _, after, grouped := strings.Cut(property, "."); grouped { // item1.TEL
			property = after
		}
		switch property {
		case "BEGIN":
			card, inside = Contact{}, true
		case "END":
			card.Name, card.Address = printable(card.Name, maxName), printable(card.Address, maxAddress)
			if inside && card.Name != "" && card.Address != "" {
				all = append(all, card)
			}
			inside = false
		default:
			card.property(property, unescapeCard(value))
		}
		if len(all) > maxContacts {
			return nil, ErrCard
		}
	}
	return all, nil
}

// property takes what a telephone needs of a card. An address of ours counts more than a number.
func (c *Contact) property(name, value string) {
	value = strings.TrimSpace(printable(value, len(value))) // first: what hides in a value must not come to light later
	sip := isSIP(c.Address)
	switch name {
	case "FN":
		c.Name = value
	case "N":
		if c.Name == "" {
			family, given, _ := strings.Cut(value, ";")
			given, _, _ = strings.Cut(given, ";")
			c.Name = strings.TrimSpace(given + " " + family)
		}
	case "IMPP", "X-SIP":
		if name == "X-SIP" && !isSIP(value) {
			value = "sip:" + value
		}
		if !sip && isSIP(value) {
			c.Address = value
		}
	case "TEL":
		if c.Address == "" {
			c.Address = number(value)
		}
	case "X-SOTTO-SPEED":
		if n, err := strconv.Atoi(value); err == nil && n >= 2 && n <= 9 {
			c.Speed = n
		}
	}
}

func isSIP(address string) bool {
	return strings.HasPrefix(address, "sip:") || strings.HasPrefix(address, "sips:")
}

// number is a telephone number without its scheme and its visual separators (RFC 3966, Section 5.1.1), and without the
// schemes that come to light when those are gone: what is written out must read as it was.
func number(value string) string {
	value = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(value)
	for strings.HasPrefix(value, "tel:") {
		value = value[len("tel:"):]
	}
	return value
}

// Import adds contacts, as from ParseCards. A name that is there already keeps its address and its device; it returns how
// many are new.
func (b *Book) Import(contacts []Contact) (added int, err error) {
	for _, c := range contacts {
		c.ID, c.Device = "", ""
		switch _, err := b.SaveContact(c); {
		case err == nil:
			added++
		case !errors.Is(err, ErrTwice) && !errors.Is(err, ErrNoName):
			return added, err
		}
	}
	return added, nil
}
