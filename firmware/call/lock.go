package call

import (
	"fmt"
	"time"
)

// askLock locks the telephone, if there is a PIN to open it again.
func (m *Machine) askLock() {
	if !m.hasPIN {
		m.say("lock.none", "")
		return
	}
	m.leave()
	m.do(Lock{})
}

// lock forgets what the vault held. A call goes on: who holds the telephone hears it anyway.
func (m *Machine) lock() {
	m.closed, m.hasPIN = true, true
	m.contacts, m.threads, m.log, m.missed, m.pairing = nil, nil, nil, 0, ""
	m.leave()
	m.notice = notice{}
	m.timers.stop(timerLock)
}

// openUnlock asks for the PIN.
func (m *Machine) openUnlock() {
	m.pinEntry("pin.enter", func(pin string) {
		if wait := m.waitPIN.Sub(m.now); wait > 0 {
			m.say("pin.wait", Clock(wait+time.Second-1))
			return
		}
		m.do(CheckPIN{pin})
		m.say("pin.checking", "")
	})
}

// pinEntry asks for a PIN. It is wiped from the machine as soon as it was handed over.
func (m *Machine) pinEntry(title Label, done func(string)) {
	p := m.entry(title, "", &digitSymbols, maxPIN, func(pin string) {
		if len(pin) < minPIN {
			m.say("pin.short", fmt.Sprint(minPIN))
			return
		}
		m.typed.wipe()
		done(pin)
	})
	p.secret = true
}

// pinChecked opens the telephone or says how long to wait.
func (m *Machine) pinChecked(ev PINChecked) {
	m.waitPIN = m.now.Add(ev.Wait)
	switch {
	case ev.OK:
		m.closed, m.notice = false, notice{}
		m.leave()
		m.wake()
	case ev.Wait > 0:
		m.say("pin.wait", Clock(ev.Wait))
	case ev.Left >= 0:
		m.say("pin.left", fmt.Sprint(ev.Left))
	default:
		m.say("pin.wrong", "")
	}
}

// changePIN asks for the old PIN, then for the new one.
func (m *Machine) changePIN() {
	m.pinEntry("pin.old", func(old string) {
		m.back()
		m.newPIN(old)
	})
}

// newPIN asks for a new PIN twice.
func (m *Machine) newPIN(old string) {
	m.twice("pin.new", func(pin string) {
		m.after = func() { m.hasPIN = true }
		m.do(ChangePIN{old, pin})
	})
}

// twice asks for the same PIN two times.
func (m *Machine) twice(title Label, done func(string)) {
	m.pinEntry(title, func(first string) {
		m.back()
		m.pinEntry("pin.again", func(second string) {
			m.back()
			if first != second {
				m.say("pin.differ", "")
				return
			}
			done(first)
		})
	})
}

// changeErase turns erasing after wrong PINs on or off. Turning it on wants to be warned of.
func (m *Machine) changeErase() {
	on := !m.settings.Erase
	ask := func() {
		m.pinEntry("pin.enter", func(pin string) {
			m.back()
			m.after = func() {
				m.settings.Erase = on
				m.do(SaveSettings{m.settings})
			}
			wrong := 0
			if on {
				wrong = eraseWrong
			}
			m.do(SetEraseAfter{pin, wrong})
		})
	}
	if on {
		m.confirm("erase", "erase.sure", fmt.Sprint(eraseWrong), ask)
	} else {
		ask()
	}
}

// changeDuress asks for the PIN that erases. No screen tells later whether there is one.
func (m *Machine) changeDuress() {
	m.confirm("duress", "duress.sure", "", func() {
		m.pinEntry("pin.enter", func(pin string) {
			m.back()
			m.twice("duress", func(duress string) { m.do(SetDuress{pin, duress}) })
		})
	})
}

// pinChanged does what waited for a right PIN.
func (m *Machine) pinChanged(ok bool) {
	after := m.after
	m.after = nil
	if ok && after != nil {
		after()
	}
	m.say(pick(ok, "pin.changed", "pin.wrong"), "")
	m.refresh()
}
