package link

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
)

func TestChoose(t *testing.T) {
	at := func(dev, prefix string) Status { return Status{Interface: dev, Address: netip.MustParsePrefix(prefix)} }
	lo, wifi, cable := at("lo", "127.0.0.1/8"), at("wlan0", "192.0.2.7/24"), at("eth0", "198.51.100.7/24")
	for _, c := range []struct {
		what string
		now  Status
		all  []Status
		want Status
	}{
		{"nothing", Status{}, nil, Status{}},
		{"only ourselves", Status{}, []Status{lo, at("eth0", "fe80::1/64"), at("eth0", "2001:db8::1/64")}, Status{}},
		{"the first", Status{}, []Status{lo, cable, wifi}, cable},
		{"what is in use stays", wifi, []Status{lo, cable, wifi}, wifi},
		{"the other when that goes", wifi, []Status{lo, cable}, cable},
		{"the same address elsewhere", wifi, []Status{at("eth0", "192.0.2.7/24")}, at("eth0", "192.0.2.7/24")},
		{"another on the same", wifi, []Status{lo, at("wlan0", "192.0.2.8/24")}, at("wlan0", "192.0.2.8/24")},
		{"none any more", wifi, []Status{lo}, Status{}},
	} {
		if got := choose(c.now, c.all); got.Interface != c.want.Interface || got.Address != c.want.Address {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// What Follow tells at first is there, and it tells it once.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*lookEvery)
		defer cancel()
		var told []Status
		Follow(ctx, func(s Status) { told = append(told, s) })
		if want := choose(Status{}, addresses()); want.Up() {
			if len(told) != 1 || told[0].Address != want.Address {
				t.Errorf("told %v, want %v", told, want)
			}
		} else if len(told) != 0 {
			t.Errorf("told %v, and there is nothing", told)
		}
	})
	if i := slices.IndexFunc(addresses(), func(s Status) bool { return s.Address.Addr().IsLoopback() }); i < 0 {
		t.Error("this machine does not know itself")
	}
}
