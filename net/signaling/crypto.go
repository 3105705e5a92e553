package signaling

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"sotto/net/protect"
)

// Keys that a server knows. A gateway to the telephone network does not speak ZRTP; it encrypts with keys that stand in the
// session descriptions (RFC 4568, RFC 6188), so that every server on the way has them. Such a call is secure to the server
// only. Parse and Marshal know nothing of these keys: a description has them only where ParseServer and MarshalServer are
// called, which is where the account's owner has allowed it.

// From the specifications.
const (
	saltLen     = 14 // RFC 4568, Section 6.1: 112 bits
	maxTag      = 9  // digits; RFC 4568, Section 9.1
	lifetimeMin = 24 // of a key, as a power of two of packets: less would end within a long call
	lifetimeMax = 48 // RFC 3711, Section 9.2
)

// Of this implementation.
const (
	maxCrypto     = 8   // a=crypto lines of one description; more are refused
	maxCryptoLine = 256 // bytes
)

// suites by their names of RFC 4568, Section 6.2 and RFC 6188, Section 4, in the order in which we offer them. Tags of 32 bits
// are not among them.
var suites = [...]struct {
	name    string
	profile protect.Profile
}{
	{"AES_CM_128_HMAC_SHA1_80", protect.AES1HS80},
	{"AES_256_CM_HMAC_SHA1_80", protect.AES3HS80},
}

// ErrCrypto tells of keys that are malformed, were not asked for, or are our own.
var ErrCrypto = errors.New("signaling: keys of the session description do not fit")

// Crypto is the keys that one side writes into its descriptions: with one of them it encrypts. Wipe it when it is not needed
// any more.
type Crypto struct{ lines []cryptoLine }

// cryptoLine is one a=crypto attribute.
type cryptoLine struct {
	tag     string
	profile protect.Profile
	key     []byte // and the salt behind it
}

// String hides the keys.
func (c *Crypto) String() string { return "signaling.Crypto" }

// GoString hides the keys.
func (c *Crypto) GoString() string { return c.String() }

// Format hides the keys from every verb.
func (c *Crypto) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// Wipe overwrites the keys. A nil Crypto has none.
func (c *Crypto) Wipe() {
	if c == nil {
		return
	}
	for _, l := range c.lines {
		clear(l.key)
	}
	c.lines = nil
}

// NewCrypto makes the keys of an offer: one for each suite, so that none is used with two.
func NewCrypto(random io.Reader) (*Crypto, error) {
	c := &Crypto{}
	for i, s := range suites {
		if err := c.make(random, strconv.Itoa(i+1), s.profile); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Crypto) make(random io.Reader, tag string, p protect.Profile) error {
	l := cryptoLine{tag: tag, profile: p, key: make([]byte, p.KeyLen()+saltLen)}
	if _, err := io.ReadFull(random, l.key); err != nil {
		return fmt.Errorf("signaling: random source: %w", err)
	}
	c.lines = append(c.lines, l)
	return nil
}

// AnswerTo makes the keys that answer an offer's. RFC 4568, Section 5.1.2: the answerer selects one of the offered lines, which
// stand in the order of preference, and answers with the same tag and suite and a key of its own.
func (c *Crypto) AnswerTo(random io.Reader) (*Crypto, error) {
	if c == nil || len(c.lines) == 0 {
		return nil, ErrCrypto
	}
	a := &Crypto{}
	if err := a.make(random, c.lines[0].tag, c.lines[0].profile); err != nil {
		return nil, err
	}
	return a, nil
}

// Agree keeps of an offer of ours the line that an answer took up, and wipes the others. The answer must have exactly one line.
func (c *Crypto) Agree(answer *Crypto) error {
	if c == nil || answer == nil || len(answer.lines) != 1 {
		return ErrCrypto
	}
	l := answer.lines[0]
	for i, ours := range c.lines {
		// RFC 4568, Section 6.1: "the answerer's key MUST be different from the offerer's": one that was sent back would
		// encrypt both directions alike.
		if ours.tag != l.tag || ours.profile != l.profile || subtle.ConstantTimeCompare(ours.key, l.key) == 1 {
			continue
		}
		for j, other := range c.lines {
			if j != i {
				clear(other.key)
			}
		}
		c.lines = []cryptoLine{ours}
		return nil
	}
	return ErrCrypto
}

// Follow takes what the peer says of keys in a running call: it must be the key that was agreed. The tag may be another, and
// becomes that of our line.
func (c *Crypto) Follow(agreed, now *Crypto) error {
	if c == nil || len(c.lines) != 1 || agreed == nil || len(agreed.lines) != 1 || now == nil {
		return ErrCrypto
	}
	for _, l := range now.lines {
		if l.profile == agreed.lines[0].profile && subtle.ConstantTimeCompare(l.key, agreed.lines[0].key) == 1 {
			c.lines[0].tag = l.tag
			return nil
		}
	}
	return ErrCrypto
}

// First keeps the line that AnswerTo took, and wipes the others.
func (c *Crypto) First() {
	for _, l := range c.lines[1:] {
		clear(l.key)
	}
	c.lines = c.lines[:1]
}

// ServerKeys joins two sides that have agreed. The caller wipes the result.
func ServerKeys(ours, theirs *Crypto) (*protect.Keys, error) {
	if ours == nil || theirs == nil || len(ours.lines) != 1 || len(theirs.lines) != 1 ||
		ours.lines[0].profile != theirs.lines[0].profile {
		return nil, ErrCrypto
	}
	p := ours.lines[0].profile
	copied := func(b []byte) []byte { return append([]byte(nil), b...) }
	send, recv := ours.lines[0].key, theirs.lines[0].key
	return &protect.Keys{Profile: p, AnySSRC: true, SendKey: copied(send[:p.KeyLen()]), SendSalt: copied(send[p.KeyLen():]),
		RecvKey: copied(recv[:p.KeyLen()]), RecvSalt: copied(recv[p.KeyLen():])}, nil
}

// attributes are the values of the a=crypto lines.
func (c *Crypto) attributes() (values []string) {
	if c == nil {
		return nil
	}
	for _, l := range c.lines {
		for _, s := range suites {
			if s.profile == l.profile {
				values = append(values, l.tag+" "+s.name+" inline:"+base64.StdEncoding.EncodeToString(l.key))
			}
		}
	}
	return values
}

// readCrypto reads the a=crypto lines of a media description, in their order. A line that we cannot use is left out: RFC 4568,
// Section 5.1.2. A malformed one spoils the description. Nil: there is none that can be used.
func readCrypto(m *sdp.MediaDescription) (*Crypto, error) {
	c, n := &Crypto{}, 0
	for _, a := range m.Attributes {
		if a.Key != "crypto" {
			continue
		}
		if n++; n > maxCrypto || len(a.Value) > maxCryptoLine {
			return nil, ErrTooLarge
		}
		l, usable, err := parseCrypto(a.Value)
		if err != nil {
			return nil, err
		}
		for _, other := range c.lines {
			// RFC 4568, Section 4.1: the tag is "unique for each crypto attribute in the same media description".
			if usable && other.tag == l.tag {
				return nil, ErrCrypto
			}
		}
		if usable {
			c.lines = append(c.lines, l)
		}
	}
	if len(c.lines) == 0 {
		return nil, nil
	}
	return c, nil
}

// parseCrypto reads one attribute. RFC 4568, Section 9.1: tag 1*WSP crypto-suite 1*WSP key-params *(1*WSP session-param).
func parseCrypto(s string) (l cryptoLine, usable bool, err error) {
	fields := strings.Fields(s)
	if len(fields) < 3 || len(fields[0]) > maxTag || strings.Trim(fields[0], "0123456789") != "" {
		return l, false, ErrCrypto
	}
	l.tag = fields[0]
	for _, suite := range suites {
		if suite.name == fields[1] {
			l.profile = suite.profile
		}
	}
	if l.profile == 0 {
		return l, false, nil
	}
	for _, p := range fields[3:] {
		// WSH is a hint. Each of the others would change how packets are made, or takes the protection away.
		if !strings.HasPrefix(p, "WSH=") {
			return l, false, nil
		}
	}
	// RFC 4568, Section 6.1: several keys, or one with an identifier, are told apart by bytes in each packet.
	value, inline := strings.CutPrefix(fields[2], "inline:")
	if !inline {
		return l, false, ErrCrypto
	}
	if strings.Contains(value, ";") {
		return l, false, nil
	}
	encoded, rest, more := strings.Cut(value, "|")
	if more && !lastsLong(rest) {
		return l, false, nil
	}
	l.key, err = base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(encoded, "="))
	if err != nil || len(l.key) != l.profile.KeyLen()+saltLen {
		return l, false, ErrCrypto // base64's error quotes the key
	}
	return l, true, nil
}

// lastsLong reports whether what follows a key is a lifetime that no call outlasts, and nothing else.
func lastsLong(s string) bool {
	power, ok := strings.CutPrefix(s, "2^")
	if ok {
		n, err := strconv.ParseUint(power, 10, 8)
		return err == nil && n >= lifetimeMin && n <= lifetimeMax
	}
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && n >= 1<<lifetimeMin && n <= 1<<lifetimeMax
}
