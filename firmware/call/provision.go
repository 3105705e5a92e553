package call

import "strings"

// A set-up file of the owner: the telephone shows who signed it and what it changes, and takes it when somebody says so.

// Change is a group of things that a set-up file brings.
type Change struct {
	Kind Label // "accounts", "contacts", "settings"
	What []string
}

// Events of a set-up file.
type (
	// SetUpSealed tells of a set-up file that opens under a code. OpenSetUp is the answer.
	SetUpSealed struct{}
	// SetUpRead tells of a set-up file that was read. TakeSetUp is the answer, if it is wanted.
	SetUpRead struct {
		Signers []string // IDs of the owner's keys
		Changes []Change
	}
	// SetUpRefused tells why a set-up file is not taken: "format", "unsigned", "code", "older" or "other".
	SetUpRefused struct{ Why string }
	// SetUpTaken tells that a set-up file was taken.
	SetUpTaken struct{}
)

// Actions for a set-up file.
type (
	// OpenSetUp tries a code on the file that is sealed.
	OpenSetUp struct{ Code string }
	// TakeSetUp does what the file says.
	TakeSetUp struct{}
)

func (SetUpSealed) event()  {}
func (SetUpRead) event()    {}
func (SetUpRefused) event() {}
func (SetUpTaken) event()   {}
func (OpenSetUp) action()   {}
func (TakeSetUp) action()   {}

const setUpCode Label = "setup.code"

// fromSetUp shows how it stands with a set-up file. It waits until nothing else is on the screen.
func (m *Machine) fromSetUp(ev Event) {
	wrong := ev == (SetUpRefused{"code"})
	if len(m.pages) > 0 && m.top().title == setUpCode {
		if wrong {
			m.typed.wipe()
			m.say("setup.wrong", "")
			return
		}
		m.back()
	}
	var show func()
	switch ev := ev.(type) {
	case SetUpSealed:
		show = func() {
			m.entry(setUpCode, "", &passwordSymbols, maxInput, func(code string) {
				m.do(OpenSetUp{code})
				m.say("pin.checking", "")
			})
		}
	case SetUpRead:
		show = func() { m.openSetUp(ev) }
	case SetUpRefused:
		show = func() { m.tell("setup", Label("setup."+ev.Why)) }
	case SetUpTaken:
		show = func() { m.tell("setup", "setup.taken") }
	}
	m.offer = show
}

// tell shows a sentence until it was read.
func (m *Machine) tell(title, sentence Label) {
	m.open(&page{state: Reading, title: title, hint: sentence, left: soft{"ok", (*Machine).back}})
}

func (m *Machine) openSetUp(ev SetUpRead) {
	p := m.list("setup", "setup.accept", func() []Row {
		rows := append([]Row{{Label: "about.signer"}}, texts(ev.Signers)...)
		for _, c := range ev.Changes {
			rows = append(append(rows, Row{Label: c.Kind}), texts(c.What)...)
		}
		return rows
	}, func(int) {
		m.back()
		m.do(TakeSetUp{})
	})
	m.open(p)
}

// texts are rows of text, as many as it needs.
func texts(of []string) (rows []Row) {
	for _, s := range of {
		for _, line := range wrap(s, wrapAt) {
			rows = append(rows, Row{Text: line})
		}
	}
	return rows
}

// signers are the rows of who signed: one short name beside the label, longer ones below it.
func signers(s string) []Row {
	const beside = 13
	ids := strings.Fields(s)
	if len(ids) == 1 && len(s) <= beside {
		return []Row{{Label: "about.signer", Detail: s}}
	}
	return append([]Row{{Label: "about.signer"}}, texts(ids)...)
}
