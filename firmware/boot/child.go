package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sotto/board"
	"sotto/net/link"
	"sotto/net/onion"
)

// Environment is what the phone finds around it.
type Environment struct {
	Board   board.Board
	State   string                      // its folder
	Notices []string                    // what the screen should say: what is broken, and which slot this is
	Network <-chan link.Status          // every change, beginning with the present
	Kernel  string                      // its release
	About   func(context.Context) About // what runs; waits until it is known
	SetUp   <-chan []byte               // set-up files that were found
	Keys    []string                    // the owner's, as files
	Built   time.Time                   // of the image
	// SetLink gives the cable another address, a router and name servers with commas between; all empty: DHCP. It holds for
	// later starts, too.
	SetLink  func(address, router, dns string) error
	SetClock func(time.Time) error
	// SetWifi makes the radio join a network, until it is told another or the telephone starts anew; no name: the radio is
	// off. Error: link.ErrNetwork. Whether there is a radio and what became of it, Network tells.
	SetWifi func(link.Network) error
	// Look tells the networks in reach, the strongest first; it takes up to 20 seconds and listens only.
	Look  func(context.Context) ([]link.Seen, error)
	Alive func()       // to be called at least every few seconds, or boot starts the phone anew
	Onion onion.Config // for onion.Start; without Dir there shall be no Tor
}

// boardOf is the board that PID 1 found, told by environment.
func boardOf(c Config) (board.Board, error) {
	name := os.Getenv("BOARD")
	i := slices.IndexFunc(c.Boards, func(b board.Board) bool { return b.Name == name })
	if i < 0 {
		return board.Board{}, fmt.Errorf("boot: no board is called %q", name)
	}
	return c.Boards[i], nil
}

// runLink is the process that speaks DHCP.
func runLink(cfg Config) error {
	if err := seal(); err != nil {
		return err
	}
	var wired string
	if b, err := boardOf(cfg); err == nil {
		wired = b.Wired
	}
	news := publisher{}
	go roam(context.Background(), news.air)
	for {
		text, c, err := cable(options())
		if err != nil {
			say("%v", err)
		}
		c.Interface = wired
		ctx, stop := context.WithCancel(context.Background())
		go func() {
			for now := text; now == text && ctx.Err() == nil; now, _, _ = cable(nil) {
				time.Sleep(lookAgain)
			}
			stop()
		}()
		err = link.Run(ctx, c, news.link)
		stop()
		if !errors.Is(err, context.Canceled) {
			return err
		}
		say("the cable gets another address")
	}
}

// lookAgain is how long the link and the telephone take to see what others left for them.
const lookAgain = 500 * time.Millisecond

// linkConfig reads sotto.address=ADDRESS/BITS, sotto.router and sotto.dns. Without an address it is DHCP.
func linkConfig(o map[string]string) (link.Config, error) {
	var c link.Config
	var err error
	if v := o["address"]; v != "" && v != "dhcp" {
		if c.Static, err = netip.ParsePrefix(v); err != nil {
			return link.Config{}, fmt.Errorf("boot: sotto.address: %w", err)
		}
	}
	if c.Static.IsValid() && !c.Static.Addr().Is4() {
		return link.Config{}, fmt.Errorf("boot: sotto.address: only IPv4")
	}
	if v := o["router"]; v != "" {
		if c.Router, err = netip.ParseAddr(v); err != nil {
			return link.Config{}, fmt.Errorf("boot: sotto.router: %w", err)
		}
	}
	if o["dns"] == "" {
		return c, nil
	}
	for _, v := range strings.Split(o["dns"], ",") {
		a, err := netip.ParseAddr(v)
		if err != nil {
			return link.Config{}, fmt.Errorf("boot: sotto.dns: %w", err)
		}
		c.DNS = append(c.DNS, a)
	}
	return c, nil
}

// publisher tells the other processes about the network.
type publisher struct {
	mu  sync.Mutex
	now link.Status
}

func (p *publisher) link(s link.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Up() != p.now.Up() {
		say("network is %s", map[bool]string{true: "up", false: "down"}[s.Up()])
	}
	s.Air = p.now.Air
	p.publish(s)
}

func (p *publisher) air(a link.Air) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.now
	s.Air = a
	p.publish(s)
}

func (p *publisher) publish(s link.Status) {
	p.now = s
	b, err := json.Marshal(s)
	if err = errors.Join(err, replace(resolvConf, []byte(s.Resolver())), replace(linkFile, b)); err != nil {
		say("%v", err)
	}
}

func replace(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// runPhone is the telephone's process.
func runPhone(c Config) error {
	if err := seal(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	b, err := boardOf(c)
	if err != nil {
		return err
	}
	wish, err := openWishes()
	if err != nil {
		return err
	}
	pulse := os.NewFile(heartbeatF, "heartbeat")
	if err := unix.SetNonblock(heartbeatF, true); err != nil {
		return fmt.Errorf("boot: heartbeat: %w", err)
	}
	env := Environment{Board: b, State: phoneDir, Network: watchNetwork(ctx), Notices: notices(), About: about,
		SetLink: wish.setLink, SetClock: wish.setClock, SetWifi: wish.setWifi, Look: wish.seen, SetUp: watchSetUp(ctx), Keys: keys(), Built: c.Built, Kernel: kernel(), Onion: onionConfig(options()),
		Alive: func() { _, _ = pulse.Write([]byte{1}) }} // a full pipe is a boot that was told often enough
	return c.Phone(ctx, env)
}

func notices() []string {
	b, err := os.ReadFile(noticeFile)
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(string(b), "\n")
}

// watchNetwork reads the link's status when it changes.
func watchNetwork(ctx context.Context) <-chan link.Status {
	out := make(chan link.Status, 1)
	go func() {
		var last string
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			b, err := os.ReadFile(filepath.Clean(linkFile))
			var s link.Status
			if err == nil && string(b) != last && json.Unmarshal(b, &s) == nil {
				last = string(b)
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
			} else if err != nil && !errors.Is(err, os.ErrNotExist) {
				say("%v", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// watchSetUp passes on the set-up files that PID 1 finds.
func watchSetUp(ctx context.Context) <-chan []byte {
	out := make(chan []byte)
	go func() {
		var last string
		for tick := time.NewTicker(lookAgain); ; {
			if b, err := os.ReadFile(setUpFile); err == nil && string(b) != last {
				last = string(b)
				select {
				case out <- b:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
