package main

import (
	"fmt"

	"sotto/hal/haltest"
	"sotto/tools/bench/stoi"
)

// printSTOI compares two files and prints one line.
func printSTOI(source, recording string) int {
	ref, err := haltest.ReadWAV(source)
	if err != nil {
		return fail(err)
	}
	rec, err := haltest.ReadWAV(recording)
	if err != nil {
		return fail(err)
	}
	r, err := stoi.Measure(ref, rec)
	if err != nil {
		return fail(err)
	}
	fmt.Printf("STOI mean %.3f min %.3f pieces %d lags_ms", r.Mean, r.Min, len(r.Pieces))
	for _, lag := range r.Lags {
		fmt.Printf(" %.0f", lag*1000)
	}
	fmt.Println()
	return 0
}
