package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// supplicant is a wpa_supplicant as its control socket shows it: it answers commands and tells events to those attached.
type supplicant struct {
	conn     *net.UnixConn
	heard    chan string
	attached atomic.Pointer[net.Addr] // who is told events
	answer   func(command string) (answer string, events []string)
}

func startSupplicant(t *testing.T, answer func(string) (string, []string)) (*supplicant, *Wifi) {
	t.Helper()
	dir := t.TempDir()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "wlan0"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := &supplicant{conn: conn, heard: make(chan string, 100), answer: answer}
	go s.serve()
	t.Cleanup(func() { conn.Close() })
	w, err := DialWifi(dir, "wlan0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return s, w
}

func (s *supplicant) serve() {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		command := string(buf[:n])
		s.heard <- command
		reply, events := s.answer(command)
		if command == "ATTACH" {
			s.attached.Store(&from)
			reply = "OK"
		}
		s.conn.WriteTo([]byte(reply+"\n"), from)
		for _, e := range events {
			s.conn.WriteTo([]byte("<3>"+e), *s.attached.Load())
		}
	}
}

func (s *supplicant) commands() (all []string) {
	for len(s.heard) > 0 {
		all = append(all, <-s.heard)
	}
	return all
}

// obeys answers every command with success, and SELECT_NETWORK with events.
func obeys(events ...string) func(string) (string, []string) {
	return func(c string) (string, []string) {
		switch {
		case c == "ADD_NETWORK":
			return "0", []string{"CTRL-EVENT-CONNECTED an old one"}
		case strings.HasPrefix(c, "SELECT_NETWORK"):
			return "OK", events
		}
		return "OK", nil
	}
}

func TestJoin(t *testing.T) {
	missing := []string{"CTRL-EVENT-NETWORK-NOT-FOUND ", "CTRL-EVENT-NETWORK-NOT-FOUND ", "CTRL-EVENT-NETWORK-NOT-FOUND "}
	for name, c := range map[string]struct {
		events []string
		want   error
	}{
		"joined":         {[]string{"CTRL-EVENT-SCAN-STARTED ", "Trying to associate", "CTRL-EVENT-CONNECTED - Connection to 02:00 completed [id=0 id_str=]"}, nil},
		"after a miss":   {append(slices.Clone(missing[:2]), "CTRL-EVENT-CONNECTED - "), nil},
		"wrong password": {[]string{"CTRL-EVENT-DISCONNECTED reason=15", `CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="x" auth_failures=1 duration=10 reason=WRONG_KEY`}, ErrPassword},
		"refused":        {[]string{"CTRL-EVENT-ASSOC-REJECT status_code=1", `CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="reason=WRONG_KEY" auth_failures=1 duration=10 reason=CONN_FAILED`}, ErrRefused},
		"not there":      {missing, ErrNoSignal},
		"nothing":        {nil, context.DeadlineExceeded},
	} {
		s, w := startSupplicant(t, obeys(c.events...))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := w.Join(ctx, Network{"Café \"1\"", `pass"word 1`}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		cancel()
		want := []string{"ATTACH", "REMOVE_NETWORK all", "ADD_NETWORK", "SET_NETWORK 0 ssid 436166c3a920223122", "SET_NETWORK 0 scan_ssid 0",
			"SET_NETWORK 0 mac_addr 1", `SET_NETWORK 0 psk "pass"word 1"`, "SET_NETWORK 0 key_mgmt WPA-PSK WPA-PSK-SHA256",
			"SET_NETWORK 0 proto RSN", "SET_NETWORK 0 pairwise CCMP", "SET_NETWORK 0 group CCMP", "SET_NETWORK 0 ieee80211w 1", "SELECT_NETWORK 0"}
		if got := s.commands(); !slices.Equal(got, want) {
			t.Errorf("%s: said\n%q, want\n%q", name, got, want)
		}
	}
}

func TestJoinOpen(t *testing.T) {
	s, w := startSupplicant(t, obeys("CTRL-EVENT-CONNECTED "))
	if err := w.Join(t.Context(), Network{SSID: "x"}); err != nil {
		t.Fatal(err)
	}
	if got := s.commands(); !slices.Contains(got, "SET_NETWORK 0 key_mgmt NONE") || strings.Contains(fmt.Sprint(got), "psk") {
		t.Errorf("said %q", got)
	}
}

// What cannot be a network is not said, and no command can be smuggled in by a name or a password.
func TestBadNetworks(t *testing.T) {
	s, w := startSupplicant(t, obeys())
	s.commands()
	for _, n := range []Network{{}, {SSID: strings.Repeat("x", 33)}, {"x", "short"}, {"x", strings.Repeat("x", 64)},
		{"x", "12345678\nTERMINATE"}, {"x", "pässword"}} {
		if err := w.Join(t.Context(), n); !errors.Is(err, ErrNetwork) {
			t.Errorf("%q: %v", n.Password, err)
		}
	}
	if got := s.commands(); len(got) != 0 {
		t.Errorf("said %q", got)
	}
}

func TestRefusals(t *testing.T) {
	_, w := startSupplicant(t, func(c string) (string, []string) {
		if strings.Contains(c, "psk") {
			return "FAIL", nil
		}
		return obeys()(c)
	})
	if err := w.Join(t.Context(), Network{"x", "secret password"}); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "SET_NETWORK") {
		t.Errorf("refused with %v", err)
	}
	if _, err := DialWifi(t.TempDir(), "wlan0"); !errors.Is(err, ErrNoRadio) {
		t.Errorf("without a wpa_supplicant: %v", err)
	}
	if got := fmt.Sprintf("%v %+v %#v %s", Network{"home", "password"}, Network{"home", "password"}, Network{"home", "password"}, Network{"home", "password"}); strings.Contains(got, "home") || strings.Contains(got, "password") {
		t.Errorf("it says %s", got)
	}
}

const scanned = "bssid / frequency / signal level / flags / ssid\n" +
	"02:00:00:00:00:01\t2412\t-70\t[WPA2-PSK-CCMP][ESS]\tHome\n02:00:00:00:00:02\t5180\t-50\t[WPA2-PSK+SAE-CCMP][ESS]\tHome\n" +
	"02:00:00:00:00:03\t2412\t-40\t[ESS]\tFree \\xe2\\x98\\x95\\n\\\"\\\\\n02:00:00:00:00:04\t2412\t-30\t[WPA2-PSK-CCMP][ESS]\t\n" +
	"02:00:00:00:00:05\t2412\t-30\t[WEP][ESS]\tOld\nbroken\n02:00:00:00:00:06\t2412\tx\t[ESS]\tBad\n02:00:00:00:00:07\t2412\t-1\t[ESS]\t\\q\n"

func TestScan(t *testing.T) {
	_, w := startSupplicant(t, func(c string) (string, []string) {
		switch c {
		case "SCAN":
			return "OK", []string{"CTRL-EVENT-SCAN-STARTED ", "CTRL-EVENT-SCAN-RESULTS "}
		case "SCAN_RESULTS":
			return scanned, nil
		}
		return "FAIL", nil
	})
	got, err := w.Scan(t.Context())
	want := []Seen{{"Old", -30, false}, {"Free ☕\n\"\\", -40, false}, {"Home", -50, true}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("saw %+v, %v", got, err)
	}
}

func TestLost(t *testing.T) {
	s, w := startSupplicant(t, func(c string) (string, []string) {
		return "OK", []string{"CTRL-EVENT-SIGNAL-CHANGE above=1", "CTRL-EVENT-DISCONNECTED bssid=02:00 reason=3"}
	})
	w.do("PING")
	if err := w.Lost(t.Context()); err != nil {
		t.Error(err)
	}
	w.Close()
	s.conn.Close()
	for range 4 { // events that came before
		if err := w.Lost(t.Context()); errors.Is(err, ErrNoRadio) {
			return
		}
	}
	t.Error("nobody notices that the radio is gone")
}

// Names in the air are anybody's: whatever they are, a scan tells a bounded list of bounded names.
func FuzzScan(f *testing.F) {
	f.Add(scanned)
	f.Add("x\na\tb\t-1\t[ESS]\t\\x")
	f.Fuzz(func(t *testing.T, s string) {
		seen := parseScan(s)
		if len(seen) > maxSeen {
			t.Fatalf("%d networks", len(seen))
		}
		for i, n := range seen {
			if len(n.SSID) == 0 || len(n.SSID) > maxSSID || i > 0 && n.Signal > seen[i-1].Signal {
				t.Fatalf("%+v", seen)
			}
		}
	})
}
