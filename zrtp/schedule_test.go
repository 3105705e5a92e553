package zrtp_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// script is a pair whose wire obeys sentences.
type script struct {
	*zrtptest.Pair
	t    *testing.T
	lost map[string]int // "A Commit" -> how many still to lose
	log  []line
}

// line is one packet as it was sent.
type line struct {
	at      time.Duration
	what    string // "A Commit"
	message []byte
	seq     uint16
}

func newScript(t *testing.T, seed uint64, change func(a, b *zrtp.Config)) *script {
	s := &script{t: t, lost: map[string]int{}}
	a, b := zrtptest.Config('A', seed), zrtptest.Config('B', seed)
	x255(a, b)
	if change != nil {
		change(a, b)
	}
	var err error
	if s.Pair, err = zrtptest.NewPair(a, b); err != nil {
		t.Fatal(err)
	}
	s.Wire.Tap = s.tap
	s.lose("A HelloACK", 1000) // A leads
	return s
}

// lose makes the wire lose the next n packets of a kind.
func (s *script) lose(what string, n int) { s.lost[what] = n }

func (s *script) tap(from int, p []byte) [][]byte {
	what := string("AB"[from]) + " " + zrtptest.MessageType(p)
	s.log = append(s.log, line{s.Now.Sub(zrtptest.Epoch), what, bytes.Clone(p[zrtp.HeaderSize : len(p)-zrtp.CRCSize]),
		uint16(p[2])<<8 | uint16(p[3])})
	if s.lost[what] > 0 {
		s.lost[what]--
		return nil
	}
	return [][]byte{p}
}

// wantTimes asserts when a kind of packet went out, relative to its first, and that the message was the same each time
// with a higher sequence number.
func (s *script) wantTimes(what string, want ...time.Duration) {
	s.t.Helper()
	var got []time.Duration
	var first line
	last := uint16(0)
	for _, l := range s.log {
		if l.what != what {
			continue
		}
		if len(got) == 0 {
			first = l
		} else if !bytes.Equal(l.message, first.message) || l.seq <= last {
			s.t.Errorf("%s again: not the same message with a later sequence number", what)
		}
		last = l.seq
		got = append(got, l.at-first.at)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s sent at %v, want %v", what, got, want)
	}
}

const ms = time.Millisecond

// schedule is a first interval doubling to a cap, n resends.
func schedule(first, limit time.Duration, n int) []time.Duration {
	out := []time.Duration{0}
	at := time.Duration(0)
	for range n {
		at += first
		out = append(out, at)
		first = min(2*first, limit)
	}
	return out
}

// TestHelloSchedule: 50 ms doubling to 200 ms, 20 resends, 3.75 s; at least 12 s for a peer known by its zrtp-hash.
func TestHelloSchedule(t *testing.T) {
	s := newScript(t, 500, nil)
	s.lose("A Hello", 1000)
	s.A.Session.Start(s.Now)
	s.Run(30*time.Second, nil)
	s.wantTimes("A Hello", schedule(50*ms, 200*ms, 20)...)
	if last := schedule(50*ms, 200*ms, 20)[20]; last != 3750*ms {
		t.Errorf("schedule ends at %v", last)
	}
	s = newScript(t, 500, func(a, b *zrtp.Config) { a.PeerHelloHash = make([]byte, 32) })
	s.lose("A Hello", 1000)
	s.A.Session.Start(s.Now)
	s.Run(30*time.Second, nil)
	if last := s.log[len(s.log)-1].at; last < 12*time.Second || last > 13*time.Second {
		t.Errorf("extended schedule ends at %v", last)
	}
	s = newScript(t, 500, func(a, b *zrtp.Config) { a.RTT = 700 * ms })
	s.lose("A Hello", 1000)
	s.A.Session.Start(s.Now)
	s.Run(3*time.Second, nil)
	s.wantTimes("A Hello", 0, 700*ms, 1400*ms, 2100*ms, 2800*ms)
}

// TestMessageSchedules: 150 ms doubling to 1200 ms, 10 resends, 9.45 s, for each message that the initiator repeats.
func TestMessageSchedules(t *testing.T) {
	for what, answer := range map[string]string{"A Commit": "B DHPart1", "A DHPart2": "B Confirm1", "A Confirm2": "B Conf2ACK"} {
		s := newScript(t, 501, nil)
		s.lose(answer, 1000)
		s.Start().Run(60*time.Second, nil)
		s.wantTimes(what, schedule(150*ms, 1200*ms, 10)...)
		if s.A.Failed == nil || s.A.Failed.Code != zrtp.CodeTimeout {
			t.Errorf("%s: %v", what, s.A.Failed)
		}
	}
}

// TestErrorSchedule: Error is resent too, until its ErrorACK.
func TestErrorSchedule(t *testing.T) {
	s := newScript(t, 502, func(a, b *zrtp.Config) { b.ZID = a.ZID })
	s.lose("B ErrorACK", 2)
	s.lose("B Hello", 0)
	s.lose("B Error", 1000)
	s.Start().Run(60*time.Second, nil)
	s.wantTimes("A Error", 0, 150*ms, 450*ms)
	if st := s.A.Session.State(); st != zrtp.StateClosed {
		t.Errorf("state %v", st)
	}
}

// TestEachMessageLost loses each message once, twice, three times: the exchange completes, with the same answer each
// time, within the schedule.
func TestEachMessageLost(t *testing.T) {
	for _, what := range []string{"A Hello", "B Hello", "B HelloACK", "A Commit", "B DHPart1", "A DHPart2", "B Confirm1",
		"A Confirm2", "B Conf2ACK"} {
		for n := 1; n <= 3; n++ {
			s := newScript(t, 503, nil)
			s.lose(what, n)
			s.Start()
			if !s.Run(3*time.Second, s.Secure) {
				t.Errorf("%s lost %d times: not secure in 3 s", what, n)
				continue
			}
			agree(t, s.Pair)
			for _, e := range []*zrtptest.End{s.A, s.B} {
				first := byName(e)
				for _, p := range e.Sent {
					if name := zrtptest.MessageType(p); !bytes.Equal(p[12:len(p)-4], first[name]) {
						t.Errorf("two different %s", name)
					}
				}
			}
		}
	}
}

// TestLateCommit: the Hello schedule is over, NoPeer was told, and the peer comes at last.
func TestLateCommit(t *testing.T) {
	s := newScript(t, 504, nil)
	s.lost = map[string]int{}
	s.A.Session.Start(s.Now)
	s.Run(8*time.Second, nil)
	if len(s.A.Events) != 1 || s.A.Events[0] != (zrtp.NoPeer{}) {
		t.Fatalf("%v", s.A.Events)
	}
	s.B.Session.Start(s.Now)
	if !s.Run(time.Second, s.Secure) {
		t.Errorf("not secure: %v %v", s.A.Session.State(), s.B.Session.State())
	}
}

// TestContention: both commit; the higher hvi wins, whatever order the Commits come in, and the loser keeps its key.
func TestContention(t *testing.T) {
	roles := map[zrtp.Role]int{}
	for seed := range uint64(64) {
		p := pair(t, 600+seed, x255)
		mustSecure(t, p)
		a, b := byName(p.A)["Commit"], byName(p.B)["Commit"]
		if a == nil || b == nil {
			t.Fatal("no contention")
		}
		higher := zrtp.Initiator
		if bytes.Compare(a[76:108], b[76:108]) < 0 {
			higher = zrtp.Responder
		}
		if p.A.Secure.Role != higher {
			t.Errorf("seed %d: %v has the higher hvi", seed, higher)
		}
		roles[p.A.Secure.Role]++
	}
	if roles[zrtp.Initiator] < 16 || roles[zrtp.Responder] < 16 {
		t.Errorf("roles %v", roles)
	}
}

// TestContentionLastOctet: hvi that differ in the last octet only.
func TestContentionLastOctet(t *testing.T) {
	for _, delta := range []int{-1, 1} {
		p := pair(t, 700, x255)
		var ours []byte
		p.Wire.Tap = func(from int, q []byte) [][]byte {
			if from == sideA && zrtptest.MessageType(q) == "Commit" {
				ours = bytes.Clone(q[12+76 : 12+108])
			}
			if from == sideB && zrtptest.MessageType(q) == "Commit" && ours != nil {
				q = repack(q, func(m []byte) []byte {
					copy(m[76:108], ours)
					m[107] = byte(int(m[107]) + delta)
					return p.B.Session.Sign(m, 1)
				})
			}
			return [][]byte{q}
		}
		p.Run(20*ms, nil)
		if ours == nil || ours[31] == 0 || ours[31] == 255 {
			t.Fatal("choose another seed")
		}
		want := zrtp.StateCommitSent
		if delta > 0 {
			want = zrtp.StateWaitDHPart2
		}
		if got := p.A.Session.State(); got != want {
			t.Errorf("delta %d: state %v, want %v", delta, got, want)
		}
	}
}

// TestHastenedHello: the first Hello went out before the peer was up. The peer's own Hello shows that it is now, and ours
// follows at once, not at the next 50 ms.
func TestHastenedHello(t *testing.T) {
	s := newScript(t, 505, nil)
	s.lose("A HelloACK", 0)
	s.lose("A Hello", 1)
	s.Start()
	if !s.Run(60*ms, s.Secure) {
		t.Errorf("not secure in 60 ms: %v %v", s.A.Session.State(), s.B.Session.State())
	}
	s.wantTimes("A Hello", 0, 10*ms)
	s.wantTimes("B Hello", 0) // acknowledged in time
}

// TestStrangersHelloACK: a stranger's HelloACK silences our Hello; the true peer's Hello brings it back.
func TestStrangersHelloACK(t *testing.T) {
	s := newScript(t, 506, nil)
	s.lost = map[string]int{}
	s.A.Session.Start(s.Now)
	if err := s.Inject(sideA, packet(zrtp.Frame("HelloACK", 12), 1, 0x7777)); err != nil {
		t.Fatal(err)
	}
	s.Run(time.Second, nil)
	if st, n := s.A.Session.State(), count(s.A, "Hello"); st != zrtp.StateAckDetected || n != 1 {
		t.Fatalf("state %v, %d Hello", st, n)
	}
	s.B.Session.Start(s.Now)
	if !s.Run(time.Second, s.Secure) {
		t.Errorf("not secure: %v %v", s.A.Session.State(), s.B.Session.State())
	}
}

// TestPeerComesDown: the peer begins with Hello 1.20, as newer GNU ZRTP does, and comes down to ours when it hears us.
func TestPeerComesDown(t *testing.T) {
	s := newScript(t, 507, nil)
	s.lost = map[string]int{}
	high := 1
	s.Wire.Tap = func(from int, p []byte) [][]byte {
		if from == sideB && zrtptest.MessageType(p) == "Hello" && high > 0 {
			high--
			p = repack(p, func(m []byte) []byte { copy(m[12:], "1.20"); return s.B.Session.Sign(m, 2) })
		}
		return [][]byte{p}
	}
	s.Start()
	s.Run(30*ms, nil)
	if n := s.A.Session.Candidates(); n != 0 || count(s.A, "HelloACK") == 0 {
		t.Errorf("%d candidates, %d HelloACK", n, count(s.A, "HelloACK"))
	}
	if err := s.Inject(sideA, s.B.Sent[0]); err != nil { // the same Hello as 1.10
		t.Error(err)
	}
	if !s.Run(time.Second, s.Secure) {
		t.Errorf("not secure: %v %v, errors %v", s.A.Session.State(), s.B.Session.State(), s.A.Errors)
	}
}
