//go:build interop

package reach

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sotto/tools/puppet"
)

// opens returns the ports of an address that answer, "tcp 5060" or "udp 5060", for the namespace that the caller stands in.
// Every port is tried. A UDP port is open when no ICMP error says that it is closed; on one machine that error has come
// when send returns, and the kernel does not limit it.
func opens(a netip.Addr) (open []string, err error) {
	for port := 1; port < 1<<16; port++ {
		for _, kind := range []struct {
			name string
			sock int
		}{{"tcp", unix.SOCK_STREAM}, {"udp", unix.SOCK_DGRAM}} {
			at := netip.AddrPortFrom(a, uint16(port))
			yes, err := answers(kind.sock, at)
			if err == nil && yes && kind.sock == unix.SOCK_DGRAM { // once more, with time for the error
				yes, err = answers(kind.sock, at)
			}
			if err != nil {
				return nil, fmt.Errorf("%s %v: %w", kind.name, at, err)
			}
			if yes {
				open = append(open, fmt.Sprint(kind.name, " ", port))
			}
		}
	}
	return open, nil
}

func answers(kind int, at netip.AddrPort) (bool, error) {
	family, to := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(at.Port()), Addr: [4]byte(at.Addr().AsSlice()[:4])})
	if at.Addr().Is6() {
		family, to = unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	}
	s, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(s)
	err = unix.Connect(s, to)
	if own, _ := unix.Getsockname(s); err == nil && samePort(own, at.Port()) { // the kernel gave us the very port: we answer ourselves
		return answers(kind, at)
	}
	if err == nil && kind == unix.SOCK_DGRAM {
		if _, err = unix.Write(s, []byte("\r\n\r\n")); err == nil {
			_, _, err = unix.Recvfrom(s, make([]byte, 16), unix.MSG_DONTWAIT)
		}
		if errors.Is(err, unix.EAGAIN) {
			err = nil
		}
	}
	if errors.Is(err, unix.ECONNREFUSED) {
		return false, nil
	}
	return err == nil, err
}

func samePort(a unix.Sockaddr, port uint16) bool {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return a.Port == int(port)
	case *unix.SockaddrInet6:
		return a.Port == int(port)
	}
	return false
}

// Nothing answers at a telephone but the ports that were configured: the one of its signaling, and of the page if there is
// one. The scanner tries every port of every address of the machine, and sees a port that somebody else opens.
func TestNoOpenPorts(t *testing.T) {
	lab(t)
	for _, c := range []struct {
		name string
		args []string
		want map[string][]string
	}{
		{"default", nil, map[string][]string{alices.addr.String(): {"tcp 5060", "udp 5060"}}},
		{"with a page", []string{"--http", "127.0.0.1:8080"},
			map[string][]string{alices.addr.String(): {"tcp 5060", "udp 5060"}, "127.0.0.1": {"tcp 8080"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mic, err := filepath.Abs(root + "/tools/call/speech/alice.wav")
			if err != nil {
				t.Fatal(err)
			}
			p, err := puppet.Start(simIn(t, alices), t.TempDir(), "alice", alices.addr.String()+":5060", mic, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Stop() })
			must(t, p, "ready")
			for _, a := range []string{alices.addr.String(), "127.0.0.1", "::1"} {
				var got []string
				began := time.Now()
				inside(t, alices.ns, func() (err error) {
					got, err = opens(netip.MustParseAddr(a))
					return err
				})
				t.Logf("%s: %v open, in %v", a, got, time.Since(began).Round(time.Millisecond))
				if !slices.Equal(got, c.want[a]) {
					t.Errorf("%s: %v open, want %v", a, got, c.want[a])
				}
			}
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", p.Cmd.Process.Pid)); err != nil {
				t.Error("the telephone did not survive it")
			}
		})
	}
}
