package phone

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"

	"sotto/firmware/call"
	"sotto/zrtp"
)

// Implementation constants. An attacker between the two sees a MAC of the secret (RFC 6189, Section 4.3.1) and has until
// the end of the key agreement to find a number of 53 bits, at half a million hashes a guess.
const (
	pairingTime   = 15 * time.Minute
	pairingRounds = 600_000
	pairingLabel  = "sotto pairing 1"
)

// pairing is a number that was agreed in person, for the next call with one contact.
type pairing struct {
	contact string // ID
	secret  zrtp.Secret
	until   time.Time
}

// showPairing makes a number and shows it.
func (p *phone) showPairing(contact string) {
	number := newNumber()
	p.pair(contact, number, call.PairingNumber{Number: number})
}

// newNumber draws decimal digits, each as likely as the others.
func newNumber() string {
	var b strings.Builder
	var one [1]byte
	for b.Len() < call.PairingDigits {
		_, _ = rand.Read(one[:])  // never fails (crypto/rand)
		if d := one[0]; d < 250 { // the largest multiple of ten
			b.WriteByte('0' + d%10)
		}
	}
	return b.String()
}

// pair keeps a number for the next call with a contact, and tells when it is ready: to make a secret of it takes a moment.
func (p *phone) pair(contact, number string, ready call.Event) {
	p.forgetPairing()
	until := time.Now().Add(pairingTime)
	p.writes <- func() func() {
		secret, err := pbkdf2.Key(sha256.New, number, []byte(pairingLabel), pairingRounds, sha256.Size)
		return func() {
			if err == nil {
				p.pairing = pairing{contact, secret, until}
				p.handle(ready)
			}
		}
	}
}

// auxSecret is what was agreed with the contact at an address; nil: nothing, or too long ago.
func (p *phone) auxSecret(address string) zrtp.Secret {
	if p.pairing.contact == "" || p.book == nil {
		return nil
	}
	if time.Now().After(p.pairing.until) {
		p.forgetPairing()
		return nil
	}
	if p.book.ContactAt(address) != p.pairing.contact {
		return nil
	}
	return p.pairing.secret
}

func (p *phone) forgetPairing() {
	clear(p.pairing.secret)
	p.pairing = pairing{}
}
