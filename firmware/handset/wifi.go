package main

import (
	"context"

	"sotto/firmware/boot"
	"sotto/firmware/call"
	"sotto/net/link"
)

// join gives the radio what the owner chose.
func join(env boot.Environment) func(call.Wifi) error {
	return func(w call.Wifi) error { return env.SetWifi(link.Network{SSID: w.Name, Password: w.Password}) }
}

// look tells what is in reach.
func look(env boot.Environment) func(context.Context) ([]call.WifiNetwork, error) {
	return func(ctx context.Context) (all []call.WifiNetwork, err error) {
		seen, err := env.Look(ctx)
		for _, n := range seen {
			all = append(all, call.WifiNetwork{Name: n.SSID, Bars: bars(n.Signal), Secured: n.Secured})
		}
		return all, err
	}
}

// bars are what people know of telephones: four for as good as it gets, one for what may just do. dBm of 802.11 receivers.
func bars(dBm int) int {
	switch {
	case dBm >= -55:
		return 4
	case dBm >= -67: // speech goes well down to here
		return 3
	case dBm >= -75:
		return 2
	}
	return 1
}
