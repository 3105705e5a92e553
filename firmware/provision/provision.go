// Package provision reads the file with which an owner sets up one telephone or a fleet: accounts, contacts and settings.
//
// It promises that not a line is believed before the owner's signatures were checked, that a file is taken whole or not at
// all, that an older file never replaces a newer one, and that it costs memory by its own size at most. A file never says
// whose device is whose: that is between the two people who compare a code. It stores nothing and decides nothing; it
// cannot hide who is in a file that was not sealed under a code.
//
// A file is text. Signatures in minisign's format follow the line "end", by the same keys as of updates:
//
//	sotto-provision 1
//	serial 20261123
//	for all
//	account office sip:alice:secret@example.test;transport=tls
//	contact 2 sip:bob@192.0.2.7 Bob
//	contact - 5551234 Reception
//	setting language de
//	setting wifi The name
//	setting wifipassword its password
//	end
//	untrusted comment: ...
//
// "for" names telephones by their ZID in hexadecimal, one a line, or all. The whole may be sealed by age under a passphrase,
// the code that the person types.
package provision

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"sotto/firmware/update"
)

// Why a file is refused. Each can be told to a person.
var (
	ErrFormat   = errors.New("provision: that is no set-up file of a Sotto telephone")
	ErrUnsigned = errors.New("provision: not signed by the owner's keys")
	ErrCode     = errors.New("provision: sealed under another code")
	ErrOlder    = errors.New("provision: not newer than what was taken before")
	ErrOther    = errors.New("provision: made for another telephone")
)

const (
	head      = "sotto-provision 1"
	foot      = "end\n"
	sealHead  = "age-encryption.org/v1\n"
	everybody = "all"

	maxFile       = 256 << 10 // bytes
	maxLine       = 512       // bytes
	maxWorkFactor = 16        // of scrypt, 2^16: 64 MiB; more would be a way to stop a small telephone
	zidSize       = 12        // bytes
	lowestSpeed   = 2
	highestSpeed  = 9
)

// File is what the owner wants of a telephone.
type File struct {
	Serial   uint64
	For      []string // ZIDs in hexadecimal; none: every telephone
	Accounts []Account
	Contacts []Contact
	Settings []Setting

	SignedBy []string // IDs of the owner's keys whose signatures were found good by Open
}

// Account is a line to a server: its name here, and an URI with user, password and transport.
type Account struct{ Name, URI string }

// String hides the password.
func (a Account) String() string { return "provision.Account{" + a.Name + "}" }

// GoString hides the password.
func (a Account) GoString() string { return a.String() }

// Contact is a name with an address and a key of speed dial, 2 to 9, or 0.
type Contact struct {
	Speed         int
	Address, Name string
}

// Setting is a name and a value; the telephone knows which there are.
type Setting struct{ Name, Value string }

// Terms are the telephone's: which keys count, who it is, the serial of the last file that it took.
type Terms struct {
	Policy update.Policy // Board is not looked at
	ZID    [zidSize]byte
	Newest uint64
}

// Sealed tells whether a code must be typed to open the file.
func Sealed(file []byte) bool { return bytes.HasPrefix(file, []byte(sealHead)) }

// Open unseals with code where the file is sealed, checks the signatures and the terms, and reads the file.
func Open(file []byte, code string, terms Terms) (File, error) {
	if len(file) > maxFile {
		return File{}, ErrFormat
	}
	if Sealed(file) {
		var err error
		if file, err = unseal(file, code); err != nil {
			return File{}, err
		}
		defer clear(file)
	}
	message, signatures := Cut(file)
	if !bytes.HasPrefix(message, []byte(head+"\n")) {
		return File{}, ErrFormat
	}
	if !terms.Policy.Signed(message, split(signatures)) {
		return File{}, ErrUnsigned
	}
	f, err := Parse(message)
	switch {
	case err != nil:
		return File{}, err
	case len(f.For) > 0 && !slices.Contains(f.For, hex.EncodeToString(terms.ZID[:])):
		return File{}, ErrOther
	case f.Serial <= terms.Newest:
		return File{}, ErrOlder
	}
	f.SignedBy = terms.Policy.Signers(message, split(signatures))
	return f, nil
}

// stickHead begins a bare stick; firmware/boot looks for it.
const stickHead = "SOTTOSU1"

// Stick is the file as it is written onto a stick without a file system: a head, the length in four octets, and the file,
// filled up to whole sectors.
func Stick(file []byte) []byte {
	b := append(binary.BigEndian.AppendUint32([]byte(stickHead), uint32(len(file))), file...)
	return append(b, make([]byte, -len(b)&511)...)
}

// Cut parts what is signed from the signatures. The first line "end" ends it: what stands behind is not of the message,
// whatever it holds.
func Cut(file []byte) (message, signatures []byte) {
	at := bytes.Index(file, []byte("\n"+foot))
	if at < 0 {
		return nil, nil
	}
	at += 1 + len(foot)
	return file[:at:at], file[at:]
}

func unseal(file []byte, code string) ([]byte, error) {
	identity, err := age.NewScryptIdentity(code)
	if err != nil {
		return nil, ErrCode
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(file), identity)
	if err != nil {
		return nil, ErrCode
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil || len(text) > maxFile {
		clear(text)
		return nil, ErrFormat
	}
	return text, nil
}

// split gives the signatures behind the message, four lines each.
func split(b []byte) (all []string) {
	lines := strings.SplitAfter(string(b), "\n")
	for len(lines) >= 4 && len(all) < update.MaxSignatures {
		all = append(all, strings.Join(lines[:4], ""))
		lines = lines[4:]
	}
	return all
}

// Parse reads the text up to and with the line "end". Nothing in it is checked against a telephone.
func Parse(text []byte) (f File, err error) {
	body, ok := strings.CutPrefix(string(text), head+"\n")
	if body, ok2 := strings.CutSuffix(body, foot); ok && ok2 && utf8.ValidString(body) {
		named := false // a file that says for nobody is a slip of who wrote it
		for line := range strings.Lines(body) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if len(line) > maxLine || value == "" || strings.ContainsFunc(value, unprintable) || !f.line(key, value, &named) {
				return File{}, ErrFormat
			}
		}
		if named && f.Serial > 0 {
			return f, nil
		}
	}
	return File{}, ErrFormat
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// line takes one line, and tells whether it was well written.
func (f *File) line(key, value string, named *bool) bool {
	first, rest, _ := strings.Cut(value, " ")
	switch key {
	case "serial":
		n, err := strconv.ParseUint(value, 10, 64)
		fresh := f.Serial == 0
		f.Serial = n
		return err == nil && fresh && n > 0
	case "for":
		if value == everybody {
			fresh := !*named
			*named = true
			return fresh
		}
		id, err := hex.DecodeString(value)
		if err != nil || len(id) != zidSize || *named && len(f.For) == 0 {
			return false
		}
		*named = true
		f.For = append(f.For, hex.EncodeToString(id))
		return true
	case "account":
		f.Accounts = append(f.Accounts, Account{first, rest})
		return rest != ""
	case "contact":
		c := Contact{}
		c.Address, c.Name, _ = strings.Cut(rest, " ")
		if first != "-" {
			var err error
			if c.Speed, err = strconv.Atoi(first); err != nil || c.Speed < lowestSpeed || c.Speed > highestSpeed {
				return false
			}
		}
		f.Contacts = append(f.Contacts, c)
		return c.Address != "" && strings.TrimSpace(c.Name) != ""
	case "setting":
		f.Settings = append(f.Settings, Setting{first, rest})
		return rest != ""
	}
	return false
}
