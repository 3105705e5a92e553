package erase

import (
	"bytes"
	"testing"
)

func TestBytes(t *testing.T) {
	b := []byte{1, 2, 3}
	Bytes(b[:2])
	if !bytes.Equal(b, []byte{0, 0, 3}) {
		t.Errorf("%v", b)
	}
}

func TestDo(t *testing.T) {
	ran := 0
	Do(func() { ran++ })
	if ran != 1 {
		t.Errorf("ran %d times", ran)
	}
}
