package media

import (
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fifoPriority is above the kernel's own threads of normal work and below its interrupt threads (50).
const fifoPriority = 40

// realtime locks the loop to its thread and, where asked for and permitted, lets it run before everything else. The
// result undoes it.
func realtime(fifo bool) (undo func()) {
	if !fifo {
		return func() {}
	}
	runtime.LockOSThread()
	if schedule(unix.SCHED_FIFO, fifoPriority) != nil {
		return runtime.UnlockOSThread // not permitted: a normal thread, as good as it gets
	}
	return func() {
		if schedule(unix.SCHED_NORMAL, 0) == nil {
			runtime.UnlockOSThread() // a thread that stays locked ends with its goroutine
		}
	}
}

// niceness of all threads during a call, where permitted: a packet that arrives passes through threads of Go's runtime,
// which cannot be told apart.
const niceness = -15

// hurry lets the threads of this process go before those of others. Threads that the runtime makes later inherit it.
func hurry() {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // no /proc: a normal process
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, niceness) // not permitted: as it is
		}
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
