package main

import "testing"

func TestBars(t *testing.T) {
	for dBm, want := range map[int]int{-20: 4, -55: 4, -56: 3, -67: 3, -68: 2, -75: 2, -76: 1, -100: 1} {
		if got := bars(dBm); got != want {
			t.Errorf("%d dBm is %d bars, want %d", dBm, got, want)
		}
	}
}
