//go:build interop

package hostile

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sotto/tools/puppet"
	"sotto/tools/selfsigned"
)

const tlsPort = 5061

// front is the proxy's door for TLS: what comes by a connection goes on to the proxy as a datagram, and back. It returns where the
// proxy finds the two handsets.
func front(t *testing.T, proxy netip.Addr, phones [2]netip.Addr) (ends [2]netip.AddrPort, ca string) {
	t.Helper()
	dir := t.TempDir()
	if err := selfsigned.Write(dir, proxy.String()); err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(dir, "cert.pem") // the handsets trust their server, as people do
	cert, err := tls.LoadX509KeyPair(ca, filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp4", netip.AddrPortFrom(proxy, tlsPort).String(), &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var inner [2]*net.UDPConn
	for s := range inner {
		inner[s] = listen(t, netip.AddrPortFrom(proxy, 0))
		ends[s] = addressOf(inner[s])
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			s := slices.Index(phones[:], from)
			if s < 0 {
				c.Close()
				continue
			}
			go inwards(c, inner[s], netip.AddrPortFrom(proxy, sipPort))
			go outwards(c, inner[s])
		}
	}()
	return ends, ca
}

func outwards(c net.Conn, inner *net.UDPConn) {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := inner.ReadFromUDPAddrPort(buf)
		if err != nil {
			c.Close()
			return
		}
		c.Write(buf[:n])
	}
}

// inwards cuts the stream into messages. RFC 3261, Section 18.3.
func inwards(c net.Conn, inner *net.UDPConn, proxy netip.AddrPort) {
	r := bufio.NewReader(c)
	for {
		head, length := "", 0
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if value, found := strings.CutPrefix(line, "Content-Length: "); found {
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			}
			head += line
		}
		if head == "\r\n\r\n" { // RFC 5626, Section 3.5.1
			c.Write([]byte("\r\n"))
			continue
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		inner.WriteToUDPAddrPort([]byte(head+string(body)), proxy)
	}
}

// compare lets each type what the other reads aloud.
func (l *lab) compare() {
	l.t.Helper()
	said := [2]puppet.Event{l.await(alice, "secure"), l.await(bob, "secure")}
	for s, h := range l.phones {
		_, theirs := said[s].Halves()
		h.Say("press softL")
		h.TypeCode(theirs)
	}
	l.shown("", "SECURE ")
}

// shown waits until both screens begin so, after a line of script; empty: until no call is on them.
func (l *lab) shown(line, begin string) {
	l.t.Helper()
	for s, h := range l.phones {
		h.Say(line)
		eventually(l.t, side(s).String()+" shows "+begin, func() bool {
			screen := l.screen(side(s))
			return begin != "" && strings.HasPrefix(screen, begin) || begin == "" && !strings.Contains(screen, "Friend")
		})
	}
	l.heed()
}

// TestPlus: two who have compared their code, and whose server is the one that it says it is, read SECURE+. A server that takes
// the zrtp-hash away takes the plus away; one that does so in a call that has it changes nothing.
func TestPlus(t *testing.T) {
	t.Parallel()
	l := newLab(t, withTLS)
	for _, c := range []struct { // three: who rings more often in a minute is busy
		name   string
		meddle meddler
		bar    string
	}{
		{"the first call", nil, "SECURE? "},
		{"an honest call", nil, "SECURE+ "},
		{"zrtp-hash stripped", inBoth(noHash), "SECURE "},
	} {
		l.attack(c.meddle)
		l.ring("2")
		l.await(bob, "ringing")
		l.phones[bob].Say("press call")
		l.secure(c.bar)
		if c.meddle != nil && l.changed() == 0 {
			t.Errorf("%s: nothing was changed", c.name)
		}
		if c.bar == "SECURE? " {
			l.compare()
		}
		l.heed()
		if c.bar == "SECURE+ " {
			unchanged(l, changes[:5])
		}
		l.hangUp()
		l.shown("press end", "") // what is left of it goes
		t.Logf("%s: both read %s", c.name, c.bar)
	}
	l.judge()
}
