package wire

import (
	"bytes"
	"testing"
)

// However a stream is cut, its messages are the same; padding belongs to them.
func TestMessagesOfAStream(t *testing.T) {
	stun := append([]byte{0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 16)...)
	channel := []byte{0x40, 0, 0, 5, 0x80, 'm', 'e', 'd', 'i', 0, 0, 0}
	all := bytes.Join([][]byte{channel, stun, channel}, nil)
	for size := 1; size <= len(all); size++ {
		var s Stream
		var got [][]byte
		for rest := all; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			got = append(got, s.Add(rest[:min(size, len(rest))])...)
		}
		if len(got) != 3 || !bytes.Equal(got[0], channel) || !bytes.Equal(got[1], stun) || !bytes.Equal(got[2], channel) {
			t.Errorf("in pieces of %d: %x", size, got)
		}
	}
}
