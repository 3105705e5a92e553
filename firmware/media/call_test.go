package media

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sotto/zrtp"
)

func TestTwoHandsetsSpeak(t *testing.T) {
	alice, bob, a, b := call(t, nil)
	sasA := agreement[zrtp.SASReady](t, alice, 5*time.Second)
	sasB := agreement[zrtp.SASReady](t, bob, 5*time.Second)
	if sasA.SAS == "" || sasA.SAS != sasB.SAS {
		t.Fatalf("codes %q and %q", sasA.SAS, sasB.SAS)
	}
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	agreement[zrtp.Secure](t, bob, 5*time.Second)
	await[Hearing](t, alice, 2*time.Second)
	await[Hearing](t, bob, 2*time.Second)
	if a.loud.Load() != 0 || b.loud.Load() != 0 {
		t.Fatal("speech was heard while both were muted")
	}
	alice.SetMuted(false)
	b.hears(t, 50)
	if a.loud.Load() != 0 {
		t.Fatalf("only Alice speaks, and yet she heard %d loud periods", a.loud.Load())
	}
	bob.SetMuted(false)
	a.hears(t, 50)
}

// Contract: nothing leaves in clear. Every datagram of a call that is not ZRTP must be authentic SRTP or SRTCP: the test
// sees each packet, and finds neither a payload of known silence nor a speech packet before the keys.
func TestNothingLeavesInClear(t *testing.T) {
	wa, wb := newPipes()
	var mu sync.Mutex
	sizes := map[int]int{}
	early, plain := 0, 0
	var silence []byte
	wa.tap = func(p []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		if kindOf(p) == kindZRTP {
			return true
		}
		if sizes[0] == 0 {
			early++
		}
		if kindOf(p) == kindRTP {
			sizes[len(p)]++
			if bytes.Contains(p, silence[:20]) {
				plain++
			}
		}
		return true
	}
	silence = encodedSilence(t)
	a, b := newEar(400), newEar(700)
	alice := newSide(t, a, wa, nil, nil)
	time.Sleep(300 * time.Millisecond) // nobody answers yet: ZRTP alone may leave
	mu.Lock()
	if early != 0 {
		t.Errorf("%d packets that are not ZRTP left before there was a peer", early)
	}
	sizes[0] = 1
	mu.Unlock()
	bob := newSide(t, b, wb, nil, nil)
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	time.Sleep(500 * time.Millisecond)
	alice.SetMuted(false)
	time.Sleep(500 * time.Millisecond)
	alice.Close()
	bob.Close()
	mu.Lock()
	defer mu.Unlock()
	delete(sizes, 0)
	if plain != 0 {
		t.Errorf("%d packets carry a readable frame of silence", plain)
	}
	if len(sizes) != 1 {
		t.Errorf("speech and silence have packets of different sizes: %v", sizes)
	}
}

// A stranger's clear RTP is never heard, before and after keys.
func TestClearRTPIsNeverHeard(t *testing.T) {
	wa, wb := newPipes()
	a := newEar(400)
	alice := newSide(t, a, wa, nil, nil)
	defer alice.Close()
	shout := func(from *pipe) {
		payload := loudPayload(t)
		for i := range 50 {
			p := append([]byte{0x80, 96, 0, byte(i), 0, 0, byte(i * 960 >> 8), byte(i * 960), 1, 2, 3, 4}, payload...)
			from.out <- p
			time.Sleep(5 * time.Millisecond)
		}
	}
	shout(wb)
	bob := newSide(t, newEar(700), wb, nil, nil)
	defer bob.Close()
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	shout(wb)
	if n := a.loud.Load(); n != 0 {
		t.Fatalf("%d loud frames of clear RTP", n)
	}
	if alice.receiver.junk.Load() < 100 {
		t.Fatalf("%d datagrams refused, want 100", alice.receiver.junk.Load())
	}
}

func TestDigitsArriveOnce(t *testing.T) {
	sizes := map[int]bool{}
	var mu sync.Mutex
	wa, wb := newPipes()
	wa.tap = func(p []byte) bool {
		mu.Lock()
		defer mu.Unlock()
		if kindOf(p) == kindRTP {
			sizes[len(p)] = true
		}
		return true
	}
	alice, bob := newSide(t, newEar(400), wa, nil, nil), newSide(t, newEar(700), wb, nil, nil)
	defer alice.Close()
	defer bob.Close()
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	await[Hearing](t, bob, 2*time.Second)
	for _, d := range []uint8{4, 4, 11} {
		if !alice.SendDigit(d) {
			t.Fatal("not sent")
		}
	}
	if alice.SendDigit(16) {
		t.Error("event 16 is no key")
	}
	var got []uint8
	for end := time.Now().Add(10 * time.Second); len(got) < 3 && time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		got = bob.digits()
	}
	time.Sleep(300 * time.Millisecond) // a fourth would be one too many
	got = bob.digits()
	if !bytes.Equal(got, []uint8{4, 4, 11}) {
		t.Errorf("digits %v, want 4 4 11", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sizes) != 1 {
		t.Errorf("keys and speech have packets of different sizes: %v", sizes)
	}
}

func TestPeerSilentAndBackAndGoodbye(t *testing.T) {
	wa, wb := newPipes()
	var cut atomic.Bool
	wb.tap = func([]byte) bool { return !cut.Load() }
	alice, bob := newSide(t, newEar(400), wa, nil, nil), newSide(t, newEar(700), wb, nil, nil)
	defer alice.Close()
	defer bob.Close()
	agreement[zrtp.Secure](t, bob, 5*time.Second)
	await[Hearing](t, alice, 2*time.Second)
	cut.Store(true)
	await[PeerMissed](t, alice, missedAfter+2*time.Second)
	if quiet := await[PeerSilent](t, alice, silentAfter+3*time.Second); quiet.For < silentAfter {
		t.Errorf("silent for %v", quiet.For)
	}
	cut.Store(false)
	await[PeerBack](t, alice, 2*time.Second)
	bob.Close()
	await[PeerLeft](t, alice, 2*time.Second)
}

// A server in between may write another number for Opus into either description: both are heard all the same. What is no Opus is not,
// and that is told, also when there was never anything else.
func TestPayloadTypes(t *testing.T) {
	at := func(pt uint8) func(*Config) { return func(c *Config) { c.PayloadType = pt } }
	wa, wb := newPipes()
	a, b := newEar(400), newEar(700)
	alice, bob := newSide(t, a, wa, nil, at(96)), newSide(t, b, wb, nil, at(110))
	defer alice.Close()
	defer bob.Close()
	agreement[zrtp.Secure](t, bob, 5*time.Second)
	alice.SetMuted(false)
	bob.SetMuted(false)
	a.hears(t, 50)
	b.hears(t, 50)

	wa, wb = newPipes()
	carol, dave := newSide(t, newEar(400), wa, nil, at(96)), newSide(t, newEar(700), wb, nil, at(0))
	defer carol.Close()
	defer dave.Close()
	await[Hearing](t, carol, 5*time.Second)
	await[PeerSilent](t, carol, silentAfter+3*time.Second)
}

// After Close the statistics are those of the whole call, and no second of it is missing.
func TestStatsAreWholeAfterClose(t *testing.T) {
	alice, bob, _, _ := call(t, nil)
	agreement[zrtp.Secure](t, bob, 5*time.Second)
	await[Hearing](t, alice, 2*time.Second)
	for received := &alice.receiver.reception.received; received.Load() < 100; {
		time.Sleep(time.Millisecond)
	}
	alice.Close()
	s := alice.Stats()
	if s.Received < 100 || s.Playout.Played+10 < uint64(s.Received) {
		t.Errorf("%d received, %d played", s.Received, s.Playout.Played)
	}
}

// Who compares the code and hangs up at once has compared it, also when the loop waits for a slow medium meanwhile.
func TestWhatWasOrderedBeforeTheEndIsDone(t *testing.T) {
	alice, _, _, _ := call(t, nil)
	agreement[zrtp.Secure](t, alice, 5*time.Second)
	waiting, medium, done := make(chan bool), make(chan bool), 0
	alice.Export("test", 32, func(zrtp.Secret) { close(waiting); <-medium })
	<-waiting
	const orders = ordersQueue - 1
	for range orders {
		alice.Export("test", 32, func(zrtp.Secret) { done++ })
	}
	closed := make(chan bool)
	go func() { alice.Close(); close(closed) }()
	<-alice.done
	close(medium)
	<-closed
	if done != orders {
		t.Errorf("%d of %d orders were done", done, orders)
	}
}

func (s *side) digits() (got []uint8) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if d, ok := e.(Digit); ok {
			got = append(got, d.Event)
		}
	}
	return got
}
