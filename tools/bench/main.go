// Command bench measures: bench --sim build/sim --out build/bench.json drives the simulator and its peers and writes
// figures; bench stoi SOURCE.wav RECORDING.wav prints the intelligibility of a recording.
//
// It promises to say date, machine and load beside the figures, and to use one harness and one path for all programs.
// Exit status: 0 when measured, 1 when a figure misses its bound, 2 when it could not measure.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "stoi" {
		os.Exit(printSTOI(os.Args[2], os.Args[3]))
	}
	if len(os.Args) > 1 && os.Args[1] == "soak" {
		os.Exit(soak(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		os.Exit(bareMain(os.Args[2:]))
	}
	o := options{}
	flag.StringVar(&o.sim, "sim", "build/sim", "the simulator's `program`")
	flag.StringVar(&o.out, "out", "build/bench.json", "`file` for the figures")
	flag.StringVar(&o.table, "table", "docs/BENCHMARKS.md", "`file` for the table")
	flag.StringVar(&o.speech, "speech", "tools/call/speech", "`folder` with alice.wav and bob.wav")
	flag.StringVar(&o.work, "work", "build/bench-run", "`folder` for recordings and states; emptied first")
	peers := flag.String("peers", "", "`names` of programs to measure beside: linphonec,baresip")
	only := flag.String("only", "", "`names` of the measurements to make: delay,stall,step,jitter,loss,cpu,handshake,virtual")
	flag.Parse()
	o.peers, o.only = split(*peers), split(*only)
	os.Exit(bench(o))
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// options are the flags.
type options struct {
	sim, out, table, speech, work string
	peers, only                   []string
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 2
}
