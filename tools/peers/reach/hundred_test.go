//go:build interop

package reach

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"sotto/tools/puppet"
)

// Call after call of two whole handsets through the registrar, with a password: each is secure at both ends with one code, none is lost,
// none is left half open. They call and hang up in turn. SOTTO_CALLS sets how many.
func TestManySecureCalls(t *testing.T) {
	calls := 100
	if s := os.Getenv("SOTTO_CALLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		calls = n
	}
	lab(t)
	servers(t)
	speech, err := filepath.Abs(root + "/tools/call/speech")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []scenario{{"plain", "", "direct", "udp"}, {"direct by ICE", "direct", "direct", "tcp"}} {
		t.Run(c.name, func(t *testing.T) {
			book := func(name string) []string {
				return []string{"--contact", fmt.Sprintf("P=sip:%s@%s:%d", name, sipName, sipPort)}
			}
			bob := c.ring(t, bobs, "bob", speech+"/bob.wav", append(book("alice"), "--mic-loop")...)
			alice := c.ring(t, alices, "alice", speech+"/alice.wav", append(book("bob"), "--mic-loop")...)
			var secured []float64 // seconds from the answer to the keys
			for i := range calls {
				from, to := alice, bob
				if i%2 == 1 {
					from, to = bob, alice
				}
				secured = append(secured, secureCall(t, from, to))
				ends, other := from, to
				if i/2%2 == 1 {
					ends, other = to, from
				}
				ends.Say("press end")
				if e := must(t, other, "ended"); e.Cause != "peer hung up" {
					t.Fatalf("call %d ended: %s", i+1, e.Cause)
				}
				for _, h := range []*puppet.Handset{from, to} {
					h.Say("press end") // off the screen
					screen(t, h, "^Ready")
				}
			}
			slices.Sort(secured)
			t.Logf("%d calls; from the answer to the keys median %.3f s, longest %.3f s", calls, secured[len(secured)/2], secured[len(secured)-1])
		})
	}
}

// secureCall lets one call the other, and tells how long the keys took.
func secureCall(t *testing.T, from, to *puppet.Handset) float64 {
	t.Helper()
	from.Forget()
	to.Forget()
	from.Say("hold 2")
	must(t, to, "ringing")
	to.Say("press call")
	answered, a, b := must(t, from, "answered"), must(t, from, "secure"), must(t, to, "secure")
	if a.SAS != b.SAS || a.SAS == "" {
		t.Fatalf("codes %q and %q", a.SAS, b.SAS)
	}
	return a.T - answered.T
}
