//go:build interop

package servers

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"sotto/net/signaling"
)

// flood is an INVITE, or a request of another kind, after which sipp does not care what comes.
func flood(method string) string {
	invite, _, _ := strings.Cut(strings.Replace(scenario, `<send retrans="500">`, "<send>", 1), "</send>")
	return strings.ReplaceAll(invite, "INVITE", method) + "</send>\n<pause milliseconds=\"1\"/>\n</scenario>\n"
}

// Floods of sipp, 2000 requests a second by UDP for five seconds each: a call that runs is left alone and can be ended, and nothing
// grows.
func TestFloodsOfSipp(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS", "REGISTER", "BYE", "SUBSCRIBE"} {
		t.Run(method, func(t *testing.T) {
			alice, bob := newPhone(t, "alice"), newPhone(t, "bob")
			a := alice.Dial(signaling.Dial{To: fmt.Sprintf("sip:bob@%v", bob.Addr()), Offer: describe(4000)})
			in := want[signaling.Incoming](bob)
			want[signaling.Ringing](alice)
			bob.Answer(in.Call, describe(5000))
			want[signaling.Answered](alice)
			want[signaling.Answered](bob)
			rang, ended, others := 0, make(chan signaling.Ended, 1), 0
			go func() {
				for e := range bob.Events() {
					switch e := e.(type) {
					case signaling.Incoming:
						rang++
						bob.Hangup(e.Call, signaling.Busy)
					case signaling.Ended:
						if e.Call == in.Call {
							ended <- e
						} else {
							others++
						}
					}
				}
			}()
			heap, routines := memory(), runtime.NumGoroutine()
			dir := t.TempDir()
			write(t, dir+"/flood.xml", []byte(flood(method)))
			const requests = 10000
			cmd := exec.Command("sipp", bob.Addr().String(), "-sf", dir+"/flood.xml", "-m", fmt.Sprint(requests), "-r", "2000", "-l", "2000",
				"-i", "127.0.0.1", "-p", fmt.Sprint(freePort(t)), "-t", "u1", "-nostdin", "-timeout", "60s", "-nr")
			cmd.Dir = dir
			began := time.Now()
			out, err := cmd.CombinedOutput()
			took := time.Since(began)
			if err != nil && !bytes.Contains(out, []byte("Successful call")) {
				t.Fatalf("sipp: %v\n%s", err, out[max(0, len(out)-2000):])
			}
			after := memory()
			t.Logf("%d requests in %v, heap %d kB before and %d kB after, rang %d times", requests, took.Round(time.Millisecond), heap>>10, after>>10, rang)
			if took > 30*time.Second {
				t.Errorf("sipp took %v: this is no flood", took)
			}
			if after > heap+2<<20 || runtime.NumGoroutine() > routines+2 {
				t.Errorf("heap %d before and %d after, goroutines %d and %d", heap, after, routines, runtime.NumGoroutine())
			}
			alice.quiet()
			alice.Hangup(a, signaling.HungUp)
			alice.wantEnd(signaling.HungUp)
			select {
			case e := <-ended:
				if e.Cause != signaling.PeerHungUp {
					t.Errorf("ended: %v", e.Cause)
				}
			case <-time.After(10 * time.Second):
				t.Error("bob has not heard of the end")
			}
		})
	}
}

// memory is the heap in use after a collection, in bytes.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
