package sipua

import (
	"bytes"
	"net"
	"syscall"
)

// wantErrors asks the kernel to keep the ICMP errors for what a socket sent. Without that, a datagram to a port where
// nobody listens is simply silence.
func wantErrors(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return // then a dead peer is noticed by its silence
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1)
	})
}

// returned takes the datagrams that came back with ICMP errors and gives their branches. The branch is random: only who
// saw the request can make such an error, so a stranger cannot end a call with it.
func returned(c *net.UDPConn) (branches []string) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var buf, oob [1024]byte
	for range 16 {
		n := 0
		raw.Control(func(fd uintptr) {
			n, _, _, _, err = syscall.Recvmsg(int(fd), buf[:], oob[:], syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
		})
		if err != nil || n <= 0 {
			return branches
		}
		if b := branchIn(buf[:n]); b != "" {
			branches = append(branches, b)
		}
	}
	return branches
}

// branchIn finds the branch in the first bytes of a message of ours.
func branchIn(b []byte) string {
	_, after, ok := bytes.Cut(b, []byte(";branch="))
	if !ok {
		return ""
	}
	for i, c := range after {
		if !tokenChar(c) {
			return string(after[:i])
		}
	}
	return ""
}
