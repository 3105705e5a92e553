package messages

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"sotto/zrtp/ratchet"
)

// Bounds.
const (
	MaxText     = 640 // octets of UTF-8 in a text
	maxThreads  = 32
	maxMessages = 100 // of a thread; the oldest that does not wait goes
	maxWaiting  = 20  // of a thread
	maxSessions = 3   // of a thread: the newest sends, those before are for what is under way
	maxSeen     = 64  // packets of a thread that are known when they come again
	maxReceipts = 100
	maxTaken    = 5 // tries after the line took a text and no receipt came

	oldSession = 7 * 24 * time.Hour  // how long a session is kept after a newer one began
	maxWait    = 14 * 24 * time.Hour // after which a text has failed
	afterCall  = 3 * time.Second     // until the other end has kept the new key too
	firstRetry = 30 * time.Second    // doubles up to
	lastRetry  = 30 * time.Minute
)

// Errors.
var (
	ErrNoKey      = errors.New("messages: no key with that device: call first")
	ErrTooLong    = errors.New("messages: text empty, too long or no UTF-8")
	ErrFull       = errors.New("messages: too many wait already")
	ErrForeign    = errors.New("messages: not from a device that there is a key with")
	ErrUnreadable = errors.New("messages: the content is not a box of messages")
)

// Store keeps one content whole; it is on the medium when Save returns.
type Store interface{ Save(content []byte) error }

// State is how far a text of ours has come.
type State uint8

// The states.
const (
	Waiting   State = iota // not sent yet
	Taken                  // the line took it
	Delivered              // the other handset has it: its receipt came
	Failed                 // Cause tells why
	Received               // not ours
)

// Message is one text.
type Message struct {
	ID     string    `json:"id"`
	Text   string    `json:"text"`
	When   time.Time `json:"when"`
	State  State     `json:"state"`
	Cause  string    `json:"cause,omitempty"`
	Read   bool      `json:"read,omitempty"`
	Vanish int       `json:"vanish,omitempty"` // seconds from reading or delivery until it disappears; 0: never
	Gone   time.Time `json:"gone,omitzero"`    // when it does

	Send    sending `json:"send,omitzero"`
	Refused int     `json:"refused,omitempty"` // sessions whose keys the other side did not have
}

// sending is a packet that is tried again until it is done with.
type sending struct {
	Packet []byte    `json:"packet,omitempty"` // the same at each try: a key is used once
	Tries  int       `json:"tries,omitempty"`
	Next   time.Time `json:"next,omitzero"`
}

// receipt is owed to the other side.
type receipt struct {
	ID   string  `json:"id"`
	Send sending `json:"send,omitzero"`
}

// session is one ratchet. It began with one call.
type session struct {
	State json.RawMessage `json:"state"`
	Born  time.Time       `json:"born"`
}

// seen is a packet that came.
type seen struct {
	Hash [16]byte `json:"h"`
	ID   string   `json:"id"`
}

// thread is everything with one device.
type thread struct {
	Sessions []session `json:"sessions,omitempty"` // newest first
	Messages []Message `json:"messages,omitempty"` // oldest first
	Receipts []receipt `json:"receipts,omitempty"`
	Seen     []seen    `json:"seen,omitempty"`
	Vanish   int       `json:"vanish,omitempty"`
}

// document is what the store holds, by the device's ZID.
type document struct {
	Threads map[string]*thread `json:"threads"`
}

// Box is all threads. Several goroutines may use it. After an error it is as it was before.
type Box struct {
	store  Store
	random io.Reader
	own    string

	mu    sync.Mutex
	data  document
	saved []byte // what the store holds
}

// Open reads what a store holds; nil is an empty box. Own is our ZID as text.
func Open(store Store, content []byte, own string, random io.Reader) (*Box, error) {
	b := &Box{store: store, random: random, own: own, saved: slices.Clone(content)}
	if content == nil {
		b.saved = []byte(`{"threads":{}}`)
	}
	if err := b.load(); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Box) load() error {
	var d document
	if err := json.Unmarshal(b.saved, &d); err != nil {
		return ErrUnreadable
	}
	if d.Threads == nil {
		d.Threads = map[string]*thread{}
	}
	for _, t := range d.Threads {
		if t == nil {
			return ErrUnreadable
		}
	}
	b.data = d
	return nil
}

// Close wipes what it can of the texts and keys. The box is of no use afterwards.
func (b *Box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data.wipe()
	clear(b.saved)
	b.saved, b.data = nil, document{}
	b.store = closed{}
}

func (d document) wipe() {
	for _, t := range d.Threads {
		for _, s := range t.Sessions {
			clear(s.State)
		}
	}
}

// closed is the store of a box that was closed.
type closed struct{}

func (closed) Save([]byte) error { return errors.New("messages: closed") }

// change alters the document and keeps it when it is on the medium.
func (b *Box) change(f func(d *document) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := f(&b.data)
	var content []byte
	if err == nil {
		if content, err = json.Marshal(b.data); err == nil {
			err = b.store.Save(content)
		}
	}
	if err != nil {
		clear(content)
		if b.saved != nil {
			b.data.wipe()
			b.load() // it was read before
		}
		return err
	}
	clear(b.saved)
	b.saved = content
	return nil
}

// Seed begins a session with a device: seed is what both derived from a call, initiator our role in it. What waits is sealed
// anew, as the other side may have lost the keys before.
func (b *Box) Seed(device string, seed []byte, initiator bool, now time.Time) error {
	first, second := b.own, device
	if !initiator {
		first, second = second, first
	}
	r, err := ratchet.New(seed, []byte("sotto messages 1 "+first+" "+second), initiator, b.random)
	if err != nil {
		return err
	}
	defer r.Wipe()
	state, err := r.Marshal()
	if err != nil {
		return err
	}
	return b.change(func(d *document) error {
		t := d.Threads[device]
		if t == nil {
			if len(d.Threads) >= maxThreads && !d.dropEmpty() {
				return ErrFull
			}
			t = &thread{}
			d.Threads[device] = t
		}
		t.Sessions = slices.Insert(t.Sessions, 0, session{state, now})
		t.trim()
		t.wake(now, true)
		return nil
	})
}

// dropEmpty forgets a device that there is no text with, the one whose call was longest ago.
func (d *document) dropEmpty() bool {
	oldest := ""
	for _, id := range slices.Sorted(maps.Keys(d.Threads)) {
		t := d.Threads[id]
		if len(t.Messages) == 0 && (oldest == "" || t.born().Before(d.Threads[oldest].born())) {
			oldest = id
		}
	}
	if oldest == "" {
		return false
	}
	delete(d.Threads, oldest)
	return true
}

func (t *thread) born() time.Time {
	if len(t.Sessions) == 0 {
		return time.Time{}
	}
	return t.Sessions[0].Born
}

// trim wipes sessions that are too many.
func (t *thread) trim() {
	for len(t.Sessions) > maxSessions {
		clear(t.Sessions[len(t.Sessions)-1].State)
		t.Sessions = t.Sessions[:len(t.Sessions)-1]
	}
}

// wake has what waits tried now; anew: sealed again too.
func (t *thread) wake(now time.Time, anew bool) {
	for i := range t.Messages {
		if m := &t.Messages[i]; m.pending() || m.State == Failed && anew && m.Cause == CauseNoKey {
			m.Send.Next = now
			if anew {
				m.State, m.Send, m.Refused, m.Cause = Waiting, sending{Next: now.Add(afterCall)}, 0, ""
			}
		}
	}
	for i := range t.Receipts {
		t.Receipts[i].Send.Next = now
		if anew {
			t.Receipts[i].Send = sending{Next: now}
		}
	}
}

// Wake has what waits tried now: a device is back, or with "" the network.
func (b *Box) Wake(device string, now time.Time) error {
	if b.Deadline().IsZero() {
		return nil
	}
	return b.change(func(d *document) error {
		for id, t := range d.Threads {
			if device == "" || id == device {
				t.wake(now, false)
			}
		}
		return nil
	})
}

// Cut forgets the keys with a device: its code differed.
func (b *Box) Cut(device string) error {
	return b.change(func(d *document) error {
		if t := d.Threads[device]; t != nil {
			for _, s := range t.Sessions {
				clear(s.State)
			}
			t.Sessions = nil
		}
		return nil
	})
}

// Write queues a text. Errors: ErrNoKey, ErrTooLong, ErrFull.
func (b *Box) Write(device, text string, now time.Time) error {
	if text == "" || len(text) > MaxText || !utf8.ValidString(text) {
		return ErrTooLong
	}
	id := make([]byte, idSize)
	if _, err := io.ReadFull(b.random, id); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	return b.change(func(d *document) error {
		t := d.Threads[device]
		if t == nil || len(t.Sessions) == 0 {
			return ErrNoKey
		}
		return t.add(Message{ID: hex.EncodeToString(id), Text: text, When: now, State: Waiting, Read: true, Vanish: t.Vanish,
			Send: sending{Next: now}})
	})
}

// add keeps a message; the oldest goes that does not wait.
func (t *thread) add(m Message) error {
	if m.pending() {
		n := 0
		for _, o := range t.Messages {
			if o.pending() {
				n++
			}
		}
		if n >= maxWaiting {
			return ErrFull
		}
	}
	if len(t.Messages) >= maxMessages {
		i := slices.IndexFunc(t.Messages, func(m Message) bool { return !m.pending() })
		t.Messages = slices.Delete(t.Messages, i, i+1) // maxWaiting is less than maxMessages: there is one
	}
	t.Messages = append(t.Messages, m)
	return nil
}

// Read marks the texts of a thread as read: those that disappear begin to.
func (b *Box) Read(device string, now time.Time) error {
	b.mu.Lock()
	t := b.data.Threads[device]
	unread := t != nil && slices.ContainsFunc(t.Messages, func(m Message) bool { return !m.Read })
	b.mu.Unlock()
	if !unread {
		return nil
	}
	return b.change(func(d *document) error {
		for i := range d.Threads[device].Messages {
			if m := &d.Threads[device].Messages[i]; !m.Read {
				m.Read = true
				m.fade(now)
			}
		}
		return nil
	})
}

// fade lets a text disappear, if it is to.
func (m *Message) fade(now time.Time) {
	if m.Vanish > 0 {
		m.Gone = now.Add(time.Duration(m.Vanish) * time.Second)
	}
}

// SetVanish says how long after reading the texts written from now on disappear, at both ends; 0: never.
func (b *Box) SetVanish(device string, seconds int) error {
	return b.change(func(d *document) error {
		if t := d.Threads[device]; t != nil {
			t.Vanish = min(max(seconds, 0), maxVanish)
		}
		return nil
	})
}

// Clear deletes the texts of a thread, or with an id one of them. The keys stay. What waited is not sent.
func (b *Box) Clear(device, id string) error {
	return b.change(func(d *document) error {
		if t := d.Threads[device]; t != nil {
			t.Messages = slices.DeleteFunc(t.Messages, func(m Message) bool { return id == "" || m.ID == id })
		}
		return nil
	})
}

// Thread is a thread as it is listed.
type Thread struct {
	Device   string
	Key      bool // texts can be written
	Vanish   int  // seconds
	Unread   int
	Messages []Message // oldest first
}

// Threads are all, the one with the newest text first.
func (b *Box) Threads() []Thread {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Thread
	for _, id := range slices.Sorted(maps.Keys(b.data.Threads)) {
		t := b.data.Threads[id]
		o := Thread{Device: id, Key: len(t.Sessions) > 0, Vanish: t.Vanish, Messages: slices.Clone(t.Messages)}
		for i := range o.Messages {
			o.Messages[i].Send = sending{}
			if !o.Messages[i].Read {
				o.Unread++
			}
		}
		all = append(all, o)
	}
	slices.SortStableFunc(all, func(x, y Thread) int { return cmp.Compare(y.last(), x.last()) })
	return all
}

func (t Thread) last() int64 {
	if len(t.Messages) == 0 {
		return 0
	}
	return t.Messages[len(t.Messages)-1].When.UnixNano()
}
