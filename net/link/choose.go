package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Which interface is used. A cable comes first. One that is barren, because nobody on it lends an address, is left alone while
// a radio is in its network: until its carrier has gone and come back, or the radio's has gone. Both cannot be asked at once:
// what goes out of an interface without an address bears the other's, and that network shall not learn it.

// patience is how long a cable may be without an address before it is barren. A server that looks first whether an address is
// free takes three seconds, and a switch may need as long before it passes anything on.
const patience = 10 * time.Second

// port is an interface, as far as the choice goes.
type port struct {
	index   int
	radio   bool
	carries bool // of a radio: it is in its network
}

// prefer is the port to use, 0 without any: a cable, or else a radio, or else a cable that is barren. Of one that does not
// carry nothing is remembered.
func prefer(all []port, barren map[int]bool) int {
	var cable, radio, last int
	for _, p := range all {
		switch {
		case !p.carries:
			delete(barren, p.index)
		case p.radio:
			radio = cmp.Or(radio, p.index)
		case barren[p.index]:
			last = cmp.Or(last, p.index)
		default:
			cable = cmp.Or(cable, p.index)
		}
	}
	return cmp.Or(cable, radio, last)
}

// chooser is the state of Run. One goroutine at a time has it: the one that finds, or the one that watches.
type chooser struct {
	Config
	tell   func(Status)
	barren map[int]bool // cables, by index
}

// find waits for an interface that carries.
func (k *chooser) find(ctx context.Context) (netlink.Link, error) {
	raised := map[int]bool{}
	for {
		all, err := ports(k.Interface, raised)
		if err != nil {
			return nil, err
		}
		if l, err := netlink.LinkByIndex(prefer(all, k.barren)); err == nil {
			return l, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lookEvery / 5):
		}
	}
}

// watch ends serve when the carrier goes, when a cable comes and makes the radio needless, and when there is something better
// than a barren cable. lent tells whether the interface in use has an address.
func (k *chooser) watch(ctx context.Context, cancel context.CancelCauseFunc, use port, lent *atomic.Bool) {
	raised, fed := map[int]bool{}, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
		l, err := netlink.LinkByIndex(use.index)
		if err != nil || !carries(l.Attrs()) {
			cancel(errCable)
			return
		}
		if lent.Load() {
			fed = time.Now()
		}
		judge(use, lent.Load(), time.Since(fed) > k.patience, k.barren)
		if !use.radio && !k.barren[use.index] {
			continue // it stays, whatever else there is
		}
		all, err := ports(k.Interface, raised)
		if better := prefer(all, k.barren); err == nil && better != 0 && better != use.index {
			cancel(errCable)
			return
		}
	}
}

// judge notes what the port in use is worth: whether it has an address, or has had none for too long. A radio that has none
// either is no reason to leave a cable alone.
func judge(use port, lent, hungry bool, barren map[int]bool) {
	switch {
	case use.radio && hungry:
		clear(barren)
	case use.radio:
	case lent:
		delete(barren, use.index)
	case hungry:
		barren[use.index] = true
	}
}

// ports are the cable, or all cables, and the radios. Taking a cable up is what makes its carrier show; a radio is its
// wpa_supplicant's to take up.
func ports(name string, raised map[int]bool) (all []port, err error) {
	links, err := netlink.LinkList()
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, nil // something changed meanwhile: the next look sees it
	}
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	for _, l := range links {
		a := l.Attrs()
		radio := wireless(a.Name)
		if a.EncapType != "ether" || !radio && name != "" && a.Name != name {
			continue
		}
		if !radio && !raised[a.Index] {
			raised[a.Index] = netlink.LinkSetUp(l) == nil
		}
		all = append(all, port{a.Index, radio, carries(a)})
	}
	return all, nil
}

// carries tells whether packets go. A radio that is in a network but has no keys yet calls itself dormant.
func carries(a *netlink.LinkAttrs) bool {
	return a.RawFlags&unix.IFF_LOWER_UP != 0 && a.Flags&net.FlagUp != 0 && a.OperState != netlink.OperDormant
}
