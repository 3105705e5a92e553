package sipua

import (
	"context"
	"net"
	"net/netip"
	"time"

	"sotto/net/signaling"
)

const resolveTimeout = 5 * time.Second

// resolve looks up a host name and tells the core.
func (u *UA) resolve(q question) {
	u.net.wait.Add(1)
	go func() {
		defer u.net.wait.Done()
		ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
		defer cancel()
		stop := context.AfterFunc(ctx, func() {})
		defer stop()
		go func() {
			select {
			case <-u.net.done:
				cancel()
			case <-ctx.Done():
			}
		}()
		hops := lookUp(ctx, u.config.Resolver, q.target)
		select {
		case u.wishes <- func() { u.core.resolved(q, hops) }:
		case <-u.net.done:
		case <-u.ended:
		}
	}()
}

// lookUp finds the places of a target. RFC 3263, Sections 4.1 and 4.2: with a port in the URI the addresses of the host,
// else what the NAPTR records say, else the SRV records, else the addresses with the default port.
func lookUp(ctx context.Context, r Resolver, t target) (hops []hop) {
	port := t.port
	if port == 0 {
		if hops := lookUpNAPTR(ctx, r, t); len(hops) > 0 {
			return hops
		}
		if hops := lookUpSRV(ctx, r, t); len(hops) > 0 {
			return hops
		}
		port = t.proto.defaultPort()
	}
	return lookUpHost(ctx, r, t, t.host, port)
}

func lookUpSRV(ctx context.Context, r Resolver, t target) (hops []hop) {
	// RFC 3263, Section 4.1: without a transport in the URI, and without NAPTR, the client asks for the records of the
	// transports that it supports.
	protos := []proto{t.proto}
	if !t.named {
		protos = []proto{udp, tcp}
	}
	for _, p := range protos {
		service, network := "sip", "udp"
		if p != udp {
			network = "tcp"
		}
		if p == tlsProto {
			service = "sips"
		}
		_, records, err := r.LookupSRV(ctx, service, network, t.host)
		if err != nil {
			continue
		}
		t := t
		t.proto = p
		if hops = lookUpTargets(ctx, r, t, records); len(hops) > 0 {
			return hops
		}
	}
	return nil
}

// lookUpTargets finds the places of SRV records.
func lookUpTargets(ctx context.Context, r Resolver, t target, records []*net.SRV) (hops []hop) {
	for _, s := range records[:min(len(records), 8)] {
		if s.Target != "." {
			hops = append(hops, lookUpHost(ctx, r, t, s.Target, s.Port)...)
		}
	}
	return hops
}

func lookUpHost(ctx context.Context, r Resolver, t target, host string, port uint16) (hops []hop) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for _, a := range addrs[:min(len(addrs), 8)] {
		// RFC 5922, Section 4: the certificate is that of the domain which was asked for, not of the SRV target.
		hops = append(hops, hop{proto: t.proto, addr: netip.AddrPortFrom(a.Unmap(), port), name: t.host})
	}
	return hops
}

// resolved takes the answer to a question.
func (c *core) resolved(q question, hops []hop) {
	if q.account != "" {
		c.accountResolved(q.account, hops)
		return
	}
	if q.found != nil {
		q.found(hops)
		return
	}
	k := c.calls[q.call]
	if k == nil || k.state != dialing {
		return
	}
	if len(hops) == 0 {
		k.end(c, signaling.NotFound)
		return
	}
	k.begin(c, hops[0])
}
