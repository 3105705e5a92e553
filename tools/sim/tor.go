package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sotto/firmware/phone"
	"sotto/net/onion"
)

// torOptions are the flags of the telephone's Tor.
type torOptions struct {
	on     bool
	torrc  string
	config phone.Onion
}

// torFlags adds them.
func torFlags(fs *flag.FlagSet) *torOptions {
	t := &torOptions{config: phone.Onion{Keys: map[onion.Address]onion.ClientKey{}}}
	c := &t.config
	fs.BoolVar(&t.on, "onion", false, "start Tor and be reachable under an onion address")
	fs.StringVar(&t.torrc, "torrc", "", "`file` with more lines for Tor, as the authorities of a private network")
	fs.BoolVar(&c.Open, "onion-open", false, "whoever knows the onion address may call")
	fs.BoolVar(&c.Tor.Amnesic, "amnesic", false, "let Tor forget its guards at every start")
	fs.DurationVar(&c.Patience, "onion-patience", time.Minute, "`time` that a dial over Tor may take")
	fs.Func("onion-seed", "64 hexadecimal `digits` from which our onion address follows, instead of those that --state keeps", func(s string) error {
		var seed onion.Seed
		if n, err := hex.Decode(seed[:], []byte(s)); err != nil || n != len(seed) || len(s) != hex.EncodedLen(len(seed)) {
			return errors.New("want 64 hexadecimal digits")
		}
		c.Seed = &seed
		return nil
	})
	fs.Func("onion-client", "public `key` of somebody who may call our onion address; repeatable", func(s string) error {
		id, err := onion.ParseClientID(s)
		c.Clients = append(c.Clients, id)
		return err
	})
	fs.Func("onion-key", "`address=key` with which to call an onion address; repeatable", func(s string) error {
		address, secret, _ := strings.Cut(s, "=")
		a, err := onion.ParseAddress(address)
		if err != nil {
			return err
		}
		k, err := onion.ParseClientKey(secret)
		c.Keys[a] = k
		return err
	})
	fs.Func("bridge", "`line` of a bridge into the Tor network; repeatable", func(s string) error {
		c.Tor.Bridges = append(c.Tor.Bridges, s)
		return nil
	})
	fs.Func("transport", "`name=program` of a pluggable transport for bridges, as obfs4=/usr/bin/obfs4proxy; repeatable", func(s string) error {
		name, program, ok := strings.Cut(s, "=")
		if !ok || !filepath.IsAbs(program) {
			return errors.New("want name=/path/of/program")
		}
		if c.Tor.Transports == nil {
			c.Tor.Transports = map[string]string{}
		}
		c.Tor.Transports[name] = program
		return nil
	})
	return t
}

// takeRoute reads --route and what belongs to Tor.
func (o *options) takeRoute(route string, t *torOptions) error {
	switch {
	case route == "" || route == "direct":
	case route == "relay":
		o.reach.RelayOnly = true
	case phone.ValidRoute(route) && t.on:
		t.config.Route = route
	case phone.ValidRoute(route):
		return fmt.Errorf("--route %s needs --onion", route)
	default:
		return fmt.Errorf("--route %s: direct, relay, tor, tor-relay or tor-direct", route)
	}
	if !t.on {
		return nil
	}
	if t.torrc != "" {
		b, err := os.ReadFile(t.torrc)
		if err != nil {
			return fmt.Errorf("--torrc: %w", err)
		}
		t.config.Tor.Extra = strings.Split(strings.TrimSpace(string(b)), "\n")
	}
	t.config.Tor.Log = os.Stderr
	o.onion = &t.config
	return nil
}
