package call

import (
	"fmt"
	"time"
)

// openStats shows how the voice comes across, renewed with each Stats.
func (m *Machine) openStats() {
	p := m.list("stats", "", func() []Row {
		c := m.call
		if c == nil {
			return nil
		}
		s := &c.stats
		ms := func(d time.Duration) string {
			if d <= 0 {
				return "-"
			}
			return fmt.Sprint(d.Round(time.Millisecond).Milliseconds(), " ms")
		}
		return []Row{
			{Label: "stats.rtt", Detail: ms(s.RTT)},
			{Label: "stats.delay", Detail: ms(s.Delay)},
			{Label: "stats.jitter", Detail: ms(s.Jitter)},
			{Label: "stats.loss", Detail: fmt.Sprintf("%.1f %%", 100*s.Lost)},
			{Label: "stats.codec", Detail: fmt.Sprintf("%s %d kbit/s", s.Codec, s.Bitrate/1000)},
			{Label: "route", State: routeLabel(s.Route)},
		}
	}, func(int) {})
	p.left = soft{}
	m.open(p)
}

// Running is what this telephone runs, to be compared with what its owner signed.
type Running struct {
	Version string
	Built   string // day of the image, 2026-11-23
	Board   string
	Kernel  string // its release
	Slot    string // the half of the card that was started; empty where there are no halves
	Image   string // SHA-256 in hexadecimal
	Signer  string // key or name; empty: unknown
	Notes   []string
	Trouble string // what the idle screen points to until somebody has read it here; it stands in Notes, too
}

// hashGroup is how many symbols of a hash stand in a row.
const hashGroup = 16

func (m *Machine) openRunning() {
	r := &m.running
	m.troubleRead = r.Trouble
	row := func(l Label, s string) Row {
		if s == "" {
			return Row{Label: l, State: "unknown"}
		}
		return Row{Label: l, Detail: s}
	}
	p := m.list("about", "", func() []Row {
		rows := []Row{row("about.version", r.Version)}
		if r.Built != "" {
			rows = append(rows, row("about.built", r.Built))
		}
		rows = append(rows, row("about.board", r.Board))
		if r.Kernel != "" {
			rows = append(rows, row("about.kernel", r.Kernel))
		}
		if r.Slot != "" {
			rows = append(rows, row("about.slot", r.Slot))
		}
		if r.Signer == "" {
			rows = append(rows, row("about.signer", ""))
		} else {
			rows = append(rows, signers(r.Signer)...)
		}
		if r.Image == "" {
			rows = append(rows, row("about.image", ""))
		} else {
			rows = append(rows, Row{Label: "about.image"})
		}
		for h := r.Image; h != ""; h = h[min(hashGroup, len(h)):] {
			rows = append(rows, Row{Text: h[:min(hashGroup, len(h))]})
		}
		for _, n := range r.Notes {
			mark := MarkFailed
			for _, line := range wrap(n, wrapAt-2) { // room for the sign
				rows = append(rows, Row{Text: line, Mark: mark})
				mark = MarkNone
			}
		}
		return rows
	}, func(int) {})
	p.left = soft{}
	m.open(p)
}
