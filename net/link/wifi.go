package link

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Wi-Fi goes by the control socket of wpa_supplicant (its ctrl_iface: a datagram a command, a datagram an answer, and
// events that begin with "<" after ATTACH). Keys and radio are its business; ours is which network, and nothing else.

// Of this implementation.
const (
	answerWithin = 5 * time.Second // of a command
	scanWithin   = 15 * time.Second
	maxSeen      = 64 // networks that a scan tells
	maxDatagram  = 1 << 16
	minPhrase    = 8  // IEEE 802.11-2020, Annex J.4.1
	maxPhrase    = 63 // the same
	maxSSID      = 32 // IEEE 802.11-2020, Section 9.4.2.2
)

// Errors of Wi-Fi.
var (
	ErrNoRadio  = errors.New("link: wpa_supplicant does not answer")
	ErrNetwork  = errors.New("link: network name of 1 to 32 bytes and password of 8 to 63 visible characters wanted")
	ErrPassword = errors.New("link: wrong Wi-Fi password")
	ErrRefused  = errors.New("link: the Wi-Fi does not let us in")
	ErrNoSignal = errors.New("link: no such Wi-Fi network in reach")
)

// Network is one that the telephone may join. Its String hides the password, and the name too: it tells where somebody lives.
type Network struct {
	SSID     string
	Password string // empty: an open network
}

// String hides everything.
func (Network) String() string { return "link.Network{}" }

// GoString hides everything.
func (n Network) GoString() string { return n.String() }

// Format hides everything from every verb.
func (n Network) Format(f fmt.State, _ rune) { fmt.Fprint(f, n.String()) }

// Valid tells whether a network can have this name and this password.
func (n Network) Valid() bool {
	if len(n.SSID) < 1 || len(n.SSID) > maxSSID {
		return false
	}
	visible := !strings.ContainsFunc(n.Password, func(r rune) bool { return r < ' ' || r > '~' })
	return n.Password == "" || visible && len(n.Password) >= minPhrase && len(n.Password) <= maxPhrase
}

// Seen is a network that a scan found. Anybody can call a network anything.
type Seen struct {
	SSID    string // any bytes, 32 at most
	Signal  int    // dBm
	Secured bool   // by WPA2 or WPA3; WEP and the first WPA do not count
}

// Wifi speaks with wpa_supplicant. One goroutine reads; methods may be called from any goroutine, one at a time is served.
type Wifi struct {
	conn    *net.UnixConn
	command sync.Mutex
	answers chan string
	events  chan string
}

// DialWifi reaches the wpa_supplicant of an interface, whose control sockets lie in dir. Error: ErrNoRadio.
func DialWifi(dir, name string) (*Wifi, error) {
	// Our own end has a name that nobody guesses and that is not in the file system: nothing is left behind.
	conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: "@" + rand.Text(), Net: "unixgram"}, &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unixgram"})
	if err != nil {
		return nil, ErrNoRadio
	}
	w := &Wifi{conn: conn, answers: make(chan string, 1), events: make(chan string, 64)}
	go w.read()
	if err := w.do("ATTACH"); err != nil {
		conn.Close()
		return nil, ErrNoRadio
	}
	return w, nil
}

// Close lets go; a network that was joined stays so.
func (w *Wifi) Close() error { return w.conn.Close() }

func (w *Wifi) read() {
	defer close(w.events)
	buf := make([]byte, maxDatagram)
	for {
		n, err := w.conn.Read(buf)
		if err != nil {
			return
		}
		s := strings.TrimRight(string(buf[:n]), "\n")
		to := w.answers
		if strings.HasPrefix(s, "<") {
			_, s, _ = strings.Cut(s, ">")
			to = w.events
		}
		select {
		case to <- s:
		default: // nobody waits for it
		}
	}
}

// ask sends a command and returns its answer.
func (w *Wifi) ask(command string) (string, error) {
	w.command.Lock()
	defer w.command.Unlock()
	select {
	case <-w.answers: // one that came too late
	default:
	}
	if _, err := w.conn.Write([]byte(command)); err != nil {
		return "", ErrNoRadio
	}
	select {
	case s := <-w.answers:
		return s, nil
	case <-time.After(answerWithin):
		return "", ErrNoRadio
	}
}

// do sends commands that are answered with OK.
func (w *Wifi) do(commands ...string) error {
	for _, c := range commands {
		s, err := w.ask(c)
		if err != nil {
			return err
		}
		if s != "OK" {
			verb, _, _ := strings.Cut(c, " ")
			return fmt.Errorf("link: wpa_supplicant refuses %s", verb) // never the rest: there is a password in it
		}
	}
	return nil
}

// Join makes the radio use this network and no other, until ctx is done. Errors: ErrNetwork, ErrPassword, ErrRefused,
// ErrNoSignal, ErrNoRadio, or that of ctx.
func (w *Wifi) Join(ctx context.Context, n Network) error {
	if !n.Valid() {
		return ErrNetwork
	}
	if err := w.do("REMOVE_NETWORK all"); err != nil {
		return err
	}
	id, err := w.ask("ADD_NETWORK")
	if err != nil {
		return err
	}
	if _, err := strconv.ParseUint(id, 10, 16); err != nil {
		return ErrNoRadio
	}
	if err := w.do(settings(id, n)...); err != nil {
		return err
	}
	w.drain() // what is told of the network before came before the answers
	if err := w.do("SELECT_NETWORK " + id); err != nil {
		return err
	}
	return w.await(ctx)
}

// settings are the commands that describe a network. What wpa_supplicant would do by itself and others could see is turned
// off: it never asks the air for a network by name, and each network sees another hardware address.
func settings(id string, n Network) []string {
	set := "SET_NETWORK " + id + " "
	list := []string{set + "ssid " + fmt.Sprintf("%x", n.SSID), set + "scan_ssid 0", set + "mac_addr 1"}
	if n.Password == "" {
		list = append(list, set+"key_mgmt NONE")
	} else {
		// WPA2 and nothing older; management frames protected where both can. WPA3 alone cannot be joined: tools/wpa says why.
		list = append(list, set+`psk "`+n.Password+`"`, set+"key_mgmt WPA-PSK WPA-PSK-SHA256", set+"proto RSN",
			set+"pairwise CCMP", set+"group CCMP", set+"ieee80211w 1")
	}
	return list
}

// drain forgets old events.
func (w *Wifi) drain() {
	for {
		select {
		case _, ok := <-w.events:
			if !ok {
				return
			}
		default:
			return
		}
	}
}

// await waits until the network is joined or cannot be.
func (w *Wifi) await(ctx context.Context) error {
	missing := 0
	for {
		select {
		case e, ok := <-w.events:
			kind, rest, _ := strings.Cut(e, " ")
			switch {
			case !ok:
				return ErrNoRadio
			case kind == "CTRL-EVENT-CONNECTED":
				return nil
			case kind == "CTRL-EVENT-SSID-TEMP-DISABLED" && strings.HasSuffix(rest, " reason=WRONG_KEY"):
				return ErrPassword
			case kind == "CTRL-EVENT-SSID-TEMP-DISABLED": // also for a wrong password, where the chip itself checks it and does not tell
				return ErrRefused
			case kind == "CTRL-EVENT-NETWORK-NOT-FOUND":
				if missing++; missing == 3 { // one scan may miss a beacon
					return ErrNoSignal
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Lost blocks until the network is gone, or ctx is done (its error), or wpa_supplicant is (ErrNoRadio).
func (w *Wifi) Lost(ctx context.Context) error {
	for {
		select {
		case e, ok := <-w.events:
			if !ok {
				return ErrNoRadio
			}
			if strings.HasPrefix(e, "CTRL-EVENT-DISCONNECTED") {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Scan looks for networks, the strongest first. Errors: ErrNoRadio, or that of ctx.
func (w *Wifi) Scan(ctx context.Context) ([]Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, scanWithin)
	defer cancel()
	w.drain()
	if s, err := w.ask("SCAN"); err != nil || s != "OK" && s != "FAIL-BUSY" { // busy: one runs already, whose end is ours
		return nil, ErrNoRadio
	}
	for {
		select {
		case e, ok := <-w.events:
			if !ok {
				return nil, ErrNoRadio
			}
			if !strings.HasPrefix(e, "CTRL-EVENT-SCAN-RESULTS") {
				continue
			}
			s, err := w.ask("SCAN_RESULTS")
			return parseScan(s), err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// parseScan reads the answer to SCAN_RESULTS: a title, and a line for each station with its address, frequency, signal,
// flags and name, between tabs. A name that several stations have comes once.
func parseScan(s string) (seen []Seen) {
	_, s, _ = strings.Cut(s, "\n")
	for l := range strings.SplitSeq(s, "\n") {
		fields := strings.SplitN(l, "\t", 5)
		if len(fields) < 5 || len(seen) == maxSeen {
			continue
		}
		name, ok := unescape(fields[4])
		signal, err := strconv.ParseInt(fields[2], 10, 16)
		if !ok || err != nil || strings.Trim(name, "\x00") == "" || len(name) > maxSSID {
			continue
		}
		n := Seen{SSID: name, Signal: int(signal), Secured: strings.Contains(fields[3], "[WPA2-") || strings.Contains(fields[3], "[WPA3-") || strings.Contains(fields[3], "SAE")}
		if i := slices.IndexFunc(seen, func(o Seen) bool { return o.SSID == n.SSID && o.Secured == n.Secured }); i >= 0 {
			seen[i].Signal = max(seen[i].Signal, n.Signal)
			continue
		}
		seen = append(seen, n)
	}
	slices.SortStableFunc(seen, func(a, b Seen) int { return b.Signal - a.Signal })
	return seen
}

// unescape undoes how wpa_supplicant prints a name: \\, \", \e, \n, \r, \t and \xHH.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", false
		}
		switch s[i] {
		case '\\', '"':
			b.WriteByte(s[i])
		case 'e':
			b.WriteByte(0x1b)
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'x':
			if i+2 >= len(s) {
				return "", false
			}
			v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(v))
			i += 2
		default:
			return "", false
		}
	}
	return b.String(), true
}
