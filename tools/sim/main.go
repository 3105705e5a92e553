// Command sim is one handset on a PC: the firmware's phone with WAV files as its sound card, scripted or clicked keys, and
// a screen that can be read as text. See `build/sim --help` and DESIGN.md for the script's verbs.
//
// It promises that nothing but the chips is simulated: keys, line, key agreement and voice are the handset's own code, and
// the sound card is paced by a real clock. Standard output carries one JSON line an event and nothing else.
// Exit status: 0 after quit or a signal, 1 when a `wait` of the script was in vain, 2 when it could not start.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"sotto/firmware/phone"
	"sotto/net/link"
	"sotto/net/nat"
	"sotto/net/onion"
	"sotto/net/signaling/sipua"
)

// options are the flags, checked.
type options struct {
	name, state, mic, speaker, script, http, pin string
	sound                                        string
	listen                                       netip.AddrPort
	contacts                                     []phone.Contact
	accounts                                     []sipua.Account
	reach                                        phone.Reach
	onion                                        *phone.Onion // nil: without Tor
	ptime                                        int
	loop                                         bool
	screen                                       string
	drift                                        float64
	realtime                                     bool
	roam                                         bool
}

// contactFlag collects repeated --contact 'Name=sip:...'.
type contactFlag struct{ list *[]phone.Contact }

func (c contactFlag) String() string { return "" }

func (c contactFlag) Set(s string) error {
	name, uri, ok := strings.Cut(s, "=")
	if !ok || name == "" || uri == "" {
		return errors.New("want 'Name=sip:user@host:port'")
	}
	*c.list = append(*c.list, phone.Contact{Name: name, URI: uri})
	return nil
}

func parseFlags(args []string, help io.Writer) (o options, err error) {
	fs := flag.NewFlagSet("sim", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // a mistake is told in one line, by main
	sip := fs.String("sip", "127.0.0.1:5060", "`address` and port for signaling; media uses the same address")
	fs.StringVar(&o.name, "name", "handset", "our `name`, told to those whom we call")
	fs.StringVar(&o.state, "state", "", "`folder` for everything that must survive (made when missing)")
	fs.StringVar(&o.mic, "mic", "", "WAV `file` that the microphone hears; silence without one")
	fs.BoolVar(&o.loop, "mic-loop", false, "begin the microphone's file again at its end")
	fs.StringVar(&o.speaker, "speaker", "", "WAV `file` that the loudspeaker's sound is written to")
	fs.StringVar(&o.sound, "sound", "", "Unix `socket` that whoever connects speaks and listens at, as 48 kHz mono s16le")
	fs.Var(contactFlag{&o.contacts}, "contact", "a `Name=sip:uri` of the phone book; repeatable, the first sits on speed dial 2")
	fs.Func("account", "`sip:user:password@host[:port][;transport=udp|tcp|tls]` to register; repeatable", func(s string) error {
		a, err := sipua.ParseAccount(s)
		o.accounts = append(o.accounts, a)
		return err
	})
	fs.Func("stun", "`host:port` of a STUN server; calls are then offered with ICE", func(s string) error {
		server, err := nat.ParseSTUN(s)
		o.reach.Servers = append(o.reach.Servers, server)
		return err
	})
	fs.Func("turn", "`turn:user:password@host:port[?transport=udp|tcp|tls]` of a TURN server", func(s string) error {
		server, err := nat.ParseTURN(s)
		o.reach.Servers = append(o.reach.Servers, server)
		return err
	})
	ca := fs.String("ca", "", "PEM `file` with the authority that signs servers' certificates, instead of the system's")
	route := fs.String("route", "", "how calls go: direct, or relay to show the peer no address of ours; with --onion how calls over Tor\ngo: tor (all of it, the default), tor-relay or tor-direct (only the signaling)")
	tor := torFlags(fs)
	fs.StringVar(&o.pin, "pin", "", "`PIN` to unlock with at start")
	fs.StringVar(&o.script, "script", "", "`file` with script lines, - for standard input")
	fs.StringVar(&o.http, "http", "", "`address` of a page that shows this handset, as 127.0.0.1:8080")
	fs.IntVar(&o.ptime, "ptime", 20, "`milliseconds` of speech in a packet: 10, 20, 40 or 60")
	fs.BoolVar(&o.realtime, "realtime", true, "ask for real-time scheduling of the voice; what is not permitted stays as it is")
	fs.BoolVar(&o.roam, "roam", false, "follow the address of this machine when it changes, instead of the one in --sip")
	fs.Float64Var(&o.drift, "drift", 0, "parts per `million` by which the sound card's crystal is fast")
	fs.StringVar(&o.screen, "screen", "240x240", "`size` of the display: 240x240, 240x320 or 128x64")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(help, "usage: sim --sip IP:PORT --state DIR [--mic in.wav] [--speaker out.wav] [--contact 'Bob=sip:bob@IP:PORT']...")
			fs.SetOutput(help)
			fs.PrintDefaults()
			return o, err
		}
		return o, fmt.Errorf("%w (see build/sim --help)", err)
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if o.listen, err = netip.ParseAddrPort(*sip); err != nil {
		return o, fmt.Errorf("--sip %s: want an address and a port, as 127.0.0.1:5060", *sip)
	}
	if o.state == "" {
		return o, errors.New("--state DIR is needed: the handset's identity lives there")
	}
	if err := o.trust(*ca); err != nil {
		return o, err
	}
	if err := o.takeRoute(*route, tor); err != nil {
		return o, err
	}
	if o.drift < -1000 || o.drift > 1000 {
		return o, fmt.Errorf("--drift %g: -1000 to 1000", o.drift)
	}
	switch o.ptime {
	case 10, 20, 40, 60:
	default:
		return o, fmt.Errorf("--ptime %d: 10, 20, 40 or 60", o.ptime)
	}
	return o, nil
}

// trust reads --ca and gives it to every account and server.
func (o *options) trust(file string) error {
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("--ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("--ca %s: no certificate in it", file)
	}
	o.reach.Roots = roots
	for i := range o.accounts {
		o.accounts[i].Roots = roots
	}
	return nil
}

func main() {
	onion.ChildMain() // in the process that becomes Tor it does not return
	o, err := parseFlags(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(o)
	}
	var vain errWait
	switch {
	case err == nil:
	case errors.As(err, &vain):
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "sim:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(2)
	}
}

// run lives until the script quits, a signal comes, or the phone fails.
func run(o options) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var steps []step
	if o.script != "" && o.script != "-" {
		f, err := os.Open(o.script)
		if err != nil {
			return fmt.Errorf("--script: %w", err)
		}
		defer f.Close()
		if steps, err = parseScript(f); err != nil {
			return fmt.Errorf("--script %s, %w", o.script, err)
		}
	}
	d, err := newDevice(o)
	if err != nil {
		return err
	}
	defer d.close()
	done := make(chan error, 2)
	cfg := d.config(o)
	if o.roam {
		network := make(chan link.Status)
		cfg.Network, cfg.Listen = network, netip.AddrPortFrom(netip.Addr{}, o.listen.Port())
		go link.Follow(ctx, func(s link.Status) {
			select {
			case network <- s:
			case <-ctx.Done():
			}
		})
	}
	if o.sound != "" {
		v, err := listenLive(o.sound)
		if err != nil {
			return err
		}
		v.wrap(&cfg.Devices)
	}
	go func() { done <- phone.Run(ctx, cfg) }()
	switch {
	case o.script == "-":
		go func() { done <- d.follow(ctx, os.Stdin) }()
	case o.script != "":
		go func() { done <- d.play(ctx, steps) }()
	}
	err = <-done
	cancel()
	if errors.Is(err, errQuit) || errors.Is(err, context.Canceled) {
		err = nil
	}
	d.wait(done)
	return err
}
