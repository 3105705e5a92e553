package phone

import "runtime/debug"

// garbage is by how many percent the heap may grow before it is swept. Measured in calls of a minute: 100 costs 1.5 MB of
// peak memory more, 25 saves nothing more, and the processor time of all three is the same within the noise: a call
// allocates some 100 kB a second, for the screen (docs/BENCHMARKS.md).
const garbage = 50

// lean sets up the collector for a process that allocates little: its heap is 2 MB, and Go's default would let it be 4.
func lean() { debug.SetGCPercent(garbage) }
