package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"sotto/zrtp/ratchet"
)

// Causes of a text that failed.
const (
	CauseNoKey   = "no key"     // the other handset lost its keys: call again
	CauseRefused = "refused"    // by the other side, or a server
	CauseExpired = "too late"   // it waited too long
	CauseSilent  = "no receipt" // the line took it, but the other handset never said so
)

// Outcome is what the line said of a packet.
type Outcome uint8

// The outcomes.
const (
	Accepted Outcome = iota // by the other side or by somebody on the way
	Later                   // nobody there, busy, locked
	Unknown                 // the other handset has no such key
	Denied                  // the other side or a server does not want it
)

// Packet is something to be sent now. Sent is to be told what became of it.
type Packet struct {
	Device string
	ID     string // of the message; with a mark before it for a receipt
	Body   []byte
}

const receiptMark = "r"

// Due seals what is to be sent now and gives it when the state is on the medium. What is not reported by Sent comes again.
func (b *Box) Due(now time.Time) (due []Packet, err error) {
	if d := b.Deadline(); d.IsZero() || d.After(now) {
		return nil, nil
	}
	err = b.change(func(d *document) error {
		due = nil
		for _, device := range slices.Sorted(maps.Keys(d.Threads)) {
			t := d.Threads[device]
			t.expire(now)
			for i := range t.Receipts {
				r := &t.Receipts[i]
				sent, err := b.push(t, &r.Send, 0, newFrame(frameReceipt, r.ID), now)
				if err != nil && !errors.Is(err, ErrNoKey) {
					return err
				}
				if sent {
					due = append(due, Packet{device, receiptMark + r.ID, slices.Clone(r.Send.Packet)})
				}
			}
			for i := range t.Messages {
				m := &t.Messages[i]
				if !m.pending() {
					continue
				}
				f := newFrame(frameText, m.ID)
				f.vanish, f.text = uint32(m.Vanish), m.Text
				sent, err := b.push(t, &m.Send, m.Refused, f, now)
				switch {
				case errors.Is(err, ErrNoKey):
					m.fail(CauseNoKey)
				case err != nil:
					return err
				case sent:
					due = append(due, Packet{device, m.ID, slices.Clone(m.Send.Packet)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

// push seals a frame, if it is due and not sealed yet, with the newest session but skip, and sets the next try.
func (b *Box) push(t *thread, s *sending, skip int, f frame, now time.Time) (bool, error) {
	if s.Next.After(now) && s.Next.Sub(now) <= lastRetry { // a time further away was set by a clock that was wrong
		return false, nil
	}
	if s.Packet == nil {
		if skip >= len(t.Sessions) {
			return false, ErrNoKey
		}
		r, err := ratchet.Unmarshal(t.Sessions[skip].State)
		if err != nil {
			return false, err
		}
		defer r.Wipe()
		if s.Packet, err = r.Seal(f.marshal(), b.random); err != nil {
			return false, err
		}
		if err := t.Sessions[skip].keep(r); err != nil {
			return false, err
		}
	}
	s.Next = now.Add(min(firstRetry<<min(s.Tries, 10), lastRetry))
	s.Tries++
	return true, nil
}

// keep replaces the state of a session by that of a ratchet.
func (s *session) keep(r *ratchet.Ratchet) error {
	state, err := r.Marshal()
	if err != nil {
		return err
	}
	clear(s.State)
	s.State = state
	return nil
}

func (m *Message) pending() bool { return m.State == Waiting || m.State == Taken }

func (m *Message) fail(cause string) {
	m.State, m.Cause, m.Send = Failed, cause, sending{}
}

// expire lets go what is over.
func (t *thread) expire(now time.Time) {
	t.Messages = slices.DeleteFunc(t.Messages, func(m Message) bool { return !m.Gone.IsZero() && !m.Gone.After(now) })
	for i := range t.Messages {
		if m := &t.Messages[i]; m.pending() && now.Sub(m.When) >= maxWait {
			m.fail(CauseExpired)
		}
	}
	for n := len(t.Sessions); n > 1 && now.Sub(t.Sessions[n-2].Born) >= oldSession; n-- {
		clear(t.Sessions[n-1].State)
		t.Sessions = t.Sessions[:n-1]
	}
	if len(t.Sessions) == 0 {
		t.Receipts = nil
	}
}

// Deadline is when Due has something to do; zero: never.
func (b *Box) Deadline() (d time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := func(t time.Time) {
		if d.IsZero() || t.Before(d) {
			d = t
		}
	}
	for _, t := range b.data.Threads {
		for _, m := range t.Messages {
			if m.pending() {
				at(m.Send.Next)
				at(m.When.Add(maxWait))
			}
			if !m.Gone.IsZero() {
				at(m.Gone)
			}
		}
		for _, r := range t.Receipts {
			at(r.Send.Next)
		}
		if n := len(t.Sessions); n > 1 {
			at(t.Sessions[n-2].Born.Add(oldSession))
		}
	}
	return d
}

// Sent is told what became of a packet.
func (b *Box) Sent(device, id string, o Outcome, now time.Time) error {
	return b.change(func(d *document) error {
		t := d.Threads[device]
		if t == nil {
			return nil
		}
		if len(id) > 0 && id[:1] == receiptMark {
			t.Receipts = slices.DeleteFunc(t.Receipts, func(r receipt) bool {
				return r.ID == id[1:] && (o == Accepted || o == Denied || r.Send.Tries > maxTaken)
			})
			return nil
		}
		i := slices.IndexFunc(t.Messages, func(m Message) bool { return m.ID == id && m.pending() })
		if i >= 0 {
			t.Messages[i].sent(o, now)
		}
		return nil
	})
}

// sent takes the outcome of one try.
func (m *Message) sent(o Outcome, now time.Time) {
	switch o {
	case Accepted:
		if m.State == Waiting {
			m.State, m.Send.Tries = Taken, 1
		} else if m.Send.Tries > maxTaken {
			m.fail(CauseSilent)
		}
	case Unknown: // the other handset may have lost the newest keys and have those before
		if m.State == Waiting {
			m.Refused++
			m.Send = sending{Next: now}
		}
	case Denied:
		m.fail(CauseRefused)
	}
}

// Arrived is what a packet was.
type Arrived struct {
	Device  string
	New     bool // a text that was not there before
	Receipt bool
}

// Take reads a packet from anywhere. What it returns is on the medium. Errors: ErrForeign, or those of the store; then
// nothing has changed.
func (b *Box) Take(packet []byte, now time.Time) (a Arrived, err error) {
	sum := sha256.Sum256(packet)
	hash := [16]byte(sum[:])
	if !b.opens(packet, hash, now) {
		return a, ErrForeign // without a write: anybody can send
	}
	err = b.change(func(d *document) error {
		for device, t := range d.Threads {
			if i := slices.IndexFunc(t.Seen, func(s seen) bool { return s.Hash == hash }); i >= 0 {
				a = Arrived{Device: device}
				t.owe(t.Seen[i].ID, now) // the receipt was lost
				return nil
			}
			f, ok, err := b.open(t, packet, now)
			if err != nil {
				return err
			}
			if ok {
				a = t.take(f, hash, now)
				a.Device = device
				return nil
			}
		}
		return ErrForeign
	})
	return a, err
}

// opens tells whether a packet is for us. It changes nothing.
func (b *Box) opens(packet []byte, hash [16]byte, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.data.Threads {
		if slices.ContainsFunc(t.Seen, func(s seen) bool { return s.Hash == hash }) {
			return true
		}
		for _, s := range t.Sessions {
			if r, err := ratchet.Unmarshal(s.State); err == nil {
				_, err = r.Open(packet, b.random, now)
				r.Wipe()
				if err == nil {
					return true
				}
			}
		}
	}
	return false
}

// open tries the sessions of a thread.
func (b *Box) open(t *thread, packet []byte, now time.Time) (f frame, ok bool, err error) {
	for i := range t.Sessions {
		r, err := ratchet.Unmarshal(t.Sessions[i].State)
		if err != nil {
			continue
		}
		text, err := r.Open(packet, b.random, now)
		if err != nil {
			r.Wipe()
			continue
		}
		err = t.Sessions[i].keep(r)
		r.Wipe()
		if err != nil {
			return f, false, err
		}
		f, _ = parseFrame(text) // one that is none has no kind, and is only known when it comes again
		clear(text)
		return f, true, nil
	}
	return f, false, nil
}

// take keeps what a frame says.
func (t *thread) take(f frame, hash [16]byte, now time.Time) (a Arrived) {
	id := hex.EncodeToString(f.id[:])
	known := seen{Hash: hash}
	at := func(mine bool) int {
		return slices.IndexFunc(t.Messages, func(m Message) bool { return m.ID == id && (m.State != Received) == mine })
	}
	switch f.kind {
	case frameText:
		known.ID = id
		again := slices.ContainsFunc(t.Seen, func(s seen) bool { return s.ID == id }) || at(false) >= 0
		if !again { // sealed anew under later keys, else
			t.add(Message{ID: id, Text: f.text, When: now, State: Received, Vanish: int(f.vanish)})
			a.New = true
		}
		t.owe(id, now)
	case frameReceipt:
		if i := at(true); i >= 0 && t.Messages[i].State != Delivered {
			m := &t.Messages[i]
			m.State, m.Cause, m.Send = Delivered, "", sending{}
			m.fade(now)
			a.Receipt = true
		}
	}
	if t.Seen = append(t.Seen, known); len(t.Seen) > maxSeen {
		t.Seen = slices.Delete(t.Seen, 0, len(t.Seen)-maxSeen)
	}
	return a
}

// owe queues a receipt, once.
func (t *thread) owe(id string, now time.Time) {
	if id == "" || len(t.Receipts) >= maxReceipts || slices.ContainsFunc(t.Receipts, func(r receipt) bool { return r.ID == id }) {
		return
	}
	t.Receipts = append(t.Receipts, receipt{ID: id, Send: sending{Next: now}})
}
