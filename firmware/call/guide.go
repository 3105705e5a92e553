package call

import "slices"

// begin is the first start: language, PIN, account, test call. Each step may be left with "back", all of them with "end":
// whoever does so has a telephone that works all the same.
func (m *Machine) begin() {
	m.steps = []func(){
		func() { m.chooseLanguage(func() {}) },
		func() { m.confirm("pin.set", "pin.why", "", func() { m.newPIN("") }) },
		func() { m.confirm("account.new", "account.why", "", func() { m.editAccount(-1) }) },
		func() {
			m.confirm("test.call", "test.call.why", "", func() {
				m.entry("address", "", &addressSymbols, maxInput, func(s string) {
					if s != "" {
						m.dial(Party{Address: dialAddress(fullAddress(s))})
					}
				})
			})
		},
	}
	m.nextStep()
}

// nextStep goes on with the guide when the step before is closed.
func (m *Machine) nextStep() {
	if len(m.pages) > 0 || m.call != nil || m.closed {
		return
	}
	if show := m.offer; show != nil {
		m.offer = nil
		show()
		return
	}
	if len(m.steps) > 0 {
		step := m.steps[0]
		m.steps = slices.Delete(m.steps, 0, 1)
		step()
	}
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
