package media

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// What one telephone noted of the packets that came, the other one reads in its report.
func TestFatesCrossTheWire(t *testing.T) {
	var r reception
	random := rand.New(rand.NewPCG(3, 4))
	now := time.Unix(0, 0)
	var all []bool
	for i := range uint32(3000) {
		lost := i > 0 && i < 2999 && random.Float64() < 0.1
		all = append(all, lost)
		if !lost {
			r.note(uint16(64000+i), i*960, now.Add(time.Duration(i)*20*time.Millisecond))
		}
		if i != 100 && i != 2999 {
			continue
		}
		want := all[max(0, len(all)-window):]
		if all[len(all)-1] {
			want = want[:len(want)-1]
		}
		var mine, his [window]bool
		first, lost2 := r.missed(mine[:0])
		if !slices.Equal(lost2, want) {
			t.Fatalf("after %d packets the fates noted differ from what happened", i+1)
		}
		b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ExtendedReport{Reports: []rtcp.ReportBlock{rle(7, first, lost2)}}})
		if err != nil {
			t.Fatal(err)
		}
		packets, err := rtcp.Unmarshal(b)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := unrolled(his[:0], packets[0].(*rtcp.ExtendedReport).Reports[0].(*rtcp.LossRLEReportBlock))
		if !ok || !slices.Equal(got, want) {
			t.Fatalf("after %d packets the report tells otherwise: %v", i+1, ok)
		}
	}
}

func TestLateIsNotLost(t *testing.T) {
	var r reception
	var buf [window]bool
	for _, seq := range []uint16{10, 11, 14, 12, 16} {
		r.note(seq, uint32(seq)*960, time.Unix(0, 0))
	}
	if _, lost := r.missed(buf[:0]); !slices.Equal(lost, []bool{false, false, false, true, false, true, false}) {
		t.Errorf("fates %v", lost)
	}
	r.note(60, 60*960, time.Unix(0, 0)) // an outage
	if _, lost := r.missed(buf[:0]); len(lost) != 51 || !lost[20] || lost[50] {
		t.Errorf("fates %v", lost)
	}
}

func TestUnrolled(t *testing.T) {
	var buf [window]bool
	for name, c := range map[string]struct {
		block rtcp.LossRLEReportBlock
		want  []bool
		ok    bool
	}{
		"run lengths":      {rtcp.LossRLEReportBlock{BeginSeq: 65534, EndSeq: 3, Chunks: []rtcp.Chunk{0x4003, 0x0002}}, []bool{false, false, false, true, true}, true},
		"a vector":         {rtcp.LossRLEReportBlock{EndSeq: 3, Chunks: []rtcp.Chunk{0xafff, 0}}, []bool{true, false, true}, true},
		"too short":        {rtcp.LossRLEReportBlock{EndSeq: 16, Chunks: []rtcp.Chunk{0xffff, 0}}, nil, false},
		"null at once":     {rtcp.LossRLEReportBlock{EndSeq: 1, Chunks: []rtcp.Chunk{0, 0xffff}}, nil, false},
		"too many packets": {rtcp.LossRLEReportBlock{EndSeq: window + 1, Chunks: []rtcp.Chunk{0x7fff}}, nil, false},
		"thinned":          {rtcp.LossRLEReportBlock{T: 1, EndSeq: 1, Chunks: []rtcp.Chunk{0x7fff}}, nil, false},
		"longer than told": {rtcp.LossRLEReportBlock{EndSeq: 2, Chunks: []rtcp.Chunk{0x7fff}}, []bool{false, false}, true},
	} {
		got, ok := unrolled(buf[:0], &c.block)
		if ok != c.ok || ok && !slices.Equal(got, c.want) {
			t.Errorf("%s: %v %v", name, got, ok)
		}
	}
}
