package boot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The data partition is empty on the card that is sold or flashed: an image holds nothing unique. The first start writes
// an empty ext4 into it, from the blocks of a template that was made with the image.

const (
	blockSize  = 4096
	sectorSize = 512
	magicAt    = 1024 + 56 // s_magic of the ext4 super block
	superAt    = 1024
)

// Sentinels of prepare.
var (
	errDamaged  = errors.New("boot: the data partition holds something that is not ours")
	errTooSmall = errors.New("boot: the data partition is smaller than its file system")
	errTemplate = errors.New("boot: the template in the image is damaged")
)

// disk is a block device, or a fake that loses power.
type disk interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

// prepare makes sure that there is a file system on d, which has size octets. It returns whether it made one.
//
// The order of writes is what makes a power cut harmless: the sector with the magic number is written last, after
// everything else is on the card. Until then the first block reads as virgin and the next start begins anew.
func prepare(d disk, size int64, tpl []byte) (made bool, err error) {
	head := make([]byte, blockSize)
	if _, err := d.ReadAt(head, 0); err != nil {
		return false, fmt.Errorf("boot: reading the data partition: %w", err)
	}
	if binary.LittleEndian.Uint16(head[magicAt:]) == 0xef53 {
		return false, nil
	}
	if !virgin(head) {
		return false, errDamaged
	}
	total, blocks, err := parseTemplate(tpl)
	if err != nil {
		return false, err
	}
	if total > size {
		return false, errTooSmall
	}
	for at, b := range blocks {
		if at == 0 {
			head = b
			continue
		}
		if _, err := d.WriteAt(b, at); err != nil {
			return false, fmt.Errorf("boot: writing the data partition: %w", err)
		}
	}
	super := superAt / sectorSize
	for _, part := range [][2]int{{super + 1, blockSize / sectorSize}, {super, super + 1}} {
		if err := d.Sync(); err != nil {
			return false, fmt.Errorf("boot: writing the data partition: %w", err)
		}
		from, to := part[0]*sectorSize, part[1]*sectorSize
		if _, err := d.WriteAt(head[from:to], int64(from)); err != nil {
			return false, fmt.Errorf("boot: writing the data partition: %w", err)
		}
	}
	return true, d.Sync()
}

// virgin tells whether the first block was never written, or written up to the sector that counts: a cut between the two
// last writes leaves only the second half of the super block.
func virgin(head []byte) bool {
	for _, b := range head[:superAt+sectorSize] {
		if b != 0 {
			return false
		}
	}
	return true
}

// parseTemplate reads the size of the file system and its blocks that are not zero: the magic "SOTTOTPL", eight octets of
// size, then for each block eight octets of place and the block.
func parseTemplate(b []byte) (size int64, blocks map[int64][]byte, err error) {
	const header, record = 16, 8 + blockSize
	if len(b) < header || string(b[:8]) != "SOTTOTPL" || (len(b)-header)%record != 0 {
		return 0, nil, errTemplate
	}
	size = int64(binary.LittleEndian.Uint64(b[8:]))
	if size < blockSize { // a negative size would make every place fit
		return 0, nil, errTemplate
	}
	blocks = map[int64][]byte{}
	for r := b[header:]; len(r) > 0; r = r[record:] {
		at := int64(binary.LittleEndian.Uint64(r))
		if at < 0 || at%blockSize != 0 || at > size-blockSize {
			return 0, nil, errTemplate
		}
		blocks[at] = r[8:record]
	}
	if blocks[0] == nil {
		return 0, nil, errTemplate
	}
	return size, blocks, nil
}
