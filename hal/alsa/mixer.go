package alsa

import (
	"bytes"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"sotto/hal"
)

// Controls names the elements of a chip's mixer, as the kernel's driver calls them. An empty name is left alone.
type Controls struct {
	Volume     string               // volume of the route in use
	Microphone string               // gain of the microphone
	Switches   map[hal.Route]string // the switch that turns a route on; the others are turned off
}

// Mixer is a hal.Mixer on the control node of a card whose chip the kernel drives (USB sound). Chips on I2C are driven by
// hal/soundchip instead.
type Mixer struct {
	fd    int
	names Controls
	ids   map[string]elemID
}

// OpenMixer opens a control node, as /dev/snd/controlC0, and finds its elements. A name that the chip does not have is an
// error, so that a board's page cannot be wrong in silence.
func OpenMixer(path string, names Controls) (*Mixer, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("alsa: %s: %w", path, err)
	}
	m := &Mixer{fd: fd, names: names, ids: map[string]elemID{}}
	if err := m.find(); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("alsa: %s: %w", path, err)
	}
	wanted := []string{names.Volume, names.Microphone}
	for _, s := range names.Switches {
		wanted = append(wanted, s)
	}
	for _, w := range wanted {
		if _, ok := m.ids[w]; w != "" && !ok {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("alsa: %s has no element %q", path, w)
		}
	}
	return m, nil
}

// find lists the elements: first their number, then their names.
func (m *Mixer) find() error {
	var l elemList
	if err := ioctl(m.fd, ioElemList, unsafe.Pointer(&l)); err != nil || l.count == 0 {
		return err
	}
	ids := make([]elemID, l.count)
	l = elemList{space: l.count, ids: unsafe.Pointer(&ids[0])}
	if err := ioctl(m.fd, ioElemList, unsafe.Pointer(&l)); err != nil {
		return err
	}
	for _, id := range ids[:l.used] {
		name, _, _ := bytes.Cut(id.name[:], []byte{0})
		m.ids[string(name)] = id
	}
	return nil
}

// Close lets go of the control node; levels stay as they are.
func (m *Mixer) Close() error { return unix.Close(m.fd) }

// SetVolume implements hal.Mixer.
func (m *Mixer) SetVolume(percent int) error { return m.set(m.names.Volume, percent) }

// SetMicrophone implements hal.Mixer.
func (m *Mixer) SetMicrophone(percent int) error { return m.set(m.names.Microphone, percent) }

// SetRoute implements hal.Mixer: the new route goes on before the old one goes off, so that a call never falls silent.
func (m *Mixer) SetRoute(r hal.Route) error {
	if on, ok := m.names.Switches[r]; ok {
		if err := m.set(on, 100); err != nil {
			return err
		}
	}
	for route, name := range m.names.Switches {
		if route != r && name != m.names.Switches[r] {
			if err := m.set(name, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Mixer) set(name string, percent int) error {
	if name == "" {
		return nil
	}
	info := elemInfo{id: m.ids[name]}
	if err := ioctl(m.fd, ioElemInfo, unsafe.Pointer(&info)); err != nil {
		return fmt.Errorf("alsa: element %q: %w", name, err)
	}
	v := elemValue{id: m.ids[name]}
	level := scale(info.kind, info.min, info.max, percent)
	for i := range min(int(info.count), len(v.value)) {
		v.value[i] = level
	}
	if err := ioctl(m.fd, ioElemWrite, unsafe.Pointer(&v)); err != nil {
		return fmt.Errorf("alsa: element %q: %w", name, err)
	}
	return nil
}

// scale maps percent into an element's range; a switch is on from 1 percent.
func scale(kind int32, low, high int64, percent int) int64 {
	percent = max(0, min(100, percent))
	if kind == kindBoolean {
		return int64(min(percent, 1))
	}
	return low + ((high-low)*int64(percent)+50)/100
}
