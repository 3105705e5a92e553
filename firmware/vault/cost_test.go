package vault

import (
	"runtime"
	"testing"
)

// BenchmarkUnlock is one guess with the cheapest and the dearest parameters.
func BenchmarkUnlock(b *testing.B) {
	for name, p := range map[string]Params{"cheapest": Cheapest, "dearest": Dearest} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Measure(p)
			}
			b.ReportMetric(float64(p.Memory)/1024, "MiB")
			b.ReportMetric(float64(runtime.NumCPU()), "cores")
		})
	}
}
