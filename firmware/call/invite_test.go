package call

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestInvite: where there is Tor a contact can be invited, and the invitation is shown to be scanned; who has one can be
// revoked. It is told in no event's text.
func TestInvite(t *testing.T) {
	m := New(Config{Name: "me", Able: Able{Tor: true}})
	now := time.Unix(0, 0)
	var out []Action
	do := func(ev Event) { now = now.Add(time.Second); out = m.Handle(nil, ev, now) }
	do(Tick{})
	do(ContactsChanged{[]Contact{{ID: "1", Name: "Bob", Address: "1"}}})
	choose := func(l Label) bool {
		for i, r := range m.Snapshot().Rows {
			if r.Label == l {
				for range i - m.Snapshot().Selected {
					do(Press{KeyDown})
				}
				do(Press{KeyOK})
				return true
			}
		}
		return false
	}
	do(Press{KeySoftRight})
	do(Press{KeyOK})
	if choose("revoke") {
		t.Error("nothing is to be revoked yet")
	}
	if !choose("invite") || len(out) == 0 || out[0] != (Invite{"1"}) {
		t.Fatalf("invited by %v", out)
	}
	const address = "sip:handset@abcdefgh.onion;key=k3y"
	ev := Invitation{address}
	if s := fmt.Sprintf("%v %+v %#v", ev, ev, ev); strings.Contains(s, "k3y") {
		t.Errorf("told: %s", s)
	}
	do(ev)
	if s := m.Snapshot(); s.QR != address || strings.Join(s.Lines, "") != address {
		t.Errorf("shown: %q, %q", s.QR, s.Lines)
	}
	do(Press{KeyOK})
	do(ContactsChanged{[]Contact{{ID: "1", Name: "Bob", Address: "1", Tor: true}}})
	if !choose("revoke") {
		t.Fatal("it cannot be revoked")
	}
	do(Press{KeySoftLeft})
	if len(out) == 0 || out[0] != (Revoke{"1"}) {
		t.Errorf("revoked by %v", out)
	}
}
