package media

import (
	"testing"
	"time"

	"sotto/hal/haltest"
	"sotto/zrtp"
)

// Alice's microphone hears her loudspeaker. Bob hears himself, until she goes hands-free properly.
func TestEchoIsCancelled(t *testing.T) {
	wa, wb := newPipes()
	loop, b := haltest.NewLoopPCM(), newEar(440)
	alice, bob := newSide(t, loop, wa, nil, nil), newSide(t, b, wb, nil, nil)
	defer alice.Close()
	defer bob.Close()
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	agreement[zrtp.Secure](t, bob, 5*time.Second)
	alice.SetMuted(false)
	bob.SetMuted(false)
	b.hears(t, 100)
	if err := alice.SetHandsFree(true); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(15 * time.Second); ; {
		before := b.loud.Load()
		time.Sleep(500 * time.Millisecond)
		if b.loud.Load()-before < 5 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("Bob still hears his own echo")
		}
	}
	if err := alice.SetHandsFree(false); err != nil {
		t.Fatal(err)
	}
	b.hears(t, b.loud.Load()+100)
}
