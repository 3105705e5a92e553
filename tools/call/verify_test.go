package main

import (
	"strings"
	"testing"
	"time"

	"sotto/tools/puppet"
)

// compare lets both read their half aloud and type what they hear; swap says who hears something else.
func compare(t *testing.T, alice, bob *puppet.Handset, deaf bool) {
	t.Helper()
	a, b := must(t, alice, "secure"), must(t, bob, "secure")
	fromAlice, fromBob := a.Halves()
	if own, theirs := b.Halves(); own != fromBob || theirs != fromAlice {
		t.Fatalf("halves %q %q against %q %q", fromAlice, fromBob, own, theirs)
	}
	if deaf {
		fromBob = "11"
		if fromAlice == "11" {
			t.Fatal("one code in a thousand; run again")
		}
	}
	alice.Say("press softL")
	bob.Say("press softL")
	alice.TypeCode(fromBob)
	bob.TypeCode(fromAlice)
}

// TestTwoPeopleCompareOnce: both type the other's half, and the next call begins verified on both screens.
func TestTwoPeopleCompareOnce(t *testing.T) {
	alice, bob, _ := pair(t)
	compare(t, alice, bob, false)
	alice.Say("wait [Cc]hecked|compared 8s", "press end", "sleep 500ms")
	must(t, alice, "ended")
	must(t, bob, "ended")
	alice.Forget()
	bob.Forget()
	bob.Say("sleep 500ms", "press end") // an ended call's screen goes by any means
	alice.Say("sleep 1s", "press end", "hold 2")
	must(t, bob, "ringing")
	bob.Say("press call")
	for _, h := range []*puppet.Handset{alice, bob} {
		if e := must(t, h, "secure"); !e.Verified {
			t.Errorf("%s: the second call is not verified", h.Name)
		}
	}
	bob.Say("wait SECURE 3s", "screen")
	if e := must(t, bob, "screen"); !strings.Contains(e.Text, "Verified by both") {
		t.Errorf("Bob's screen:\n%s", e.Text)
	}
}

// TestTwoWrongCodesAreAnAlarm: one miss asks again, the second says that somebody listens.
func TestTwoWrongCodesAreAnAlarm(t *testing.T) {
	alice, bob, _ := pair(t)
	compare(t, alice, bob, true)
	alice.TypeCode("11")
	alice.Say("wait SOMEONE 5s", "screen")
	if e := must(t, alice, "screen"); !strings.Contains(e.Text, "SOMEONE LISTENS") {
		t.Errorf("Alice's screen:\n%s", e.Text)
	}
	time.Sleep(100 * time.Millisecond)
}
