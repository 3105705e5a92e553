package ui

import (
	"testing"
	"time"

	"sotto/firmware/call"
)

func TestNewContact(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.press("softR", "up")
	p.wantScreen("> New contact")
	p.press("ok")
	p.wantScreen("^Address")
	p.press("ok")
	p.wantScreen("Please type an address")
	p.typeKeys("10*0*0*9") // * is the dot
	p.wantScreen(`10\.0\.0\.9`)
	p.press("ok", "ok")
	p.wantScreen("Please type a name")
	p.typeKeys("9999666") // z, then o
	p.typeKeys("33333")   // d e f 3 é
	p.wantScreen("^Zoé")
	p.press("left")
	p.typeKeys("333333")
	p.press("ok")
	p.wantDid(call.SaveContact{Contact: call.Contact{Name: "Zoè", Address: "sip:10.0.0.9"}})
}

func TestContactMenu(t *testing.T) {
	p := newPhone(t, call.Config{})
	bobs := func(row string) {
		t.Helper()
		p.press("end", "softR", "2", "ok") // the letter jumps, from Ana to Bob
		p.wantScreen("^Bob")
		for range 10 {
			p.press("down")
			if s := p.m.Snapshot(); string(s.Rows[s.Selected].Label) == row {
				return
			}
		}
		t.Fatalf("no row %q:\n%s", row, p.text())
	}
	bobs("unverify")
	p.press("ok")
	p.wantDid(call.Unverify{ID: "1"})
	bobs("speed")
	p.press("ok")
	p.wantDid(call.SaveContact{Contact: with2(bob, func(c *call.Contact) { c.Speed = 4 })}) // 3 is taken
	bobs("number")
	p.press("ok")
	p.wantScreen("18205 77310 40921")
	p.press("down", "down", "ok")
	bobs("delete")
	p.press("ok")
	p.wantScreen(`Delete Bob\?`)
	p.press("softR")
	for _, a := range p.did {
		if _, ok := a.(call.DeleteContact); ok {
			t.Fatal("deleted without a yes")
		}
	}
	p.press("ok", "softL")
	p.wantDid(call.DeleteContact{ID: "1"})
	p.event(call.ContactsChanged{Contacts: book[:1]}) // while the list is open
	p.wantNot("Bob")
	bobs2 := p.m.Snapshot()
	if bobs2.Selected >= len(bobs2.Rows) {
		t.Errorf("row %d of %d is chosen", bobs2.Selected, len(bobs2.Rows))
	}
}

func with2(c call.Contact, f func(*call.Contact)) call.Contact { f(&c); return c }

func TestCallFromListAndLog(t *testing.T) {
	p := newPhone(t, call.Config{})
	p.press("softR", "down", "call")
	p.wantDid(call.Dial{To: bob.Address})
	p.press("end")
	p.event(call.LogChanged{Entries: pastCalls(p.now)})
	p.pass(9 * time.Second)
	p.press("call", "call")
	p.wantDid(call.Dial{To: bob.Address})
}

func TestIdleLock(t *testing.T) {
	s := call.DefaultSettings()
	s.LockAfter = 5
	p := newPhone(t, call.Config{HasPIN: true, Settings: s})
	p.pass(4 * time.Minute)
	p.press("up")
	p.pass(4 * time.Minute)
	p.wantScreen("^Contacts")
	p.press("end")
	p.calling(first)
	p.pass(20 * time.Minute)
	p.wantScreen(`^SECURE\?`) // not during a call
	p.press("end", "end")
	p.pass(5 * time.Minute)
	p.wantDid(call.Lock{})
}
