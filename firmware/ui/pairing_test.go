package ui

import (
	"testing"
	"time"

	"sotto/firmware/call"
)

func TestPairingInPerson(t *testing.T) {
	const number = "1820577310409215"
	shows, types := newPhone(t, call.Config{}), newPhone(t, call.Config{})
	shows.press("softR", "down", "ok")
	shows.choose("pair", "pair.show")
	shows.wantDid(call.ShowPairing{ID: bob.ID})
	shows.wantScreen("One moment")
	shows.event(call.PairingNumber{Number: number})
	shows.wantScreen("Type there:", "1820 5773", "1040 9215", "Then call each other")
	types.press("softR", "down", "ok")
	types.choose("pair", "pair.type")
	types.typeKeys(number[:15])
	types.press("ok")
	types.wantScreen("16 digits")
	types.typeKeys(number[15:])
	types.press("ok")
	types.wantDid(call.Pair{ID: bob.ID, Number: number})
	types.wantScreen("One moment")
	types.event(call.PairingReady{})
	types.wantScreen("Then call each other")
	for _, p := range []*phone{shows, types} {
		p.press("end")
		p.calling(with(first, func(s *call.Secure) { s.Paired = true }))
		p.wantDid(call.SetVerified{OK: true}, call.Mute{On: false})
		p.wantScreen("^SECURE ", "Paired with Bob")
		p.pass(10 * time.Second)
		p.wantScreen("You checked the code")
	}
}

// TestPairingReplacesALostTelephone: the number proves what a changed key put in doubt.
func TestPairingReplacesALostTelephone(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.calling(call.CacheMismatch{}, with(first, func(s *call.Secure) { s.OtherDevice, s.Paired = true, true }))
	p.wantDid(call.SetVerified{OK: true}, call.Mute{On: false})
	p.wantScreen("^SECURE ")
	p = newPhone(t, call.Config{})
	p.calling(first, call.Alert{Why: "pairing failed"})
	p.wantScreen(`^SECURE\?`, "The pairing numbers differ")
}
