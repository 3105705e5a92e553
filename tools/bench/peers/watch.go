package peers

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Watching a program's files from outside: /proc tells how far it has read its microphone's file and written its
// recording. At the moment at which one of them moves, everything before has just been used up or has just sounded.
const (
	watchFor   = 4 * time.Second
	watchEvery = time.Millisecond
	readBlock  = 4096 // octets that stdio reads ahead
	wavHeader  = 44
	monoASec   = 2 * 48000
)

// watch follows the two files for a few seconds.
func (c *console) watch(mic, recording follow) {
	c.watched = make(chan [2]float64, 1)
	mic.pid, recording.pid = c.cmd.Process.Pid, c.cmd.Process.Pid
	go func() {
		var starts [2]float64
		for end := time.Now().Add(watchFor); time.Now().Before(end); time.Sleep(watchEvery) {
			mic.look()
			recording.look()
		}
		starts[0], starts[1] = mic.start(), recording.start()
		c.watched <- starts
	}()
}

// follow is one file of a program.
type follow struct {
	file      string
	bytesASec float64
	ahead     int64 // by how much the position is before what is used
	pid       int
	fd        string
	at        int64
	starts    []float64
}

// look notes a movement.
func (f *follow) look() {
	if f.fd == "" && !f.find() {
		return
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", f.pid, f.fd))
	now := float64(time.Now().UnixMicro()) / 1e6
	if err != nil {
		f.fd = ""
		return
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return
	}
	pos, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil || pos == f.at {
		return
	}
	if f.at > 0 && pos-f.at <= 2*readBlock {
		f.starts = append(f.starts, now-float64(pos-f.ahead-wavHeader)/f.bytesASec)
	}
	f.at = pos
}

func (f *follow) find() bool {
	dir := fmt.Sprintf("/proc/%d/fd", f.pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if to, err := os.Readlink(dir + "/" + e.Name()); err == nil && to == f.file {
			f.fd = e.Name()
			return true
		}
	}
	return false
}

// start is when position 0 was: the earliest tenth, since every delay of ours makes it look later.
func (f *follow) start() float64 {
	if len(f.starts) == 0 {
		return 0
	}
	slices.Sort(f.starts)
	return f.starts[len(f.starts)/10]
}
