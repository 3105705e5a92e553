package phone

import (
	"strings"
	"testing"
	"time"

	"sotto/firmware/call"
	"sotto/hal"
)

// pairKeys opens the contact of speed dial 2, the only one, and chooses a way of pairing.
func (d device) pairKeys(way int) {
	press := func(k hal.Key, n int) {
		for range n {
			d.keys.Press(k)
		}
	}
	press(hal.KeySoftRight, 1)
	press(hal.KeyOK, 1)
	press(hal.KeyDown, 5)
	press(hal.KeyOK, 1)
	press(hal.KeyDown, way)
	press(hal.KeyOK, 1)
}

// TestTwoPhonesPairInPerson shows a number on one telephone, types it on the other, and calls.
func TestTwoPhonesPairInPerson(t *testing.T) {
	at, annAt := freePort(t), freePort(t)
	bob := run(t, Config{Listen: at, Contacts: []Contact{{"Ann", "sip:test@" + annAt.String()}}})
	ann := run(t, Config{Listen: annAt, Contacts: []Contact{{"Bob", "sip:test@" + at.String()}}})
	bob.pairKeys(0)
	shown, number := bob.wait(t, `^Pair in person(.|\n)*\d{4} \d{4}`), ""
	for l := range strings.SplitSeq(shown, "\n") {
		if l = strings.ReplaceAll(strings.TrimLeft(l, "> "), " ", ""); len(l) == 8 && strings.Trim(l, "0123456789") == "" {
			number += l
		}
	}
	if len(number) != call.PairingDigits {
		t.Fatalf("the number is %q", number)
	}
	bob.keys.Press(hal.KeyEnd)
	ann.pairKeys(1)
	for _, r := range number {
		ann.keys.Press(hal.KeyDigit0 + hal.Key(r-'0'))
	}
	ann.keys.Press(hal.KeyOK)
	ann.wait(t, "Then call each other")
	ann.keys.Press(hal.KeyEnd)
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	bob.keys.Press(hal.KeyCall)
	bob.wait(t, "Paired with Ann")
	ann.wait(t, "Paired with Bob")
	bob.await(t, "hearing") // nobody hangs up sooner; a secret of a call in which nothing was heard counts for nothing
	ann.keys.Press(hal.KeyEnd)
	bob.wait(t, "Peer hung up")
	bob.keys.Press(hal.KeyEnd)
	bob.wait(t, "^Ready") // or the key could reject the next call
	ann.keys.Press(hal.KeyEnd)
	ann.keys.Hold(hal.KeyDigit2)
	bob.wait(t, "^Incoming call")
	bob.keys.Press(hal.KeyCall)
	bob.wait(t, "^SECURE (.|\n)*Verified by both") // of itself, from now on
}

func TestAPairingIsForOneContactAndAWhile(t *testing.T) {
	p := still(t, Config{State: t.TempDir(), Contacts: []Contact{{"Ann", "sip:ann@192.0.2.1"}, {"Eve", "sip:eve@192.0.2.2"}}})
	defer p.stop()
	ann := p.book.ContactAt("sip:ann@192.0.2.1")
	p.pair(ann, strings.Repeat("1", call.PairingDigits), call.PairingReady{})
	then := <-p.results
	then()
	if p.auxSecret("sip:ann@192.0.2.1") == nil || p.auxSecret("sip:eve@192.0.2.2") != nil || p.auxSecret("sip:x@192.0.2.9") != nil {
		t.Error("the secret is used for another, or not at all")
	}
	secret := p.pairing.secret
	p.pairing.until = time.Now().Add(-time.Second)
	if p.auxSecret("sip:ann@192.0.2.1") != nil {
		t.Error("it is used after its time")
	}
	for _, b := range secret {
		if b != 0 {
			t.Fatal("it is still in memory")
		}
	}
	seen := map[string]bool{}
	for range 100 {
		n := newNumber()
		if len(n) != call.PairingDigits || seen[n] {
			t.Fatalf("%q", n)
		}
		seen[n] = true
	}
}
