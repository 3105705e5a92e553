// Package link brings up the network: a cable with an address by DHCP or a fixed one, or else a radio that has joined a Wi-Fi.
// A cable that gives no address for ten seconds is left for the radio until it is plugged in anew, or the radio loses its Wi-Fi.
// It does so by netlink, and by the control socket of wpa_supplicant, which alone knows the radio (Roam).
//
// It promises to tell the network nothing but the hardware address: no host name, no vendor, no client software
// (RFC 7844), which a radio draws anew for each network; and that the air hears nothing of it before a network is joined.
// DHCP is written here instead of imported, since it needs no packet socket this way: the whole client lives on an ordinary
// UDP socket bound to the interface.
//
// It never opens a port other than DHCP's 68 and never accepts a route, a host name or a file from a server.
// It cannot detect that another machine uses the same fixed address, nor that an address leads nowhere: a cable that gives one
// comes before a radio, whatever lies behind.
package link

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Ports of RFC 2131, Section 4.1.
const (
	serverPort = 67
	clientPort = 68
)

const lookEvery = 250 * time.Millisecond

// Config says which cable and which address.
type Config struct {
	Interface string       // "" takes the first Ethernet interface
	Static    netip.Prefix // valid: this address instead of DHCP; of a cable, never of a radio
	Router    netip.Addr   // with Static; may be invalid
	DNS       []netip.Addr // with Static

	patience time.Duration // with a cable that gives no address; 0 is that of the package
}

// Status is what the network looks like now. The zero Status is no network.
type Status struct {
	Interface string
	Address   netip.Prefix
	Router    netip.Addr
	DNS       []netip.Addr
	Air       Air // filled in by who also runs Roam
}

// Up tells whether there is an address.
func (s Status) Up() bool { return s.Address.IsValid() }

// Resolver is the text of /etc/resolv.conf for this network.
func (s Status) Resolver() string {
	var b strings.Builder
	for _, a := range s.DNS {
		fmt.Fprintf(&b, "nameserver %s\n", a)
	}
	return b.String()
}

// Run keeps the link up until ctx is done and tells every change. It returns only errors that trying again cannot cure.
func Run(ctx context.Context, c Config, tell func(Status)) error {
	if err := loopback(); err != nil {
		return err
	}
	c.patience = cmp.Or(c.patience, patience)
	k := &chooser{Config: c, tell: tell, barren: map[int]bool{}}
	for {
		nl, err := k.find(ctx)
		if err != nil {
			return err
		}
		err = k.serve(ctx, nl)
		_ = flush(nl) // or two ways would lead out when another interface takes over; one that is gone has no address
		tell(Status{})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, errCable) && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.ENETDOWN) {
			return err
		}
	}
}

var errCable = errors.New("link: the cable is out, or there is a better one")

func loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("link: lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("link: lo: %w", err)
	}
	return nil
}

// serve runs one interface until it is pulled, or there is a better one.
func (k *chooser) serve(ctx context.Context, l netlink.Link) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	use := port{index: l.Attrs().Index, radio: wireless(l.Attrs().Name)}
	var lent atomic.Bool
	watching.Go(func() { k.watch(ctx, cancel, use, &lent) })
	if err := flush(l); err != nil {
		return err
	}
	if k.Static.IsValid() && !use.radio {
		lent.Store(true)
		s := Status{Interface: l.Attrs().Name, Address: k.Static, Router: k.Router, DNS: k.DNS}
		if err := apply(l, s); err != nil {
			return err
		}
		k.tell(s)
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return dhcp(ctx, l, func(lease Lease, held bool) error {
		lent.Store(held)
		return change(l, lease, held, k.tell)
	})
}

// dhcp is the loop around the pure client. It passes on what changes of the lease.
func dhcp(ctx context.Context, l netlink.Link, change func(lease Lease, held bool) error) error {
	conn, err := listen(ctx, l.Attrs().Name, clientPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	c, err := newClient(l.Attrs().HardwareAddr, rand.Reader, time.Now())
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	buf := make([]byte, maxDHCPSize+1)
	for {
		if b, to, ok := c.Outgoing(); ok {
			// An error here is a network that is not ready; the next try is already planned.
			_, _ = conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(to, serverPort))
		}
		if lease, held, changed := c.Changed(); changed {
			if err := change(lease, held); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		_ = conn.SetReadDeadline(c.Deadline())
		n, _, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			err = c.Handle(buf[:n], time.Now())
		case errors.Is(err, os.ErrDeadlineExceeded):
			err = c.Tick(time.Now())
		}
		if err != nil {
			return fmt.Errorf("link: %w", err)
		}
	}
}

func change(l netlink.Link, lease Lease, held bool, tell func(Status)) error {
	if err := flush(l); err != nil {
		return err
	}
	if !held {
		tell(Status{})
		return nil
	}
	s := Status{Interface: l.Attrs().Name, Address: lease.Address, Router: lease.Router, DNS: lease.DNS}
	if err := apply(l, s); err != nil {
		return err
	}
	tell(s)
	return nil
}

// listen opens a port on one interface, before that interface has an address.
func listen(ctx context.Context, name string, port int) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var inner error
		err := raw.Control(func(fd uintptr) {
			inner = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), name))
		})
		return errors.Join(err, inner)
	}}
	pc, err := lc.ListenPacket(ctx, "udp4", fmt.Sprintf("0.0.0.0:%d", port))
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	return pc.(*net.UDPConn), nil
}

// flush takes all IPv4 addresses off an interface; their routes go with them.
func flush(l netlink.Link) error {
	addrs, err := netlink.AddrList(l, unix.AF_INET)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	for _, a := range addrs {
		if err := netlink.AddrDel(l, &a); err != nil {
			return fmt.Errorf("link: %w", err)
		}
	}
	return nil
}

// apply puts an address on an interface and the default route to the router.
func apply(l netlink.Link, s Status) error {
	ipnet := &net.IPNet{IP: s.Address.Addr().AsSlice(), Mask: net.CIDRMask(s.Address.Bits(), 32)}
	if err := netlink.AddrReplace(l, &netlink.Addr{IPNet: ipnet}); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if !s.Router.IsValid() {
		return nil
	}
	err := netlink.RouteReplace(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: s.Router.AsSlice()})
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return nil
}
