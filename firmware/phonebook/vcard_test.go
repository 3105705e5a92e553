package phonebook

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Cards as other telephones write them.
const foreignCards = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Muster;Erika;;;\r\nTEL;TYPE=CELL,VOICE:+49 (30) 123-456\r\nEND:VCARD\r\n" +
	"begin:vcard\nversion:4.0\nFN:Ana Garc\n ía\\, Dr.\nitem1.IMPP;PREF=1:sip:ana@example.test\nitem2.TEL;VALUE=uri:tel:+34555\nNOTE:x\nend:vcard\n" +
	"BEGIN:VCARD\r\nFN:Bob\u202e\x07 Evil\r\nX-SIP:bob@example.test\r\nX-SOTTO-SPEED:77\r\nDEVICE:b00b00\r\nEND:VCARD\r\n" +
	"BEGIN:VCARD\r\nFN:Nobody reachable\r\nEND:VCARD\r\nBEGIN:VCARD\r\nTEL:1\r\nEND:VCARD\r\n"

func TestParseCards(t *testing.T) {
	got, err := ParseCards(foreignCards)
	want := []Contact{{Name: "Erika Muster", Address: "+4930123456"}, {Name: "Ana García, Dr.", Address: "sip:ana@example.test"},
		{Name: "Bob Evil", Address: "sip:bob@example.test"}}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got, want)
	}
	for _, s := range []string{"", "PK\x03\x04", strings.Repeat("BEGIN:VCARD\n", maxCards/8)} {
		if _, err := ParseCards(s); !errors.Is(err, ErrCard) {
			t.Errorf("%.20q: %v", s, err)
		}
	}
}

func TestCardsThereAndBack(t *testing.T) {
	b, _, _ := people(t)
	if _, err := b.SaveContact(Contact{Name: `Semi;colon, back\slash`, Address: "0815", Speed: 7}); err != nil {
		t.Fatal(err)
	}
	got, err := ParseCards(FormatCards(b.Contacts()))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d %v", len(got), err)
	}
	for i, c := range b.Contacts() {
		if got[i].Name != c.Name || got[i].Address != c.Address || got[i].Speed != c.Speed || got[i].Device != "" {
			t.Errorf("%+v became %+v", c, got[i])
		}
	}
}

// TestImportTakesNobodysPlace: a card that calls itself Bob changes neither Bob's address nor his device.
func TestImportTakesNobodysPlace(t *testing.T) {
	b, _, _ := people(t)
	before := b.Contacts()
	added, err := b.Import([]Contact{{Name: "bob", Address: "sip:mallory@192.0.2.1", Device: malZID.String()},
		{Name: "Dora", Address: "1", Device: bobZID.String()}})
	if err != nil || added != 1 {
		t.Fatal(added, err)
	}
	for _, c := range b.Contacts() {
		if c.Name == "Dora" && c.Device != "" {
			t.Error("a card brought a device")
		}
		if c.Name == "Bob" && !slices.Contains(before, c) {
			t.Errorf("Bob became %+v", c)
		}
	}
}

func TestBackup(t *testing.T) {
	b, bobID, _ := people(t)
	var file bytes.Buffer
	if err := b.Backup(&file, ""); err == nil {
		t.Fatal("a backup without a passphrase")
	}
	file.Reset()
	if err := b.Backup(&file, "open sesame"); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"Bob"`, "10.0.0.2", b.ZID().String(), bobZID.String()} {
		if bytes.Contains(file.Bytes(), []byte(word)) {
			t.Errorf("the backup holds %q in the clear", word)
		}
	}
	fresh, err := newBook(&failing{left: 9}, nil)
	if err != nil {
		t.Fatal(err)
	}
	zid := fresh.ZID()
	for name, try := range map[string]struct {
		file []byte
		pass string
	}{"wrong passphrase": {file.Bytes(), "open barley"}, "cut": {file.Bytes()[:file.Len()-3], "open sesame"}, "rubbish": {[]byte("rubbish"), "open sesame"}} {
		if err := fresh.Restore(bytes.NewReader(try.file), try.pass); !errors.Is(err, ErrPassphrase) || fresh.ZID() != zid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := fresh.Restore(&file, "open sesame"); err != nil {
		t.Fatal(err)
	}
	if j := fresh.Judge(bobAt, bobZID); j.Name != "Bob" || fresh.ZID() != b.ZID() || fresh.SafetyNumber(bobID) != b.SafetyNumber(bobID) {
		t.Fatalf("%+v", j)
	}
}

func FuzzCards(f *testing.F) {
	f.Add(foreignCards)
	f.Add("BEGIN:VCARD\nFN:\\\nTEL:\nEND:VCARD")
	f.Add("BEGIN:VCARD\nFN:A\nTEL:t-el:5\nEND:VCARD")
	f.Add("BEGIN:VCARD\nN:0\nTEL:\x80tel:\nEND:VCARD")
	f.Add("BEGIN:VCARD\nFN:A\nX-SIP:sip\nTEL:sip\nEND:VCARD")
	f.Fuzz(func(t *testing.T, s string) {
		cards, err := ParseCards(s)
		if err != nil {
			return
		}
		for _, c := range cards {
			if c.Name == "" || len(c.Name) > maxName || len(c.Address) > maxAddress || c.Device != "" || strings.ContainsAny(c.Name+c.Address, "\r\n\x00") {
				t.Fatalf("accepted %+v", c)
			}
		}
		again, err := ParseCards(FormatCards(cards))
		if len(cards) > 0 && (err != nil || len(again) != len(cards)) {
			t.Fatalf("%d cards became %d: %v", len(cards), len(again), err)
		}
	})
}
