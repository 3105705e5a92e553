//go:build tor

package onion

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// exitNoCell is the child's exit code when it could not be confined: EX_NOPERM of sysexits.h.
const exitNoCell = 77

// forbidden is what only an intruder in Tor would want. Tor's own sandbox is far narrower, but it binds the thread that
// runs Tor and those it starts; the few idle threads of Go's runtime share its memory and would be a way around it.
var forbidden = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE,
	unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
	unix.SYS_REBOOT, unix.SYS_SETHOSTNAME, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_IO_URING_SETUP, unix.SYS_MOUNT_SETATTR, unix.SYS_FSOPEN, unix.SYS_MOVE_MOUNT, unix.SYS_SWAPON,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX,
}

// Of seccomp(2) and linux/filter.h.
const (
	loadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	verdict    = unix.BPF_RET | unix.BPF_K
	offsetNR   = 0 // struct seccomp_data
	offsetArch = 4
)

var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// confine forbids every thread of this process what Tor never does, whoever runs in it. Programs may still be started:
// a pluggable transport is one, and Tor's sandbox forbids it where there is none.
func confine() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("onion: no_new_privs: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("onion: core files: %w", err)
	}
	filter := denyList(architectures[runtime.GOARCH], forbidden)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("onion: seccomp: %w", errno)
	}
	return nil
}

// denyList is a filter that kills the process at one of the calls, or at any call of another architecture.
func denyList(arch uint32, calls []uint32) []unix.SockFilter {
	n := len(calls)
	filter := []unix.SockFilter{
		{Code: loadWord, K: offsetArch},
		{Code: jumpEqual, K: arch, Jt: 0, Jf: uint8(n + 2)},
		{Code: loadWord, K: offsetNR},
	}
	for i, nr := range calls {
		filter = append(filter, unix.SockFilter{Code: jumpEqual, K: nr, Jt: uint8(n - i)})
	}
	return append(filter,
		unix.SockFilter{Code: verdict, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: verdict, K: unix.SECCOMP_RET_KILL_PROCESS})
}
