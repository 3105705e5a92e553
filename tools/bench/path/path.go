// Package path is a network between two namespaces of this machine that loses, delays and repeats packets as netem says.
//
// It promises that every program sees the same path, whatever it is made of, since the path lies below its sockets. It
// needs root, /dev/net/tun and ip(8). It cannot be faster than the scheduler: its delays are late by up to a millisecond
// on an idle machine.
package path

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sotto/net/netem"
)

// ErrRoot is returned by New for a user who may not make namespaces.
var ErrRoot = errors.New("path: namespaces and TUN devices need root")

// End is one side of the path.
type End struct {
	Namespace string // for `ip netns exec`
	Address   string
	tun       int // descriptor; 0: not open
}

// Path joins two ends.
type Path struct {
	A, B   End
	mu     sync.Mutex
	links  [2][]*netem.Link // by direction: from A, from B. Several links let packets overtake each other
	turn   [2]int
	seed   uint64
	wake   chan struct{}
	closed chan struct{}
	wait   sync.WaitGroup
}

const (
	overtaking = 16 // links in a direction whose jitter is not to keep the order
	mtu        = 1400
	device     = "sotto0"
)

// New makes the namespaces name+"A" and name+"B" with a path between them, perfect at first.
func New(name string, seed uint64) (*Path, error) {
	if os.Geteuid() != 0 {
		return nil, ErrRoot
	}
	p := &Path{seed: seed, wake: make(chan struct{}, 1), closed: make(chan struct{}),
		A: End{Namespace: name + "A", Address: "10.71.0.1"}, B: End{Namespace: name + "B", Address: "10.71.0.2"}}
	p.Set(netem.Config{}, false)
	for _, ends := range [][2]*End{{&p.A, &p.B}, {&p.B, &p.A}} {
		_ = exec.Command("ip", "netns", "del", ends[0].Namespace).Run() // of a run that was killed
		if err := ends[0].open(ends[1].Address); err != nil {
			p.Close()
			return nil, err
		}
	}
	hurry()
	p.wait.Add(3)
	go p.read(0, p.A.tun)
	go p.read(1, p.B.tun)
	go p.deliver()
	return p, nil
}

// hurry lets the threads of this process go before those of others: the path must not be what is slow. Threads made
// later inherit it, and so do the programs that this process starts, all alike.
func hurry() {
	// Where the kernel groups processes by session, niceness counts within the group only (sched(7), autogroup).
	_ = os.WriteFile("/proc/self/autogroup", []byte("-15"), 0)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, -15) // not permitted: as it is
		}
	}
}

// open makes the namespace and its TUN device.
func (e *End) open(peer string) error {
	if err := run("ip", "netns", "add", e.Namespace); err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + e.Namespace)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("path: setns: %w", err)
	}
	defer unix.Setns(int(home.Fd()), unix.CLONE_NEWNET)
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("path: /dev/net/tun: %w", err)
	}
	var request [40]byte // struct ifreq
	copy(request[:], device)
	*(*uint16)(unsafe.Pointer(&request[16])) = unix.IFF_TUN | unix.IFF_NO_PI
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		unix.Close(fd)
		return fmt.Errorf("path: TUNSETIFF: %w", errno)
	}
	e.tun = fd
	for _, c := range []string{"link set lo up", "addr add " + e.Address + " peer " + peer + " dev " + device,
		fmt.Sprintf("link set %s up mtu %d", device, mtu), "route add default dev " + device} {
		if err := run("ip", strings.Fields(c)...); err != nil {
			return err
		}
	}
	return nil
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("path: %s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// Set changes what the path does to packets from now on, in both directions. overtake lets jitter change their order.
func (p *Path) Set(c netem.Config, overtake bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 1
	if overtake {
		n = overtaking
	}
	for d := range p.links {
		for len(p.links[d]) < n {
			p.links[d] = append(p.links[d], netem.New(c, p.seed*1000+uint64(d*100+len(p.links[d]))))
		}
		for _, l := range p.links[d] {
			l.SetConfig(c)
		}
	}
	p.turn = [2]int{n, n}
}

// first is the priority of the path's own threads: before the telephones that it is to measure, all of them.
const first = 60

// before locks the calling goroutine to a thread that goes before all normal ones.
func before() {
	runtime.LockOSThread() // for ever: the thread ends with the goroutine
	priority := int32(first)
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_FIFO, uintptr(unsafe.Pointer(&priority))) // not permitted: as it is
}

// patience of a read, in milliseconds, until it looks whether the path is closed.
const patience = 200

// read takes packets of one direction. It waits in a system call, so that a packet wakes one thread.
func (p *Path) read(direction, tun int) {
	defer p.wait.Done()
	before()
	buf := make([]byte, 2048)
	for count := 0; ; count++ {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(tun), Events: unix.POLLIN}}, patience)
		select {
		case <-p.closed:
			return
		default:
		}
		if err != nil || ready == 0 {
			continue
		}
		n, err := unix.Read(tun, buf)
		if err != nil {
			continue
		}
		p.mu.Lock()
		p.links[direction][count%p.turn[direction]].Send(buf[:n], time.Now())
		p.mu.Unlock()
		if p.flush().IsZero() {
			continue
		}
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// flush writes what is due and returns when the next packet will be.
func (p *Path) flush() (next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for d := range p.links {
		to := p.B.tun
		if d == 1 {
			to = p.A.tun
		}
		for _, l := range p.links[d] {
			for data, ok := l.Receive(now); ok; data, ok = l.Receive(now) {
				_, _ = unix.Write(to, data) // a full device loses it, as a network may
			}
			if due, ok := l.Deadline(); ok && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
	}
	return next
}

// deliver sleeps from packet to packet.
func (p *Path) deliver() {
	defer p.wait.Done()
	before()
	for {
		next := p.flush()
		if next.IsZero() {
			select {
			case <-p.wake:
			case <-p.closed:
				return
			}
			continue
		}
		select {
		case <-p.closed:
			return
		default:
		}
		// In a system call, which ends on time; a packet that is due before next waits a millisecond at most.
		if wait := min(time.Until(next), time.Millisecond); wait > 0 {
			t := unix.NsecToTimespec(int64(wait))
			_ = unix.Nanosleep(&t, nil)
		}
	}
}

// Close removes devices and namespaces.
func (p *Path) Close() {
	select {
	case <-p.closed:
		return
	default:
	}
	close(p.closed)
	p.wait.Wait()
	for _, e := range []*End{&p.A, &p.B} {
		if e.tun != 0 {
			unix.Close(e.tun)
		}
		_ = exec.Command("ip", "netns", "del", e.Namespace).Run() // gone already is as good
	}
}
