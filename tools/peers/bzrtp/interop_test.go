//go:build interop

// Package bzrtp proves that package zrtp understands libbzrtp, Linphone's ZRTP: it compiles the peer in c/
// (libbzrtp-dev and gcc are needed) and exchanges keys with it over the loopback. It never skips: without the library it
// fails.
package bzrtp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"crypto/rand"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// report is what peer.c prints of a channel.
type report struct {
	Channel                              int
	SAS, KA, Hash, Cipher, Auth          string
	Verified, CacheMismatch              bool
	Aux                                  int // 0 match, 1 mismatch, 2 unset
	SelfKey, SelfSalt, PeerKey, PeerSalt string
	Exported                             string
}

// rig is one exchange between a Session and the C peer.
type rig struct {
	t       *testing.T
	config  *zrtp.Config
	args    []string // of the peer
	lead    bool     // make us the initiator: keep our HelloACK from the peer
	streams int
	verify  bool

	conns   []*net.UDPConn
	peers   []*net.UDPAddr
	ends    []*end
	in      chan datagram
	reports chan report
	theirs  []report
}

type datagram struct {
	stream int
	data   []byte
}

type end struct {
	*zrtp.Session
	keys   *zrtp.KeysReady
	sas    *zrtp.SASReady
	secure *zrtp.Secure
	failed *zrtp.ProtocolError
	aux    bool // AuxMismatch
}

var peerBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bzrtp")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	peerBinary = filepath.Join(dir, "peer")
	cc := exec.Command("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", peerBinary, filepath.Join("c", "peer.c"),
		"-lbzrtp", "-lbctoolbox", "-l:libsqlite3.so.0")
	if out, err := cc.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "peer.c needs gcc and libbzrtp-dev: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// config is ours: a fresh ZID, a cache in memory, any algorithm.
func config(t *testing.T) *zrtp.Config {
	c := &zrtp.Config{SSRC: 0x51000000, Rand: rand.Reader, Cache: zrtptest.Cache{}, ClientID: "sotto interop"}
	if _, err := rand.Read(c.ZID[:]); err != nil {
		t.Fatal(err)
	}
	return c
}

// sockets opens ours and reserves the peer's: pairs of ports two apart.
func (r *rig) sockets() (ours, theirs int) {
	for range 100 {
		probe, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			r.t.Fatal(err)
		}
		ours = probe.LocalAddr().(*net.UDPAddr).Port
		theirs = ours + 40
		if err := probe.Close(); err != nil {
			r.t.Fatal(err)
		}
		for _, c := range r.conns {
			if err := c.Close(); err != nil {
				r.t.Fatal(err)
			}
		}
		r.conns, r.peers = nil, nil
		for i := range r.streams {
			c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: ours + 2*i})
			if err != nil {
				break
			}
			r.conns = append(r.conns, c)
			r.peers = append(r.peers, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: theirs + 2*i})
		}
		if len(r.conns) == r.streams {
			return ours, theirs
		}
	}
	r.t.Fatal("no free ports")
	return 0, 0
}

// run exchanges keys and returns when both sides are done.
func (r *rig) run() {
	r.t.Helper()
	r.streams = max(r.streams, 1)
	ours, theirs := r.sockets()
	now := time.Now()
	first, err := zrtp.NewSession(r.config, now)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ends = []*end{{Session: first}}
	for i := 1; i < r.streams; i++ {
		s, err := first.AddStream(zrtp.Stream{SSRC: r.config.SSRC + uint32(i)}, now)
		if err != nil {
			r.t.Fatal(err)
		}
		r.ends = append(r.ends, &end{Session: s})
	}
	hash := first.HelloHash()
	args := append([]string{fmt.Sprint(theirs), fmt.Sprint(ours), fmt.Sprintf("channels=%d", r.streams),
		"hash-of-peer=" + hex.EncodeToString(hash[:])}, r.args...)
	cmd := exec.Command(peerBinary, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	r.in, r.reports = make(chan datagram, 256), make(chan report, 16)
	for i, c := range r.conns {
		go r.read(i, c)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go r.scan(bufio.NewScanner(out))
	for _, e := range r.ends {
		e.Start(time.Now())
	}
	r.loop()
	if err := cmd.Wait(); err != nil {
		r.t.Errorf("peer: %v %s", err, stderr.String())
	}
	for _, c := range r.conns {
		if err := c.Close(); err != nil {
			r.t.Error(err)
		}
	}
}

func (r *rig) read(i int, c *net.UDPConn) {
	for {
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil {
			return // closed
		}
		r.in <- datagram{i, buf[:n]}
	}
}

func (r *rig) scan(s *bufio.Scanner) {
	for s.Scan() {
		var rep report
		if err := json.Unmarshal(s.Bytes(), &rep); err != nil {
			r.t.Errorf("peer said %q: %v", s.Text(), err)
		}
		r.reports <- rep
	}
	close(r.reports)
}

// loop runs our sessions until the peer ends.
func (r *rig) loop() {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		r.drain()
		select {
		case d := <-r.in:
			_ = r.ends[d.stream].Handle(d.data, time.Now()) // what matters is in the events
		case rep, ok := <-r.reports:
			if !ok {
				return
			}
			r.theirs = append(r.theirs, rep)
		case <-tick.C:
			for _, e := range r.ends {
				e.Tick(time.Now())
			}
		}
	}
}

func (r *rig) drain() {
	buf := make([]byte, zrtp.MaxPacketSize)
	for i, e := range r.ends {
		for {
			n, ok := e.Outgoing(buf)
			if !ok {
				break
			}
			if r.lead && zrtptest.MessageType(buf[:n]) == "HelloACK" {
				continue
			}
			if _, err := r.conns[i].WriteToUDP(buf[:n], r.peers[i]); err != nil {
				r.t.Error(err)
			}
		}
		for {
			ev, ok := e.NextEvent()
			if !ok {
				break
			}
			r.event(e, ev)
		}
	}
}

func (r *rig) event(e *end, ev zrtp.Event) {
	switch ev := ev.(type) {
	case zrtp.KeysReady:
		e.keys = &ev
	case zrtp.SASReady:
		e.sas = &ev
	case zrtp.AuxMismatch:
		e.aux = true
	case zrtp.Failed:
		e.failed = ev.Err
	case zrtp.Alert:
		r.t.Errorf("alert: %v", ev.Reason)
	case zrtp.Secure:
		e.secure = &ev
		if r.verify && e == r.ends[0] {
			if err := e.SetVerified(time.Now()); err != nil {
				r.t.Error(err)
			}
		}
	}
}

// mustAgree checks keys, SAS and algorithms of every stream on both sides.
func (r *rig) mustAgree() {
	r.t.Helper()
	if len(r.theirs) != r.streams {
		r.t.Fatalf("peer has %d secure channels, want %d; ours %v %v", len(r.theirs), r.streams, r.ends[0].State(),
			r.ends[0].failed)
	}
	for _, theirs := range r.theirs {
		e := r.ends[theirs.Channel]
		if e.secure == nil {
			r.t.Fatalf("stream %d: ours is not secure: %v %v", theirs.Channel, e.State(), e.failed)
		}
		k := e.keys
		for _, x := range [][2]string{
			{hex.EncodeToString(k.Send.Key), theirs.PeerKey}, {hex.EncodeToString(k.Send.Salt), theirs.PeerSalt},
			{hex.EncodeToString(k.Receive.Key), theirs.SelfKey}, {hex.EncodeToString(k.Receive.Salt), theirs.SelfSalt},
			{k.Algorithms.Hash.String(), theirs.Hash}, {k.Algorithms.Cipher.String(), theirs.Cipher},
			{k.Algorithms.AuthTag.String(), theirs.Auth},
		} {
			if x[0] != x[1] || x[0] == "" {
				r.t.Errorf("stream %d: ours %q, theirs %q", theirs.Channel, x[0], x[1])
			}
		}
		if theirs.Channel == 0 && (e.sas.SAS != theirs.SAS || k.Algorithms.KeyAgreement.String() != theirs.KA) {
			r.t.Errorf("SAS %q, theirs %q; ka %v, theirs %s", e.sas.SAS, theirs.SAS, k.Algorithms.KeyAgreement, theirs.KA)
		}
	}
}
