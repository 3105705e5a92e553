package boot

import "golang.org/x/sys/unix"

// extraCalls are allowed calls that only this architecture has under this name.
var extraCalls = []uint32{unix.SYS_FSTATAT}
