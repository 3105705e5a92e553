// Command bench measures: bench --sim build/sim --out build/bench.json drives the simulator and its peers and writes
// figures; bench stoi SOURCE.wav RECORDING.wav prints the intelligibility of a recording.
//
// It promises to say date, machine and load beside every figure. Exit status: 0 when measured, 1 when a figure misses its
// bound, 2 when it could not measure.
package main

import (
	"fmt"
	"os"

	"sotto/hal/haltest"
	"sotto/tools/bench/stoi"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "stoi" {
		os.Exit(printSTOI(os.Args[2], os.Args[3]))
	}
	fmt.Fprintln(os.Stderr, "usage: bench stoi SOURCE.wav RECORDING.wav")
	os.Exit(2)
}

func printSTOI(source, recording string) int {
	ref, err := haltest.ReadWAV(source)
	if err == nil {
		var rec []int16
		if rec, err = haltest.ReadWAV(recording); err == nil {
			var r stoi.Result
			if r, err = stoi.Measure(ref, rec); err == nil {
				fmt.Printf("STOI mean %.3f min %.3f pieces %d lags_ms", r.Mean, r.Min, len(r.Pieces))
				for _, lag := range r.Lags {
					fmt.Printf(" %.0f", lag*1000)
				}
				fmt.Println()
				return 0
			}
		}
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 2
}
