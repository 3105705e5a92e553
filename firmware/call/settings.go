package call

import (
	"fmt"
	"slices"
	"strings"
)

// Languages that the screen speaks, by their names in themselves.
var Languages = [...]struct{ Code, Name string }{
	{"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"},
}

// Zones that can be chosen, by their names in the IANA database, from west to east.
var Zones = [...]string{"Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Mexico_City",
	"America/Chicago", "America/Bogota", "America/New_York", "America/Santiago", "America/Sao_Paulo", "UTC", "Europe/London",
	"Africa/Lagos", "Europe/Paris", "Europe/Berlin", "Africa/Johannesburg", "Europe/Kyiv", "Asia/Jerusalem", "Africa/Nairobi",
	"Europe/Istanbul", "Asia/Tehran", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai",
	"Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland"}

var (
	lockChoices   = []int{0, 1, 5, 30} // minutes without a key; 0 is never
	forgetChoices = []int{0, 1, 7, 30} // days
)

func (m *Machine) openSettings() {
	m.open(m.menu("settings", func() []action {
		return []action{
			{Row{Label: "language", Detail: languageName(m.settings.Language)}, func() { m.chooseLanguage(func() {}) }},
			{Row{Label: "sounds"}, m.openSounds},
			{Row{Label: "screen"}, m.openScreen},
			{Row{Label: "calls"}, m.openCalls},
			{Row{Label: "network"}, m.openNetwork},
			{Row{Label: "accounts", Detail: missedCount(len(m.setup.Accounts))}, m.openAccounts},
			{Row{Label: "time"}, m.openTime},
			{Row{Label: "safety"}, m.openSafety},
		}
	}))
}

// flip is a row that turns something on and off.
func (m *Machine) flip(l Label, b *bool) action {
	return action{Row{Label: l, Mark: onOff(*b)}, func() { *b = !*b; m.save() }}
}

// turn is a row that goes through its choices; 0 is never.
func (m *Machine) turn(l Label, n *int, choices []int, unit Label) action {
	row := Row{Label: l, State: "never"}
	if *n != 0 {
		row = Row{Label: l, Detail: fmt.Sprint(*n), State: unit}
	}
	return action{row, func() {
		*n = choices[(slices.Index(choices, *n)+1)%len(choices)]
		m.save()
	}}
}

func (m *Machine) save() { m.do(SaveSettings{m.settings}) }

func (m *Machine) openSounds() {
	m.open(m.menu("sounds", func() []action {
		s := &m.settings
		return []action{
			{Row{Label: "tune", Detail: fmt.Sprint(s.Tune + 1)}, m.openTunes},
			m.flip("silent", &s.Silent),
			m.flip("rising", &s.Rising),
			{Row{Label: "volume", Detail: fmt.Sprint(s.Volume)}, func() {
				m.setVolume(s.Volume%100 + volumeStep)
				m.save()
			}},
			m.flip("keytones", &s.KeyTones),
		}
	}))
}

// openTunes lets the ring tones be heard and chosen.
func (m *Machine) openTunes() {
	m.open(m.menu("tune", func() []action {
		var rows []action
		for i := range Tunes {
			rows = append(rows, action{Row{Text: fmt.Sprint(i + 1), Mark: onOff(i == m.settings.Tune)}, func() {
				m.settings.Tune = i
				m.save()
				m.timers.set(timerSample, m.now.Add(sampleTime))
			}})
		}
		return rows
	}))
}

func (m *Machine) openScreen() {
	m.open(m.menu("screen", func() []action {
		return []action{m.flip("large", &m.settings.Large), m.flip("contrast", &m.settings.Contrast)}
	}))
}

// quietLabels say who may ring.
var quietLabels = [numQuiet]Label{"quiet.off", "quiet.contacts", "quiet.verified", "quiet.chosen"}

func (m *Machine) openCalls() {
	m.open(m.menu("calls", func() []action {
		s := &m.settings
		rows := []action{
			{Row{Label: "quiet", State: quietLabels[s.Quiet%numQuiet]}, m.openQuiet},
			m.turn("forget", &s.Forget, forgetChoices, "days.short"),
			{Row{Label: "voicemail", Detail: s.Voicemail}, func() {
				m.entry("voicemail", s.Voicemail, &numberSymbols, maxDigits, func(number string) {
					s.Voicemail = number
					m.save()
					m.back()
				})
			}},
		}
		if m.hasPIN {
			rows = append(rows, m.flip("lock.quiet", &s.LockQuiet))
		}
		return rows
	}))
}

func (m *Machine) openQuiet() {
	m.open(m.menu("quiet", func() []action {
		var rows []action
		for i, l := range quietLabels {
			rows = append(rows, action{Row{Label: l, Mark: onOff(Quiet(i) == m.settings.Quiet)}, func() {
				m.settings.Quiet = Quiet(i)
				m.save()
				m.back()
			}})
		}
		return rows
	}))
}

func (m *Machine) openTime() {
	m.open(m.menu("time", func() []action {
		zone := m.settings.Zone
		if zone == "" {
			zone = "UTC"
		}
		rows := []action{{Row{Label: "zone", Detail: zone}, m.openZones}, m.flip("hours12", &m.settings.Hours12)}
		if !m.able.Clock {
			return rows
		}
		s := &m.setup
		rows = append(rows, action{Row{Label: "clock", Detail: s.Clock}, m.editClock})
		if s.Clock != "" {
			rows = append(rows, action{Row{Label: "clock.plain", Mark: onOff(s.NTP)}, func() { s.NTP = !s.NTP; m.saveSetup() }})
		}
		return rows
	}))
}

// editClock asks for the server that tells the time; none: nobody is asked.
func (m *Machine) editClock() {
	m.entry("clock", m.setup.Clock, &addressSymbols, maxInput, func(s string) {
		if s = strings.TrimSpace(s); s != "" && !plainWord(s) {
			m.say("ip.wrong", "")
			return
		}
		m.setup.Clock = s
		m.saveSetup()
		m.back()
	})
}

func (m *Machine) openZones() {
	p := m.menu("zone", func() []action {
		var rows []action
		for _, z := range Zones {
			rows = append(rows, action{Row{Text: z, Mark: onOff(z == m.settings.Zone)}, func() {
				m.settings.Zone = z
				m.save()
				m.back()
			}})
		}
		return rows
	})
	m.open(p)
	p.selected = max(slices.Index(Zones[:], m.settings.Zone), 0)
}

func (m *Machine) openSafety() {
	m.open(m.menu("safety", func() []action {
		if !m.hasPIN {
			return []action{{Row{Label: "pin.set"}, func() { m.newPIN("") }}}
		}
		return []action{
			m.turn("lock.after", &m.settings.LockAfter, lockChoices, "minutes.short"),
			{Row{Label: "pin.change"}, m.changePIN},
			{Row{Label: "erase", Mark: onOff(m.settings.Erase)}, m.changeErase},
			{Row{Label: "duress"}, m.changeDuress},
		}
	}))
}

func languageName(code string) string {
	for _, l := range Languages {
		if l.Code == code {
			return l.Name
		}
	}
	return code
}

// chooseLanguage asks for the language and goes on with then.
func (m *Machine) chooseLanguage(then func()) {
	m.open(m.menu("language", func() []action {
		var rows []action
		for _, l := range Languages {
			rows = append(rows, action{Row{Text: l.Name, Mark: onOff(l.Code == m.settings.Language)}, func() {
				m.settings.Language = l.Code
				m.save()
				m.back()
				then()
			}})
		}
		return rows
	}))
}
