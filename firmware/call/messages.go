package call

import (
	"fmt"
	"strings"
	"time"
)

// Text messages: threads, one a device, and texts to be written. What is sealed and sent is firmware/messages' and the
// phone's to know.

// textLimit is how many runes a text has at most: no rune of textSymbols takes more than two octets, so that it is never
// longer than the 640 octets that a message may have.
const textLimit = 320

// wrapAt is how many runes of a text stand in a row: as many as the smallest screen shows.
const wrapAt = 18

// MessageState is how far a text has come.
type MessageState uint8

// The states of a text.
const (
	MessageWaiting MessageState = iota
	MessageTaken
	MessageDelivered
	MessageFailed
	MessageReceived
)

// Message is a text of a thread.
type Message struct {
	ID    string
	Text  string
	When  time.Time
	State MessageState
	Cause string // of MessageFailed: "no key", "refused", "too late", "no receipt"
}

// Thread is the texts with one device.
type Thread struct {
	Device   string // the phone's handle
	Name     string // the contact that this device belongs to; empty: nobody's any more
	Contact  string // its ID
	Trust    Trust
	Key      bool // there is a key from a call, so that texts can be written
	Vanish   int  // seconds after reading until a text disappears; 0: never
	Unread   int
	Messages []Message // oldest first
}

// Actions and events of texts.
type (
	// WriteMessage queues a text. MessagesChanged is the answer, or MessageRefused.
	WriteMessage struct{ Device, Text string }
	// ReadThread tells that the texts of a thread are seen.
	ReadThread struct{ Device string }
	// ClearMessages deletes a text, or with an empty ID a whole thread. The keys stay.
	ClearMessages struct{ Device, ID string }
	// SetVanish says how many seconds after reading texts disappear; 0: never.
	SetVanish struct {
		Device  string
		Seconds int
	}
	// MessagesChanged replaces the threads, the newest first.
	MessagesChanged struct{ Threads []Thread }
	// MessageCame tells of a new text from somebody.
	MessageCame struct{ Name string }
	// MessageRefused tells that a text could not be queued: "no key", "full" or "not stored".
	MessageRefused struct{ Why string }
)

func (WriteMessage) action()  {}
func (ReadThread) action()    {}
func (ClearMessages) action() {}
func (SetVanish) action()     {}

func (MessagesChanged) event() {}
func (MessageCame) event()     {}
func (MessageRefused) event()  {}

// String hides the text.
func (WriteMessage) String() string { return "WriteMessage{[secret]}" }

// GoString hides the text.
func (WriteMessage) GoString() string { return "WriteMessage{[secret]}" }

// Format hides the text from every verb.
func (w WriteMessage) Format(f fmt.State, _ rune) { fmt.Fprint(f, w.String()) }

// fromMessages handles what the phone tells of texts.
func (m *Machine) fromMessages(ev Event) {
	switch ev := ev.(type) {
	case MessagesChanged:
		m.threads = ev.Threads
		m.refresh()
		m.readShown()
	case MessageCame:
		m.wake()
		if m.call == nil {
			m.say(pick(ev.Name == "", "message.came", "message.from"), ev.Name)
			if !m.settings.Silent {
				m.beep = ToneGood
			}
		}
	case MessageRefused:
		m.say(Label("message.failed."+ev.Why), "")
	}
}

func (m *Machine) unread() (n int) {
	for _, t := range m.threads {
		n += t.Unread
	}
	return n
}

func (m *Machine) thread(device string) Thread {
	for _, t := range m.threads {
		if t.Device == device {
			return t
		}
	}
	return Thread{Device: device}
}

// openMessages lists the threads that have texts.
func (m *Machine) openMessages() {
	m.open(m.menu("messages", func() []action {
		var rows []action
		for _, t := range m.threads {
			if len(t.Messages) == 0 {
				continue
			}
			r := Row{Text: t.Name, Trust: t.Trust, Mark: MarkTrust, Detail: m.when(t.Messages[len(t.Messages)-1].When)}
			if t.Name == "" {
				r.Label = "message.nobody"
			}
			if t.Unread > 0 {
				r.Detail, r.State = fmt.Sprint(t.Unread), "message.new"
			}
			rows = append(rows, action{r, func() { m.openThread(t.Device) }})
		}
		return append(rows, action{Row{Label: "message.write"}, m.openRecipients})
	}))
}

// openRecipients lists those whom one can write to: contacts that there was a secure call with.
func (m *Machine) openRecipients() {
	p := m.menu("message.write", func() []action {
		var rows []action
		for _, c := range m.contacts {
			if t, ok := m.threadOf(c.ID); ok {
				rows = append(rows, action{Row{Text: c.Name, Trust: c.Trust, Mark: MarkTrust}, func() { m.writeTo(t.Device) }})
			}
		}
		return rows
	})
	if len(p.list) == 0 && len(p.rows()) == 0 {
		p.hint, p.left = "message.call", soft{}
	}
	m.open(p)
}

// threadOf is the thread of a contact that can be written to.
func (m *Machine) threadOf(contact string) (Thread, bool) {
	for _, t := range m.threads {
		if t.Contact == contact && contact != "" && t.Key {
			return t, true
		}
	}
	return Thread{}, false
}

// openThread shows the texts with one device, the newest first.
func (m *Machine) openThread(device string) {
	p := m.menu("messages", func() []action {
		t := m.thread(device)
		var rows []action
		if t.Key && t.Name != "" {
			rows = append(rows, action{Row{Label: "message.write"}, func() { m.writeTo(device) }})
		}
		for i := len(t.Messages) - 1; i >= 0; i-- {
			text := t.Messages[i]
			rows = append(rows, action{Row{Text: text.Text, Detail: m.when(text.When), Mark: text.mark()},
				func() { m.openMessage(device, text.ID) }})
		}
		rows = append(rows, action{Row{Label: "vanish", State: vanishLabel(t.Vanish)}, func() {
			m.do(SetVanish{device, nextVanish(t.Vanish)})
		}})
		if len(t.Messages) > 0 {
			rows = append(rows, action{Row{Label: "delete"}, func() {
				m.confirm("delete", "message.sure", t.Name, func() { m.back(); m.do(ClearMessages{Device: device}) })
			}})
		}
		return rows
	})
	p.text, p.device = m.thread(device).Name, device
	m.open(p)
	m.readShown()
}

// readShown tells that the texts of the thread on top are seen, if the screen is lit and shows it.
func (m *Machine) readShown() {
	if len(m.pages) == 0 || m.state() != Listing || m.light == 0 {
		return
	}
	if d := m.top().device; d != "" && m.thread(d).Unread > 0 {
		m.do(ReadThread{d})
	}
}

// mark is a sign for the way of a text and how far it has come.
func (t Message) mark() Mark {
	switch t.State {
	case MessageReceived:
		return MarkIn
	case MessageDelivered:
		return MarkOn
	case MessageFailed:
		return MarkFailed
	}
	return MarkOut
}

// openMessage shows a whole text and what became of it.
func (m *Machine) openMessage(device, id string) {
	p := m.menu("messages", func() []action {
		t := m.thread(device)
		var text Message
		for _, o := range t.Messages {
			if o.ID == id {
				text = o
			}
		}
		if text.ID == "" {
			return []action{{Row{Label: "message.gone"}, func() {}}}
		}
		var rows []action
		for _, line := range wrap(text.Text, wrapAt) {
			rows = append(rows, action{Row{Text: line}, func() {}})
		}
		rows = append(rows, action{Row{Label: text.label(), Detail: m.when(text.When), Mark: text.mark()}, func() {}})
		if t.Key && t.Name != "" {
			if text.State == MessageFailed {
				rows = append(rows, action{Row{Label: "message.again"}, func() {
					m.do(ClearMessages{device, id})
					m.do(WriteMessage{device, text.Text})
					m.back()
				}})
			}
			rows = append(rows, action{Row{Label: "message.write"}, func() { m.writeTo(device) }})
		}
		return append(rows, action{Row{Label: "delete"}, func() { m.do(ClearMessages{device, id}); m.back() }})
	})
	p.text = m.thread(device).Name
	m.open(p)
}

// label is what became of a text, in words.
func (t Message) label() Label {
	if t.State == MessageFailed {
		return Label("message.failed." + t.Cause)
	}
	return [...]Label{"message.waiting", "message.taken", "message.delivered", "", "message.received"}[t.State]
}

// writeTo asks for a text. Who gave alarm is not written to before the code was compared.
func (m *Machine) writeTo(device string) {
	t := m.thread(device)
	if t.Trust == Broken {
		m.say("message.broken", t.Name)
		return
	}
	p := m.entry("message.write", "", &textSymbols, textLimit, func(s string) {
		if s = strings.TrimSpace(s); s == "" {
			m.back()
			return
		}
		m.back()
		m.do(WriteMessage{device, s})
	})
	p.left.label = "send"
	p.hint, p.hintArg = trustLabel(t.Trust), ""
	p.text = t.Name
}

// vanishTimes are the choices, in seconds.
var vanishTimes = []struct {
	seconds int
	label   Label
}{{0, "vanish.never"}, {300, "vanish.minutes"}, {3600, "vanish.hour"}, {86400, "vanish.day"}, {7 * 86400, "vanish.week"}}

func vanishLabel(seconds int) Label {
	for _, v := range vanishTimes {
		if v.seconds >= seconds {
			return v.label
		}
	}
	return "vanish.week"
}

func nextVanish(seconds int) int {
	for _, v := range vanishTimes {
		if v.seconds > seconds {
			return v.seconds
		}
	}
	return 0
}

// wrap breaks a text into lines of at most n runes, between words where it can.
func wrap(text string, n int) (lines []string) {
	for _, paragraph := range strings.Split(text, "\n") {
		line := []rune{}
		for _, word := range strings.Fields(paragraph) {
			w := []rune(word)
			if len(line) > 0 && len(line)+1+len(w) <= n {
				line = append(append(line, ' '), w...)
				continue
			}
			if len(line) > 0 {
				lines = append(lines, string(line))
			}
			for len(w) > n {
				lines, w = append(lines, string(w[:n])), w[n:]
			}
			line = append([]rune(nil), w...)
		}
		if len(line) > 0 {
			lines = append(lines, string(line))
		}
	}
	return lines
}
