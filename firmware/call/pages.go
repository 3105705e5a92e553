package call

// page is a list, a text or an entry. Pages lie on each other; the newest is seen.
type page struct {
	state    State
	title    Label
	text     string // of the title, instead of the label
	left     soft   // also what OK does
	hint     Label
	hintArg  string
	rows     func() []Row
	list     []Row // what rows gave last
	selected int
	call     func(i int) // what the call key does on a row
	lines    []string
	first    int // line that is seen on top
	qr       string
	device   string // of a thread

	table  *symbols // of an entry
	limit  int
	secret bool
	done   func(text string)
}

func (m *Machine) top() *page { return m.pages[len(m.pages)-1] }

// open lays a page on top.
func (m *Machine) open(p *page) {
	m.notice = notice{}
	m.typed.wipe()
	p.fill()
	m.pages = append(m.pages, p)
}

// fill asks for the rows again and keeps the selection inside them.
func (p *page) fill() {
	if p.rows != nil {
		p.list = p.rows()
	}
	p.selected = max(0, min(p.selected, len(p.list)-1))
	if len(p.list) == 0 {
		p.selected = -1
	}
}

// refresh renews every open list, because what it shows has changed.
func (m *Machine) refresh() {
	for _, p := range m.pages {
		p.fill()
	}
}

// back closes the page on top.
func (m *Machine) back() {
	m.typed.wipe()
	m.timers.stop(timerTap)
	if len(m.pages) > 0 {
		m.pages = m.pages[:len(m.pages)-1]
		m.refresh()
	}
}

// step moves the selection, around the ends.
func (p *page) step(k Key) {
	n := len(p.list)
	if n == 0 {
		return
	}
	d := 1
	if k == KeyUp {
		d = n - 1
	}
	p.selected = (p.selected + d) % n
}

// list makes a page of rows of which one is chosen.
func (m *Machine) list(title Label, left Label, rows func() []Row, choose func(i int)) *page {
	p := &page{state: Listing, title: title, rows: rows}
	p.left = soft{left, func(*Machine) {
		if p.selected >= 0 {
			choose(p.selected)
		}
	}}
	return p
}

// entry makes a page where a text is typed.
func (m *Machine) entry(title Label, text string, table *symbols, limit int, done func(string)) *page {
	p := &page{state: Entering, title: title, table: table, limit: limit, done: done}
	p.left = soft{"ok", func(m *Machine) { done(m.typed.String()) }}
	m.open(p)
	m.typed.text = []rune(text)
	return p
}

// typeEntry takes a key of the dial pad while a text is typed.
func (m *Machine) typeEntry(k Key) {
	p, t := m.top(), &m.typed
	m.notice = notice{}
	if m.typeWord(k, p) {
		m.timers.stop(timerTap)
		return
	}
	if k == KeyHash {
		t.upper = !t.upper && p.table.cased()
		return
	}
	if t.tap(k, p.table, p.limit) {
		m.timers.set(timerTap, m.now.Add(tapTime))
	} else {
		m.timers.stop(timerTap)
	}
}

// action is a row of a menu.
type action struct {
	row Row
	do  func()
}

// menu makes a list page of actions that are asked for each time it is drawn anew.
func (m *Machine) menu(title Label, actions func() []action) *page {
	rows := func() []Row {
		var rows []Row
		for _, a := range actions() {
			rows = append(rows, a.row)
		}
		return rows
	}
	return m.list(title, "select", rows, func(i int) {
		if all := actions(); i < len(all) {
			all[i].do()
			m.refresh()
		}
	})
}

// read opens a page of text.
func (m *Machine) read(title Label, lines []string) {
	m.open(&page{state: Reading, title: title, lines: lines})
}
