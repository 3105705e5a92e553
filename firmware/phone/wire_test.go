package phone

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A wire carries datagrams both ways without an allocation, over either family, and Close ends a reader at once.
func TestWire(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		a, b, err := openWires(netip.MustParseAddr(ip))
		if err != nil {
			t.Fatal(err)
		}
		if a.addr().Port()%2 != 0 || b.addr().Port() != a.addr().Port()+1 || a.addr().Addr().String() != ip {
			t.Fatalf("%v and %v", a.addr(), b.addr())
		}
		if err := a.WritePacket([]byte("lost")); err != nil {
			t.Fatalf("without a peer: %v", err)
		}
		a.setRemote(b.addr())
		buf := make([]byte, 100)
		said := []byte("speech")
		if n := testing.AllocsPerRun(100, func() {
			if err := a.WritePacket(said); err != nil {
				t.Fatal(err)
			}
			if n, err := b.ReadPacket(buf); err != nil || string(buf[:n]) != "speech" {
				t.Fatalf("%q, %v", buf[:n], err)
			}
		}); n != 0 {
			t.Errorf("%v allocations a packet", n)
		}
		ended := make(chan error)
		go func() {
			_, err := b.ReadPacket(buf)
			ended <- err
		}()
		time.Sleep(20 * time.Millisecond)
		begin := time.Now()
		b.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) || time.Since(begin) > 300*time.Millisecond {
			t.Fatalf("the reader ended after %v: %v", time.Since(begin), err)
		}
		if err := b.Close(); err != nil {
			t.Fatalf("closed twice: %v", err)
		}
		a.Close()
		if err := a.WritePacket(said); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("after Close: %v", err)
		}
	}
}
