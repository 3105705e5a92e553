package media

import (
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Priorities above the kernel's own threads of normal work and below its interrupt threads (50). Whatever comes from the
// wire gives way to both directions of the sound card: a flood must not stop them.
const (
	cardPriority = 40
	wirePriority = 30
)

// realtime locks the loop to its thread and, where asked for and permitted, lets it run before everything else. The
// result undoes it.
func realtime(fifo bool, priority int32) (undo func()) {
	if !fifo {
		return func() {}
	}
	runtime.LockOSThread()
	if schedule(unix.SCHED_FIFO, priority) != nil {
		return runtime.UnlockOSThread // not permitted: a normal thread, as good as it gets
	}
	return func() {
		if schedule(unix.SCHED_NORMAL, 0) == nil {
			runtime.UnlockOSThread() // a thread that stays locked ends with its goroutine
		}
	}
}

// Implementation constants of a process that carries a voice.
const (
	// niceness of all threads during a call, where permitted: a packet that arrives passes through threads of Go's runtime,
	// which cannot be told apart.
	niceness = -15
	// spareProcessors of Go's scheduler stand for the loops that block in a system call: until the runtime's monitor has
	// noticed that, each of them keeps the one on which it ran.
	spareProcessors = 3
	// monitorSlack is by how much the runtime's monitor may oversleep, in nanoseconds. It wakes up with every system call
	// and then looks every 20 us for a while: a third of what a call costs. With processors to spare nothing waits for it.
	monitorSlack = "100000000"
)

// hurry lets the threads of this process go before those of others, and the runtime wait for system calls without polling.
// Threads that the runtime makes later inherit it. What is not permitted stays as it is.
func hurry() {
	if n := runtime.NumCPU() + spareProcessors; runtime.GOMAXPROCS(0) < n {
		runtime.GOMAXPROCS(n)
	}
	// Where the kernel groups processes by session, niceness counts within the group only (sched(7), autogroup).
	_ = os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(niceness)), 0)
	dir, err := os.Open("/proc/self/task")
	if err != nil {
		return // no /proc: a normal process
	}
	defer dir.Close()
	tasks, _ := dir.Readdirnames(-1) // in the order in which the threads were made
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, niceness)
		}
	}
	// runtime.main makes the monitor's thread before any other.
	if len(tasks) > 1 {
		_ = os.WriteFile("/proc/"+tasks[1]+"/timerslack_ns", []byte(monitorSlack), 0)
	}
}

// schedule is sched_setscheduler(2) for the calling thread.
func schedule(policy int, priority int32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, uintptr(policy), uintptr(unsafe.Pointer(&priority)))
	if errno != 0 {
		return errno
	}
	return nil
}
