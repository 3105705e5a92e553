package repeat

import (
	"bytes"
	"math"
	"testing"

	"sotto/codec"
	"sotto/codec/opus"
)

func payload(n int, first byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = first + byte(i)
	}
	p[0] = 0x78
	return p
}

func TestThereAndBack(t *testing.T) {
	for _, size := range []int{2, 40, 80, 120, 126, 127, 128, 160, 253, 254, 255, 256, 300, 400} {
		for n := 0; n <= MaxCopies; n++ {
			main := payload(size, 1)
			var copies []Copy
			for i := range n {
				copies = append(copies, Copy{2 * (i + 1), payload(size, byte(50*i))})
			}
			dst := make([]byte, 2000)
			k, err := Pack(dst, main, copies, n)
			if err != nil || k != Size(size, n) {
				t.Fatalf("%d octets, %d copies: %d, %v; want %d", size, n, k, err, Size(size, n))
			}
			var got [MaxCopies]Copy
			back, m := Unpack(&got, dst[:k])
			if !bytes.Equal(back, main) || m != n {
				t.Fatalf("%d octets, %d copies: back came %d octets and %d copies", size, n, len(back), m)
			}
			for i := range n {
				if got[i].Distance != copies[i].Distance || !bytes.Equal(got[i].Payload, copies[i].Payload) {
					t.Fatalf("%d octets: copy %d is spoiled", size, i)
				}
			}
		}
	}
}

func TestOneLength(t *testing.T) {
	dst := make([]byte, 2000)
	want := Size(80, 2)
	for _, copies := range [][]Copy{nil, {{1, payload(80, 3)}}, {{1, payload(70, 3)}, {2, payload(80, 9)}}, {{0, payload(80, 1)}, {1, nil}}} {
		n, err := Pack(dst, payload(80, 1), copies, 2)
		if err != nil || n != want {
			t.Errorf("%d copies at hand: %d octets, %v; want %d", len(copies), n, err, want)
		}
		var got [MaxCopies]Copy
		if main, _ := Unpack(&got, dst[:n]); !bytes.Equal(main, payload(80, 1)) {
			t.Error("the newest payload is spoiled")
		}
	}
}

// A decoder that knows nothing of copies hears the same.
func TestStrangersDecodeTheNewest(t *testing.T) {
	enc, err := opus.NewEncoder(opus.EncoderConfig{Bitrate: 32000})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	pcm, a, b := make([]int16, 960), make([]int16, 960), make([]int16, 960)
	before := make([]byte, 0, 200)
	p, dst := make([]byte, codec.MaxPayload), make([]byte, codec.MaxPayload)
	for f := range 50 {
		for i := range pcm {
			pcm[i] = int16(9000 * math.Sin(float64(f*960+i)/17) * math.Sin(float64(f*960+i)/5000))
		}
		n, err := enc.Encode(p, pcm)
		if err != nil {
			t.Fatal(err)
		}
		k, err := Pack(dst, p[:n], []Copy{{1, before}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if plain.Decode(a, p[:n]) != nil || stranger.Decode(b, dst[:k]) != nil {
			t.Fatal("a decoder refuses")
		}
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("frame %d differs", f)
			}
		}
		before = append(before[:0], p[:n]...)
	}
}

func TestRefusals(t *testing.T) {
	dst := make([]byte, 100)
	if _, err := Pack(dst, nil, nil, 1); err != ErrPayload {
		t.Errorf("no payload: %v", err)
	}
	if _, err := Pack(dst, []byte{0x79, 1, 2}, nil, 1); err != ErrPayload {
		t.Errorf("two frames: %v", err)
	}
	if _, err := Pack(dst, payload(80, 1), nil, 1); err != ErrRoom {
		t.Errorf("no room: %v", err)
	}
	var got [MaxCopies]Copy
	for _, p := range [][]byte{{}, {0x78}, {0x7b}, {0x7b, 0x41}, {0x7b, 0x41, 255}, {0x7b, 0x41, 9, 1}, {0x7b, 0x41, 2, 5, extension, 3}} {
		keep := bytes.Clone(p)
		if main, n := Unpack(&got, p); n != 0 || (len(main) == len(keep) && !bytes.Equal(main, keep)) {
			t.Errorf("% x: % x and %d copies", keep, main, n)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	dst, main := make([]byte, 500), payload(80, 1)
	copies := []Copy{{1, payload(80, 2)}, {2, payload(80, 3)}}
	var got [MaxCopies]Copy
	if n := testing.AllocsPerRun(100, func() {
		k, _ := Pack(dst, main, copies, 2)
		Unpack(&got, dst[:k])
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzUnpack(f *testing.F) {
	dst := make([]byte, 500)
	n, _ := Pack(dst, payload(80, 1), []Copy{{1, payload(80, 2)}}, 2)
	f.Add(dst[:n])
	f.Add([]byte{0x7b, 0x41, 4, extension, 1, 0, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		var got [MaxCopies]Copy
		size := len(p)
		main, n := Unpack(&got, bytes.Clone(p))
		if len(main) > size || n > MaxCopies {
			t.Fatal("more came out than went in")
		}
		for _, c := range got[:n] {
			if len(c.Payload) == 0 || len(c.Payload) > size || c.Distance < 1 || c.Distance > MaxDistance {
				t.Fatalf("copy %+v", c)
			}
		}
	})
}

func TestPacker(t *testing.T) {
	var p Packer
	p.SetPlan(Plan{Copies: 2, Distance: 3})
	dst := make([]byte, 1000)
	for i := range 60 {
		k := p.Pack(dst, payload(80, byte(i)))
		if k != Size(80, 2) {
			t.Fatalf("packet %d has %d octets", i, k)
		}
		var got [MaxCopies]Copy
		_, n := Unpack(&got, dst[:k])
		if want := min(i/3, 2); n != want {
			t.Fatalf("packet %d has %d copies, want %d", i, n, want)
		}
		for j := range n {
			if d := 3 * (j + 1); got[j].Distance != d || !bytes.Equal(got[j].Payload, payload(80, byte(i-d))) {
				t.Fatalf("packet %d: copy %d is not of packet %d", i, j, i-d)
			}
		}
	}
	if p.SetPlan(Plan{9, 99}); p.Plan() != (Plan{MaxCopies, MaxDistance / MaxCopies}) {
		t.Fatalf("plan %+v", p.Plan())
	}
}
