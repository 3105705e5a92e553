package boot

import "golang.org/x/sys/unix"

// extraCalls are allowed calls that only this architecture has under this name.
var extraCalls = []uint32{unix.SYS_NEWFSTATAT, unix.SYS_ARCH_PRCTL, unix.SYS_EPOLL_WAIT, unix.SYS_POLL}
