package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sotto/board"
	"sotto/hal/watchdog"
	"sotto/net/firewall"
	"sotto/net/onion"
)

// Config is what the device's program gives to boot.
type Config struct {
	Boards []board.Board
	// Built is the time at which the image was made; a clock that shows less is wrong and is set to it. In seconds it is
	// the version of this system: an update must have a higher one.
	Built time.Time
	// Keep brings updates. It runs in a process of its own, sealed, that holds the idle slot and nothing else.
	Keep func(Keeping) error
	// Phone is the telephone. It runs in a process of its own, sealed, as a user without rights.
	Phone func(context.Context, Environment) error
}

// Main is called first of all. In the processes that are boot's, or Tor's, it never returns; in others it returns at once.
func Main(c Config) {
	onion.ChildMain()
	switch {
	case os.Getpid() == 1:
		runtime.LockOSThread()
		(&first{cfg: c, born: time.Now(), offered: map[string]bool{}, walled: make(chan error, 1)}).run()
	case os.Args[0] == linkName:
		fail(runLink(c))
	case os.Args[0] == phoneName:
		fail(runPhone(c))
	case os.Args[0] == keepName:
		fail(runKeeper(c))
	case os.Args[0] == radioName:
		fail(runRadio())
	}
}

func fail(err error) {
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// say writes one line to the console. It never carries an address, a name or a key.
func say(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "sotto %s %s\n", uptime(), fmt.Sprintf(format, a...))
}

// uptime is the kernel's clock, in seconds.
func uptime() string {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return "?"
	}
	return fmt.Sprintf("%d.%03d", ts.Sec, ts.Nsec/1e6)
}

// first is the state of PID 1.
type first struct {
	cfg     Config
	board   board.Board
	dog     *watchdog.Watchdog
	notices []string
	data    bool // the data partition is there
	starts  int  // of this slot since it was last healthy
	slots   slots
	born    time.Time
	offered map[string]bool // devices that were looked at for an update
	options map[string]string
	walled  chan error // tells once, when the firewall stands or cannot
	radio   radio
}

// run boots. Whatever goes wrong that is not needed for a call is told and passed over: a telephone that only tells what
// is broken is better than a dark one.
func (f *first) run() {
	if err := mountKernel(); err != nil {
		say("%v", err)
		os.Exit(1) // the kernel panics, and restarts the board
	}
	say("first process started")
	f.options = options()
	chips := make(chan error, 1)
	go func() { chips <- loadModules("/modules.chips") }() // beside the memory's
	f.tell(loadModules("/modules.first"))
	f.findBoard()
	f.setClock()
	waitForEntropy()
	say("randomness is there")
	f.tell(harden())
	read := make(chan cardFiles, 1)
	go func() { read <- readCard(f.board.Select) }() // beside the other partition
	f.mountData()
	say("memory is there")
	f.tell(prepareFolders(f.data))
	files := <-read
	f.heedCard(files)
	policy := policyOf(f.options)
	go func() { // the network waits for it, the screen does not
		f.walled <- errors.Join(loadModules("/modules.wall"), firewall.Set(policy))
	}()
	f.tell(<-chips)
	f.startDog()
	f.tell(startTor(f.options))
	f.recallCable()
	f.findSlot(files.autoboot)
	go f.measure()
	f.tell(unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID, ""))
	f.supervise()
}

// tell notes an error for the screen and the console.
func (f *first) tell(err error) {
	if err != nil {
		say("%v", err)
		f.notices = append(f.notices, err.Error())
	}
}

func (f *first) startDog() {
	dog, err := watchdog.Open("/dev/watchdog0", 15*time.Second)
	if err != nil {
		say("no watchdog: %v", err)
		return
	}
	f.dog = dog
}

func (f *first) findBoard() {
	model, err := os.ReadFile("/proc/device-tree/model")
	if err != nil {
		f.tell(fmt.Errorf("boot: %w", err))
	}
	b, err := board.Find(string(model), f.cfg.Boards)
	if err != nil {
		f.tell(fmt.Errorf("%w (%q): wrong image for this board?", err, strings.TrimRight(string(model), "\x00")))
	}
	f.board = b
	say("board %s", b.Name)
}

// setClock lifts a clock that was never set to the time of the image, so that nothing is dated before it existed.
func (f *first) setClock() {
	if time.Now().Before(f.cfg.Built) {
		ts := unix.NsecToTimespec(f.cfg.Built.UnixNano())
		if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
			say("clock: %v", err)
		}
	}
}

// waitForEntropy returns when the kernel's generator is seeded: no key is made before. getrandom(2) without flags blocks
// until then.
func waitForEntropy() {
	var b [1]byte
	for {
		if _, err := unix.Getrandom(b[:], 0); err == nil {
			return
		}
	}
}

// options are the words that are for us, sotto.NAME=VALUE: PID 1 reads them off the kernel's command line and the card, the
// others what PID 1 read.
func options() map[string]string {
	b, err := os.ReadFile(optionFile)
	if err != nil {
		b, _ = os.ReadFile("/proc/cmdline") // without a command line there are no options
	}
	return parseOptions(string(b))
}

func parseOptions(line string) map[string]string {
	m := map[string]string{}
	for _, w := range strings.Fields(line) {
		if k, v, ok := strings.Cut(w, "="); ok && strings.HasPrefix(k, "sotto.") {
			m[strings.TrimPrefix(k, "sotto.")] = v
		}
	}
	return m
}
