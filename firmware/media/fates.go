package media

import (
	"math/bits"
	"sync/atomic"

	"github.com/pion/rtcp"
)

// Of this implementation.
const (
	window    = 1000 // packets that are looked at to learn how a path loses: twenty seconds of packets of 20 ms
	fateSlots = 2048 // packets remembered, a power of two
)

// fates is what became of the last packets, by extended sequence number: a bit for each that came. The receive loop
// writes, the control loop reads; a read in the middle of a write is wrong by the newest packet.
type fates [fateSlots / 64]atomic.Uint64

func (f *fates) came(seq uint32) { f[seq%fateSlots/64].Or(1 << (seq % 64)) }

// missing begins the packets from..to, of which nothing has come yet.
func (f *fates) missing(from, to uint32) {
	for n := min(to-from+1, fateSlots); n > 0; n-- {
		f[to%fateSlots/64].And(^uint64(1 << (to % 64)))
		to--
	}
}

// missed tells of the newest packets, oldest first, which did not come. dst has room for window.
func (r *reception) missed(dst []bool) (first uint32, lost []bool) {
	last := r.highest.Load()
	if r.received.Load() == 0 {
		return last, dst[:0]
	}
	n := min(last-r.base.Load()+1, window)
	first = last - n + 1
	for seq := first; seq != last+1; seq++ {
		dst = append(dst, r.fates[seq%fateSlots/64].Load()>>(seq%64)&1 == 0)
	}
	return first, dst
}

// vectorBits is how many packets one chunk stands for (RFC 3611, Section 4.1.2).
const vectorBits = 15

// rle is the loss block for packets first.. (RFC 3611, Section 4.1), in bit vectors alone, so that its length tells
// nothing.
func rle(ssrc, first uint32, lost []bool) *rtcp.LossRLEReportBlock {
	b := &rtcp.LossRLEReportBlock{SSRC: ssrc, BeginSeq: uint16(first), EndSeq: uint16(first) + uint16(len(lost))}
	for ; len(lost) > 0; lost = lost[min(vectorBits, len(lost)):] {
		chunk := rtcp.Chunk(1 << vectorBits)
		for i, gone := range lost[:min(vectorBits, len(lost))] {
			if !gone {
				chunk |= 1 << (vectorBits - 1 - i)
			}
		}
		b.Chunks = append(b.Chunks, chunk)
	}
	if len(b.Chunks)%2 == 1 {
		b.Chunks = append(b.Chunks, 0) // Section 4.1.3: a null chunk fills the word
	}
	return b
}

// unrolled reads a loss block into dst, which has room for window. A block about more packets, or with fewer chunks than
// packets, is not ok.
func unrolled(dst []bool, b *rtcp.LossRLEReportBlock) (lost []bool, ok bool) {
	n := int(b.EndSeq - b.BeginSeq)
	if n > window || b.T != 0 { // thinned: not every packet is in it
		return nil, false
	}
	for _, chunk := range b.Chunks {
		value, length := uint16(chunk)<<1, vectorBits
		switch chunk.Type() {
		case rtcp.RunLengthChunkType:
			came, _ := chunk.RunType()
			value, length = 0xffff*uint16(came), int(chunk.Value())
		case rtcp.TerminatingNullChunkType:
			return dst, len(dst) == n
		}
		for ; length > 0 && len(dst) < n; length-- {
			dst = append(dst, value&0x8000 == 0)
			value = bits.RotateLeft16(value, 1)
		}
	}
	return dst, len(dst) == n
}
