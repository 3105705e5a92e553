package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// two runs both sides with the given extra flags on free ports and returns their results.
func two(t testing.TB, a, b string) (ra, rb *result) {
	t.Helper()
	probe, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := probe.LocalAddr().(*net.UDPAddr).Port
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	here, there := "127.0.0.1:"+strconv.Itoa(port), "127.0.0.1:"+strconv.Itoa(port+20)
	one := func(bind, peer, extra string) (*result, error) {
		o, err := parse(append([]string{"--bind", bind, "--peer", peer, "--linger", "30ms", "--timeout", "5s"},
			strings.Fields(extra)...), io.Discard)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
		defer cancel()
		return run(ctx, o)
	}
	type answer struct {
		r   *result
		err error
	}
	ch := make(chan answer, 1)
	go func() {
		r, err := one(there, here, b)
		ch <- answer{r, err}
	}()
	ra, err = one(here, there, a)
	other := <-ch
	if err != nil || other.err != nil {
		t.Fatal(err, other.err)
	}
	return ra, other.r
}

func mustAgree(t testing.TB, a, b *result) {
	t.Helper()
	if !a.Secure || !b.Secure || a.SAS == "" || a.SAS != b.SAS || a.Role == b.Role {
		t.Fatalf("\n%+v\n%+v", a, b)
	}
	pairs := [][2]stream{{a.stream, b.stream}}
	for i := range a.Channels {
		pairs = append(pairs, [2]stream{a.Channels[i], b.Channels[i]})
	}
	for _, p := range pairs {
		if p[0].SelfKey == "" || p[0].SelfKey != p[1].PeerKey || p[0].PeerSalt != p[1].SelfSalt {
			t.Errorf("keys differ: %+v %+v", p[0], p[1])
		}
	}
}

func TestAlgorithms(t *testing.T) {
	a, b := two(t, "--ka DH3k --hash S384 --cipher AES3 --auth HS32 --sas B256",
		"--auth HS32 --cipher AES3 --sas B256")
	mustAgree(t, a, b)
	if a.KA != "DH3k" || a.Hash != "S384" || a.Cipher != "AES3" || a.Auth != "HS32" || !strings.Contains(a.SAS, ":") {
		t.Errorf("%+v", a)
	}
}

func TestMultGoClearPing(t *testing.T) {
	a, b := two(t, "--mode mult --channels 3 --ping", "--channels 3 --goclear")
	mustAgree(t, a, b)
	if len(a.Channels) != 2 || a.Channels[1].Mode != "mult" || b.GoClear != "refused" {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestPreshared(t *testing.T) {
	dir := t.TempDir()
	ca, cb := "--cache "+filepath.Join(dir, "a"), "--cache "+filepath.Join(dir, "b")
	a, b := two(t, ca+" --verify", cb+" --verify")
	mustAgree(t, a, b)
	a, b = two(t, ca+" --mode prsh --aux 00ff", cb+" --mode prsh --aux 00ff")
	mustAgree(t, a, b)
	if a.Mode != "prsh" || !a.AuxMatch || !a.Verified || a.NewDevice {
		t.Errorf("%+v", a)
	}
	if err := os.Remove(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	a, b = two(t, ca+" --aux 01", cb+" --aux 02 --pbx 33")
	mustAgree(t, a, b)
	if !a.AuxMismatch || !b.AuxMismatch || a.AuxMatch || b.PBXMatch {
		t.Errorf("%+v", a)
	}
}

func TestFailure(t *testing.T) {
	a, b := two(t, "--peer-hash "+strings.Repeat("00", 32)+" --timeout 1s", "--timeout 1s")
	if a.Secure || b.Secure || len(a.Alerts) != 1 {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestFlags(t *testing.T) {
	for _, bad := range []string{"", "--peer x extra", "--peer x --ka XXXX", "--peer x --aux zz", "--peer x --mode fast",
		"--peer x --mode prsh", "--peer x --timeout soon", "--nonsense"} {
		if _, err := parse(strings.Fields(bad), io.Discard); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	if _, err := parse([]string{"--help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Error("no help")
	}
	o, err := parse([]string{"--bind", "127.0.0.1:99999", "--peer", "127.0.0.1:1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := run(ctx, o); err == nil {
		t.Error("impossible port accepted")
	}
}

// BenchmarkLoopback is the time from start to secure over UDP on the loopback, the slower side of each run; the median.
func BenchmarkLoopback(b *testing.B) {
	for _, ka := range []string{"X255", "DH3k", "XM76"} {
		b.Run(ka, func(b *testing.B) {
			var ms []float64
			for b.Loop() {
				x, y := two(b, "--ka "+ka, "--ka "+ka)
				mustAgree(b, x, y)
				ms = append(ms, max(x.Milliseconds, y.Milliseconds))
			}
			slices.Sort(ms)
			b.ReportMetric(ms[len(ms)/2], "ms/handshake")
		})
	}
}
