package boot

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Three answers to a system call: what Go, the sound card and the network need is allowed; what only an intruder would
// want kills the process; everything else does not exist (ENOSYS), so that a library that tries something new falls back.

// deadly are calls that no process of the handset makes once it runs.
var deadly = []uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_SETNS, unix.SYS_UNSHARE,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
	unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_IO_URING_SETUP,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_SETUID, unix.SYS_SETRESUID, unix.SYS_CAPSET,
}

// allowed are calls of the Go run-time (runtime/sys_linux_arm64.s), of glibc under libopus, and of our own drivers.
var allowed = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_CLOSE,
	unix.SYS_OPENAT, unix.SYS_FSTAT, unix.SYS_STATX, unix.SYS_LSEEK, unix.SYS_GETDENTS64, unix.SYS_FACCESSAT,
	unix.SYS_FACCESSAT2, unix.SYS_READLINKAT, unix.SYS_GETCWD, unix.SYS_MKDIRAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT,
	unix.SYS_RENAMEAT2, unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_FLOCK,
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_FCNTL, unix.SYS_IOCTL, unix.SYS_DUP, unix.SYS_DUP3,
	unix.SYS_PIPE2, unix.SYS_EVENTFD2, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_PPOLL,
	unix.SYS_PSELECT6, unix.SYS_STATFS, unix.SYS_FSTATFS,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MUNLOCK, unix.SYS_MLOCKALL, unix.SYS_MEMBARRIER,
	unix.SYS_FUTEX, unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS, unix.SYS_RSEQ,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_RESTART_SYSCALL, unix.SYS_GETTID, unix.SYS_GETPID, unix.SYS_GETPPID,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_TGKILL, unix.SYS_SIGALTSTACK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SETITIMER, unix.SYS_TIMER_CREATE,
	unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_PRCTL, unix.SYS_PRLIMIT64, unix.SYS_GETRUSAGE, unix.SYS_SYSINFO,
	unix.SYS_UNAME, unix.SYS_UMASK,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_GETSCHEDULER,
	unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_GET_PRIORITY_MAX, unix.SYS_SCHED_GET_PRIORITY_MIN,
	unix.SYS_GETRANDOM,
	unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_LISTEN, unix.SYS_ACCEPT4, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME,
	unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT, unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SENDMSG, unix.SYS_RECVMSG,
	unix.SYS_SENDMMSG, unix.SYS_RECVMMSG, unix.SYS_SHUTDOWN, unix.SYS_SOCKETPAIR,
}

// families are the sockets that may be made: no packets past the kernel's back, no Bluetooth, nothing that is not listed.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// Offsets of struct seccomp_data (include/uapi/linux/seccomp.h), little-endian.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16
	dataArg2   = 32
)

// rules are what a filter lets through.
type rules struct {
	deadly, allowed, families []uint32
}

// usual is for all processes of the handset; radioRules for wpa_supplicant, whose cell lets it become no other program.
var usual = rules{deadly, append(slices.Clone(allowed), extraCalls...), families}

func radioRules() rules {
	r := usual
	r.deadly = slices.DeleteFunc(slices.Clone(deadly), func(n uint32) bool { return n == unix.SYS_EXECVE })
	r.allowed = append(slices.Clone(usual.allowed), unix.SYS_EXECVE)
	r.families = append(slices.Clone(families), unix.AF_PACKET)
	return r
}

// filter is the program, in the classic BPF of seccomp(2).
func (r rules) filter() []unix.SockFilter {
	const errno = unix.SECCOMP_RET_ERRNO
	var p []unix.SockFilter
	load := func(at uint32) { p = append(p, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}) }
	answer := func(k uint32) { p = append(p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}) }
	// unless skips the answer that follows when the loaded word is not k.
	unless := func(k uint32) {
		p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: k})
	}
	load(dataArch)
	p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: auditArch()})
	answer(unix.SECCOMP_RET_KILL_PROCESS) // numbers of another architecture would be read wrong
	load(dataNumber)
	for _, n := range r.deadly {
		unless(n)
		answer(unix.SECCOMP_RET_KILL_PROCESS)
	}
	for _, n := range r.allowed {
		unless(n)
		answer(unix.SECCOMP_RET_ALLOW)
	}
	after := uint8(5 + 2*len(r.families))
	p = append(p, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: after, K: unix.SYS_SOCKET})
	load(dataArg2)
	unless(unix.IPPROTO_MPTCP)
	answer(errno | uint32(unix.EPROTONOSUPPORT)) // Landlock's word on TCP does not bind it; Go falls back to TCP
	load(dataArg0)
	for _, f := range r.families {
		unless(f)
		answer(unix.SECCOMP_RET_ALLOW)
	}
	answer(errno | uint32(unix.EAFNOSUPPORT))
	answer(errno | uint32(unix.ENOSYS))
	return p
}

func auditArch() uint32 {
	if runtime.GOARCH == "arm64" {
		return unix.AUDIT_ARCH_AARCH64
	}
	return unix.AUDIT_ARCH_X86_64
}

// seal puts the filter on all threads of this process, for good.
func seal() error { return usual.seal() }

// sealRadio lets this process become wpa_supplicant.
func sealRadio() error { return radioRules().seal() }

func (r rules) seal() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("boot: no_new_privs: %w", err)
	}
	f := r.filter()
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	n, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(f)
	if errno != 0 {
		return fmt.Errorf("boot: seccomp: %w", errno)
	}
	if n != 0 {
		return fmt.Errorf("boot: seccomp: thread %d could not be sealed", n)
	}
	return nil
}
