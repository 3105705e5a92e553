package link

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Air is what the radio has to tell. The zero Air is a telephone without one.
type Air struct {
	Radio   bool // there is one
	Joined  bool
	Trouble Trouble
}

// Trouble is why the radio has not joined the network that it should.
type Trouble string

// Troubles of a radio.
const (
	WrongPassword Trouble = "wrong password"
	NotLetIn      Trouble = "not let in"
	OutOfReach    Trouble = "out of reach"
	RadioFailed   Trouble = "radio failed"
)

// Order is what a radio shall do.
type Order struct {
	Network Network // to be in from now on; without a name: none
	Look    string  // instead: its name; tell what is in reach, and go on as before
}

const (
	classNet   = "/sys/class/net"
	dialPause  = 500 * time.Millisecond
	silentDial = 10 * time.Second // of a wpa_supplicant that is awaited
)

// Radio is the name of the first interface that is one; empty: there is none (yet).
func Radio() string {
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range all {
		if wireless(i.Name) {
			return i.Name
		}
	}
	return ""
}

func wireless(name string) bool {
	_, err := os.Stat(filepath.Join(classNet, name, "phy80211"))
	return err == nil
}

// Roam obeys orders over the wpa_supplicant whose control sockets lie in dir, until ctx is done. It tells every change, and
// finds answers every look. A wpa_supplicant that comes later, or anew, is told the last order again.
func Roam(ctx context.Context, dir string, orders <-chan Order, tell func(Air), find func(look string, seen []Seen)) {
	r := &roamer{orders: orders, tell: tell, find: find, radio: Radio, dial: func(name string) (*Wifi, error) { return DialWifi(dir, name) }}
	r.run(ctx)
}

// roamer is the state of Roam.
type roamer struct {
	orders <-chan Order
	tell   func(Air)
	find   func(string, []Seen)
	radio  func() string
	dial   func(name string) (*Wifi, error)

	want Network
	told bool // wpa_supplicant knows what is wanted
	look string
	air  Air
}

func (r *roamer) run(ctx context.Context) {
	awaited := time.Now() // since when a wpa_supplicant should be there
	for ctx.Err() == nil {
		name := r.radio()
		r.say(func(a *Air) { a.Radio, a.Joined = name != "", false })
		if name != "" {
			if w, err := r.dial(name); err == nil {
				r.told = false
				r.serve(ctx, w)
				w.Close()
				awaited = time.Now()
			}
		}
		switch {
		case r.want.SSID == "":
			awaited = time.Now()
			r.say(func(a *Air) { a.Trouble = "" })
		case time.Since(awaited) > silentDial:
			r.say(func(a *Air) { a.Trouble = RadioFailed })
		}
		select {
		case o := <-r.orders:
			r.obey(o)
		case <-ctx.Done():
		case <-time.After(dialPause):
		}
	}
}

// say tells what has changed.
func (r *roamer) say(change func(*Air)) {
	before := r.air
	if change(&r.air); r.air != before {
		r.tell(r.air)
	}
}

func (r *roamer) obey(o Order) {
	if o.Look != "" {
		r.look = o.Look
		return
	}
	r.want, r.told = o.Network, false
}

// serve works with one wpa_supplicant until that is gone.
func (r *roamer) serve(ctx context.Context, w *Wifi) {
	for ctx.Err() == nil {
		if r.look != "" {
			seen, err := w.Scan(ctx)
			if errors.Is(err, ErrNoRadio) || ctx.Err() != nil {
				return // and looks when it comes again
			}
			r.find(r.look, seen)
			r.look = ""
		}
		step, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- r.stay(step, w) }()
		select {
		case o := <-r.orders:
			cancel()
			<-ended
			r.obey(o)
		case err := <-ended:
			cancel()
			if errors.Is(err, ErrNoRadio) {
				return
			}
			r.say(func(a *Air) { a.Joined, a.Trouble = false, RadioFailed }) // it refuses what we ask of it
			select {
			case o := <-r.orders:
				r.obey(o)
			case <-time.After(silentDial):
			case <-ctx.Done():
			}
		}
	}
}

// stay is in the wanted network, or tries to be, until ctx is done. wpa_supplicant itself comes back to a network that it
// has lost, so it is told once only.
func (r *roamer) stay(ctx context.Context, w *Wifi) error {
	var err error
	switch {
	case !r.told:
		r.say(func(a *Air) { a.Joined, a.Trouble = false, "" })
		if r.want.SSID == "" {
			err = w.do("REMOVE_NETWORK all")
		} else {
			err = w.Join(ctx, r.want)
		}
		r.told = !refused(err)
	case r.want.SSID != "" && !w.joined(): // a look may have hidden that it was lost
		r.say(func(a *Air) { a.Joined = false })
		err = w.await(ctx)
	}
	if r.want.SSID == "" && err == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	for {
		switch {
		case err == nil:
			r.say(func(a *Air) { a.Joined, a.Trouble = true, "" })
			if err := w.Lost(ctx); err != nil {
				return err
			}
			r.say(func(a *Air) { a.Joined = false })
		case errors.Is(err, ErrPassword):
			r.say(func(a *Air) { a.Joined, a.Trouble = false, WrongPassword })
		case errors.Is(err, ErrRefused):
			r.say(func(a *Air) { a.Joined, a.Trouble = false, NotLetIn })
		case errors.Is(err, ErrNoSignal):
			r.say(func(a *Air) { a.Joined, a.Trouble = false, OutOfReach })
		default:
			return err
		}
		err = w.await(ctx)
	}
}

// refused tells whether Join ended before wpa_supplicant knew the network.
func refused(err error) bool {
	return err != nil && !errors.Is(err, ErrPassword) && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoSignal) && !errors.Is(err, context.Canceled)
}

// joined asks whether the radio is in its network.
func (w *Wifi) joined() bool {
	s, err := w.ask("STATUS")
	return err == nil && strings.Contains("\n"+s+"\n", "\nwpa_state=COMPLETED\n")
}
