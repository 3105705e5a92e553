package phone

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/firmware/phonebook"
	"sotto/hal"
	"sotto/net/link"
	"sotto/net/nat"
	"sotto/net/signaling"
	"sotto/net/signaling/sipua"
	"sotto/zrtp"
)

// mirror is a STUN server that knows from how many ports it was asked. It may keep its answers for a while.
type mirror struct {
	conn  net.PacketConn
	mu    sync.Mutex
	from  map[string]bool
	kept  [][]byte // requests, and whose they are
	whose []net.Addr
	holds bool
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mirror{conn: c, from: map[string]bool{}}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			m.take(bytes.Clone(b[:n]), from)
		}
	}()
	return m
}

func (m *mirror) take(request []byte, from net.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.from[from.String()] = true
	if m.holds {
		m.kept, m.whose = append(m.kept, request), append(m.whose, from)
		return
	}
	m.answer(request, from)
}

// answer tells somebody an address that nobody has. RFC 8489, Sections 5 and 14.2.
func (m *mirror) answer(request []byte, to net.Addr) {
	a := append([]byte{1, 1, 0, 12}, request[4:20]...)
	a = append(a, 0, 0x20, 0, 8, 0, 1, 0x12^0x21, 0x34^0x12)
	m.conn.WriteTo(binary.BigEndian.AppendUint32(a, 0xcb007109^0x2112a442), to) // 203.0.113.9:4660
}

// hold keeps answers back, or gives those that were kept.
func (m *mirror) hold(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.kept {
		m.answer(m.kept[i], m.whose[i])
	}
	m.holds, m.kept, m.whose = on, nil, nil
}

func (m *mirror) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.from)
}

func (m *mirror) await(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); m.asked() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server is not asked")
		}
	}
}

func (m *mirror) reach() Reach {
	at := m.conn.LocalAddr().(*net.UDPAddr)
	return Reach{Servers: []nat.Server{{Host: "127.0.0.1", Port: uint16(at.Port), Transport: "udp"}}}
}

// acquainted is a memory that knows Ann, and whether the code was compared with her.
func acquainted(t *testing.T, pin string, change func(b *phonebook.Book, ann string, device zrtp.ZID)) (state string) {
	t.Helper()
	state = t.TempDir()
	safe, err := phonebook.OpenSafe(state)
	if err != nil {
		t.Fatal(err)
	}
	defer safe.Close()
	if pin != "" {
		if err := safe.ChangePIN("", pin); err != nil {
			t.Fatal(err)
		}
	}
	book, err := safe.Unlock(pin, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ann, device := "sip:ann@127.0.0.1", zrtp.ZID{7}
	if _, err := book.SaveContact(phonebook.Contact{Name: "Ann", Address: ann}); err != nil {
		t.Fatal(err)
	}
	if err := book.Store(device, zrtp.RetainedSecrets{RS1: bytes.Repeat([]byte{1}, 32), Verified: true}); err != nil {
		t.Fatal(err)
	}
	if err := book.Met(ann, device); err != nil {
		t.Fatal(err)
	}
	change(book, ann, device)
	return state
}

func compared(*phonebook.Book, string, zrtp.ZID) {}

// candidates are an offer's.
var candidates = signaling.ICE{Ufrag: "abcd", Pwd: "0123456789abcdefghijkl", Candidates: []string{"1 1 udp 99 127.0.0.1 4000 typ host"}}

// caller is somebody who has called a telephone, and what it hears.
type caller struct {
	*sipua.UA
	call signaling.CallID
}

// rings lets somebody call, with candidates or without.
func rings(t *testing.T, name string, at netip.AddrPort, ice bool) caller {
	t.Helper()
	u, err := sipua.New(sipua.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	offer := signaling.Description{RTP: netip.MustParseAddrPort("127.0.0.1:4000"), RTCP: netip.MustParseAddrPort("127.0.0.1:4000"), Mux: true,
		PayloadType: signaling.OpusType, Ptime: 20}
	if ice {
		offer.ICE = &candidates
	}
	return caller{u, u.Dial(signaling.Dial{To: "sip:test@" + at.String(), Offer: offer})}
}

// answered waits for the answer; nil: there is none in that time.
func (c caller) answered(t *testing.T, within time.Duration) *signaling.Description {
	t.Helper()
	for limit := time.After(within); ; {
		select {
		case ev := <-c.Events():
			switch ev := ev.(type) {
			case signaling.Answered:
				return &ev.Remote
			case signaling.Ended:
				t.Fatalf("the call ends: %v", ev.Cause)
			}
		case <-limit:
			return nil
		}
	}
}

// nothingLeft waits until nobody gathers any more.
func nothingLeft(t *testing.T, what string) {
	t.Helper()
	buf := make([]byte, 1<<20)
	var all string
	for range 1000 {
		all = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(all, "pion/") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s: the search for a way goes on:\n%s", what, all)
}

// TestWhoIsGatheredFor: the telephone asks its server while it rings only for a contact whose code was compared. Every answer
// has candidates, whoever called, and they were gathered once.
func TestWhoIsGatheredFor(t *testing.T) {
	for _, c := range []struct {
		what, name, pin string
		ice             bool
		change          func(*phonebook.Book, string, zrtp.ZID)
		early           bool
	}{
		{"the code was compared", "ann", "", true, compared, true},
		{"compared, without candidates", "ann", "", false, compared, false},
		{"a stranger", "eve", "", true, compared, false},
		{"not compared", "ann", "", true, func(b *phonebook.Book, _ string, _ zrtp.ZID) { b.Unverify(b.Contacts()[0].ID) }, false},
		{"the code differed", "ann", "", true, func(b *phonebook.Book, ann string, d zrtp.ZID) { b.Compared(ann, d, false) }, false},
		{"locked", "ann", "2468", true, compared, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, at := newMirror(t), freePort(t)
			d := runIn(t, acquainted(t, c.pin, c.change), Config{Listen: at, Reach: m.reach()})
			caller := rings(t, c.name, at, c.ice)
			d.await(t, "ringing")
			if c.early {
				m.await(t)
			} else if time.Sleep(200 * time.Millisecond); m.asked() > 0 {
				t.Error("the server is asked before the answer")
			}
			d.keys.Press(hal.KeyCall)
			answer := caller.answered(t, 10*time.Second)
			switch {
			case answer == nil:
				t.Fatal("no answer")
			case !c.ice:
				return
			case answer.ICE == nil || len(answer.ICE.Candidates) < 2:
				t.Errorf("the answer has the candidates %+v", answer.ICE)
			}
			if n := m.asked(); n != 1 {
				t.Errorf("the server was asked from %d ports", n)
			}
		})
	}
}

// TestAnswerBeforeItIsGathered: it waits for the rest, and not for another gathering.
func TestAnswerBeforeItIsGathered(t *testing.T) {
	for range 5 { // a busy machine may need longer than a server is waited for
		m, at := newMirror(t), freePort(t)
		m.hold(true)
		d := runIn(t, acquainted(t, "", compared), Config{Listen: at, Reach: m.reach()})
		ann := rings(t, "ann", at, true)
		m.await(t)
		began := time.Now()
		d.keys.Press(hal.KeyCall)
		waited := ann.answered(t, 100*time.Millisecond) == nil
		m.hold(false)
		if time.Since(began) > time.Second {
			continue
		}
		answer := ann.answered(t, 10*time.Second)
		if !waited || answer == nil || answer.ICE == nil || len(answer.ICE.Candidates) < 2 || m.asked() != 1 {
			t.Errorf("waited %v, answered %+v; the server was asked from %d ports", waited, answer, m.asked())
		}
		return
	}
	t.Error("this machine is too busy")
}

// TestNobodyAnswers: whatever ends the ringing gives back what was gathered for it.
func TestNobodyAnswers(t *testing.T) {
	for what, end := range map[string]func(d device, c caller){
		"rejected":             func(d device, _ caller) { d.keys.Press(hal.KeyEnd) },
		"cancelled":            func(_ device, c caller) { c.Hangup(c.call, signaling.HungUp) },
		"the address is gone":  func(d device, _ caller) { d.network <- link.Status{} },
		"another address came": func(d device, _ caller) { d.network <- link.Status{Address: netip.MustParsePrefix("127.0.0.2/8")} },
	} {
		for _, held := range []bool{false, true} {
			m, at := newMirror(t), freePort(t)
			m.hold(held)
			d := runIn(t, acquainted(t, "", compared), Config{Listen: at, Reach: m.reach()})
			ann := rings(t, "ann", at, true)
			m.await(t)
			end(d, ann)
			nothingLeft(t, what)
		}
	}
}

// TestWhatWasGatheredEarly is used by the answer to that call alone, while the telephone is where it was.
func TestWhatWasGatheredEarly(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(p *phone)
		used   bool
	}{
		{"nothing has changed", func(*phone) {}, true},
		{"another call", func(p *phone) { p.early.call = 8 }, false},
		{"it has failed", func(p *phone) { p.early.err = nat.ErrNoCandidates }, false},
		{"another network", func(p *phone) { p.early.config.Local = netip.MustParseAddr("127.0.0.2") }, false},
		{"other servers", func(p *phone) {
			p.cfg.Reach.Servers = append([]nat.Server{{Host: "127.0.0.1", Port: 9}}, p.cfg.Reach.Servers...)
		}, false},
	} {
		m := newMirror(t)
		p := still(t, Config{Listen: freePort(t), State: acquainted(t, "", compared), Reach: m.reach()})
		offer := signaling.Description{RTP: netip.MustParseAddrPort("127.0.0.1:4000"), PayloadType: signaling.OpusType, Ptime: 20, ICE: &candidates}
		p.incomingCall(signaling.Incoming{Call: 7, From: signaling.Party{URI: "sip:ann@127.0.0.1"}, Offer: offer})
		if p.early == nil {
			t.Fatal("nothing is gathered")
		}
		early := p.early
		for !early.done {
			(<-p.results)()
		}
		c.change(p)
		p.answer()
		if used := p.voice.agent == early.agent; used != c.used || used && p.voice.local.ICE == nil {
			t.Errorf("%s: used %v; the answer is %+v", c.what, used, p.voice.local)
		}
		if c.what != "another call" && p.early != nil {
			t.Errorf("%s: it is kept", c.what)
		}
		p.stop()
	}
	nothingLeft(t, "after all")
}

// TestASecondCallIsNotGatheredFor: who waits while another call rings or is spoken in has time.
func TestASecondCallIsNotGatheredFor(t *testing.T) {
	m := newMirror(t)
	p := still(t, Config{Listen: freePort(t), State: acquainted(t, "", compared), Reach: m.reach()})
	defer p.stop()
	p.incomingCall(signaling.Incoming{Call: 7, From: signaling.Party{URI: "sip:eve@192.0.2.1"}})
	p.incomingCall(signaling.Incoming{Call: 8, From: signaling.Party{URI: "sip:ann@127.0.0.1"}, Offer: signaling.Description{ICE: &candidates, RTP: netip.MustParseAddrPort("127.0.0.1:4000")}})
	if p.early != nil {
		t.Error("the telephone gathers for a call that waits")
	}
}
