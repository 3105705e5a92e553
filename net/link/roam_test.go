package link

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// roaming is a Roam with a supplicant that answers as told, and all that it tells.
type roaming struct {
	t      *testing.T
	s      *supplicant
	orders chan Order
	told   chan Air
	found  chan string
}

func roam(t *testing.T, answer func(string) (string, []string)) *roaming {
	s, w := startSupplicant(t, answer)
	r := &roaming{t: t, s: s, orders: make(chan Order), told: make(chan Air, 20), found: make(chan string, 20)}
	var dialled atomic.Int32
	go (&roamer{orders: r.orders, tell: func(a Air) { r.told <- a }, radio: func() string { return "wlan0" },
		find: func(look string, seen []Seen) { r.found <- look + ":" + seen[0].SSID },
		dial: func(string) (*Wifi, error) {
			if dialled.Add(1) > 1 {
				return nil, ErrNoRadio
			}
			return w, nil
		}}).run(t.Context())
	return r
}

func (r *roaming) want(all ...Air) {
	r.t.Helper()
	for _, want := range all {
		select {
		case got := <-r.told:
			if got != want {
				r.t.Fatalf("told %+v, want %+v", got, want)
			}
		case <-time.After(5 * time.Second):
			r.t.Fatalf("nothing told, want %+v", want)
		}
	}
}

func (r *roaming) event(e string) {
	for range 100 { // until it is attached
		if to := r.s.attached.Load(); to != nil {
			r.s.conn.WriteTo([]byte("<3>"+e), *to)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Fatal("nobody is attached")
}

// TestRoam is a day of a radio: a wrong password, the right one, a look around, a walk out of reach and back, and home.
func TestRoam(t *testing.T) {
	status := atomic.Value{}
	status.Store("COMPLETED")
	r := roam(t, func(c string) (string, []string) {
		switch {
		case c == "ADD_NETWORK":
			return "0", nil
		case c == "STATUS":
			return "bssid=02:00\nwpa_state=" + status.Load().(string) + "\nx=y", nil
		case c == "SCAN":
			return "OK", []string{"CTRL-EVENT-SCAN-RESULTS "}
		case c == "SCAN_RESULTS":
			return scanned, nil
		}
		return "OK", nil
	})
	r.want(Air{Radio: true})
	r.orders <- Order{Network: Network{"home", "not the one"}}
	r.heard("SELECT_NETWORK 0")
	r.event("CTRL-EVENT-SSID-TEMP-DISABLED id=0 reason=WRONG_KEY")
	r.want(Air{Radio: true, Trouble: WrongPassword})
	r.orders <- Order{Network: Network{"home", "the right one"}}
	r.want(Air{Radio: true})
	r.heard("SELECT_NETWORK 0")
	r.event("CTRL-EVENT-CONNECTED - ")
	joined := Air{Radio: true, Joined: true}
	r.want(joined)
	r.orders <- Order{Look: "7"}
	select {
	case got := <-r.found:
		if got != "7:Old" {
			t.Errorf("found %q", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it does not look")
	}
	if said := r.heard("STATUS"); strings.Contains(said, "NETWORK") {
		t.Errorf("a look made it leave the network: %s", said)
	}
	r.event("CTRL-EVENT-DISCONNECTED reason=3")
	r.want(Air{Radio: true})
	for range 3 {
		r.event("CTRL-EVENT-NETWORK-NOT-FOUND ")
	}
	r.want(Air{Radio: true, Trouble: OutOfReach})
	r.event("CTRL-EVENT-CONNECTED - ")
	r.want(joined)
	r.orders <- Order{}
	r.want(Air{Radio: true})
	if said := r.heard("REMOVE_NETWORK all"); strings.Contains(said, "SELECT") {
		t.Errorf("it joins nothing and says %s", said)
	}
}

// heard waits for a command and returns what was said until then.
func (r *roaming) heard(command string) string {
	r.t.Helper()
	var all []string
	for {
		select {
		case c := <-r.s.heard:
			if all = append(all, c); c == command {
				return strings.Join(all, "\n")
			}
		case <-time.After(5 * time.Second):
			r.t.Fatalf("%s was not said, but %q", command, all)
		}
	}
}

// TestALookCanHideALoss: what was lost during a look is noticed after it.
func TestALookCanHideALoss(t *testing.T) {
	var gone atomic.Bool
	r := roam(t, func(c string) (string, []string) {
		switch c {
		case "ADD_NETWORK":
			return "0", nil
		case "SELECT_NETWORK 0":
			return "OK", []string{"CTRL-EVENT-CONNECTED "}
		case "SCAN":
			gone.Store(true)
			return "OK", []string{"CTRL-EVENT-DISCONNECTED reason=3", "CTRL-EVENT-SCAN-RESULTS "}
		case "SCAN_RESULTS":
			return scanned, nil
		case "STATUS":
			return "wpa_state=" + map[bool]string{true: "SCANNING", false: "COMPLETED"}[gone.Load()], nil
		}
		return "OK", nil
	})
	r.want(Air{Radio: true})
	r.orders <- Order{Network: Network{"home", "the right one"}}
	r.want(Air{Radio: true, Joined: true})
	r.orders <- Order{Look: "1"}
	r.want(Air{Radio: true})
}
