// Command zrtpcat runs one ZRTP exchange over UDP and prints one JSON object about it, for interoperability tests.
// It prints the SRTP keys, which the firmware never does. It exits 0 when every channel became secure, 1 when not, and 2
// after a usage error.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sotto/zrtp"
)

type options struct {
	bind, peer      string
	mode            string
	channels        int
	goClear, ping   bool
	verify          bool
	timeout, linger time.Duration
	cacheFile       string
	config          zrtp.Config
}

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "zrtpcat:", err)
		}
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
	defer cancel()
	result, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "zrtpcat:", err)
		os.Exit(2)
	}
	out, err := json.Marshal(result)
	if err != nil {
		fmt.Fprintln(os.Stderr, "zrtpcat:", err)
		os.Exit(2)
	}
	fmt.Println(string(out))
	if !result.Secure {
		os.Exit(1)
	}
}

// parse reads the flags; usage goes to stderr.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{config: zrtp.Config{ClientID: "sotto zrtpcat", Rand: rand.Reader, Verifier: nil}}
	f := flag.NewFlagSet("zrtpcat", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.bind, "bind", "127.0.0.1:0", "local `address`; channel n uses the port + 2n")
	f.StringVar(&o.peer, "peer", "", "peer's `address`; channel n uses the port + 2n")
	f.StringVar(&o.mode, "mode", "dh", "dh, mult (a second channel by Multistream) or prsh (Preshared when possible)")
	f.IntVar(&o.channels, "channels", 0, "media streams; default 1, with --mode mult 2")
	f.BoolVar(&o.goClear, "goclear", false, "send GoClear once secure")
	f.BoolVar(&o.ping, "ping", false, "send a Ping at the start")
	f.BoolVar(&o.verify, "verify", false, "mark the SAS verified once secure")
	f.BoolVar(&o.config.Passive, "passive", false, "never send Commit")
	f.DurationVar(&o.timeout, "timeout", 20*time.Second, "give up after this `time`")
	f.DurationVar(&o.linger, "linger", 400*time.Millisecond, "stay this `time` after all is secure")
	f.StringVar(&o.cacheFile, "cache", "", "`file` with our ZID and retained secrets; made when missing")
	lists := map[string]*string{}
	for _, name := range []string{"ka", "hash", "cipher", "auth", "sas"} {
		lists[name] = f.String(name, "", "comma-separated preferences `A,B`")
	}
	secrets := map[string]*string{}
	for _, name := range []string{"aux", "pbx", "peer-hash"} {
		secrets[name] = f.String(name, "", "`hex` octets")
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() != 0 || o.peer == "" {
		return nil, fmt.Errorf("--peer is needed, and no other arguments")
	}
	if err := o.algorithms(lists); err != nil {
		return nil, err
	}
	if err := o.secrets(secrets); err != nil {
		return nil, err
	}
	return o, o.modes()
}

func (o *options) modes() error {
	switch o.mode {
	case "dh", "prsh":
		o.channels = max(o.channels, 1)
	case "mult":
		o.channels = max(o.channels, 2)
	default:
		return fmt.Errorf("--mode %q: want dh, mult or prsh", o.mode)
	}
	if o.mode == "prsh" && o.cacheFile == "" {
		return fmt.Errorf("--mode prsh needs --cache")
	}
	if o.config.Preshared = o.mode == "prsh"; o.config.Preshared && o.config.KeyAgreements == nil {
		o.config.KeyAgreements = []zrtp.KeyAgreement{zrtp.KeyAgreementX255, zrtp.KeyAgreementDH3k, zrtp.KeyAgreementPrsh,
			zrtp.KeyAgreementMult}
	}
	return nil
}

func (o *options) algorithms(lists map[string]*string) (err error) {
	c := &o.config
	if c.KeyAgreements, err = list(*lists["ka"], zrtp.ParseKeyAgreement); err != nil {
		return err
	}
	if c.Hashes, err = list(*lists["hash"], zrtp.ParseHash); err != nil {
		return err
	}
	if c.Ciphers, err = list(*lists["cipher"], zrtp.ParseCipher); err != nil {
		return err
	}
	if c.AuthTags, err = list(*lists["auth"], zrtp.ParseAuthTag); err != nil {
		return err
	}
	c.SASTypes, err = list(*lists["sas"], zrtp.ParseSASType)
	return err
}

func list[T any](s string, parse func(string) (T, error)) (out []T, err error) {
	if s == "" {
		return nil, nil
	}
	for _, name := range strings.Split(s, ",") {
		v, err := parse(name)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (o *options) secrets(values map[string]*string) error {
	for name, to := range map[string]*[]byte{"aux": (*[]byte)(&o.config.AuxSecret),
		"pbx": (*[]byte)(&o.config.PBX.Secret), "peer-hash": &o.config.PeerHelloHash} {
		b, err := hex.DecodeString(*values[name])
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		*to = b
	}
	return nil
}
