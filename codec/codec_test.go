package codec

import "testing"

func TestPayloadSamples(t *testing.T) {
	for _, c := range []struct {
		payload []byte
		want    int
	}{
		{nil, 0}, {[]byte{0x00}, 480}, {[]byte{0x08}, 960}, {[]byte{0x18}, 2880}, {[]byte{0x19}, 5760},
		{[]byte{0x60}, 480}, {[]byte{0x78}, 960}, {[]byte{0x80}, 120}, {[]byte{0xf8}, 960},
		{[]byte{0x1b, 2}, 5760}, {[]byte{0x1b, 3}, 0}, {[]byte{0x0b}, 0}, {[]byte{0x0b, 0}, 0}, {[]byte{0x83, 48}, 5760}, {[]byte{0x83, 49}, 0},
	} {
		if got := PayloadSamples(c.payload); got != c.want {
			t.Errorf("% x: %d samples, want %d", c.payload, got, c.want)
		}
	}
}

func TestHasFEC(t *testing.T) {
	for _, c := range []struct {
		payload []byte
		want    bool
	}{
		{nil, false}, {[]byte{0x78}, false}, {[]byte{0x78, 0x40}, true}, {[]byte{0x78, 0x80}, false},
		{[]byte{0x18, 0x10}, true}, {[]byte{0x18, 0x40}, false}, {[]byte{0xf8, 0x40}, false}, {[]byte{0x7b, 0x40}, false},
	} {
		if got := HasFEC(c.payload); got != c.want {
			t.Errorf("% x: %v", c.payload, got)
		}
	}
}
