// Command air is the air around an emulated handset: the bench puts it in front of the image (rdinit=/air), as it does with
// the spy. It loads the kernel's simulated radios, leaves one to the handset, and takes the other and the cable into a
// network of its own, where Debian's hostapd is the access point and a bridge leads to the cable. When the cable is pulled the
// access point is switched off: that is how the bench walks out of reach. Then it becomes the image's own first process.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const dir = "/air.d/" // what the bench packed: programs, libraries, modules, hostapd.conf

func main() {
	work := begin
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		work = serve
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "AIR:", err)
	}
	if os.Getpid() == 1 {
		err := syscall.Exec("/init", []string{"/init"}, os.Environ())
		fmt.Fprintln(os.Stderr, "AIR:", err)
	}
}

// begin runs as the first process.
func begin() error {
	for at, kind := range map[string]string{"/dev": "devtmpfs", "/proc": "proc", "/sys": "sysfs"} {
		if err := unix.Mount(kind, at, kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	list, err := os.ReadFile(dir + "modules")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(list)) {
		if err := load(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	cmd := exec.Command("/air", "serve")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := program("iw", "phy", "phy1", "set", "netns", fmt.Sprint(cmd.Process.Pid)).Run(); err != nil {
		return fmt.Errorf("iw: %w", err)
	}
	eth, err := awaited("eth0")
	if err != nil {
		return err
	}
	return netlink.LinkSetNsPid(eth, cmd.Process.Pid)
}

func load(line string) error {
	path, args, _ := strings.Cut(line, " ")
	f, err := os.Open(dir + path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), args, 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// program is one of Debian's, with Debian's libraries.
func program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(dir+"ld.so", append([]string{"--library-path", dir, dir + name}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}

func awaited(name string) (netlink.Link, error) {
	for range 500 {
		if l, err := netlink.LinkByName(name); err == nil {
			return l, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, fmt.Errorf("there is no %s", name)
}

// serve is the access point and its bridge to the cable.
func serve() error {
	eth, err := awaited("eth0")
	if err != nil {
		return err
	}
	if _, err := awaited("wlan1"); err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	if err := errors.Join(netlink.LinkAdd(bridge), netlink.LinkSetMaster(eth, bridge), netlink.LinkSetUp(eth), netlink.LinkSetUp(bridge)); err != nil {
		return err
	}
	var point *exec.Cmd
	said := ""
	for ; ; time.Sleep(100 * time.Millisecond) {
		if now := supplicant(); now != said {
			said = now
			fmt.Fprintln(os.Stderr, "AIR: wpa_supplicant", now)
		}
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		switch in := l.Attrs().RawFlags&unix.IFF_LOWER_UP != 0; {
		case in && point == nil:
			point = program("hostapd", dir+"hostapd.conf")
			if err := point.Start(); err != nil {
				return err
			}
			fmt.Fprintln(os.Stderr, "AIR: the access point is on")
		case !in && point != nil:
			_ = point.Process.Kill()
			_ = point.Wait()
			point = nil
			if l, err := netlink.LinkByName("wlan1"); err == nil {
				_ = netlink.LinkSetDown(l)
			}
			fmt.Fprintln(os.Stderr, "AIR: the access point is off")
		}
	}
}

// supplicant is what wpa_supplicant may do, as the kernel tells it; empty: there is none.
func supplicant() string {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		name, _ := os.ReadFile(d + "/comm")
		if strings.TrimSpace(string(name)) != "wpa_supplicant" {
			continue
		}
		b, _ := os.ReadFile(d + "/status")
		var facts []string
		for line := range strings.Lines(string(b)) {
			switch k, v, _ := strings.Cut(line, ":"); k {
			case "Uid", "Groups", "NoNewPrivs", "Seccomp", "CapEff":
				facts = append(facts, k+"="+strings.Join(strings.Fields(v), ","))
			}
		}
		return strings.Join(facts, " ")
	}
	return ""
}
