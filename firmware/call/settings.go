package call

import (
	"fmt"
	"slices"
)

// Languages that the screen speaks, by their names in themselves.
var Languages = [...]struct{ Code, Name string }{
	{"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"},
}

// lockChoices are minutes without a key; 0 is never.
var lockChoices = []int{0, 1, 5, 30}

func (m *Machine) openSettings() {
	m.open(m.menu("settings", func() []action {
		s := &m.settings
		flip := func(b *bool) func() { return func() { *b = !*b; m.do(SaveSettings{*s}) } }
		rows := []action{
			{Row{Label: "language", Detail: languageName(s.Language)}, m.openLanguages},
			{Row{Label: "silent", Mark: onOff(s.Silent)}, flip(&s.Silent)},
			{Row{Label: "rising", Mark: onOff(s.Rising)}, flip(&s.Rising)},
			{Row{Label: "volume", Detail: fmt.Sprint(s.Volume)}, func() {
				m.setVolume(s.Volume%100 + volumeStep)
				m.do(SaveSettings{*s})
			}},
			{Row{Label: "keytones", Mark: onOff(s.KeyTones)}, flip(&s.KeyTones)},
			{Row{Label: "large", Mark: onOff(s.Large)}, flip(&s.Large)},
			{Row{Label: "contrast", Mark: onOff(s.Contrast)}, flip(&s.Contrast)},
		}
		if !m.hasPIN {
			return append(rows, action{Row{Label: "pin.set"}, func() { m.newPIN("") }})
		}
		rows = append(rows,
			action{lockRow(s.LockAfter), func() {
				i := slices.Index(lockChoices, s.LockAfter)
				s.LockAfter = lockChoices[(i+1)%len(lockChoices)]
				m.do(SaveSettings{*s})
			}},
			action{Row{Label: "pin.change"}, m.changePIN},
			action{Row{Label: "erase", Mark: onOff(s.Erase)}, m.changeErase},
			action{Row{Label: "duress"}, m.changeDuress})
		return rows
	}))
}

func lockRow(minutes int) Row {
	if minutes == 0 {
		return Row{Label: "lock.after", State: "never"}
	}
	return Row{Label: "lock.after", Detail: fmt.Sprint(minutes, " min")}
}

func languageName(code string) string {
	for _, l := range Languages {
		if l.Code == code {
			return l.Name
		}
	}
	return code
}

func (m *Machine) openLanguages() { m.chooseLanguage(func() {}) }

// chooseLanguage asks for the language and goes on with then.
func (m *Machine) chooseLanguage(then func()) {
	m.open(m.menu("language", func() []action {
		var rows []action
		for _, l := range Languages {
			rows = append(rows, action{Row{Text: l.Name, Mark: onOff(l.Code == m.settings.Language)}, func() {
				m.settings.Language = l.Code
				m.do(SaveSettings{m.settings})
				m.back()
				then()
			}})
		}
		return rows
	}))
}

// guide is the first start: the language, then whether there is to be a PIN. Whoever presses "end" has a telephone that
// works all the same.
func (m *Machine) guide() {
	m.chooseLanguage(func() {
		m.confirm("pin.set", "pin.why", "", func() { m.newPIN("") })
	})
}

// openTest tests the telephone and shows each part as it is done.
func (m *Machine) openTest() {
	m.tests = nil
	m.do(SelfTest{})
	var p *page
	p = m.list("test", "", func() []Row {
		var rows []Row
		p.hint = "test.running"
		for _, r := range m.tests {
			row := Row{Label: Label("test." + r.Part), Detail: r.Detail}
			if r.Done {
				row.Mark = MarkFailed
				if r.OK {
					row.Mark = MarkOn
				}
			}
			rows = append(rows, row)
		}
		if len(rows) > 0 && !slices.ContainsFunc(m.tests, func(r TestResult) bool { return !r.Done }) {
			p.hint = ""
		}
		return rows
	}, func(int) {})
	p.left = soft{}
	m.open(p)
}
