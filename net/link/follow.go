package link

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Follow tells the address of a machine whose network others manage, and every change of it, until ctx is done. It asks for
// nothing and changes nothing. As long as an address is there it is kept, whatever else comes.
func Follow(ctx context.Context, tell func(Status)) {
	var now Status
	for {
		if next := choose(now, addresses()); next.Interface != now.Interface || next.Address != now.Address {
			now = next
			tell(now)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// choose is the address to use of those that are there: the one in use, or the first that others can reach.
func choose(now Status, all []Status) Status {
	for _, s := range all {
		if s.Interface == now.Interface && s.Address == now.Address {
			return s
		}
	}
	i := slices.IndexFunc(all, func(s Status) bool { return s.Address.Addr().Is4() && s.Address.Addr().IsGlobalUnicast() })
	if i < 0 {
		return Status{}
	}
	return all[i]
}

// addresses are those of the interfaces that have a carrier.
func addresses() (all []Status) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil || i.Flags&net.FlagRunning == 0 || i.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				all = append(all, Status{Interface: i.Name, Address: p})
			}
		}
	}
	return all
}
