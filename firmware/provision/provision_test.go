package provision

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"

	"sotto/firmware/update"
)

const office = `sotto-provision 1
serial 7
for all
account office sip:alice:secret@example.test;transport=tls
contact 2 sip:bob@192.0.2.7 Bob Example
contact - 5551234 Reception
setting language de
end
`

var officeFile = File{Serial: 7, Accounts: []Account{{"office", "sip:alice:secret@example.test;transport=tls"}},
	Contacts: []Contact{{2, "sip:bob@192.0.2.7", "Bob Example"}, {0, "5551234", "Reception"}}, Settings: []Setting{{"language", "de"}}}

// owner is a signing key of the owner's.
type owner struct {
	public update.PublicKey
	secret ed25519.PrivateKey
}

func ownerOf(n byte) owner {
	secret := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	return owner{update.PublicKey{ID: [8]byte{n}, Key: [32]byte(secret.Public().(ed25519.PublicKey))}, secret}
}

func (o owner) sign(text string) string {
	return update.Sign(o.public.ID, o.secret, []byte(text), "set-up")
}

var (
	one, two, stranger = ownerOf(1), ownerOf(2), ownerOf(3)
	zid                = [12]byte{0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	terms              = Terms{update.Policy{Keys: []update.PublicKey{one.public, two.public}, Need: 1}, zid, 6}
)

func TestOpen(t *testing.T) {
	mine := strings.Replace(office, "for all", "for 000000000000000000000001\nfor ABCDEF010203040506070809", 1)
	both := terms
	both.Policy.Need = 2
	for name, try := range map[string]struct {
		file  string
		terms Terms
		want  error
	}{
		"signed by one key of one":       {office + one.sign(office), terms, nil},
		"signed by both":                 {office + one.sign(office) + two.sign(office), both, nil},
		"made for me and somebody":       {mine + one.sign(mine), terms, nil},
		"signed twice by one of two":     {office + one.sign(office) + one.sign(office), both, ErrUnsigned},
		"not signed":                     {office, terms, ErrUnsigned},
		"signed by a stranger":           {office + stranger.sign(office), terms, ErrUnsigned},
		"changed after it was signed":    {strings.Replace(office, "Bob", "Eve", 1) + one.sign(office), terms, ErrUnsigned},
		"more after what was signed":     {office + "account e sip:e:e@e.test\nend\n" + one.sign(office), terms, ErrUnsigned},
		"made for somebody else":         {swap(office, "for all", "for 000000000000000000000001"), terms, ErrOther},
		"as old as what is here":         {swap(office, "serial 7", "serial 6"), terms, ErrOlder},
		"older":                          {swap(office, "serial 7", "serial 5"), terms, ErrOlder},
		"empty":                          {"", terms, ErrFormat},
		"a picture":                      {"\x89PNG\r\n", terms, ErrFormat},
		"cut short":                      {office[:60], terms, ErrFormat},
		"longer than any file of ours":   {office + strings.Repeat("x", maxFile), terms, ErrFormat},
		"signed, but for nobody":         {swap(office, "for all\n", ""), terms, ErrFormat},
		"signed, with an unknown word":   {swap(office, "setting", "execute"), terms, ErrFormat},
		"signed, with a key of dialing":  {swap(office, "contact 2", "contact 12"), terms, ErrFormat},
		"signed, without a serial":       {swap(office, "serial 7\n", ""), terms, ErrFormat},
		"signed, with two serials":       {swap(office, "serial 7", "serial 7\nserial 8"), terms, ErrFormat},
		"signed, for all and for one":    {swap(office, "for all", "for all\nfor 000000000000000000000001"), terms, ErrFormat},
		"signed, with an invisible one":  {swap(office, "Bob", "B\u202eob"), terms, ErrFormat},
		"signed, a contact without name": {swap(office, "contact - 5551234 Reception", "contact - 5551234"), terms, ErrFormat},
	} {
		f, err := Open([]byte(try.file), "", try.terms)
		if !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
			continue
		}
		if err != nil && !reflect.DeepEqual(f, File{}) {
			t.Errorf("%s: refused, and yet %+v", name, f)
		}
		if signed := strings.Join(f.SignedBy, " "); err == nil && !strings.HasPrefix(signed, one.public.String()) {
			t.Errorf("%s: signed by %q", name, signed)
		}
		if f.For, f.SignedBy = nil, nil; err == nil && !reflect.DeepEqual(f, officeFile) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// swap changes the text and signs what came of it.
func swap(text, old, new string) string {
	text = strings.Replace(text, old, new, 1)
	return text + one.sign(text)
}

func TestSealed(t *testing.T) {
	file := seal(t, office+one.sign(office), "blue horse")
	if !bytes.Contains(file, []byte(" 10\n")) {
		t.Fatal("the work factor stands elsewhere")
	}
	if !Sealed(file) || Sealed([]byte(office)) {
		t.Fatal("what is sealed is not seen")
	}
	f, err := Open(file, "blue horse", terms)
	if f.SignedBy = nil; err != nil || !reflect.DeepEqual(f, officeFile) {
		t.Errorf("%+v, %v", f, err)
	}
	for name, try := range map[string]struct {
		file []byte
		code string
		want error
	}{
		"another code":         {file, "blue house", ErrCode},
		"no code":              {file, "", ErrCode},
		"too hard to open":     {bytes.Replace(file, []byte(" 10\n"), []byte(" 17\n"), 1), "blue horse", ErrCode},
		"sealed, not signed":   {seal(t, office, "blue horse"), "blue horse", ErrUnsigned},
		"sealed and cut short": {file[:len(file)-9], "blue horse", ErrFormat},
		"a sealed flood":       {seal(t, strings.Repeat("a", maxFile+1), "blue horse"), "blue horse", ErrFormat},
	} {
		if f, err := Open(try.file, try.code, terms); !errors.Is(err, try.want) || !reflect.DeepEqual(f, File{}) {
			t.Errorf("%s: %v, want %v", name, err, try.want)
		}
	}
}

func seal(t *testing.T, text, code string) []byte {
	t.Helper()
	r, err := age.NewScryptRecipient(code)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPasswordsHide(t *testing.T) {
	if s := fmt.Sprintf("%v %+v %#v", officeFile, officeFile.Accounts, officeFile.Accounts[0]); strings.Contains(s, "secret") {
		t.Error(s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(office))
	f.Add([]byte(strings.Replace(office, "all", "ABCDEF010203040506070809", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b)
		if err != nil {
			if !reflect.DeepEqual(file, File{}) {
				t.Fatal("refused, and yet something was taken")
			}
			return
		}
		if file.Serial == 0 {
			t.Fatal("taken without a serial")
		}
		for _, c := range file.Contacts {
			if c.Name == "" || c.Address == "" || c.Speed != 0 && (c.Speed < 2 || c.Speed > 9) {
				t.Fatalf("%+v", c)
			}
		}
		if len(file.Accounts)+len(file.Contacts)+len(file.Settings)+len(file.For) > bytes.Count(b, []byte("\n")) {
			t.Fatal("more than one thing a line")
		}
	})
}
