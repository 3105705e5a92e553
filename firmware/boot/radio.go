package boot

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sotto/net/link"
)

// The radio is driven by wpa_supplicant, the one program of the image that is not ours. It runs only while the telephone
// wants it, as a user of its own, in a cell from which it sees nothing but the radio and its control socket. What there is
// to join goes from the telephone, which keeps it in its sealed memory, over PID 1 to the link's process, which gives it to
// wpa_supplicant; none of them writes it on the card.
const (
	radioDir     = "/run/radio"                // control sockets; the link's process is in the radio's group
	radioProgram = "/lib/sotto/wpa_supplicant" // and its settings beside it
	wifiWish     = runDir + "/wifi"            // what the link's process shall join
	lookWish     = runDir + "/look"            // changes when somebody wants to know what is in reach
	seenFile     = linkDir + "/seen"           // what is: a JSON sight
	onForLook    = 45 * time.Second            // a radio that shall join nothing stays on so long after a look
)

// sight is the answer to one look.
type sight struct {
	Look string // the text of lookWish
	Seen []sighted
}

// sighted is a link.Seen whose name survives JSON: strangers may call a network any bytes.
type sighted struct {
	Name    []byte
	Signal  int
	Secured bool
}

// radio is what PID 1 knows of the wishes.
type radio struct {
	mu    sync.Mutex
	join  bool      // there is something to join
	until time.Time // on for a look
	looks int
}

// wanted tells whether the radio shall be on.
func (r *radio) wanted(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.join || now.Before(r.until)
}

// grant passes on what the telephone wished of the radio: "wifi", and behind it name and password in hexadecimal.
func (r *radio) grant(rest string) error {
	if _, err := parseWifi(rest); err != nil {
		return err
	}
	if err := give(wifiWish, []byte(rest), linkUser); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.join = rest != ""
	return nil
}

// look turns the radio on for a while.
func (r *radio) look(now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks++
	r.until = now.Add(onForLook)
	return replace(lookWish, fmt.Append(nil, r.looks))
}

// give leaves a file that one user, and nobody else, reads.
func give(path string, b []byte, user int) error {
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if err := errors.Join(os.Chown(path+".new", user, user), os.Rename(path+".new", path)); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	return nil
}

func wifiText(n link.Network) string {
	if n.SSID == "" {
		return ""
	}
	return strings.TrimSpace(hex.EncodeToString([]byte(n.SSID)) + " " + hex.EncodeToString([]byte(n.Password)))
}

// parseWifi reads what wifiText wrote, and nothing else.
func parseWifi(text string) (n link.Network, err error) {
	name, password, _ := strings.Cut(text, " ")
	b, err := hex.DecodeString(name)
	p, err2 := hex.DecodeString(password)
	n = link.Network{SSID: string(b), Password: string(p)}
	if err != nil || err2 != nil || wifiText(n) != text || n.SSID != "" && !n.Valid() {
		return link.Network{}, errWish
	}
	return n, nil
}

// setWifi makes the radio join a network, or none.
func (w *wishes) setWifi(n link.Network) error {
	if n.SSID != "" && !n.Valid() {
		return link.ErrNetwork
	}
	return w.ask(strings.TrimSpace("wifi " + wifiText(n)))
}

// seen looks what is in reach.
func (w *wishes) seen(ctx context.Context) ([]link.Seen, error) {
	if err := w.ask("look"); err != nil {
		return nil, err
	}
	asked, err := os.ReadFile(lookWish)
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		var s sight
		if b, err := os.ReadFile(seenFile); err == nil && json.Unmarshal(b, &s) == nil && s.Look == string(asked) {
			var all []link.Seen
			for _, n := range s.Seen {
				all = append(all, link.Seen{SSID: string(n.Name), Signal: n.Signal, Secured: n.Secured})
			}
			return all, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// roam is the part of the link's process that speaks with wpa_supplicant.
func roam(ctx context.Context, tell func(link.Air)) {
	orders := make(chan link.Order)
	go link.Roam(ctx, radioDir, orders, tell, func(look string, seen []link.Seen) {
		s := sight{Look: look}
		for _, n := range seen {
			s.Seen = append(s.Seen, sighted{[]byte(n.SSID), n.Signal, n.Secured})
		}
		if b, err := json.Marshal(s); err != nil {
			say("%v", err)
		} else if err := replace(seenFile, b); err != nil {
			say("%v", err)
		}
	})
	var wished []byte
	var looked string
	for tick := time.NewTicker(lookAgain); ; {
		if b, err := os.ReadFile(wifiWish); err == nil && !bytes.Equal(b, wished) {
			if n, err := parseWifi(string(b)); err == nil {
				orders <- link.Order{Network: n}
			}
			wished = b
		}
		if b, err := os.ReadFile(lookWish); err == nil && string(b) != looked {
			looked = string(b)
			orders <- link.Order{Look: looked}
		}
		<-tick.C
	}
}

// tend turns the radio on and off.
func (f *first) tend(c *child, died chan<- *child, now time.Time) {
	wanted := f.radio.wanted(now) && link.Radio() != ""
	switch {
	case wanted && c.cmd == nil && !now.Before(c.due):
		f.start(c, died)
	case !wanted && c.cmd != nil:
		c.ended = true
		_ = c.cmd.Process.Signal(unix.SIGTERM) // gone already is as good
	}
}

// runRadio becomes wpa_supplicant. What it prints could tell names of networks: it may tell errors only.
func runRadio() error {
	unix.CloseOnExec(heartbeatF)
	name := link.Radio()
	if name == "" {
		return errors.New("boot: the radio is gone")
	}
	if err := sealRadio(); err != nil {
		return err
	}
	err := syscall.Exec(radioProgram, []string{radioName, "-qq", "-Dnl80211", "-i" + name, "-c" + radioProgram + ".conf"}, []string{})
	return fmt.Errorf("boot: %s: %w", radioProgram, err)
}
