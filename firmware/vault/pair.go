package vault

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
)

// A generation on the medium: magic, number, length and SHA-256 of what follows, then the content. The sum finds torn
// and rotten files; it is no protection against people.
const (
	pairMagic  = "SOTTO\x00P1"
	pairHeader = len(pairMagic) + 8 + 4 + sha256.Size
)

// ErrTooLong says that a content is larger than any telephone's memory should be.
var ErrTooLong = errors.New("vault: content longer than 64 MiB")

const maxContent = 64 << 20

// Pair is one content in two generations: NAME.a and NAME.b, of which the younger counts. Save replaces the older, so that
// there is always a whole one. A Pair has one owner.
type Pair struct {
	disk  Disk
	name  string
	young int // slot of the generation that counts; -1: there is none
	count uint64
	aside []string // what was set aside at OpenPair
}

var slots = [2]string{".a", ".b"}

// OpenPair reads the younger whole generation; content is nil when there never was one. A generation that is broken is
// set aside under NAME.a.broken or NAME.b.broken: SetAside tells.
func OpenPair(d Disk, name string) (p *Pair, content []byte, err error) {
	p = &Pair{disk: d, name: name, young: -1}
	for i, slot := range slots {
		raw, err := d.ReadFile(name + slot)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		n, body, ok := parseGeneration(raw)
		if !ok {
			if err := p.putAside(name + slot); err != nil {
				return nil, nil, err
			}
			continue
		}
		if p.young < 0 || n > p.count {
			p.young, p.count, content = i, n, body
		}
	}
	return p, content, nil
}

// putAside renames a broken file to the first free name, so that nothing is ever overwritten.
func (p *Pair) putAside(name string) error {
	to := name + ".broken"
	for n := 2; ; n++ {
		if _, err := p.disk.ReadFile(to); errors.Is(err, fs.ErrNotExist) {
			break
		}
		to = fmt.Sprintf("%s.broken%d", name, n)
	}
	if err := p.disk.Rename(name, to); err != nil {
		return err
	}
	p.aside = append(p.aside, to)
	return p.disk.Sync()
}

// SetAside names the files that could not be read and were kept under another name.
func (p *Pair) SetAside() []string { return p.aside }

// Save makes content the younger generation. When it returns nil the content is on the medium. After an error the
// generation before still counts.
func (p *Pair) Save(content []byte) error {
	if len(content) > maxContent {
		return ErrTooLong
	}
	slot, temp := 0, p.name+".new"
	if p.young == 0 {
		slot = 1
	}
	if err := p.disk.WriteFile(temp, createGeneration(p.count+1, content)); err != nil {
		return err
	}
	if err := p.disk.Rename(temp, p.name+slots[slot]); err != nil {
		return err
	}
	if err := p.disk.Sync(); err != nil {
		return err
	}
	p.young = slot
	p.count++
	return nil
}

func createGeneration(n uint64, content []byte) []byte {
	b := make([]byte, 0, pairHeader+len(content))
	b = append(b, pairMagic...)
	b = binary.BigEndian.AppendUint64(b, n)
	b = binary.BigEndian.AppendUint32(b, uint32(len(content)))
	sum := sumGeneration(n, content)
	return append(append(b, sum[:]...), content...)
}

func sumGeneration(n uint64, content []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, n))
	h.Write(content)
	return [sha256.Size]byte(h.Sum(nil))
}

func parseGeneration(b []byte) (n uint64, content []byte, ok bool) {
	if len(b) < pairHeader || string(b[:len(pairMagic)]) != pairMagic {
		return 0, nil, false
	}
	n = binary.BigEndian.Uint64(b[len(pairMagic):])
	size := binary.BigEndian.Uint32(b[len(pairMagic)+8:])
	sum := [sha256.Size]byte(b[len(pairMagic)+12:])
	content = b[pairHeader:]
	return n, content, uint64(len(content)) == uint64(size) && sumGeneration(n, content) == sum
}
