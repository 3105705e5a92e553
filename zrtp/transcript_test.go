package zrtp_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

var update = flag.Bool("update", false, "write testdata/transcripts")

// TestTranscripts compares whole conversations, octet by octet, with those on file.
func TestTranscripts(t *testing.T) {
	lostDHPart2 := func(p *zrtptest.Pair) {
		n := 0
		p.Wire.Tap = edit(sideA, "DHPart2", func(m []byte) []byte {
			if n++; n == 1 {
				return nil
			}
			return m
		})
	}
	for name, c := range map[string]struct {
		change func(a, b *zrtp.Config)
		wire   func(p *zrtptest.Pair)
	}{
		"x255-contention": {x255, nil},
		"dh3k":            {dh3k, func(p *zrtptest.Pair) { p.Wire.Tap = leader }},
		"ec38-s384-aes3":  {ec38, func(p *zrtptest.Pair) { p.Wire.Tap = leader }},
		"xm76-hybrid":     {xm76, func(p *zrtptest.Pair) { p.Wire.Tap = leader }},
		"lost-dhpart2":    {x255, lostDHPart2},
		"equal-zids":      {func(a, b *zrtp.Config) { x255(a, b); b.ZID = a.ZID }, nil},
		"preshared":       {presharedWithSecret, nil},
		"cache-mismatch":  {func(a, b *zrtp.Config) { presharedWithSecret(a, b); b.Cache = zrtptest.Cache{}; a.Preshared = false }, nil},
		"broken-hvi": {x255, func(p *zrtptest.Pair) {
			p.Wire.Tap = edit(sideA, "DHPart2", func(m []byte) []byte { m[80] ^= 1; return p.A.Session.Sign(m, 0) })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1) // ML-KEM encapsulation
			p := pair(t, 800, c.change)
			if c.wire != nil {
				c.wire(p)
			}
			checkTranscript(t, name, p)
		})
	}
}

func presharedWithSecret(a, b *zrtp.Config) {
	preshared(a, b)
	a.Hashes, b.Hashes = []zrtp.Hash{zrtp.HashS256}, []zrtp.Hash{zrtp.HashS256}
	a.Cache = zrtptest.Cache{zidB: {RS1: fill(32, 3), Verified: true}}
	b.Cache = zrtptest.Cache{zidA: {RS1: fill(32, 3), Verified: true}}
}

func checkTranscript(t *testing.T, name string, p *zrtptest.Pair) {
	t.Helper()
	var out bytes.Buffer
	tap := p.Wire.Tap
	p.Wire.Tap = func(from int, q []byte) [][]byte {
		fmt.Fprintf(&out, "%-6v %c %x\n", p.Now.Sub(zrtptest.Epoch), "AB"[from], q)
		if tap != nil {
			return tap(from, q)
		}
		return [][]byte{q}
	}
	p.Run(3*time.Second, nil)
	for i, e := range []*zrtptest.End{p.A, p.B} {
		for _, ev := range e.Events {
			fmt.Fprintf(&out, "%c %T %+v\n", "AB"[i], ev, ev)
		}
		if e.Keys != nil {
			fmt.Fprintf(&out, "%c sends with %x %x\n", "AB"[i], []byte(e.Keys.Send.Key), []byte(e.Keys.Send.Salt))
		}
	}
	path := filepath.Join("testdata", "transcripts", name+".txt")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		got, lines := bytes.Split(out.Bytes(), []byte("\n")), bytes.Split(want, []byte("\n"))
		for i := range min(len(got), len(lines)) {
			if !bytes.Equal(got[i], lines[i]) {
				t.Fatalf("line %d:\n got %.120s\nwant %.120s", i+1, got[i], lines[i])
			}
		}
		t.Fatalf("%d lines, want %d", len(got), len(lines))
	}
}
